// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/rdata_order.h"

#include <algorithm>
#include <cstring>

#include "wire/name.h"
#include "wire/types.h"

namespace holdfast::zone {

namespace {

// Where the names of an RDATA lie; nothing if begin == end.
struct NameRange {
  size_t begin = 0;
  size_t end = 0;
};

NameRange names_after(Bytes rdata, size_t begin, size_t name_count) {
  if (begin > rdata.size()) return {};
  size_t end = begin;
  for (size_t i = 0; i < name_count; ++i) {
    end += wire::uncompressed_name_size(rdata.subspan(end));
  }
  return {begin, end};
}

NameRange naptr_name(Bytes rdata) {
  size_t at = 4;
  for (int strings = 0; strings < 3 && at < rdata.size(); ++strings) at += 1U + rdata[at];
  return names_after(rdata, at, 1);
}

NameRange a6_name(Bytes rdata) {
  if (rdata.empty() || rdata[0] == 0 || rdata[0] > 128) return {};
  return names_after(rdata, 1U + (128U - rdata[0] + 7) / 8, 1);
}

// RFC 4034 §6.2 as RFC 6840 §5.1 corrects it.
NameRange folded_names(uint16_t type, Bytes rdata) {
  switch (type) {
    case wire::type_ns:
    case wire::type_md:
    case wire::type_mf:
    case wire::type_cname:
    case wire::type_mb:
    case wire::type_mg:
    case wire::type_mr:
    case wire::type_ptr:
    case wire::type_dname:
    case wire::type_nxt:
      return names_after(rdata, 0, 1);
    case wire::type_soa:
    case wire::type_minfo:
    case wire::type_rp:
      return names_after(rdata, 0, 2);
    case wire::type_mx:
    case wire::type_afsdb:
    case wire::type_rt:
    case wire::type_kx:
      return names_after(rdata, 2, 1);
    case wire::type_px:
      return names_after(rdata, 2, 2);
    case wire::type_srv:
      return names_after(rdata, 6, 1);
    case wire::type_sig:
    case wire::type_rrsig:
      return names_after(rdata, 18, 1);
    case wire::type_naptr:
      return naptr_name(rdata);
    case 38:  // A6, RFC 2874
      return a6_name(rdata);
    default:
      return {};
  }
}

}  // namespace

int compare_rdata(uint16_t type, Bytes a, Bytes b) {
  const NameRange names_a = folded_names(type, a);
  const NameRange names_b = folded_names(type, b);
  const size_t shared = std::min(a.size(), b.size());
  if (names_a.begin == names_a.end && names_b.begin == names_b.end) {
    const int difference = shared == 0 ? 0 : std::memcmp(a.data(), b.data(), shared);
    if (difference != 0) return difference;
  } else {
    const auto byte_at = [](Bytes rdata, NameRange names, size_t at) {
      return at >= names.begin && at < names.end ? wire::to_lower(rdata[at]) : rdata[at];
    };
    for (size_t i = 0; i < shared; ++i) {
      const int difference = byte_at(a, names_a, i) - byte_at(b, names_b, i);
      if (difference != 0) return difference;
    }
  }
  return a.size() < b.size() ? -1 : static_cast<int>(a.size() > b.size());
}

}  // namespace holdfast::zone
