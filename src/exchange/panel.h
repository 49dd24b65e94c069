// SPDX-License-Identifier: GPL-3.0-or-later
// The memory that supervisor, control and answer processes share: what each tells the others.
//
// Made by the supervisor before it forks, inherited by all, gone with the last of them. Each field
// says who writes it; everybody may read. No locks: fields are atomics, Published values or rings,
// so that a process that dies at any instruction leaves the rest working.
// Bound: workers_max workers. Slots of workers that never start cost no memory.
#pragma once

#include <netinet/in.h>

#include <array>
#include <atomic>
#include <cstdint>

#include "base/epoch.h"
#include "base/published.h"
#include "base/ring.h"
#include "exchange/answer_policy.h"
#include "exchange/counters.h"
#include "exchange/sample.h"
#include "exchange/xdp_queue_slot.h"

namespace holdfast::exchange {

constexpr size_t workers_max = 256;
// Epoch slots that follow the workers' own: for what control prints from zone memory meanwhile.
// One of them, the last, is that of transfers.
constexpr uint32_t transfer_reader = EpochBoard::readers_max - 1;
constexpr size_t control_readers = EpochBoard::readers_max - workers_max - 1;

// Datagrams of one batch: enough to spread the cost of a system call, few enough that the first
// does not wait noticeably for the last.
constexpr size_t batch_max = 64;
// Longer requests over UDP are cut, which makes them malformed; no honest one comes near. Rows of
// whole pages would have all requests in the same few places of a processor's cache.
constexpr size_t datagram_bytes_max = 4096 + 64;
constexpr size_t stream_message_bytes_max = 65535;  // RFC 1035 §4.2.2

// Where a worker receives. It lies in shared memory so that the supervisor can read the packet that
// killed a worker, without the worker copying anything.
struct ReceiveArea {
  ReceiveArea() {}  // NOLINT: left untouched
  std::array<std::array<uint8_t, datagram_bytes_max>, batch_max> datagrams;
  std::array<sockaddr_in6, batch_max> datagram_peers;  // or a sockaddr_in at its start
  std::array<uint8_t, stream_message_bytes_max> stream_message;
  sockaddr_in6 stream_peer;
};

// Which message a worker has in hand, in one word: written before and cleared after each.
struct InFlight {
  Protocol protocol = Protocol::udp;
  uint8_t index = 0;  // of the datagram
  uint8_t batch = 1;  // datagrams received with it; none of them has been sent an answer
  uint32_t bytes = 0;

  static constexpr uint64_t none = 0;
  [[nodiscard]] uint64_t encode() const {
    return uint64_t{1} << 63 | uint64_t{static_cast<uint8_t>(protocol)} << 48 |
           uint64_t{batch} << 40 | uint64_t{index} << 32 | bytes;
  }
  [[nodiscard]] static InFlight decode(uint64_t word) {
    return {.protocol = static_cast<Protocol>((word >> 48) & 1),
            .index = static_cast<uint8_t>(word >> 32),
            .batch = static_cast<uint8_t>(word >> 40),
            .bytes = static_cast<uint32_t>(word)};
  }
};

enum class WorkerState : uint8_t {
  unused,    // not to run: never started, or removed
  starting,  // waits for zone memory
  answering,
  draining,  // told to stop: finishes what it has
  stopped,
};

// 4 MiB hold some 10 ms of all messages of a busy worker; control empties it more often.
using SampleRing = Ring<size_t{4} << 20>;

struct WorkerSlot {
  // Written by the supervisor.
  std::atomic<int32_t> pid{0};
  std::atomic<uint64_t> started_unix_s{0};
  std::atomic<uint32_t> restarts{0};
  // Written by the worker; the supervisor sets it to stopped or unused when the worker has ended.
  std::atomic<WorkerState> state{WorkerState::unused};

  // Written by the worker.
  alignas(64) std::atomic<uint64_t> heartbeat_ns{0};  // monotonic; at least each second
  std::atomic<uint64_t> policy_generation{0};         // that it follows
  std::atomic<uint64_t> memory_generation{0};         // that it has mapped
  std::atomic<uint64_t> in_flight{InFlight::none};
  // Number of the signal by which the worker dies through a fault of its own; 0: none. Tells it
  // from the same signal sent by somebody, which says nothing about the message in hand.
  std::atomic<uint32_t> own_fault{0};
  // Drops at the worker's sockets that are counted already; the sockets outlive a worker.
  std::atomic<uint64_t> kernel_drops_seen{0};
  alignas(64) Counters counters;
  SampleRing samples;  // read by control
  ReceiveArea receive;
};

// Which file the workers map. Another generation tells them to map again; files are replaced, never
// changed in place, so that the old mapping stays good until then.
struct MemoryLocation {
  BoundedText<4000> path;
  uint64_t bytes_max = 0;
};

struct Panel {
  Published<AnswerPolicy> policy;             // written by control
  Published<MemoryLocation> memory;           // written by control, at first by the supervisor
  EpochBoard epochs;                          // each worker its slot, then control's
  std::atomic<uint32_t> worker_count{0};      // slots used so far; written by the supervisor
  std::atomic<uint64_t> started_unix_s{0};    // of the supervisor
  std::atomic<uint32_t> control_restarts{0};  // written by the supervisor
  // Written by control (control/liveness.h); the supervisor sets it at each start.
  std::atomic<uint64_t> control_heartbeat_ns{0};
  // Times in a row that control was ended for want of a sign of life, until it was ready again, and
  // times since the start; written by the supervisor.
  std::atomic<uint32_t> control_hangs{0};
  std::atomic<uint64_t> control_hangs_total{0};
  // Query of death, written by the supervisor: messages that killed a worker since the start, and
  // likenesses that are refused now.
  std::atomic<uint64_t> deaths_by_message{0};
  std::atomic<uint32_t> refusals_active{0};
  // AF_XDP, written by the supervisor: the queues in use, and why others are not.
  std::array<XdpQueueSlot, xdp_queues_max> xdp_queues;
  Published<BoundedText<240>> xdp_note;
  std::array<WorkerSlot, workers_max> workers;
};

}  // namespace holdfast::exchange
