// SPDX-License-Identifier: GPL-3.0-or-later
// The answer to a request signed with a key that the server does not have, as it has none yet:
// NOTAUTH with an unsigned TSIG that says BADKEY (RFC 8945 §5.2.1).
#pragma once

#include "wire/response_writer.h"

namespace holdfast::answer {

// Key name, algorithm name and ten bytes of head, then time, fudge, MAC size, ID, error, other.
constexpr size_t tsig_error_bytes_max = 2 * wire::name_bytes_max + 10 + 16;

// `tsig_start` is the offset of the request's TSIG record. Returns the size of the record written
// to `out`, or 0 if the request's is malformed.
[[nodiscard]] size_t make_tsig_error(Bytes packet, size_t tsig_start,
                                     std::array<uint8_t, tsig_error_bytes_max>& out);

}  // namespace holdfast::answer
