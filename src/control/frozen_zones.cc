// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/frozen_zones.h"

#include <sstream>

#include "base/bytes.h"
#include "base/file.h"

namespace holdfast::control {

namespace {

constexpr size_t file_bytes_max = size_t{64} << 20;
constexpr unsigned file_mode = 0640;

}  // namespace

FrozenZones::FrozenZones(const std::string& state_directory) : path_(state_directory + "/frozen") {
  const auto text = read_file(path_, file_bytes_max);
  if (!text) return;  // none were
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) zones_.insert(line);
}

Result<void> FrozenZones::add(const std::string& zone) {
  std::set<std::string> zones = zones_;
  zones.insert(zone);
  return write(std::move(zones));
}

Result<void> FrozenZones::remove(const std::string& zone) {
  std::set<std::string> zones = zones_;
  zones.erase(zone);
  return write(std::move(zones));
}

Result<void> FrozenZones::write(std::set<std::string> zones) {
  std::string text;
  for (const std::string& zone : zones) text += zone + '\n';
  TRY(replace_file(path_, std::vector<uint8_t>(text.begin(), text.end()), file_mode));
  zones_ = std::move(zones);
  return {};
}

}  // namespace holdfast::control
