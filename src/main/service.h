// SPDX-License-Identifier: GPL-3.0-or-later
// The running service as the supervisor sees it: workers, control, their sockets, and reloads.
//
// Joins supervise/ (processes), transport/ (sockets), exchange/ (shared memory, the channel) and
// shield/ (query of death). Made by serve.cc when everything that can fail at start has been done.
// One thread; forks.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/shared_memory.h"
#include "config/config.h"
#include "exchange/channel.h"
#include "exchange/handover.h"
#include "exchange/panel.h"
#include "main/xdp_path.h"
#include "shield/death_watch.h"
#include "shield/name_filter_layout.h"
#include "shield/refusal_table.h"
#include "shield/shield_memory.h"
#include "supervise/supervisor.h"
#include "transport/socket_sets.h"

namespace holdfast {

struct ServiceParts {
  const config::Config& config;
  const Clock& clock;
  exchange::Panel& panel;
  shield::RefusalTable& refusals;
  shield::ShieldMemory& shield;
  NameFilter& names;
  transport::SocketSets& sockets;  // prepared and committed for the first time
  XdpPath& xdp;
  exchange::Channel::Pair& channel;
  const exchange::HandoverPair& handover;
  const std::vector<UniqueFd>& tls_listeners;  // control's
  supervise::Supervisor& supervisor;
};

// Answer processes for the setting `workers`: that many, or one a core that we may run on.
[[nodiscard]] size_t worker_count(uint32_t workers);
// Descriptors that a process needs at most with these settings.
[[nodiscard]] uint64_t descriptors_needed(size_t addresses, size_t workers,
                                          uint32_t tcp_connections_max);

class Service {
 public:
  explicit Service(const ServiceParts& parts);

  // Runs until a signal ends it. The exit status of the program.
  [[nodiscard]] int run();

 private:
  struct WorkerChild {
    size_t child = 0;             // of the supervisor
    uint64_t starts_awaited = 0;  // until the commit is through
    bool exists = false;
  };

  void add_worker(size_t worker);
  void add_control();
  [[nodiscard]] std::vector<server::XdpPort> xdp_ports(size_t worker) const;
  [[nodiscard]] int run_worker_process(size_t worker) const;
  [[nodiscard]] std::vector<int> tls_listeners() const;
  [[nodiscard]] int run_control_process() const;
  supervise::AfterEnd on_worker_end(size_t worker, const supervise::ChildEnd& end);
  supervise::AfterEnd on_control_end(const supervise::ChildEnd& end);
  void on_message();
  void handle(const exchange::Message& message);
  void prepare(const exchange::Message& message);
  void commit();
  void finish_commit();
  void reply(exchange::MessageKind kind, const std::string& text = {});
  void on_tick();

  ServiceParts parts_;
  shield::DeathWatch deaths_;
  std::vector<WorkerChild> workers_;
  bool ready_ = false;       // the first load is through
  bool committing_ = false;  // workers are being replaced
};

}  // namespace holdfast
