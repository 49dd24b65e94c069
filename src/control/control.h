// SPDX-License-Identifier: GPL-3.0-or-later
// The management process of `holdfast serve`: loads and publishes zones and policy, reloads, and
// reports (control socket, metrics, dnstap).
//
// It may die at any moment without any effect on answers. Started again by the supervisor, it takes
// up zone memory as it is and reads no zone file that is served: only a reload does.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "exchange/channel.h"
#include "exchange/panel.h"
#include "shield/name_filter_layout.h"
#include "shield/shield_memory.h"

namespace holdfast::control {

struct Environment {
  std::string config_file;
  // As the supervisor read it at its start. After a reload, control finds what was applied in the
  // state directory.
  const config::Config& config;
  exchange::Panel& panel;
  shield::ShieldMemory& shield;
  NameFilter& names;
  exchange::Channel& channel;           // control's end
  int handover = -1;                    // control's end of exchange/handover.h; the supervisor's
  std::vector<int> tls_listeners = {};  // for transfers over TLS; the supervisor's
};

// `<state>/zones.mem`: the file of zone memory.
[[nodiscard]] std::string zone_memory_path(const std::string& state_directory);
// What its mapping may grow to, in every process.
constexpr uint64_t zone_memory_bytes_max = uint64_t{64} << 30;

// Runs until SIGTERM, and returns the exit code of the process: 0 after an orderly end, 1 if it
// could not start (told in the log). SIGHUP and SIGINT are ignored: the supervisor speaks for them.
[[nodiscard]] int run(const Environment& environment);

}  // namespace holdfast::control
