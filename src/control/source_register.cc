// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/source_register.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>

#include "base/hash.h"

namespace holdfast::control {

namespace {

constexpr std::string_view header = "holdfast zone-sources 1\n";
// Far above a million zones with long paths.
constexpr size_t file_bytes_max = size_t{1} << 30;
constexpr size_t pending_bytes_max = size_t{1} << 20;
// Two ticks of the slowest usual kernel clock (100 Hz): a file changed within them may carry the
// time of before.
constexpr uint64_t clock_tick_margin_ns = 20'000'000;
// Outdated lines that are not worth a rewrite, however few the zones.
constexpr size_t outdated_lines_min = 1000;

uint64_t to_ns(const timespec& time) {
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

// Folds one file into `digest`; false if that is not possible.
bool add_file(uint64_t& digest, const std::string& path, uint64_t before_unix_ns) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return false;
  const uint64_t changed_ns = to_ns(status.st_ctim);
  if (changed_ns >= before_unix_ns) return false;
  const HashKey key{digest, 0x686f6c6466617374};
  digest = hash_bytes({reinterpret_cast<const uint8_t*>(path.data()), path.size()}, key);
  for (const uint64_t part : {changed_ns, to_ns(status.st_mtim), uint64_t{status.st_ino},
                              static_cast<uint64_t>(status.st_size)}) {
    digest = hash_mix(digest ^ part, 0x9e3779b97f4a7c15) + part;
  }
  return true;
}

std::string_view take_field(std::string_view& line) {
  const size_t end = line.find('\t');
  const std::string_view field = line.substr(0, end);
  line = end == std::string_view::npos ? std::string_view{} : line.substr(end + 1);
  return field;
}

template <typename Number>
bool parse_number(std::string_view text, Number& number) {
  const auto [stopped, error] = std::from_chars(text.begin(), text.end(), number);
  return error == std::errc() && stopped == text.end();
}

void append_line(std::string& out, const std::string& zone, const KnownSource& source) {
  const size_t begin = out.size();
  out += zone + '\t' + std::to_string(source.generation) + '\t' +
         std::to_string(source.fingerprint) + '\t' + std::to_string(source.loaded_unix_s) + '\t' +
         std::to_string(source.failing_since_unix_s) + '\t' + source.file;
  for (const std::string& include : source.includes) out += '\t' + include;
  // A path with a tab or line break cannot be told apart: the zone is parsed again instead.
  const auto tabs =
      static_cast<size_t>(std::count(out.begin() + static_cast<ptrdiff_t>(begin), out.end(), '\t'));
  if (tabs != 5 + source.includes.size() || out.find('\n', begin) != std::string::npos) {
    out.resize(begin);
    return;
  }
  out += '\n';
}

}  // namespace

uint64_t reading_begins_unix_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return to_ns(now) - clock_tick_margin_ns;
}

uint64_t fingerprint_files(const std::string& file, std::span<const std::string> includes,
                           uint64_t salt, uint64_t before_unix_ns) {
  uint64_t digest = salt;
  if (!add_file(digest, file, before_unix_ns)) return 0;
  for (const std::string& include : includes) {
    if (!add_file(digest, include, before_unix_ns)) return 0;
  }
  return digest == 0 ? 1 : digest;
}

SourceRegister::SourceRegister(const std::string& state_directory)
    : path_(state_directory + "/zone-sources") {
  const auto content = read_file(path_, file_bytes_max);
  if (!content) return;
  if (!content->starts_with(header)) {
    is_foreign_ = true;
    return;
  }
  std::string_view rest = std::string_view(*content).substr(header.size());
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos) break;  // the end of the last write is missing
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    ++lines_;
    const std::string_view zone = take_field(line);
    KnownSource source;
    if (!parse_number(take_field(line), source.generation) ||
        !parse_number(take_field(line), source.fingerprint) ||
        !parse_number(take_field(line), source.loaded_unix_s) ||
        !parse_number(take_field(line), source.failing_since_unix_s)) {
      continue;
    }
    source.file = take_field(line);
    while (!line.empty()) source.includes.emplace_back(take_field(line));
    read_.insert_or_assign(std::string(zone), std::move(source));
  }
}

const KnownSource* SourceRegister::find(const std::string& zone) const {
  const auto found = read_.find(zone);
  return found == read_.end() ? nullptr : &found->second;
}

void SourceRegister::forget_read() { std::unordered_map<std::string, KnownSource>().swap(read_); }

void SourceRegister::append(const std::string& zone, const KnownSource& source) {
  append_line(pending_, zone, source);
  ++lines_;
  if (pending_.size() <= pending_bytes_max) return;
  // Losing lines costs a later parse only; the next flush tells of it.
  if (auto flushed = flush(); !flushed) failure_ = std::move(flushed.error());
}

bool SourceRegister::wants_rewrite(size_t zones) const {
  return is_foreign_ || lines_ > 2 * zones + outdated_lines_min;
}

Result<void> SourceRegister::rewrite(const std::function<void(const Put&)>& for_each) {
  std::string content(header);
  size_t lines = 0;
  for_each([&](const std::string& zone, const KnownSource& source) {
    append_line(content, zone, source);
    ++lines;
  });
  TRY(replace_file(path_, {reinterpret_cast<const uint8_t*>(content.data()), content.size()},
                   0640));
  pending_.clear();
  lines_ = lines;
  is_foreign_ = false;
  return {};
}

Result<void> SourceRegister::flush() {
  if (failure_) {
    Error failure = *std::exchange(failure_, std::nullopt);
    return std::unexpected(std::move(failure));
  }
  if (pending_.empty()) return {};
  const std::string pending = std::exchange(pending_, {});
  const UniqueFd fd(::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
  struct stat status{};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0) return fail_system(path_, errno);
  std::string text(status.st_size == 0 ? header : std::string_view{});
  // After a write that was cut short, the next line must not join the rest of it.
  char last = '\n';
  if (status.st_size > 0 && ::pread(fd.get(), &last, 1, status.st_size - 1) == 1 && last != '\n') {
    text += '\n';
  }
  text += pending;
  return write_all(fd.get(), {reinterpret_cast<const uint8_t*>(text.data()), text.size()}, path_);
}

}  // namespace holdfast::control
