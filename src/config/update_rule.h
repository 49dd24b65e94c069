// SPDX-License-Identifier: GPL-3.0-or-later
// Who may change what of a zone by dynamic update (RFC 2136 §3.3).
//
// Text "KEY [NAMES] [TYPES]": a request that the [[key]] has signed may change records of these
// names and types. NAMES is `any` (all of the zone, also if it is left out), `self` (the name that
// is the key's own), `under-self` (those below it as well), `name:NAME` or `under:NAME` (that name
// and those below it). TYPES are mnemonics in upper case with commas between; left out: all.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "wire/name.h"

namespace holdfast::config {

struct UpdateRule {
  enum class Names : uint8_t { any, self, under_self, name, under };

  std::string key;  // canonical text
  Names names = Names::any;
  std::string name;             // canonical text; of `name` and `under` alone
  std::vector<uint16_t> types;  // ascending; empty: all

  // Whether the rule is about the name, whatever the type.
  [[nodiscard]] bool covers_name(wire::NameView owner) const;
  [[nodiscard]] bool covers(wire::NameView owner, uint16_t type) const;
  [[nodiscard]] std::string to_text() const;
  friend bool operator==(const UpdateRule&, const UpdateRule&) = default;
};

[[nodiscard]] Result<UpdateRule> parse_update_rule(std::string_view text);

}  // namespace holdfast::config
