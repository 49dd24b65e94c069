// SPDX-License-Identifier: GPL-3.0-or-later
#include <unistd.h>

#include "base/clock.h"
#include "drill/processor_time.h"
#include "lab_commands.h"

namespace holdfast::bench {
namespace {

constexpr useconds_t pause_us = 1000;

Result<std::vector<uint64_t>> read_all(const ProcessorArguments& arguments) {
  std::vector<uint64_t> times;
  times.reserve(arguments.processes.size() + arguments.threads.size());
  for (const pid_t process : arguments.processes) {
    times.push_back(TRY(drill::process_time_ns(process)));
  }
  for (const pid_t thread : arguments.threads) {
    times.push_back(TRY(drill::thread_time_ns(thread)));
  }
  return times;
}

}  // namespace

Result<boost::json::object> measure_processor(const ProcessorArguments& arguments) {
  const SystemClock clock;
  const std::vector<uint64_t> before = TRY(read_all(arguments));
  const uint64_t start_ns = clock.monotonic_ns();
  const auto length_ns = static_cast<uint64_t>(arguments.seconds * 1e9);
  while (!stop && clock.monotonic_ns() - start_ns < length_ns) usleep(pause_us);
  const std::vector<uint64_t> after = TRY(read_all(arguments));
  const uint64_t elapsed_ns = clock.monotonic_ns() - start_ns;

  boost::json::object processes;
  boost::json::object threads;
  uint64_t total_ns = 0;
  for (size_t index = 0; index < after.size(); ++index) {
    const uint64_t used_ns = after[index] - before[index];
    total_ns += used_ns;
    const size_t process_count = arguments.processes.size();
    if (index < process_count) {
      processes[std::to_string(arguments.processes[index])] = used_ns;
    } else {
      threads[std::to_string(arguments.threads[index - process_count])] = used_ns;
    }
  }
  return boost::json::object{
      {"elapsed_ns", elapsed_ns}, {"total_ns", total_ns}, {"pids", processes}, {"tids", threads}};
}

}  // namespace holdfast::bench
