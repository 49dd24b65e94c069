// SPDX-License-Identifier: GPL-3.0-or-later
// What a client may send as an update: nothing may crash, and what is taken is in order.
#include "transfer/update_message.h"

#include "base/check.h"
#include "wire/rdata.h"
#include "wire/types.h"

using namespace holdfast;
using namespace holdfast::transfer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto update = read_update(Bytes(data, size));
  if (!update) {
    CHECK(update.error() != wire::rcode_noerror);
    return 0;
  }
  for (const auto* records : {&update->prerequisites, &update->updates}) {
    for (const UpdateRecord& record : *records) {
      CHECK(record.owner.view().is_at_or_below(update->zone));
      CHECK(record.rdata.empty() || wire::rdata_is_well_formed(record.type, record.rdata));
    }
  }
  return 0;
}
