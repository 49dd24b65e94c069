// SPDX-License-Identifier: GPL-3.0-or-later
// Another provider that signs the same zones (RFC 8901), as `policy.signers` writes it: its name,
// the addresses of its servers, and their names in the zones' NS.
//
// Plain values; pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"

namespace holdfast::config {

constexpr size_t signer_servers_max = 8;
constexpr size_t signer_names_max = 8;
constexpr size_t signer_name_bytes_max = 32;

struct SignerSetting {
  std::string name;                    // letters, digits, '-' and '_'
  std::vector<Endpoint> servers = {};  // that are asked what it serves; at least one
  // Canonical text; none: NS is the operator's business.
  std::vector<std::string> name_servers = {};

  [[nodiscard]] std::string to_text() const;
  friend bool operator==(const SignerSetting&, const SignerSetting&) = default;
};

// "name address[@port]… [name-server]…"
[[nodiscard]] Result<SignerSetting> parse_signer(std::string_view text);

}  // namespace holdfast::config
