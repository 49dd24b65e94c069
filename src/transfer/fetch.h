// SPDX-License-Identifier: GPL-3.0-or-later
// Asks one server for a zone: connects, sends an AXFR or IXFR request, signed if there is a key,
// and reads the answer to its end.
//
// One TCP connection a fetch, within TLS if the server must be asked so; who it is, is then proved
// before anything is sent (RFC 9103 §9.3). A single SOA as the answer to an IXFR says that there is
// nothing new, so this is also how a zone's serial is looked at. Bounds: FetchLimits, and the bytes
// of records of the request. Thread: the io_context's.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "config/peer.h"
#include "transfer/inbound.h"
#include "transfer/tls.h"
#include "transfer/tsig.h"

namespace boost::asio {
class io_context;
}

namespace holdfast::transfer {

struct FetchLimits {
  unsigned connect_ms = 5'000;   // for the handshake of TLS once more
  unsigned message_ms = 20'000;  // from one message to the end of the next
  unsigned total_ms = 2 * 3600 * 1000;
};

struct FetchRequest {
  config::Remote from;
  std::shared_ptr<const TsigKey> key;  // null: unsigned
  std::shared_ptr<const TlsCredentials> tls;
  wire::Name apex;
  std::optional<uint32_t> serial;  // IXFR from there; none: AXFR
  std::vector<uint8_t> soa;        // RDATA of that serial's SOA
  uint64_t bytes_max = 0;
  bool with_edns = true;  // and the wish for the EXPIRE option in it
  FetchLimits limits = {};
};

struct FetchResult {
  // The answer, or a sentence without the server's name.
  Result<std::unique_ptr<Inbound>> answer = fail("not asked");
  // With an error: the server's RCODE, if it was that.
  std::optional<uint16_t> refusal;
};

// Calls `done` once, unless the io_context ends before.
void fetch(boost::asio::io_context& context, const Clock& clock, FetchRequest request,
           std::function<void(FetchResult)> done);

}  // namespace holdfast::transfer
