// SPDX-License-Identifier: GPL-3.0-or-later
#include "server/worker.h"

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <ctime>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "server/core_rest.h"
#include "server/fault_note.h"
#include "server/query_path.h"
#include "server/socket_guard.h"
#include "transport/socket.h"
#include "zone/memory.h"

namespace holdfast::server {

namespace {

using exchange::WorkerState;

constexpr uint64_t ns_per_ms = 1'000'000;
constexpr int memory_poll_ms = 5;
// The loop turns at least this often, for its heartbeat and to take over what is published.
constexpr int idle_turn_ms_max = 100;
// While a predecessor still has a card's queue, whose questions wait.
constexpr int claim_poll_ms = 2;
constexpr uint64_t housekeeping_ns = 1'000 * ns_per_ms;
// Batches taken from one socket before the others have their turn.
constexpr int batches_a_turn = 4;
// Connections with a message under way at SIGTERM have this long.
constexpr uint64_t drain_ns = 500 * ns_per_ms;
// Of what waits at a socket at the end. With a successor it finds the rest.
constexpr int drain_batches_max = 64;
constexpr uint64_t signal_token = ~uint64_t{0} >> 1;

TurnTime time_now() {
  timespec monotonic{};
  timespec wall{};
  clock_gettime(CLOCK_MONOTONIC, &monotonic);
  clock_gettime(CLOCK_REALTIME, &wall);
  const auto nanoseconds = [](const timespec& time) {
    return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
  };
  return {.monotonic_ns = nanoseconds(monotonic), .wall_ns = nanoseconds(wall)};
}

transport::TcpLimits tcp_limits(const exchange::AnswerPolicy& policy) {
  return {.connections_max = policy.tcp_connections_max,
          .connections_per_address_max = policy.tcp_connections_per_address_max,
          .idle_ms = policy.tcp_idle_ms,
          .read_ms = policy.tcp_read_ms,
          .write_ms = policy.tcp_write_ms};
}

HashKey random_key() {
  HashKey key;
  // Cannot fail for so few bytes once the machine is up; a fixed key would still be bounded.
  if (getrandom(&key, sizeof key, 0) != sizeof key) return {};
  return key;
}

}  // namespace

class Worker {
 public:
  explicit Worker(const WorkerSetup& setup)
      : setup_(setup), slot_(setup.panel.workers[setup.number]) {}

  int run();

 private:
  bool open_descriptors();
  bool wait_for_memory();
  bool start_answering();
  void turn();
  void begin_turn();
  void follow_memory();
  void handle(const epoll_event& event);
  void answer_at(size_t index);
  void count_kernel_drops();
  [[nodiscard]] bool memory_is_late() const {
    return memory_tried_ != slot_.memory_generation.load();
  }
  void drain();
  void end_left_diversions() const;

  const WorkerSetup& setup_;
  exchange::WorkerSlot& slot_;
  UniqueFd signals_;
  UniqueFd epoll_;
  const uint8_t* memory_ = nullptr;
  uint64_t memory_bytes_ = 0;
  zone::MemoryReader zones_{nullptr};
  exchange::AnswerPolicy policy_;
  std::optional<PassOn> pass_on_;
  std::optional<shield::WorkerShield> shield_;
  CoreRest core_rest_;
  std::optional<SocketGuard> guard_;
  std::optional<QueryPath> path_;
  std::optional<transport::UdpBatch> batch_;
  std::optional<transport::TcpServer> tcp_;
  std::optional<XdpReceiver> xdp_;
  std::vector<uint32_t> drops_seen_;  // by listener, for the shield
  uint64_t memory_tried_ = 0;         // generation
  TurnTime now_;
  uint64_t housekeeping_due_ns_ = 0;
  bool stopping_ = false;
};

int run_worker(const WorkerSetup& setup) { return Worker(setup).run(); }

int Worker::run() {
  slot_.in_flight.store(exchange::InFlight::none);
  slot_.counters.set(exchange::CounterLayout::tcp_open, 0);
  slot_.state.store(WorkerState::starting);
  note_own_faults(slot_.own_fault);
  if (!open_descriptors()) return 1;
  end_left_diversions();
  if (!wait_for_memory()) return 0;
  if (!start_answering()) return 1;
  slot_.state.store(WorkerState::answering);
  while (!stopping_) turn();
  slot_.state.store(WorkerState::draining);
  drain();
  slot_.state.store(WorkerState::stopped);
  return 0;
}

bool Worker::open_descriptors() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signals_ = UniqueFd(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = signal_token;
  return signals_.valid() && epoll_.valid() &&
         epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, signals_.get(), &event) == 0;
}

