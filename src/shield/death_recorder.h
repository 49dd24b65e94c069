// SPDX-License-Identifier: GPL-3.0-or-later
// Decides from the packets that killed workers which packets to refuse, and for how long.
//
// The supervisor feeds it each death that a packet may have caused: the worker ended by a fault
// (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, or the watchdog for one that hung) with the packet in
// hand; never an end by SIGKILL or SIGTERM, nor by a fault signal that another process sent
// (si_code SI_USER), which say nothing about the packet. Bounded memory; no I/O, no clock of its
// own. One thread.
//
// A crash costs one worker some milliseconds, a refusal costs every honest question that is alike.
// So the broader a level, the more crashes it takes: two of the same question, three below the same
// parent, five of the same form; two for packets without a readable question, which no honest
// client sends. The most specific level that has reached its number is refused. A refusal ends
// after 300 s, so that a wrong one heals and a mended program is found out; the next crash on the
// same likeness renews it at once, each time for twice as long, up to an hour.
#pragma once

#include <optional>

#include "shield/refusal_table.h"

namespace holdfast::shield {

struct DeathLimits {
  uint64_t window_ns = uint64_t{600} * 1'000'000'000;        // crashes further apart are not alike
  uint64_t refusal_ns = uint64_t{300} * 1'000'000'000;       // the first time
  uint64_t refusal_max_ns = uint64_t{3600} * 1'000'000'000;  // after doubling
  uint64_t forget_ns = uint64_t{86400} * 1'000'000'000;      // after a refusal's end: starts afresh
};

class DeathRecorder {
 public:
  static constexpr size_t deaths_max = 256;  // remembered; the oldest makes room
  static constexpr size_t convictions_max = RefusalTable::entries_max;

  explicit DeathRecorder(const DeathLimits& limits = {}) : limits_(limits) {}

  // What to enter into the table after this death, if anything. `now_ns` is monotonic. A death by
  // what is refused already (a packet that was on its way) gives the refusal that stands.
  [[nodiscard]] std::optional<Refusal> record(const Likeness& likeness, uint64_t now_ns);

  [[nodiscard]] uint64_t deaths() const { return deaths_seen_; }
  [[nodiscard]] uint64_t refusals() const { return refusals_made_; }

 private:
  struct Death {
    Likeness likeness;
    uint64_t at_ns = 0;
  };
  // A likeness that has been refused, and how long the last time.
  struct Conviction {
    uint64_t hash = 0;  // 0: unused
    uint64_t duration_ns = 0;
    uint64_t until_ns = 0;
  };

  [[nodiscard]] Conviction* find_conviction(const Likeness& likeness, uint64_t now_ns,
                                            LikenessMark& mark);
  [[nodiscard]] Conviction& oldest_conviction();
  [[nodiscard]] size_t count_alike(const LikenessMark& mark, uint64_t now_ns) const;
  Refusal convict(Conviction& conviction, const LikenessMark& mark, uint64_t duration_ns,
                  uint64_t now_ns);

  DeathLimits limits_;
  std::array<Death, deaths_max> deaths_{};
  std::array<Conviction, convictions_max> convictions_{};
  uint64_t deaths_seen_ = 0;
  uint64_t refusals_made_ = 0;
};

}  // namespace holdfast::shield
