// SPDX-License-Identifier: GPL-3.0-or-later
// Records as zone files write them.
//
// All types have their own form where one is defined; RDATA without one, malformed, or such that
// its own form would not read back as the same bytes, takes the generic form of RFC 3597 §5. Names
// are absolute, numbers stand for mnemonics except for types and the DSYNC scheme. Management only:
// it allocates.
#pragma once

#include <string>

#include "wire/name.h"

namespace holdfast::wire {

// "10 mail.example.com."
[[nodiscard]] std::string rdata_to_text(uint16_t type, Bytes rdata);

// "\# 4 C0000201"
[[nodiscard]] std::string rdata_to_generic_text(Bytes rdata);

// "www.example.com. 3600 IN A 192.0.2.1", without a line feed.
[[nodiscard]] std::string record_to_text(NameView owner, uint16_t type, uint32_t ttl, Bytes rdata);

}  // namespace holdfast::wire
