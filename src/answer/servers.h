// SPDX-License-Identifier: GPL-3.0-or-later
// The name servers that an NS RRset of zone memory names.
#pragma once

#include "zone/view.h"

namespace holdfast::answer {

// Calls `visit(server's name)` for each NS record.
template <typename Visit>
void for_each_server(const zone::RrsetView& servers, Visit&& visit) {
  constexpr size_t rdlength_offset = 10;
  constexpr size_t rdata_offset = 12;
  Bytes rest = servers.records;
  while (!rest.empty()) {
    const size_t rdata_bytes = load_be16(rest.data() + rdlength_offset);
    visit(wire::NameView(rest.subspan(rdata_offset, rdata_bytes)));
    rest = rest.subspan(rdata_offset + rdata_bytes);
  }
}

}  // namespace holdfast::answer
