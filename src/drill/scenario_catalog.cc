// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/scenario_catalog.h"

#include "base/file.h"

extern "C" const char drill_scenario_files[];
extern "C" const char drill_scenario_files_end[];

namespace holdfast::drill {
namespace {

// The text up to the next zero byte, which is taken away with it.
std::string_view take_text(std::string_view& rest) {
  const size_t end = rest.find('\0');
  const std::string_view text = rest.substr(0, end);
  rest.remove_prefix(std::min(end, rest.size() - 1) + 1);
  return text;
}

}  // namespace

std::vector<CatalogEntry> scenario_catalog() {
  std::vector<CatalogEntry> entries;
  std::string_view rest(&drill_scenario_files[0], static_cast<size_t>(&drill_scenario_files_end[0] -
                                                                      &drill_scenario_files[0]));
  while (!rest.empty()) {
    const std::string_view name = take_text(rest);
    entries.push_back({name, rest.empty() ? std::string_view{} : take_text(rest)});
  }
  return entries;
}

Result<Scenario> find_scenario(const std::string& name_or_path) {
  for (const CatalogEntry& entry : scenario_catalog()) {
    if (entry.name == name_or_path) return parse_scenario(entry.text, name_or_path);
  }
  const bool is_path =
      name_or_path.find('/') != std::string::npos || name_or_path.ends_with(".toml");
  if (is_path)
    return parse_scenario(TRY(read_file(name_or_path, scenario_bytes_max)), name_or_path);
  std::string known;
  for (const CatalogEntry& entry : scenario_catalog()) known += "\n  " + std::string(entry.name);
  return fail("no scenario '" + name_or_path + "': expected a file, or one of" + known);
}

}  // namespace holdfast::drill
