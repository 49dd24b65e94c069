// SPDX-License-Identifier: GPL-3.0-or-later
// RDATA of any type comes apart without a fault, its parts cover it, and it has a text. Two bytes
// of type first.
#include <vector>

#include "base/check.h"
#include "wire/rdata.h"
#include "wire/rdata_text.h"

using namespace holdfast;
using namespace holdfast::wire;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 2 + 65535) return 0;
  const uint16_t type = load_be16(data);
  std::vector<uint8_t> rdata(data + 2, data + size);
  RdataParts parts(type, rdata);
  RdataPart part;
  size_t at = 0;
  while (parts.next(part)) {
    CHECK(part.offset == at);
    at += part.bytes.size();
    CHECK(!is_name(part.field) || uncompressed_name_size(part.bytes) == part.bytes.size());
  }
  CHECK(!parts.well_formed() || at == rdata.size());
  CHECK(!rdata_to_text(type, rdata).empty());
  CHECK(fold_rdata_names(type, rdata) == rdata_is_well_formed(type, rdata));
  return 0;
}
