// SPDX-License-Identifier: GPL-3.0-or-later
// Tells an attack in the log: that it began, what changes, that it is over; never a line a packet.
//
// Reads what the answer processes count, once a second. Says what comes, at which zones it is
// aimed, how much of it there is and what is done about it. Pure but for its memory of the last
// second.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "exchange/counters.h"

namespace holdfast::control {

// All answer processes together, since the start.
struct ShieldReading {
  uint32_t level = 0;  // of the worker that has most to do
  uint32_t workers_overloaded = 0;
  bool is_dry_run = false;
  std::array<std::array<uint64_t, exchange::shield_fate_count>, exchange::shield_class_count>
      questions{};
  uint64_t kernel_drops = 0;
  // What strangers may begin of TCP connections a second; 0: not limited.
  uint64_t beginnings_per_s_max = 0;
  // The errno for which the kernel takes no filter before sockets; 0: it does.
  int beginnings_refused = 0;
  int datagrams_refused = 0;
  // By filters on sockets.
  uint64_t beginnings_kept_away = 0;
  uint64_t datagrams_kept_away = 0;
  std::vector<std::string> zones_attacked;  // sorted
  std::vector<std::string> zones_hot;
  std::vector<std::string> zones_with_many_names;
};

class AttackLog {
 public:
  // Changes are told at most this often.
  static constexpr uint64_t change_s = 10;

  struct Line {
    std::string event;
    std::string message;
  };
  [[nodiscard]] std::optional<Line> observe(const ShieldReading& reading, uint64_t now_s);
  // The same of a flood of SYNs, which may be all of an attack.
  [[nodiscard]] std::optional<Line> observe_beginnings(const ShieldReading& reading,
                                                       uint64_t now_s);
  // The kernel does not take the filters that are to keep a flood away: told once.
  [[nodiscard]] std::optional<Line> observe_refusals(const ShieldReading& reading);
  [[nodiscard]] uint64_t began_s() const { return began_s_; }  // 0: all is quiet

 private:
  [[nodiscard]] std::string describe(const ShieldReading& reading) const;

  uint64_t began_s_ = 0;
  uint64_t told_s_ = 0;
  uint64_t beginnings_began_s_ = 0;
  uint64_t kept_away_before_ = 0;
  int beginnings_refused_told_ = 0;
  int datagrams_refused_told_ = 0;
  ShieldReading at_begin_;
  ShieldReading last_;
  uint32_t level_told_ = 0;
  std::vector<std::string> zones_told_;
  std::vector<std::string> zones_with_many_names_told_;
};

}  // namespace holdfast::control
