// SPDX-License-Identifier: GPL-3.0-or-later
// Names that stand for other names: CNAME (RFC 1034 §3.6.2) and DNAME (RFC 6672).
#pragma once

#include "wire/name.h"
#include "zone/view.h"

namespace holdfast::answer {

// The name in the first record's rdata: where a CNAME or DNAME points.
[[nodiscard]] wire::NameView alias_target(const zone::RrsetView& alias);

// `name` with its suffix `owner` replaced by `target`. False if it comes out over 255 bytes
// (RFC 6672 §2.2: YXDOMAIN).
[[nodiscard]] bool substitute_suffix(wire::NameView name, wire::NameView owner,
                                     wire::NameView target, wire::Name& result);

// The CNAME that stands beside a DNAME in the answer, for resolvers that do not know DNAME
// (RFC 6672 §3.1): unsigned, with the DNAME's TTL.
class SynthesizedCname {
 public:
  SynthesizedCname(wire::NameView target, uint32_t ttl);

  // Valid as long as this is.
  [[nodiscard]] zone::RrsetView rrset() const;

 private:
  static constexpr size_t head_bytes = 12;

  uint32_t ttl_;
  size_t size_;
  std::array<uint8_t, head_bytes + wire::name_bytes_max> record_;
};

}  // namespace holdfast::answer
