// SPDX-License-Identifier: GPL-3.0-or-later
// Puts the settings of a configuration into force, other than zones and sockets: the policy of the
// answer processes, cookie secrets, dnstap, the log.
//
// Owner: the thread that manages zones.
#pragma once

#include <string>

#include "config/config.h"
#include "control/dnstap.h"
#include "exchange/panel.h"
#include "zone/loader.h"

namespace holdfast::control {

class Settings {
 public:
  Settings(exchange::Panel& panel, Dnstap& dnstap) : panel_(panel), dnstap_(dnstap) {}

  // The policy that `config` makes; the error names the key.
  [[nodiscard]] Result<exchange::AnswerPolicy> policy_of(const config::Config& config);
  // `policy` as policy_of gave it.
  void apply(const config::Config& config, const exchange::AnswerPolicy& policy);
  // Tells the answer processes that all zones have been tried once.
  void set_zones_complete();
  [[nodiscard]] bool zones_complete() const;

 private:
  exchange::CookieSecret kept_secret(const config::Config& config);

  exchange::Panel& panel_;
  Dnstap& dnstap_;
  std::string dnstap_key_;  // what dnstap was configured with
};

[[nodiscard]] zone::LoadOptions load_options(const config::Config& config);

}  // namespace holdfast::control
