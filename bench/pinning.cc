// SPDX-License-Identifier: GPL-3.0-or-later
#include "pinning.h"

#include <sched.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <string_view>

namespace holdfast::bench {

Result<void> pin_to_load_cpu() {
  const char* value = std::getenv("LAB_LOAD_CPU");
  const std::string_view text = value != nullptr ? value : "";
  unsigned cpu = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cpu);
  if (error != std::errc{} || end != text.data() + text.size() || cpu >= CPU_SETSIZE) {
    return fail("not in a laboratory: LAB_LOAD_CPU names no processor");
  }
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) return fail_system("LAB_LOAD_CPU", errno);
  return {};
}

}  // namespace holdfast::bench
