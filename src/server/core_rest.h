// SPDX-License-Identifier: GPL-3.0-or-later
// How much of its time the core has rested on which this thread runs.
//
// A worker shares its core with the kernel's work of receiving, which it cannot see otherwise: how
// long it waited itself says nothing of it. Read from /proc/stat, whose steps are of 10 ms, over
// 200 ms; a reading costs some 50 us. Where /proc is not to be read, nothing is told. Thread: the
// worker's. Makes system calls; never allocates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/file.h"

namespace holdfast::server {

// Of the line of one processor, in the kernel's ticks since the start.
struct CoreTicks {
  uint64_t all = 0;
  uint64_t rest = 0;
};
[[nodiscard]] std::optional<CoreTicks> find_core_ticks(std::string_view stat, unsigned core);

class CoreRest {
 public:
  static constexpr uint64_t span_ns = 200'000'000;

  CoreRest();

  // Call as often as you like; in permille, if `span_ns` have passed since the last such call that
  // told something, and the thread was on one core.
  [[nodiscard]] std::optional<uint32_t> read(uint64_t now_ns);

 private:
  // The lines of 256 processors; those of later ones are not found.
  static constexpr size_t text_bytes_max = size_t{32} << 10;

  UniqueFd file_;
  uint64_t read_ns_ = 0;
  unsigned core_ = 0;
  std::optional<CoreTicks> before_;
  std::array<char, text_bytes_max> text_{};
};

}  // namespace holdfast::server