// Of the worker before this one, if a signal ended it: the others answer meanwhile.
void Worker::end_left_diversions() const {
  for (const Listener& listener : setup_.listeners) {
    if (listener.sink < 0) continue;
    (void)transport::end_diversion(listener.tcp, listener.sink, setup_.choice);
  }
}

// Until then questions wait in the sockets' queues. False: told to end.
bool Worker::wait_for_memory() {
  while (true) {
    slot_.heartbeat_ns.store(time_now().monotonic_ns, std::memory_order_relaxed);
    follow_memory();
    if (memory_ != nullptr) return true;
    epoll_event event{};
    if (epoll_wait(epoll_.get(), &event, 1, memory_poll_ms) > 0) return false;
  }
}

bool Worker::start_answering() {
  slot_.policy_generation.store(setup_.panel.policy.read(policy_));
  path_.emplace(slot_, setup_.refusals, zones_, policy_);
  std::vector<PassOn::ReplySocket> reply_sockets;
  reply_sockets.reserve(setup_.listeners.size());
  for (const Listener& listener : setup_.listeners) {
    reply_sockets.push_back({.endpoint = listener.endpoint, .udp = listener.udp});
  }
  pass_on_.emplace(setup_.handover, reply_sockets);
  path_->pass_on_by(&*pass_on_);
  if (setup_.shield != nullptr) {
    shield_.emplace(*setup_.shield, setup_.number, slot_.counters);
    shield_->watch_gates(setup_.gates);
    path_->shield_by(&*shield_);
    guard_.emplace(setup_.listeners, setup_.choice, *shield_, slot_.counters);
  }
  exchange::ReceiveArea& area = slot_.receive;
  batch_.emplace(transport::UdpBatch::ReceiveMemory{
      .bytes = MutableBytes(area.datagrams.front().data(), sizeof area.datagrams),
      .peers = area.datagram_peers});
  tcp_.emplace(epoll_.get(), *path_, tcp_limits(policy_), random_key());
  xdp_.emplace(setup_.xdp_ports, epoll_.get(), area);
  xdp_->claim();
  for (size_t i = 0; i < setup_.listeners.size(); ++i) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, setup_.listeners[i].udp, &event) != 0) return false;
    if (!tcp_->add_listener(setup_.listeners[i].tcp)) return false;
    drops_seen_.push_back(transport::kernel_drops(setup_.listeners[i].udp));
  }
  return true;
}

// One turn of the loop. Within the epoch, zone memory stays as it was seen.
void Worker::turn() {
  std::array<epoll_event, 64> events;
  const int idle_ms = xdp_->has_unclaimed() ? claim_poll_ms : idle_turn_ms_max;
  const int wait_ms = tcp_->wait_ms(now_.monotonic_ns / ns_per_ms, idle_ms);
  if (shield_ && shield_->wants_waits()) shield_->begin_wait(SystemClock().monotonic_ns());
  const int count = epoll_wait(epoll_.get(), events.data(), events.size(), wait_ms);
  begin_turn();
  const auto reader = static_cast<uint32_t>(setup_.number);
  setup_.panel.epochs.enter(reader);
  for (int i = 0; i < count; ++i) handle(events[static_cast<size_t>(i)]);
  setup_.panel.epochs.leave(reader);
  tcp_->on_time(now_.monotonic_ns / ns_per_ms);
  xdp_->tend();
}

// After the wait, so that the first question after a change meets it.
void Worker::begin_turn() {
  now_ = time_now();
  slot_.heartbeat_ns.store(now_.monotonic_ns, std::memory_order_relaxed);
  path_->begin_turn(now_);
  if (shield_) {
    if (shield_->wants_core_rest()) {
      const auto rest = core_rest_.read(now_.monotonic_ns);
      if (rest) shield_->note_core_rest(*rest);
    }
    const bool is_brimful = xdp_->is_brimful();
    if (is_brimful ? shield_->wants_brimful_rings(now_.monotonic_ns)
                   : shield_->wants_rings(now_.monotonic_ns)) {
      const transport::Backlog standing = xdp_->take_standing();
      if (is_brimful) shield_->note_brimful();
      shield_->note_rings(standing.permille, standing.drops);
    }
    shield_->begin_turn(now_.monotonic_ns);
    guard_->tend(now_.monotonic_ns);
  }
  if (setup_.panel.policy.generation() != slot_.policy_generation.load(std::memory_order_relaxed)) {
    slot_.policy_generation.store(setup_.panel.policy.read(policy_));
    tcp_->set_limits(tcp_limits(policy_));
  }
  xdp_->claim();
  const bool due = now_.monotonic_ns >= housekeeping_due_ns_;
  if (due) {
    housekeeping_due_ns_ = now_.monotonic_ns + housekeeping_ns;
    count_kernel_drops();
  }
  if (setup_.panel.memory.generation() != memory_tried_ || (due && memory_is_late())) {
    follow_memory();
  }
}

