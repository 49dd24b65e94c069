// SPDX-License-Identifier: GPL-3.0-or-later
#include "core_time.h"

#include <array>
#include <sstream>

#include "base/file.h"

namespace holdfast::bench {
namespace {

constexpr const char* stat_path = "/proc/stat";
constexpr size_t stat_bytes_max = 1U << 20;
constexpr uint64_t tick_ms = 10;

}  // namespace

Result<CoreTime> parse_core_time(std::string_view text, unsigned cpu) {
  const std::string label = "cpu" + std::to_string(cpu);
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first;
    words >> first;
    if (first != label) continue;
    uint64_t user = 0, nice = 0, system = 0, idle = 0, waiting = 0, hard = 0, soft = 0, steal = 0;
    words >> user >> nice >> system >> idle >> waiting >> hard >> soft >> steal;
    if (!words) break;
    return CoreTime{tick_ms * (user + nice + system + hard + soft), tick_ms * steal};
  }
  return fail(std::string(stat_path) + ": no line of eight numbers for " + label);
}

Result<CoreTime> read_core_time(unsigned cpu) {
  return parse_core_time(TRY(read_file(stat_path, stat_bytes_max)), cpu);
}

}  // namespace holdfast::bench
