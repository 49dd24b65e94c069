// SPDX-License-Identifier: GPL-3.0-or-later
// The digest over a whole zone (RFC 8976, scheme SIMPLE): made and verified.
//
// One walk over all records. Any thread; contents are finished.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dnssec/key_roles.h"
#include "dnssec/zone_signer.h"

namespace holdfast::dnssec {

// RDATA of the ZONEMD record that fits the contents. `method` is not `no`.
[[nodiscard]] std::vector<uint8_t> make_zonemd_rdata(const zone::Contents& contents, Zonemd method);

// What is wrong with the ZONEMD records at the apex; nothing if one of them fits, or there is none,
// or none is of a scheme and digest that are known here (RFC 8976 §4).
[[nodiscard]] std::optional<std::string> check_zonemd(const zone::Contents& contents);

// The zone with a signed ZONEMD record, for the signer.
[[nodiscard]] Result<SignedZone> add_zonemd(const SigningTask& task, const KeyRoles& roles,
                                            SignedZone made);

}  // namespace holdfast::dnssec
