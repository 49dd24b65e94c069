// SPDX-License-Identifier: GPL-3.0-or-later
#include "pinning.h"

#include <sched.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <string_view>

namespace holdfast::bench {
namespace {

Result<unsigned> processor_from(const char* variable) {
  const char* value = std::getenv(variable);
  const std::string_view text = value != nullptr ? value : "";
  unsigned cpu = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cpu);
  if (error != std::errc{} || end != text.data() + text.size() || cpu >= CPU_SETSIZE) {
    return fail(std::string("not in a laboratory: ") + variable + " names no processor");
  }
  return cpu;
}

}  // namespace

Result<unsigned> server_cpu() { return processor_from("LAB_SERVER_CPU"); }
Result<unsigned> load_cpu() { return processor_from("LAB_LOAD_CPU"); }

Result<void> pin_to_load_cpu() {
  const unsigned cpu = TRY(load_cpu());
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) return fail_system("LAB_LOAD_CPU", errno);
  return {};
}

}  // namespace holdfast::bench
