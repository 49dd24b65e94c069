// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/key_folder.h"

#include "dnssec/key_file.h"

namespace holdfast::dnssec {

std::string key_folder(const std::string& state_directory, wire::NameView zone) {
  std::string name = zone.is_root() ? "@" : zone_in_file_name(zone);
  if (name.back() == '.') name.pop_back();
  return state_directory + "/keys/" + name;
}

}  // namespace holdfast::dnssec
