// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/inbound.h"

#include <algorithm>

#include "transfer/serial.h"
#include "wire/query.h"
#include "wire/rdata.h"

namespace holdfast::transfer {

namespace {

constexpr uint32_t ttl_max = 0x7fffffff;  // RFC 2181 §8: larger ones count as 0

std::string serial_text(uint32_t serial) { return "serial " + std::to_string(serial); }

ZoneRecord to_zone_record(const wire::MessageRecord& record) {
  return {.owner = record.owner,
          .type = record.type,
          .ttl = record.ttl > ttl_max ? 0 : record.ttl,
          .rdata = record.rdata};
}

}  // namespace

Inbound::Inbound(const InboundRequest& request) : request_(request) {}

Result<Inbound::Step> Inbound::take(Bytes message) {
  CHECK(state_ != State::ended);
  // What RDATA can become at most: two names of it may be compressed. Very many zones may be on
  // their way at once, most of them small.
  const size_t rdata_bytes = message.size() + 2 * wire::name_bytes_max;
  if (scratch_.size() < rdata_bytes) scratch_.resize(rdata_bytes);
  wire::MessageReader reader(message, scratch_);
  TRY(check_header(reader.header()));
  wire::MessageQuestion question;
  auto step = reader.next_question(question);
  if (step == wire::MessageReader::Step::item) {
    const uint16_t asked = request_.serial ? wire::type_ixfr : wire::type_axfr;
    if (!(question.name.view() == request_.apex.view()) || question.type != asked) {
      return fail("the answer is to another question");
    }
    step = reader.next_question(question);
  }
  if (step != wire::MessageReader::Step::end) return fail("a message has a malformed question");
  wire::MessageRecord record;
  while ((step = reader.next_record(record)) == wire::MessageReader::Step::item) {
    if (record.type == wire::type_opt) take_options(record);
    if (record.section != wire::Section::answer) continue;
    TRY(check_record(record));
    TRY(take_record(record));
  }
  if (step != wire::MessageReader::Step::end) return fail("a message is malformed");
  is_first_message_ = false;
  return state_ == State::ended ? Step::done : Step::more;
}

Result<void> Inbound::check_header(const wire::MessageHeader& header) {
  if (header.id != request_.id || (header.flags & wire::flag_qr) == 0 || header.opcode() != 0) {
    return fail("a message is no answer to the request");
  }
  if (header.rcode() != wire::rcode_noerror) {
    if (is_first_message_) refusal_ = header.rcode();
    return fail("the server answers " + wire::rcode_to_text(header.rcode()));
  }
  if ((header.flags & wire::flag_tc) != 0) return fail("a message is truncated");
  if (header.answers == 0) return fail("a message has no records");
  return {};
}

// An option that is malformed is as good as none.
void Inbound::take_options(const wire::MessageRecord& record) {
  ByteReader options(record.rdata);
  while (options.remaining() > 0) {
    const uint16_t code = options.read_u16();
    const Bytes value = options.read_bytes(options.read_u16());
    if (options.failed()) return;
    if (code == wire::option_expire && value.size() == 4) expire_s_ = load_be32(value.data());
  }
}

Result<void> Inbound::check_record(const wire::MessageRecord& record) {
  const auto text = [&] {
    return record.owner.view().to_text() + " " + wire::type_to_text(record.type);
  };
  if (state_ == State::ended) return fail(text() + ": a record behind the end of the transfer");
  if (record.record_class != wire::class_in) return fail(text() + ": its class is not IN");
  if (!record.owner.view().is_at_or_below(request_.apex)) {
    return fail(text() + ": a record that is not in the zone");
  }
  if (wire::is_meta_type(record.type)) return fail(text() + ": a type that no zone holds");
  if (!wire::rdata_is_well_formed(record.type, record.rdata)) {
    return fail(text() + ": malformed record data");
  }
  ++records_;
  bytes_ += record.owner.view().size() + record.rdata.size() + 10;
  if (bytes_ > request_.bytes_max) {
    return fail("more than the " + std::to_string(request_.bytes_max) +
                " bytes of records that are allowed");
  }
  return {};
}

Result<void> Inbound::take_record(const wire::MessageRecord& record) {
  const bool is_soa = record.type == wire::type_soa;
  if (is_soa && !(record.owner.view() == request_.apex.view())) {
    return fail(record.owner.view().to_text() + " SOA: a SOA below the zone's own");
  }
  if (state_ == State::first_soa) return take_first(record);
  if (state_ == State::second) return take_second(record);
  if (is_soa) return take_soa(record, soa_numbers(record.rdata).serial);
  add(record);
  return {};
}

Result<void> Inbound::take_first(const wire::MessageRecord& record) {
  if (record.type != wire::type_soa) return fail("the transfer does not begin with a SOA");
  serial_ = soa_numbers(record.rdata).serial;
  soa_.assign(record.rdata.begin(), record.rdata.end());
  soa_ttl_ = record.ttl;
  // A server that has nothing newer says so by its SOA alone (RFC 1995 §4).
  if (request_.serial && is_at_or_after(*request_.serial, serial_)) {
    state_ = State::ended;
    return {};
  }
  state_ = State::second;
  return {};
}

Result<void> Inbound::take_second(const wire::MessageRecord& record) {
  const bool is_soa = record.type == wire::type_soa;
  if (request_.serial && is_soa && soa_numbers(record.rdata).serial != serial_) {
    kind_ = Kind::differences;
    return begin_difference(record, soa_numbers(record.rdata).serial);
  }
  kind_ = Kind::whole;
  contents_.emplace(request_.apex);
  contents_->add(request_.apex, wire::type_soa, soa_ttl_, soa_);
  state_ = State::whole;
  if (is_soa) return take_soa(record, soa_numbers(record.rdata).serial);
  add(record);
  return {};
}

// What a further SOA means.
Result<void> Inbound::take_soa(const wire::MessageRecord& record, uint32_t serial) {
  if (state_ == State::whole) {
    if (!std::ranges::equal(record.rdata, soa_)) {
      return fail("the transfer begins with " + serial_text(serial_) +
                  " and ends with another SOA");
    }
    state_ = State::ended;
    return {};
  }
  Difference& difference = differences_.back();
  if (state_ == State::removed) {
    if (!is_after(serial, difference.from) || is_after(serial, serial_)) {
      return fail("a difference leads from " + serial_text(difference.from) + " to " +
                  serial_text(serial));
    }
    difference.to = serial;
    difference.added.add(to_zone_record(record));
    state_ = State::added;
    return {};
  }
  if (difference.to != serial_) return begin_difference(record, serial);
  if (!std::ranges::equal(record.rdata, soa_)) {
    return fail("the differences do not end with the SOA that they began with");
  }
  state_ = State::ended;
  return {};
}

Result<void> Inbound::begin_difference(const wire::MessageRecord& record, uint32_t from) {
  const uint32_t expected = differences_.empty() ? *request_.serial : differences_.back().to;
  if (from != expected) {
    return fail("a difference begins at " + serial_text(from) + " where " + serial_text(expected) +
                " is reached");
  }
  differences_.emplace_back().from = from;
  differences_.back().removed.add(to_zone_record(record));
  state_ = State::removed;
  return {};
}

void Inbound::add(const wire::MessageRecord& record) {
  const ZoneRecord zone_record = to_zone_record(record);
  if (state_ == State::whole) {
    contents_->add(zone_record.owner, zone_record.type, zone_record.ttl, zone_record.rdata);
  } else if (state_ == State::removed) {
    differences_.back().removed.add(zone_record);
  } else {
    differences_.back().added.add(zone_record);
  }
}

}  // namespace holdfast::transfer
