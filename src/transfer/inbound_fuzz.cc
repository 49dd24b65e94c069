// SPDX-License-Identifier: GPL-3.0-or-later
// What a primary may send: messages with their lengths, as the answer to an AXFR or an IXFR.
// Nothing may crash, and what is taken for whole is a zone that can be finished.
#include "transfer/inbound.h"

#include "base/check.h"
#include "transfer/tsig.h"

using namespace holdfast;
using namespace holdfast::transfer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  InboundRequest request;
  request.apex = *wire::Name::from_text("a.test");
  request.id = 1;
  request.bytes_max = 4096;
  if ((data[0] & 1) != 0) request.serial = 1;
  Inbound inbound(request);
  Bytes rest(data + 1, size - 1);
  while (rest.size() >= 2) {
    const size_t length = std::min<size_t>(load_be16(rest.data()), rest.size() - 2);
    const Bytes message = rest.subspan(2, length);
    rest = rest.subspan(2 + length);
    static_cast<void>(find_tsig(message));
    const auto step = inbound.take(message);
    if (!step) return 0;
    if (*step == Inbound::Step::more) continue;
    if (inbound.kind() == Inbound::Kind::whole) {
      static_cast<void>(inbound.contents().finish());
    } else {
      for (const Difference& difference : inbound.differences()) {
        CHECK(difference.removed.count() > 0 && difference.added.count() > 0);
        CHECK(RecordList::from_bytes(difference.removed.bytes()).has_value());
      }
    }
    return 0;
  }
  return 0;
}
