// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/published_catalogs.h"

#include <algorithm>

#include "base/file.h"
#include "transfer/catalog.h"

namespace holdfast::control {

namespace {

constexpr size_t file_bytes_max = size_t{2} << 30;
constexpr unsigned file_mode = 0640;
constexpr unsigned directory_mode = 0750;

Result<void> write_one(const config::ZoneSource& catalog, const std::string& body,
                       uint64_t now_unix_s) {
  const auto kept = read_file(catalog.file, file_bytes_max);  // none: it is new
  const uint32_t before = kept ? transfer::catalog_serial(catalog.name, *kept) : 0;
  if (before != 0 && *kept == transfer::catalog_head(catalog.name, before) + body) return {};
  // After a step back of the clock too.
  const auto now = static_cast<uint32_t>(now_unix_s);
  const uint32_t serial = std::max({before + 1, now, uint32_t{1}});
  const std::string text = transfer::catalog_head(catalog.name, serial) + body;
  const size_t slash = catalog.file.rfind('/');
  TRY(make_directories(catalog.file.substr(0, slash), directory_mode));
  return replace_file(catalog.file,
                      Bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size()), file_mode);
}

}  // namespace

Result<void> write_published_catalogs(std::span<const config::ZoneSource> zones,
                                      uint64_t now_unix_s) {
  for (const config::ZoneSource& zone : zones) {
    if (!zone.is_published_catalog) continue;
    TRY(write_one(zone, transfer::catalog_text(zone.name, zones), now_unix_s));
  }
  return {};
}

}  // namespace holdfast::control
