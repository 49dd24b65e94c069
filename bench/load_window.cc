// SPDX-License-Identifier: GPL-3.0-or-later
#include "load_window.h"

#include <unistd.h>

#include <algorithm>

#include "base/clock.h"
#include "drill/interface_settings.h"
#include "lab_commands.h"
#include "pinning.h"

namespace holdfast::bench {
namespace {

constexpr useconds_t answers_pause_us = 10'000;
constexpr unsigned quiet_pauses = 8;  // without an answer: the server has given what it will
constexpr unsigned pauses_max = 200;  // two seconds: as long as any answer is waited for

drill::AnswerCounts total_of(const drill::CounterState& state) {
  drill::AnswerCounts total{};
  for (const drill::AnswerCounts& counts : state.labels) {
    total.answers += counts.answers;
    total.bytes += counts.bytes;
    total.truncated += counts.truncated;
    total.with_records += counts.with_records;
    for (size_t rcode = 0; rcode < drill::rcode_count; ++rcode) {
      total.rcodes[rcode] += counts.rcodes[rcode];
    }
  }
  return total;
}

}  // namespace

Result<uint64_t> WindowRunner::read_ring_drops() const {
  const auto visit = TRY(drill::NamespaceVisit::to(surroundings_.load));
  uint64_t drops = 0;
  for (const auto& [name, value] : TRY(drill::read_driver_counters(load_interface_))) {
    if (name.starts_with("tx_queue_") && name.ends_with("_xdp_xmit_errors")) drops += value;
  }
  return drops;
}

Result<WindowRunner::Reading> WindowRunner::read() const {
  Reading reading;
  reading.ring_drops = TRY(read_ring_drops());
  // One that has ended has used no more.
  for (const pid_t process : measured_.processes) {
    reading.server_ns += drill::process_time_ns(process).value_or(0);
  }
  for (const pid_t thread : measured_.threads) {
    reading.server_ns += drill::thread_time_ns(thread).value_or(0);
  }
  const unsigned server = TRY(server_cpu());
  const unsigned load = TRY(load_cpu());
  reading.server_core = TRY(read_core_time(server));
  reading.load_core = TRY(read_core_time(load));
  return reading;
}

// Until all are there, or no more come.
void WindowRunner::await_answers(uint64_t sent) const {
  uint64_t before = counter_.answers();
  unsigned quiet = 0;
  for (unsigned pause = 0; pause < pauses_max && quiet < quiet_pauses && before < sent; ++pause) {
    usleep(answers_pause_us);
    const uint64_t now = counter_.answers();
    quiet = now == before ? quiet + 1 : 0;
    before = now;
  }
}

Result<Window> WindowRunner::run(drill::LoadSpan span) {
  span.start_ns = SystemClock().monotonic_ns() + drill::start_delay_ns;
  counter_.restart(span.start_ns + span.duration_ms * 1'000'000);
  const Reading before = TRY(read());
  Window window;
  window.sent = TRY(generator_.run(surroundings_, span, stop));
  await_answers(window.sent.sent);
  const Reading after = TRY(read());
  window.state = counter_.read();
  window.total = total_of(window.state);
  window.ring_drops = after.ring_drops - before.ring_drops;
  window.server_ns = after.server_ns - std::min(before.server_ns, after.server_ns);
  const uint64_t busy_ms = after.server_core.busy_ms - before.server_core.busy_ms;
  window.others_ms = busy_ms - std::min(busy_ms, window.server_ns / 1'000'000);
  window.steal_ms = after.server_core.steal_ms - before.server_core.steal_ms +
                    after.load_core.steal_ms - before.load_core.steal_ms;
  return window;
}

}  // namespace holdfast::bench
