// SPDX-License-Identifier: GPL-3.0-or-later
// Decides which log lines are written, so that an event that repeats cannot fill a disk.
//
// Of each kind of event, at most lines_per_window different lines are written in a window; equal
// lines once. What was left out is counted and told when the window is over. Bounds: events_max
// kinds (further ones share one entry), lines_per_window hashes a kind. Thread: the caller locks.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "log/line.h"

namespace holdfast::log {

class Suppressor {
 public:
  static constexpr uint64_t window_ms = 60'000;
  // Enough for an operator to see the pattern; a thousand failing zones are listed by
  // `holdfast zone list`, not by the log.
  static constexpr size_t lines_per_window = 20;
  static constexpr size_t events_max = 128;

  struct Summary {
    std::string event;
    Level level = Level::info;
    Category category = Category::control;
    uint64_t suppressed = 0;
    uint64_t seconds = 0;
  };

  enum class Verdict : uint8_t { write, suppress };
  [[nodiscard]] Verdict judge(const Line& line, uint64_t now_ms);
  // The counts of windows that are over at `now_ms`; each is told once.
  [[nodiscard]] std::vector<Summary> take_summaries(uint64_t now_ms);

 private:
  struct Entry {
    uint64_t begun_ms = 0;
    uint64_t suppressed = 0;
    size_t written = 0;
    Level level = Level::info;
    Category category = Category::control;
    std::array<uint64_t, lines_per_window> hashes{};
  };
  std::map<std::string, Entry, std::less<>> entries_;
  std::vector<Summary> ended_;  // windows that a new line ended before they were taken
};

}  // namespace holdfast::log
