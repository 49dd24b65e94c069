// SPDX-License-Identifier: GPL-3.0-or-later
// How a zone proves what does not exist, as the records at its apex say.
//
// A zone under change may hold NSEC and NSEC3 records at once, or several NSEC3 chains: a complete
// chain is one that an NSEC3PARAM at the apex names (RFC 5155 §4), and the first such is used.
#pragma once

#include "zone/layout.h"

namespace holdfast::zone {

struct DenialProfile {
  bool nsec = false;   // the apex has an NSEC
  bool nsec3 = false;  // the apex has an NSEC3PARAM that can be used
  uint8_t algorithm = 0;
  uint16_t iterations = 0;
  uint8_t salt_bytes = 0;
  std::array<uint8_t, 255> salt{};

  [[nodiscard]] static DenialProfile of_apex(const layout::Node* apex);
  // True for an owner of an NSEC3 record with these parameters.
  [[nodiscard]] bool matches_nsec3(const layout::Node* node) const;
  friend bool operator==(const DenialProfile&, const DenialProfile&) = default;
};

// The serial of the SOA at the apex; 0 without one.
[[nodiscard]] uint32_t serial_of_apex(const layout::Node* apex);

}  // namespace holdfast::zone
