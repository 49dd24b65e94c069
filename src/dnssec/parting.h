// SPDX-License-Identifier: GPL-3.0-or-later
// How far a zone has come on its way to be served unsigned (RFC 6781 §4.4.2): asked the parent for
// the removal of its DS, or seen that there is none any more.
//
// Kept in the zone's key folder, in the file "unsigning". Management only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "dnssec/rollover.h"

namespace holdfast::dnssec {

struct Parting {
  // Since when the parent has no DS; none: it has, or nobody knows.
  std::optional<uint64_t> ds_gone_s = {};

  // When signatures may go: no cache has the DS any more.
  [[nodiscard]] uint64_t unsigned_at_s(const RolloverTimes& times) const {
    return ds_gone_s ? *ds_gone_s + times.ds_ttl_s + times.propagation_s : UINT64_MAX;
  }
};

[[nodiscard]] Result<Parting> load_parting(const std::string& folder);
[[nodiscard]] Result<void> save_parting(const Parting& parting, const std::string& folder);
// Whether there is such a file.
[[nodiscard]] bool is_parting(const std::string& folder);
// The zone stays signed.
[[nodiscard]] Result<void> end_parting(const std::string& folder);

}  // namespace holdfast::dnssec
