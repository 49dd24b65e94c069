// SPDX-License-Identifier: GPL-3.0-or-later
// Time as an interface, so that what depends on it can be tested with a clock of the test's own.
#pragma once

#include <cstdint>

namespace holdfast {

class Clock {
 public:
  virtual ~Clock() = default;
  // Nanoseconds that never go back; for intervals.
  [[nodiscard]] virtual uint64_t monotonic_ns() const = 0;
  // Seconds since 1970 UTC; for what is compared with other machines (cookies, signatures).
  [[nodiscard]] virtual uint64_t wall_s() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] uint64_t monotonic_ns() const override;
  [[nodiscard]] uint64_t wall_s() const override;
};

// For tests: stands still until it is moved.
class ManualClock final : public Clock {
 public:
  [[nodiscard]] uint64_t monotonic_ns() const override { return monotonic_ns_; }
  [[nodiscard]] uint64_t wall_s() const override { return wall_s_; }
  void advance_ms(uint64_t milliseconds) {
    monotonic_ns_ += milliseconds * 1'000'000;
    wall_s_ = wall_base_s_ + monotonic_ns_ / 1'000'000'000;
  }
  void set_wall_s(uint64_t seconds) {
    wall_base_s_ = seconds - monotonic_ns_ / 1'000'000'000;
    wall_s_ = seconds;
  }

 private:
  uint64_t monotonic_ns_ = 0;
  uint64_t wall_base_s_ = 0;
  uint64_t wall_s_ = 0;
};

}  // namespace holdfast
