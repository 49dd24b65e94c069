// SPDX-License-Identifier: GPL-3.0-or-later
// An answer process: one loop over its sockets, from its start to SIGTERM.
//
// Answers from zone memory, follows policy and memory as control publishes them, and needs nobody
// else: no file but the mapping, no lock, no parser, no message. It begins to answer as soon as
// there is zone memory to map. At SIGTERM it answers what its sockets hold, then ends.
#pragma once

#include <vector>

#include "base/address.h"
#include "exchange/panel.h"
#include "server/xdp_receiver.h"
#include "shield/gate_reading.h"
#include "shield/refusal_table.h"
#include "shield/shield_memory.h"
#include "transport/syn_sink.h"

namespace holdfast::server {

// The sockets of one listen address; the supervisor owns them.
struct Listener {
  Endpoint endpoint;
  int udp = -1;
  int tcp = -1;
  int sink = -1;  // the first worker's alone: it keeps beginnings of connections from all workers
};

struct WorkerSetup {
  size_t number = 0;  // of the slot
  exchange::Panel& panel;
  const shield::RefusalTable& refusals;
  std::vector<Listener> listeners;
  // Among the listening sockets of all workers.
  transport::ListenerChoice choice = transport::choose_by_lot(1);
  std::vector<XdpPort> xdp_ports = {};
  shield::ShieldMemory* shield = nullptr;    // without, everybody is answered
  std::vector<shield::GateReading> gates{};  // where cards carry out the worker's orders
  int handover = -1;  // the answer processes' end of the pair to control; the supervisor's
};

// Returns the exit status: 0 after SIGTERM.
[[nodiscard]] int run_worker(const WorkerSetup& setup);

// Descriptors that a worker opens beside its listeners and connections: epoll, signals, one spare,
// the standard three, and room for a mapping to change.
constexpr uint64_t worker_own_descriptors = 16;

}  // namespace holdfast::server
