// SPDX-License-Identifier: GPL-3.0-or-later
#include "server/core_rest.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <charconv>

namespace holdfast::server {

namespace {

// proc(5): user, nice, system, idle, iowait, irq, softirq, steal; what guests use is in user.
constexpr size_t fields = 8;
constexpr size_t idle_field = 3;
constexpr size_t iowait_field = 4;

}  // namespace

std::optional<CoreTicks> find_core_ticks(std::string_view stat, unsigned core) {
  std::array<char, 16> name{'\n', 'c', 'p', 'u'};
  const auto written = std::to_chars(name.data() + 4, name.data() + name.size() - 1, core);
  *written.ptr = ' ';
  const std::string_view wanted(name.data(), static_cast<size_t>(written.ptr - name.data()) + 1);
  const size_t at = stat.find(wanted);
  if (at == std::string_view::npos) return std::nullopt;
  const char* place = stat.data() + at + wanted.size();
  const char* const end = stat.data() + stat.size();
  CoreTicks ticks;
  for (size_t field = 0; field < fields; ++field) {
    uint64_t value = 0;
    const auto [after, error] = std::from_chars(place, end, value);
    if (error != std::errc() || after == end) return std::nullopt;
    ticks.all += value;
    if (field == idle_field || field == iowait_field) ticks.rest += value;
    place = after + 1;
  }
  return ticks;
}

CoreRest::CoreRest() : file_(open("/proc/stat", O_RDONLY | O_CLOEXEC)) {}

std::optional<uint32_t> CoreRest::read(uint64_t now_ns) {
  if (!file_.valid() || now_ns - read_ns_ < span_ns) return std::nullopt;
  const bool is_recent = now_ns - read_ns_ < 2 * span_ns;
  read_ns_ = now_ns;
  const int core = sched_getcpu();
  const ssize_t bytes = pread(file_.get(), text_.data(), text_.size(), 0);
  if (core < 0 || bytes <= 0) return std::nullopt;
  const auto now =
      find_core_ticks({text_.data(), static_cast<size_t>(bytes)}, static_cast<unsigned>(core));
  const auto before = before_;
  const bool is_same = core_ == static_cast<unsigned>(core);
  before_ = now;
  core_ = static_cast<unsigned>(core);
  if (!is_recent || !is_same || !now || !before || now->all <= before->all) return std::nullopt;
  const uint64_t all = now->all - before->all;
  // The kernel may take back some of what it has told of rest (proc(5)).
  const uint64_t rest = now->rest < before->rest ? 0 : now->rest - before->rest;
  return static_cast<uint32_t>(rest * 1000 / all);
}

}  // namespace holdfast::server
