// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/answerer.h"

#include <algorithm>

#include "answer/responder.h"
#include "log/log.h"
#include "transfer/difference_messages.h"
#include "transfer/epoch.h"
#include "transfer/serial.h"
#include "transfer/update_waiting.h"

namespace holdfast::transfer {

namespace {

using log::Category;

// A spool is kept so long after it was last asked for: the secondaries that were notified together
// come together.
// Less than the 30 s after which Linux writes to disk what there is of a file: all at once, and who
// syncs another then waits for it.
constexpr uint64_t spool_kept_s = 20;

// What a record takes in a transfer, roughly; differences up to bytes_always are sent as such even
// of a small zone.
constexpr uint64_t bytes_a_record = 40;
constexpr uint64_t bytes_always = 65536;

void tell(const Request& request, const wire::Query& query, const TsigChain& tsig, const char* kind,
          const MessageSource& source, uint32_t serial) {
  log::info(Category::transfer, "transfer-out",
            "zone " + query.qname.to_text() + " goes to " + request.client.to_text(),
            {{"kind", kind},
             {"serial", std::to_string(serial)},
             {"records", std::to_string(source.records())},
             {"key", tsig.is_signed() ? tsig.key_name().to_text() : "none"}});
}

bool fits_datagram(const MessageSource& source, const wire::Query& query, const TsigChain& tsig) {
  if (source.message_count() != 1) return false;
  const auto message = source.read(0);
  const size_t added = (tsig.is_signed() ? tsig_bytes_max : 0) + (query.edns.present ? 11 : 0);
  // More would be fragmented (RFC 9715), whatever the client offers.
  const size_t room = std::min<size_t>(query.edns.present ? query.edns.payload_bytes : 512, 1232);
  return message && message->size() + added <= room;
}

// The serial that an IXFR request has (RFC 1995 §3): of the SOA in its authority section.
std::optional<uint32_t> serial_of_request(Bytes message, const wire::Query& query) {
  size_t position = query.question_end;
  wire::Name name;
  if (load_be16(message.data() + 6) != 0 || load_be16(message.data() + 8) == 0) return std::nullopt;
  if (wire::read_name(message, position, name) != wire::NameError::none) return std::nullopt;
  ByteReader reader(message.subspan(position));
  const uint16_t type = reader.read_u16();
  reader.skip(6);
  const size_t rdata_bytes = reader.read_u16();
  position += reader.position();
  constexpr size_t numbers_bytes = 20;
  if (reader.failed() || type != wire::type_soa || rdata_bytes < numbers_bytes ||
      rdata_bytes > reader.remaining()) {
    return std::nullopt;
  }
  return load_be32(message.data() + position + rdata_bytes - numbers_bytes);
}

}  // namespace

Answerer::Answer Answerer::answer(Request request, Later later) {
  wire::Query query;
  const wire::QueryError parsed = wire::parse_query(request.message, query);
  if (parsed == wire::QueryError::too_short || parsed == wire::QueryError::is_response) return {};
  const auto now = [&](uint16_t rcode, TsigChain tsig) {
    return Answer{.reply = Reply(make_response(query, rcode, std::nullopt), std::move(tsig))};
  };
  if (parsed == wire::QueryError::malformed) return now(wire::rcode_formerr, {});
  const bool is_update = query.opcode == wire::opcode_update;
  if (is_update) {
    // The bytes that `query` refers to do not move with the vector that holds them.
    auto waiting = std::make_shared<Waiting>(std::move(request), query, std::move(later));
    return begin_update(waiting);
  }
  TsigChain tsig;
  if (!query.has_tsig) return {.reply = answer_verified(request, query, std::move(tsig))};
  const auto verdict = tsig.verify_request(parts_.settings.read()->keys(), request.message,
                                           query.tsig_start, parts_.clock.wall_s());
  // The names that `query` refers to lie before the TSIG, so they are still there.
  if (verdict == TsigChain::Request::malformed) return now(wire::rcode_formerr, {});
  if (verdict == TsigChain::Request::rejected) {
    log::warning(Category::transfer, "tsig-rejected",
                 "a signed request of " + request.client.to_text() +
                     " was rejected: " + std::string(tsig_error_text(tsig.error())));
    return now(wire::rcode_notauth, std::move(tsig));
  }
  return {.reply = answer_verified(request, query, std::move(tsig))};
}

Reply Answerer::answer_verified(const Request& request, const wire::Query& query, TsigChain tsig) {
  const bool is_ordinary = query.opcode == wire::opcode_query && query.qtype == wire::type_soa;
  Reply reply = answer_kind(request, query, std::move(tsig));
  // Ordinary answers are padded as they are made.
  if (request.tls != nullptr && query.edns.padding && !is_ordinary) reply.pad();
  return reply;
}

Reply Answerer::answer_kind(const Request& request, const wire::Query& query, TsigChain tsig) {
  if (query.opcode == wire::opcode_notify) return answer_notify(request, query, std::move(tsig));
  if (query.opcode != wire::opcode_query) {
    return Reply(make_response(query, wire::rcode_notimp, wire::ede_not_supported),
                 std::move(tsig));
  }
  // RFC 9103 §7.8: what comes this way is for transfers; resolvers are answered elsewhere.
  const bool is_of_transfers = query.qtype == wire::type_soa || query.qtype == wire::type_axfr ||
                               query.qtype == wire::type_ixfr;
  if (request.tls != nullptr && !is_of_transfers) {
    return Reply(make_response(query, wire::rcode_refused, wire::ede_not_supported),
                 std::move(tsig));
  }
  const bool is_transfer = query.has_question && query.qclass == wire::class_in &&
                           (query.qtype == wire::type_axfr || query.qtype == wire::type_ixfr);
  return is_transfer ? answer_transfer(request, query, std::move(tsig))
                     : answer_ordinary(request, query, std::move(tsig));
}

// RFC 1996 §3.10. What a NOTIFY says is not believed; it only makes us ask.
Reply Answerer::answer_notify(const Request& request, const wire::Query& query, TsigChain tsig) {
  if (!query.has_question || query.qtype != wire::type_soa || query.qclass != wire::class_in) {
    return Reply(make_response(query, wire::rcode_formerr, std::nullopt), std::move(tsig));
  }
  const wire::Name key = tsig.is_signed() ? wire::Name(tsig.key_name()) : wire::Name();
  if (parts_.on_notify(query.qname, request.client, tsig.is_signed() ? &key : nullptr)) {
    std::vector<uint8_t> response = make_response(query, wire::rcode_noerror, std::nullopt);
    response[2] |= wire::flag_aa >> 8;
    return Reply(std::move(response), std::move(tsig));
  }
  log::warning(Category::transfer, "notify-refused",
               "a NOTIFY of " + query.qname.to_text() + " was refused to " +
                   request.client.to_text() + ", which is none of its primaries");
  return Reply(make_response(query, wire::rcode_refused, wire::ede_prohibited), std::move(tsig));
}

Reply Answerer::answer_transfer(const Request& request, const wire::Query& query, TsigChain tsig) {
  const bool is_udp = request.protocol == exchange::Protocol::udp;
  if (is_udp && query.qtype == wire::type_axfr) {  // RFC 5936 §4.2
    return Reply(make_response(query, wire::rcode_formerr, std::nullopt), std::move(tsig));
  }
  // RFC 9103 §7.1. Without it this is DNS over TLS as in RFC 7858, which is for all else.
  if (request.tls != nullptr && !is_dns_agreed(request.tls)) {
    parts_.counters.refused.fetch_add(1, std::memory_order_relaxed);
    log::warning(Category::transfer, "transfer-refused",
                 "a transfer of " + query.qname.to_text() + " was refused to " +
                     request.client.to_text() + ", which did not ask for ALPN \"dot\"");
    return Reply(make_response(query, wire::rcode_refused, wire::ede_not_supported),
                 std::move(tsig));
  }
  const auto settings = parts_.settings.read();
  const auto setting = settings->find(query.qname);
  const wire::Name key = tsig.is_signed() ? wire::Name(tsig.key_name()) : wire::Name();
  const TlsClient tls{.session = request.tls, .credentials = settings->tls()};
  const Requester requester{.address = request.client.address_bytes(),
                            .key = tsig.is_signed() ? &key : nullptr,
                            .tls = request.tls != nullptr ? &tls : nullptr};
  if (!setting || !may_transfer(*setting, requester)) {
    return refuse_transfer(request, query, std::move(tsig));
  }
  const Epoch epoch(parts_.panel.epochs);
  const auto zone = find_zone(parts_.zones, query.qname);
  if (!zone || !zone->available()) {
    return Reply(make_response(query, wire::rcode_servfail, wire::ede_not_ready), std::move(tsig));
  }
  // RFC 7314 §3: our own SOA's, or what is left of that of our primary.
  std::optional<uint32_t> expire_s = parts_.left_s(query.qname);
  if (!expire_s) {
    for_each_soa(*zone, [&](const ZoneRecord& soa) { expire_s = soa_numbers(soa.rdata).expire_s; });
  }
  if (query.qtype == wire::type_ixfr) {
    const auto serial = serial_of_request(request.message, query);
    if (!serial) {
      return Reply(make_response(query, wire::rcode_formerr, std::nullopt), std::move(tsig));
    }
    if (is_at_or_after(*serial, zone->serial())) {
      return Reply(current_soa(*zone), query, std::move(tsig), expire_s);
    }
    if (const auto differences = differences_from(*zone, *serial)) {
      const bool fits = !is_udp || fits_datagram(*differences, query, tsig);
      if (fits) tell(request, query, tsig, "IXFR", *differences, zone->serial());
      // The SOA alone then says: too much for a datagram, come over TCP (RFC 1995 §2).
      return Reply(fits ? differences : current_soa(*zone), query, std::move(tsig), expire_s);
    }
    if (is_udp) return Reply(current_soa(*zone), query, std::move(tsig), expire_s);
  }
  const auto spool = spool_of(*zone);
  if (!spool) {
    log::error(Category::transfer, "transfer-failed", spool.error().message,
               {{"zone", zone->apex().to_text()}});
    return Reply(make_response(query, wire::rcode_servfail, wire::ede_other), std::move(tsig));
  }
  tell(request, query, tsig, "AXFR", **spool, zone->serial());
  return Reply(*spool, query, std::move(tsig), expire_s);
}

// None if what leads there is not known, or is more than the zone itself is likely to take.
std::shared_ptr<const MessageSource> Answerer::differences_from(const zone::ZoneView& zone,
                                                                uint32_t serial) const {
  const uint64_t bytes = parts_.history.chain_bytes(zone.apex(), serial, zone.serial());
  if (bytes == 0 || bytes > zone.record_count() * bytes_a_record + bytes_always) return nullptr;
  return difference_messages(zone, parts_.history.chain(zone.apex(), serial, zone.serial()));
}

Reply Answerer::refuse_transfer(const Request& request, const wire::Query& query, TsigChain tsig) {
  parts_.counters.refused.fetch_add(1, std::memory_order_relaxed);
  bool is_ours = false;
  {
    const Epoch epoch(parts_.panel.epochs);
    is_ours = find_zone(parts_.zones, query.qname).has_value();
  }
  if (!is_ours) {  // RFC 5936 §2.2.1
    return Reply(make_response(query, wire::rcode_notauth, wire::ede_not_authoritative),
                 std::move(tsig));
  }
  log::warning(Category::transfer, "transfer-refused",
               "a transfer of " + query.qname.to_text() + " was refused to " +
                   request.client.to_text() + ", whom transfer_to does not name");
  return Reply(make_response(query, wire::rcode_refused, wire::ede_prohibited), std::move(tsig));
}

// What an answer process would say, signed.
Reply Answerer::answer_ordinary(const Request& request, const wire::Query& query, TsigChain tsig) {
  exchange::AnswerPolicy policy;
  parts_.panel.policy.read(policy);
  exchange::Client client;
  client.protocol = request.protocol;
  client.family = request.client.is_ipv6() ? exchange::Family::ipv6 : exchange::Family::ipv4;
  client.address = request.client.address_bytes();
  client.encrypted = request.tls != nullptr;
  wire::Query unsigned_query = query;
  unsigned_query.has_tsig = false;
  if (tsig.is_signed() && request.protocol == exchange::Protocol::udp) {
    // Room for the TSIG in what the client takes.
    constexpr uint16_t room = tsig_bytes_max;
    auto& payload = unsigned_query.edns.payload_bytes;
    payload = static_cast<uint16_t>(payload > 512 + room ? payload - room : 512);
  }
  std::vector<uint8_t> response(65535);
  answer::Responder responder(parts_.zones, policy);
  const Epoch epoch(parts_.panel.epochs);
  const answer::Outcome outcome =
      responder.respond(request.message, wire::QueryError::none, unsigned_query, client,
                        static_cast<uint32_t>(parts_.clock.wall_s()),
                        MutableBytes(response).first(response.size() - tsig_bytes_max));
  response.resize(outcome.bytes);
  return Reply(std::move(response), std::move(tsig));
}

Result<std::shared_ptr<const Spool>> Answerer::spool_of(const zone::ZoneView& zone) {
  const uint64_t now_s = parts_.clock.monotonic_ns() / 1'000'000'000;
  for (Shelved& shelved : shelf_) {
    if (!(shelved.apex.view() == zone.apex())) continue;
    if (shelved.spool->generation() != zone.generation()) continue;
    shelved.used_s = now_s;
    return shelved.spool;
  }
  auto spool = TRY(Spool::write(zone, parts_.state_directory));
  std::erase_if(shelf_, [&](const Shelved& old) { return old.apex.view() == zone.apex(); });
  if (shelf_.size() == spools_max) {
    shelf_.erase(std::ranges::min_element(shelf_, {}, &Shelved::used_s));
  }
  shelf_.push_back({wire::Name(zone.apex()), spool, now_s});
  return spool;
}

void Answerer::tidy() {
  const uint64_t now_s = parts_.clock.monotonic_ns() / 1'000'000'000;
  std::erase_if(shelf_, [&](const Shelved& old) { return old.used_s + spool_kept_s < now_s; });
}

}  // namespace holdfast::transfer
