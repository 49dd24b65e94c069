// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/processor_time.h"

#include <dirent.h>

#include <charconv>
#include <memory>
#include <string>

#include "base/file.h"

namespace holdfast::drill {
namespace {

constexpr size_t proc_file_bytes_max = 65536;

// The numbers that are names in a folder of /proc.
std::vector<pid_t> numbers_in(const std::string& folder) {
  std::vector<pid_t> numbers;
  const auto close = [](DIR* directory) { closedir(directory); };
  const std::unique_ptr<DIR, decltype(close)> directory(opendir(folder.c_str()), close);
  if (!directory) return numbers;
  while (const dirent* entry = readdir(directory.get())) {
    const std::string_view name = static_cast<const char*>(entry->d_name);
    pid_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc{} && end == name.data() + name.size()) numbers.push_back(number);
  }
  return numbers;
}

Result<uint64_t> read_schedstat(const std::string& path) {
  const std::string text = TRY(read_file(path, proc_file_bytes_max));
  uint64_t time_ns = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), time_ns);
  if (error != std::errc{}) return fail(path + ": expected a number, found '" + text + "'");
  return time_ns;
}

}  // namespace

Result<uint64_t> thread_time_ns(pid_t thread) {
  return read_schedstat("/proc/" + std::to_string(thread) + "/schedstat");
}

Result<uint64_t> process_time_ns(pid_t process) {
  const std::string folder = "/proc/" + std::to_string(process) + "/task";
  const std::vector<pid_t> threads = threads_of(process);
  if (threads.empty()) return fail("there is no process " + std::to_string(process));
  uint64_t total = 0;
  for (const pid_t thread : threads) {
    // A thread may end between the listing and the reading.
    const auto time_ns = read_schedstat(folder + "/" + std::to_string(thread) + "/schedstat");
    total += time_ns.value_or(0);
  }
  return total;
}

std::vector<pid_t> process_tree(pid_t process) {
  std::vector<pid_t> tree{process};
  for (size_t index = 0; index < tree.size(); ++index) {
    const std::string folder = "/proc/" + std::to_string(tree[index]) + "/task";
    for (const pid_t thread : numbers_in(folder)) {
      const auto text =
          read_file(folder + "/" + std::to_string(thread) + "/children", proc_file_bytes_max);
      if (!text) continue;
      const char* at = text->data();
      const char* end = at + text->size();
      while (at < end) {
        pid_t child = 0;
        const auto [next, error] = std::from_chars(at, end, child);
        if (error != std::errc{}) break;
        tree.push_back(child);
        at = next + 1;
      }
    }
  }
  return tree;
}

std::vector<pid_t> threads_of(pid_t process) {
  return numbers_in("/proc/" + std::to_string(process) + "/task");
}

std::vector<int> descriptors_of(pid_t process) {
  return numbers_in("/proc/" + std::to_string(process) + "/fd");
}

std::vector<pid_t> find_kernel_threads(std::string_view name_prefix) {
  std::vector<pid_t> found;
  for (const pid_t process : numbers_in("/proc")) {
    const std::string folder = "/proc/" + std::to_string(process);
    const auto name = read_file(folder + "/comm", proc_file_bytes_max);
    if (!name || !name->starts_with(name_prefix)) continue;
    // Only kernel threads have no command line.
    const auto command = read_file(folder + "/cmdline", proc_file_bytes_max);
    if (command && command->empty()) found.push_back(process);
  }
  return found;
}

}  // namespace holdfast::drill
