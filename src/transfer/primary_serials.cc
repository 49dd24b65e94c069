// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/primary_serials.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <sstream>

#include "base/file.h"

namespace holdfast::transfer {

namespace {

constexpr size_t file_bytes_max = size_t{1} << 30;
constexpr size_t spare_lines = 1000;
constexpr unsigned mode = 0600;
constexpr const char* unknown = "-";

Bytes to_bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::optional<uint32_t> to_serial(const std::string& text) {
  uint32_t serial = 0;
  const char* end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, serial);
  if (error != std::errc() || last != end) return std::nullopt;
  return serial;
}

std::string line_of(const std::string& zone, uint32_t served, std::optional<uint32_t> primary) {
  return zone + " " + std::to_string(served) + " " +
         (primary ? std::to_string(*primary) : unknown) + "\n";
}

}  // namespace

PrimarySerials::PrimarySerials(const std::string& state_directory)
    : path_(state_directory + "/primary-serials") {
  const auto content = read_file(path_, file_bytes_max);
  if (!content) return;
  std::istringstream lines(*content);
  for (std::string line; std::getline(lines, line);) {
    ++lines_;
    if (!lines.eof()) take_line(line);  // without its end it was cut short
  }
}

// A zone alone: it was forgotten.
void PrimarySerials::take_line(const std::string& line) {
  std::istringstream words(line);
  std::string zone;
  std::string served;
  std::string primary;
  words >> zone >> served >> primary;
  if (served.empty()) {
    const auto found = zones_.find(zone);
    if (found == zones_.end()) return;
    versions_ -= found->second.size();
    zones_.erase(found);
    return;
  }
  const auto serial = to_serial(served);
  const auto of_primary = to_serial(primary);
  if (!serial || (!of_primary && primary != unknown)) return;
  enter(zone, {.served = *serial, .primary = of_primary});
}

void PrimarySerials::enter(const std::string& zone, const Version& version) {
  Versions& versions = zones_[zone];
  const size_t before = versions.size();
  std::erase_if(versions, [&](const Version& known) { return known.served == version.served; });
  versions.push_back(version);
  if (versions.size() > versions_max) versions.pop_front();
  versions_ += versions.size() - before;
}

const PrimarySerials::Version* PrimarySerials::version_of(const std::string& zone,
                                                          uint32_t served) const {
  const auto found = zones_.find(zone);
  if (found == zones_.end()) return nullptr;
  const auto version = std::ranges::find(found->second, served, &Version::served);
  return version == found->second.end() ? nullptr : &*version;
}

std::optional<uint32_t> PrimarySerials::find(const std::string& zone, uint32_t served) const {
  const std::scoped_lock lock(mutex_);
  if (!zones_.contains(zone)) return served;
  const Version* version = version_of(zone, served);
  return version == nullptr ? std::nullopt : version->primary;
}

bool PrimarySerials::holds(const std::string& zone) const {
  const std::scoped_lock lock(mutex_);
  return zones_.contains(zone);
}

bool PrimarySerials::holds(const std::string& zone, uint32_t served) const {
  const std::scoped_lock lock(mutex_);
  return version_of(zone, served) != nullptr;
}

Result<void> PrimarySerials::note(const std::string& zone, uint32_t served,
                                  std::optional<uint32_t> primary) {
  const std::scoped_lock lock(mutex_);
  const Version* known = version_of(zone, served);
  if (known != nullptr && known->primary == primary) return {};
  enter(zone, {.served = served, .primary = primary});
  return append(line_of(zone, served, primary));
}

Result<void> PrimarySerials::forget(const std::string& zone) {
  const std::scoped_lock lock(mutex_);
  const auto found = zones_.find(zone);
  if (found == zones_.end()) return {};
  versions_ -= found->second.size();
  zones_.erase(found);
  return append(zone + "\n");
}

Result<void> PrimarySerials::append(const std::string& line) {
  if (++lines_ > 2 * versions_ + spare_lines) return rewrite();
  const UniqueFd file(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, mode));
  if (!file.valid()) return fail_system(path_, errno);
  return write_all(file.get(), to_bytes(line), path_);
}

Result<void> PrimarySerials::rewrite() {
  std::string content;
  for (const auto& [zone, versions] : zones_) {
    for (const Version& version : versions) {
      content += line_of(zone, version.served, version.primary);
    }
  }
  TRY(replace_file(path_, to_bytes(content), mode));
  lines_ = versions_;
  return {};
}

}  // namespace holdfast::transfer
