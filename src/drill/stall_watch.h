// SPDX-License-Identifier: GPL-3.0-or-later
// Notes when a processor stood still: when a thread of high real-time priority, which nothing of a
// drill can keep waiting, woke too late.
//
// In a virtual machine that is the host's doing, who gave the processor to others and often does
// not say so (steal time): a veth holds 256 frames, a millisecond of a flood, and what comes
// meanwhile is lost whoever answers. One thread a watch. Costs the processor about a percent.
// Bound: stalls_max.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "base/error.h"

namespace holdfast::drill {

// Monotonic time, nanoseconds. It began within [begin_ns, begin_ns + watch_period_ns].
struct Stall {
  uint64_t begin_ns = 0;
  uint64_t end_ns = 0;
};

constexpr uint64_t watch_period_ns = 250'000;
// Woken so much too late, the thread has been kept waiting by no program: the longest that the
// kernel works for a server without a pause is shorter. That is ours attaching a filter to its
// sockets (1.2 ms, docs/decisions/0013-filters-on-sockets.md); 64 datagrams take .3 ms.
constexpr uint64_t stall_ns_min = 1'300'000;
constexpr size_t stalls_max = 1U << 16;

// Whether waking at `woke_ns` what was to wake at `due_ns` tells of a stall.
[[nodiscard]] constexpr bool is_stall(uint64_t due_ns, uint64_t woke_ns) {
  return woke_ns >= due_ns + stall_ns_min;
}

// Of the calling thread, until `stop`. Errors: no real-time priority, without which waking late
// says nothing.
[[nodiscard]] Result<std::vector<Stall>> watch_for_stalls(unsigned cpu,
                                                          const std::atomic<bool>& stop);

// In the order of their begin, none touching the next.
[[nodiscard]] std::vector<Stall> join_stalls(std::vector<Stall> stalls);

// Of the time from `begin_ns` to `end_ns`, what lies in one of `stalls` (as join_stalls gives
// them); up to watch_period_ns too much of each, as nobody knows when it began.
[[nodiscard]] uint64_t stalled_within(const std::vector<Stall>& stalls, uint64_t begin_ns,
                                      uint64_t end_ns);

// How a question fares that is under way while a processor stands still, or comes just after, is no
// word about the server.
constexpr uint64_t before_ns = 1'000'000;  // what a stall leaves behind is worked off in it
constexpr uint64_t after_ns = 3'000'000;   // more than an undisturbed answer takes, by TCP too

// Whether one of `stalls` (as join_stalls gives them) is near what was sent at `sent_ns`.
[[nodiscard]] bool is_near_stall(const std::vector<Stall>& stalls, uint64_t sent_ns);

}  // namespace holdfast::drill
