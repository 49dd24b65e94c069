// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes parse without a fault, and what is set refers to the packet.
#include "base/check.h"
#include "wire/query.h"

using namespace holdfast;
using namespace holdfast::wire;

static void check_inside(Bytes part, Bytes packet) {
  if (part.empty()) return;
  CHECK(part.data() >= packet.data());
  CHECK(part.data() + part.size() <= packet.data() + packet.size());
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Bytes packet(data, size);
  Query query;
  const QueryError error = parse_query(packet, query);
  if (error == QueryError::too_short) return 0;
  CHECK(query.question_end <= size);
  if (query.has_question) {
    check_inside(query.qname.bytes(), packet);
    CHECK(uncompressed_name_size(query.qname.bytes()) == query.qname.size());
    CHECK(query.question_end == header_bytes + query.qname.size() + 4);
  } else {
    CHECK(query.question_end == header_bytes);
  }
  CHECK(query.edns.payload_bytes >= 512);
  if (query.edns.cookie_present) {
    CHECK(query.edns.client_cookie.size() == 8);
    check_inside(query.edns.client_cookie, packet);
    check_inside(query.edns.server_cookie, packet);
  }
  return 0;
}