void Worker::handle(const epoll_event& event) {
  const uint64_t token = event.data.u64;
  if (token == signal_token) {
    stopping_ = true;
  } else if ((token & transport::TcpServer::token_bit) != 0) {
    tcp_->on_event(event, now_.monotonic_ns / ns_per_ms);
  } else if ((token & XdpReceiver::token_bit) != 0) {
    const auto backlog = xdp_->on_event(token, event.events, *path_, batches_a_turn);
    if (backlog && shield_) shield_->note_busy();
  } else {
    answer_at(token);
  }
}

void Worker::answer_at(size_t index) {
  const Listener& listener = setup_.listeners[index];
  batch_->attach(listener.udp, listener.endpoint.port);
  for (int i = 0; i < batches_a_turn; ++i) {
    const size_t received = path_->answer_datagrams(*batch_);
    if (guard_) guard_->note_received(index, received);
    if (received < transport::UdpBatch::size_max) return;
  }
  if (!shield_) return;
  const transport::Backlog backlog = transport::backlog_of(listener.udp);
  const uint32_t drops = backlog.drops - std::exchange(drops_seen_[index], backlog.drops);
  // What the filter keeps away was not lost for want of room.
  shield_->note_backlog(backlog.permille, guard_->is_filtered(index) ? 0 : drops);
}

// If the new file cannot be mapped, the old one goes on being served, and each second it is tried
// again.
void Worker::follow_memory() {
  exchange::MemoryLocation location;
  const uint64_t generation = setup_.panel.memory.read(location);
  memory_tried_ = generation;
  if (generation == 0) return;
  const auto mapped =
      zone::map_memory_for_reading(std::string(location.path.view()), location.bytes_max);
  if (!mapped) return;
  if (memory_ != nullptr) munmap(const_cast<uint8_t*>(memory_), memory_bytes_);
  memory_ = *mapped;
  memory_bytes_ = location.bytes_max;
  zones_ = zone::MemoryReader(memory_);
  slot_.memory_generation.store(generation);
}

void Worker::count_kernel_drops() {
  uint64_t drops = 0;
  for (const Listener& listener : setup_.listeners) drops += transport::kernel_drops(listener.udp);
  const uint64_t seen = slot_.kernel_drops_seen.load(std::memory_order_relaxed);
  const uint64_t filtered = guard_ ? guard_->take_filtered() : 0;
  if (drops > seen + filtered) {
    slot_.counters.add(exchange::CounterLayout::kernel_drops, drops - seen - filtered);
  }
  slot_.kernel_drops_seen.store(drops, std::memory_order_relaxed);
}

// Lets connections finish, answering datagrams meanwhile, then what the sockets still hold.
void Worker::drain() {
  const uint64_t end_ns = time_now().monotonic_ns + drain_ns;
  const auto reader = static_cast<uint32_t>(setup_.number);
  if (guard_) guard_->end_diversions();
  begin_turn();
  setup_.panel.epochs.enter(reader);
  tcp_->drain(now_.monotonic_ns / ns_per_ms);
  setup_.panel.epochs.leave(reader);
  while (tcp_->open_count() > 0 && now_.monotonic_ns < end_ns) turn();
  setup_.panel.epochs.enter(reader);
  tcp_.reset();
  xdp_->drain(*path_);
  for (const Listener& listener : setup_.listeners) {
    batch_->attach(listener.udp, listener.endpoint.port);
    for (int i = 0; i < drain_batches_max; ++i) {
      if (path_->answer_datagrams(*batch_) == 0) break;
    }
  }
  setup_.panel.epochs.leave(reader);
}

}  // namespace holdfast::server
