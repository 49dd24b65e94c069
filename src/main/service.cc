// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/service.h"

#include <sys/wait.h>

#include <algorithm>

#include "base/processors.h"
#include "base/time_slice.h"
#include "control/control.h"
#include "log/log.h"
#include "server/worker.h"
#include "supervise/process.h"

namespace holdfast {

namespace {

using exchange::Message;
using exchange::MessageKind;
using exchange::WorkerState;
using log::Category;
using supervise::AfterEnd;
using supervise::ChildEnd;

// A worker gives a sign of life ten times a second; one that is silent for so long is stuck.
constexpr uint32_t worker_hung_after_ms = 5'000;
// A message that kills again and again should not cost more than this between two answers.
constexpr uint32_t worker_pause_max_ms = 100;
// Control gives a sign of life twice a second, whatever it does (control/liveness.h).
constexpr uint32_t control_hung_after_ms = 15'000;
constexpr uint32_t worker_stop_ms = 3'000;
// Control syncs zone memory, which may be some gigabytes. Below TimeoutStopSec of the unit; if it
// does not get so far, the memory is still good until the machine restarts.
constexpr uint32_t control_stop_ms = 25'000;
constexpr uint64_t supervisor_own_descriptors = 64;

bool drop_capabilities() {
  const auto dropped = supervise::drop_all_capabilities();
  if (!dropped) log::error(Category::supervisor, "start-failed", dropped.error().message);
  return dropped.has_value();
}

// The cores are those that the sockets are steered by.
// A worker that wakes is let in before whatever runs on its processor (control too); a fair
// scheduler's own slice is some 3 ms.
constexpr uint64_t worker_slice_ns = 500'000;

void pin_to_core(size_t worker, size_t workers) {
  const std::vector<uint32_t> cpus = allowed_cpus();
  if (cpus.size() == workers) (void)stay_on_cpu(cpus[worker]);
}

}  // namespace

size_t worker_count(uint32_t workers) {
  if (workers != 0) return workers;
  return std::clamp<size_t>(allowed_cpus().size(), 1, exchange::workers_max);
}

uint64_t descriptors_needed(size_t addresses, size_t workers, uint32_t tcp_connections_max) {
  const uint64_t sockets = transport::SocketSets::descriptors(addresses, workers);
  const uint64_t worker = uint64_t{3} * addresses + tcp_connections_max;
  return supervisor_own_descriptors + server::worker_own_descriptors + std::max(sockets, worker);
}

Service::Service(const ServiceParts& parts)
    : parts_(parts), deaths_(parts.refusals, parts.config.server.state + "/deaths") {}

int Service::run() {
  for (size_t i = 0; i < parts_.sockets.workers().size(); ++i) add_worker(i);
  add_control();
  supervise::Supervisor& supervisor = parts_.supervisor;
  supervisor.on_reload = [this] { reply(MessageKind::reload); };
  supervisor.on_tick = [this] { on_tick(); };
  const auto watched = supervisor.watch(parts_.channel.supervisor.fd(), [this] { on_message(); });
  if (!watched) {
    log::error(Category::supervisor, "start-failed", watched.error().message);
    return 1;
  }
  return supervisor.run();
}

void Service::add_worker(size_t worker) {
  supervise::Child child;
  child.name = "worker " + std::to_string(worker);
  child.run = [this, worker] { return run_worker_process(worker); };
  child.descriptors = [this, worker] {
    std::vector<int> kept{parts_.handover.answer.get()};
    for (const auto& sockets : parts_.sockets.workers()[worker]) {
      kept.push_back(sockets->udp.get());
      kept.push_back(sockets->tcp.get());
      if (sockets->sink.valid()) kept.push_back(sockets->sink.get());
    }
    for (const server::XdpPort& port : xdp_ports(worker)) {
      kept.insert(kept.end(), port.sockets.begin(), port.sockets.end());
    }
    return kept;
  };
  child.on_started = [this, worker](pid_t pid) {
    exchange::WorkerSlot& slot = parts_.panel.workers[worker];
    if (slot.started_unix_s.load() != 0) slot.restarts.fetch_add(1);
    slot.pid.store(pid);
    slot.started_unix_s.store(parts_.clock.wall_s());
    if (workers_[worker].starts_awaited > 0) --workers_[worker].starts_awaited;
    finish_commit();
  };
  child.on_ended = [this, worker](const ChildEnd& end) { return on_worker_end(worker, end); };
  child.heartbeat_ns = [this, worker] { return parts_.panel.workers[worker].heartbeat_ns.load(); };
  child.hung_after_ms = worker_hung_after_ms;
  child.stop_ms = worker_stop_ms;
  child.pause_max_ms = worker_pause_max_ms;
  if (worker >= workers_.size()) workers_.resize(worker + 1);
  workers_[worker] = {
      .child = parts_.supervisor.add(std::move(child)), .starts_awaited = 0, .exists = true};
  const auto slots = static_cast<uint32_t>(workers_.size());
  // Slots of removed workers go on being counted, so that no counter goes back.
  if (slots > parts_.panel.worker_count.load()) parts_.panel.worker_count.store(slots);
}

std::vector<server::XdpPort> Service::xdp_ports(size_t worker) const {
  return parts_.xdp.ports(worker, parts_.sockets.workers().size());
}

int Service::run_worker_process(size_t worker) const {
  if (!drop_capabilities()) return 1;
  if (parts_.config.server.pin) pin_to_core(worker, parts_.sockets.workers().size());
  // Refused or not known, it waits as others do.
  static_cast<void>(set_time_slice(worker_slice_ns, Waking::takes, current_nice()));
  server::WorkerSetup setup{.number = worker,
                            .panel = parts_.panel,
                            .refusals = parts_.refusals,
                            .listeners = {},
                            .choice = parts_.sockets.choice(),
                            .xdp_ports = xdp_ports(worker),
                            .shield = &parts_.shield,
                            .gates = parts_.xdp.gates(worker, parts_.sockets.workers().size()),
                            .handover = parts_.handover.answer.get()};
  for (const auto& sockets : parts_.sockets.workers()[worker]) {
    setup.listeners.push_back({.endpoint = sockets->endpoint,
                               .udp = sockets->udp.get(),
                               .tcp = sockets->tcp.get(),
                               .sink = sockets->sink.get()});
  }
  return server::run_worker(setup);
}

// Quick, as a successor waits: what takes time is left to the next tick.
AfterEnd Service::on_worker_end(size_t worker, const ChildEnd& end) {
  exchange::WorkerSlot& slot = parts_.panel.workers[worker];
  parts_.panel.epochs.leave(static_cast<uint32_t>(worker));
  parts_.xdp.on_worker_end(end.pid);
  slot.state.store(workers_[worker].exists ? WorkerState::stopped : WorkerState::unused);
  slot.pid.store(0);
  deaths_.on_death(
      {.worker = worker, .pid = end.pid, .signal = end.by_signal ? end.code : 0, .hung = end.hung},
      slot, parts_.clock.monotonic_ns(), parts_.clock.wall_s());
  parts_.panel.deaths_by_message.store(deaths_.deaths());
  parts_.panel.refusals_active.store(static_cast<uint32_t>(parts_.refusals.size()));
  const bool failed_to_start = !end.by_signal && end.code != 0 && !ready_;
  return failed_to_start ? AfterEnd::stop_all : AfterEnd::start_again;
}

void Service::add_control() {
  supervise::Child child;
  child.name = "control";
  child.run = [this] { return run_control_process(); };
  child.descriptors = [this] {
    std::vector<int> kept = tls_listeners();
    kept.push_back(parts_.channel.control.fd());
    kept.push_back(parts_.handover.control.get());
    return kept;
  };
  child.on_started = [this](pid_t) {
    parts_.panel.control_heartbeat_ns.store(parts_.clock.monotonic_ns());
  };
  child.on_ended = [this](const ChildEnd& end) { return on_control_end(end); };
  child.heartbeat_ns = [this] { return parts_.panel.control_heartbeat_ns.load(); };
  child.hung_after_ms = control_hung_after_ms;
  child.stop_ms = control_stop_ms;
  parts_.supervisor.add(std::move(child));
}

std::vector<int> Service::tls_listeners() const {
  std::vector<int> descriptors;
  descriptors.reserve(parts_.tls_listeners.size());
  for (const UniqueFd& listener : parts_.tls_listeners) descriptors.push_back(listener.get());
  return descriptors;
}

int Service::run_control_process() const {
  // As root it reads what an operator's root may read; as another user it needs no more than that.
  if (!parts_.config.server.user.empty() && !drop_capabilities()) return 1;
  return control::run({.config_file = parts_.config.source,
                       .config = parts_.config,
                       .panel = parts_.panel,
                       .shield = parts_.shield,
                       .names = parts_.names,
                       .channel = parts_.channel.control,
                       .handover = parts_.handover.control.get(),
                       .tls_listeners = tls_listeners()});
}

AfterEnd Service::on_control_end(const ChildEnd& end) {
  parts_.sockets.abort();
  // What it was told and did not read is not for its successor.
  while (true) {
    const auto unread = parts_.channel.control.receive();
    if (!unread || !*unread) break;
  }
  if (!end.wanted) parts_.panel.control_restarts.fetch_add(1);
  if (end.hung) {
    parts_.panel.control_hangs.fetch_add(1);
    parts_.panel.control_hangs_total.fetch_add(1);
  }
  // At start, an error is fatal; control has told it. One that somebody else ended comes again.
  const bool failed_to_start = !end.by_signal && end.code != 0 && !ready_;
  return failed_to_start ? AfterEnd::stop_all : AfterEnd::start_again;
}

void Service::on_message() {
  while (true) {
    const auto received = parts_.channel.supervisor.receive();
    if (!received) {
      log::error(Category::supervisor, "channel", received.error().message);
      return;
    }
    if (!*received) return;
    handle(**received);
  }
}

void Service::handle(const Message& message) {
  switch (message.kind) {
    case MessageKind::ready:
      ready_ = true;
      parts_.panel.control_hangs.store(0);
      parts_.supervisor.service_manager().ready(message.text);
      return;
    case MessageKind::status:
      parts_.supervisor.service_manager().status(message.text);
      return;
    case MessageKind::reloading:
      parts_.supervisor.service_manager().reloading();
      return;
    case MessageKind::prepare:
      prepare(message);
      return;
    case MessageKind::commit:
      commit();
      return;
    case MessageKind::abort:
      parts_.sockets.abort();
      return;
    case MessageKind::reload:
    case MessageKind::prepared:
    case MessageKind::failed:
    case MessageKind::committed:
      return;  // ours to send
  }
}

void Service::prepare(const Message& message) {
  const size_t workers = worker_count(message.workers);
  if (committing_) {
    reply(MessageKind::failed, "the change before this one is still being made");
    return;
  }
  const auto enough = supervise::check_descriptors(
      descriptors_needed(message.listen.size(), workers, message.connections_max));
  if (!enough) {
    reply(MessageKind::failed, enough.error().message);
    return;
  }
  const auto prepared = parts_.sockets.prepare(message.listen, workers);
  if (!prepared) {
    reply(MessageKind::failed, prepared.error().message);
    return;
  }
  reply(MessageKind::prepared);
}

// Workers whose sockets change are replaced, all at once: what comes meanwhile waits in the
// sockets that stay.
void Service::commit() {
  if (!parts_.sockets.is_prepared()) {
    reply(MessageKind::failed, "nothing was prepared");
    return;
  }
  const std::vector<transport::WorkerSockets> before = parts_.sockets.workers();
  parts_.sockets.commit();
  const std::vector<transport::WorkerSockets>& now = parts_.sockets.workers();
  parts_.xdp.set_workers(now.size());
  // With another number of workers, queues go to others; and the first, which keeps beginnings of
  // connections from all of them, has to know how many there are.
  const bool are_others = now.size() != before.size();
  const bool queues_move = are_others && parts_.xdp.queue_count() > 0;
  committing_ = true;
  for (size_t i = 0; i < now.size(); ++i) {
    if (i >= workers_.size() || !workers_[i].exists) {
      parts_.panel.workers[i].kernel_drops_seen.store(0);
      add_worker(i);
      workers_[i].starts_awaited = 1;
    } else if (before[i] != now[i] || queues_move || (are_others && i == 0)) {
      parts_.panel.workers[i].kernel_drops_seen.store(0);
      workers_[i].starts_awaited = 1;
      parts_.supervisor.restart(workers_[i].child);
    }
  }
  for (size_t i = now.size(); i < workers_.size(); ++i) {
    if (!workers_[i].exists) continue;
    workers_[i].exists = false;
    parts_.supervisor.remove(workers_[i].child);
  }
  finish_commit();
}

void Service::finish_commit() {
  if (!committing_) return;
  for (const WorkerChild& worker : workers_) {
    if (worker.starts_awaited > 0) return;
    if (!worker.exists && !parts_.supervisor.is_gone(worker.child)) return;
  }
  committing_ = false;
  std::vector<Endpoint> listen;
  for (const auto& sockets : parts_.sockets.workers().front()) listen.push_back(sockets->endpoint);
  parts_.xdp.set_listen(listen);
  reply(MessageKind::committed);
}

void Service::reply(MessageKind kind, const std::string& text) {
  const auto sent =
      parts_.channel.supervisor.send({.kind = kind, .text = text, .workers = 0, .listen = {}});
  if (!sent) log::error(Category::supervisor, "channel", sent.error().message);
}

void Service::on_tick() {
  parts_.xdp.on_tick(parts_.clock.monotonic_ns());
  deaths_.expire(parts_.clock.monotonic_ns());
  parts_.panel.refusals_active.store(static_cast<uint32_t>(parts_.refusals.size()));
  for (const std::string& sentence : deaths_.write_evidence()) {
    log::error(Category::supervisor, "query-of-death", sentence);
  }
  finish_commit();
}

}  // namespace holdfast
