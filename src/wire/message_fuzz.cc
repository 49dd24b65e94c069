// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes are read as a message without a fault, and expanded RDATA has no pointers left.
#include <vector>

#include "base/check.h"
#include "wire/message.h"
#include "wire/rdata.h"

using namespace holdfast;
using namespace holdfast::wire;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 65535) return 0;
  std::vector<uint8_t> scratch(rdata_bytes_max);
  const Bytes message(data, size);
  MessageReader reader(message, scratch);
  MessageRecord record;
  size_t records = 0;
  MessageReader::Step step = MessageReader::Step::item;
  while ((step = reader.next_record(record)) == MessageReader::Step::item) {
    ++records;
    CHECK(uncompressed_name_size(record.owner.view().bytes()) == record.owner.view().size());
    const CompressibleNames names = compressible_names(record.type);
    if (names.count > 0 && !record.rdata.empty()) {
      CHECK(uncompressed_name_size(record.rdata.subspan(names.offset)) > 0);
    }
  }
  CHECK(records * 11 + header_bytes <= size || records == 0);
  CHECK(reader.next_record(record) == step);
  return 0;
}
