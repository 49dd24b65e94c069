// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/tcp_counters.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace holdfast::shield {

namespace {

// The next word of a line, and the line without it.
std::string_view take_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size());
  return word;
}

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

}  // namespace

uint64_t TcpCounters::beyond_room() const {
  constexpr size_t cookies_sent = 0;
  constexpr size_t full_cookies = 5;
  constexpr size_t full_drops = 6;
  // With cookies at all times the room is never full.
  return std::max(values[cookies_sent], values[full_cookies]) + values[full_drops];
}

// proc_net_netstat: a line of names, then one of values, for each group.
std::optional<TcpCounters> find_tcp_counters(std::string_view text) {
  while (!text.empty()) {
    std::string_view names = take_line(text);
    if (take_word(names) != "TcpExt:") continue;
    std::string_view values = take_line(text);
    if (take_word(values) != "TcpExt:") return std::nullopt;
    TcpCounters counters;
    bool is_any = false;
    while (true) {
      const std::string_view name = take_word(names);
      const std::string_view value = take_word(values);
      if (name.empty() || value.empty()) break;
      const auto* const found = std::ranges::find(TcpCounters::names, name);
      if (found == TcpCounters::names.end()) continue;
      uint64_t& to = counters.values[static_cast<size_t>(found - TcpCounters::names.begin())];
      std::from_chars(value.data(), value.data() + value.size(), to);
      is_any = true;
    }
    if (!is_any) return std::nullopt;
    return counters;
  }
  return std::nullopt;
}

TcpCounterReader::TcpCounterReader() : file_(open("/proc/net/netstat", O_RDONLY | O_CLOEXEC)) {}

std::optional<TcpCounters> TcpCounterReader::read() {
  if (!file_.valid()) return std::nullopt;
  const ssize_t bytes = pread(file_.get(), text_.data(), text_.size(), 0);
  if (bytes <= 0) return std::nullopt;
  return find_tcp_counters({text_.data(), static_cast<size_t>(bytes)});
}

std::optional<uint32_t> read_syncookies() {
  const UniqueFd file(open("/proc/sys/net/ipv4/tcp_syncookies", O_RDONLY | O_CLOEXEC));
  std::array<char, 16> text{};
  const ssize_t bytes = file.valid() ? read(file.get(), text.data(), text.size()) : -1;
  uint32_t value = 0;
  if (bytes <= 0) return std::nullopt;
  const auto [at, error] = std::from_chars(text.data(), text.data() + bytes, value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

}  // namespace holdfast::shield
