// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/refresh_register.h"

#include <fcntl.h>

#include <cerrno>
#include <charconv>
#include <string_view>

#include "base/file.h"

namespace holdfast::transfer {

namespace {

constexpr size_t file_bytes_max = size_t{1} << 30;
constexpr size_t spare_lines = 1000;

Bytes to_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string line_of(const std::string& zone, uint64_t unix_s) {
  return zone + " " + std::to_string(unix_s) + "\n";
}

}  // namespace

RefreshRegister::RefreshRegister(const std::string& state_directory)
    : path_(state_directory + "/secondaries") {
  const auto content = read_file(path_, file_bytes_max);
  if (!content) return;
  std::string_view rest = *content;
  for (size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    const size_t space = line.find(' ');
    if (space == std::string_view::npos) continue;
    uint64_t unix_s = 0;
    const auto [last, error] =
        std::from_chars(line.data() + space + 1, line.data() + line.size(), unix_s);
    if (error != std::errc() || last != line.data() + line.size()) continue;
    refreshed_.insert_or_assign(std::string(line.substr(0, space)), unix_s);
  }
}

uint64_t RefreshRegister::find(const std::string& zone) const {
  const auto found = refreshed_.find(zone);
  return found == refreshed_.end() ? 0 : found->second;
}

void RefreshRegister::set(const std::string& zone, uint64_t unix_s) {
  refreshed_.insert_or_assign(zone, unix_s);
  pending_ += line_of(zone, unix_s);
  ++lines_;
}

void RefreshRegister::erase(const std::string& zone) {
  if (refreshed_.erase(zone) == 1) is_to_rewrite_ = true;
}

Result<void> RefreshRegister::flush() {
  if (is_to_rewrite_ || lines_ > 2 * refreshed_.size() + spare_lines) return rewrite();
  if (pending_.empty()) return {};
  const UniqueFd file(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid()) return fail_system(path_, errno);
  TRY(write_all(file.get(), to_bytes(pending_), path_));
  pending_.clear();
  return {};
}

Result<void> RefreshRegister::rewrite() {
  std::string content;
  for (const auto& [zone, unix_s] : refreshed_) content += line_of(zone, unix_s);
  TRY(replace_file(path_, to_bytes(content), 0600));
  lines_ = refreshed_.size();
  pending_.clear();
  is_to_rewrite_ = false;
  return {};
}

}  // namespace holdfast::transfer
