// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/message.h"

#include <optional>

#include "wire/rdata.h"

namespace holdfast::wire {

namespace {

// NAPTR (RFC 3403 §4.1): the name follows four bytes and three strings.
std::optional<CompressibleNames> naptr_names(Bytes rdata) {
  ByteReader reader(rdata);
  reader.skip(4);
  for (int i = 0; i < 3; ++i) reader.skip(reader.read_u8());
  if (reader.failed() || reader.position() > UINT8_MAX) return std::nullopt;
  return CompressibleNames{.offset = static_cast<uint8_t>(reader.position()), .count = 1};
}

// Where names may arrive compressed: beside the types that may be sent so, those that older
// software compresses (RFC 3597 §4: receivers should decompress them). Nothing at a fault.
std::optional<CompressibleNames> names_to_expand(uint16_t type, Bytes rdata) {
  switch (type) {
    case type_rp:
      return CompressibleNames{.offset = 0, .count = 2};
    case type_nxt:
    case type_dname:
      return CompressibleNames{.offset = 0, .count = 1};
    case type_afsdb:
    case type_rt:
    case type_kx:
      return CompressibleNames{.offset = 2, .count = 1};
    case type_px:
      return CompressibleNames{.offset = 2, .count = 2};
    case type_srv:
      return CompressibleNames{.offset = 6, .count = 1};
    case type_sig:
      return CompressibleNames{.offset = 18, .count = 1};
    case type_naptr:
      return naptr_names(rdata);
    default:
      return compressible_names(type);
  }
}

}  // namespace

MessageReader::MessageReader(Bytes message, MutableBytes scratch)
    : message_(message), scratch_(scratch) {
  if (message.size() < header_bytes) {
    failed_ = true;
    return;
  }
  ByteReader reader(message);
  header_.id = reader.read_u16();
  header_.flags = reader.read_u16();
  header_.questions = reader.read_u16();
  header_.answers = reader.read_u16();
  header_.authorities = reader.read_u16();
  header_.additionals = reader.read_u16();
  position_ = header_bytes;
}

MessageReader::Step MessageReader::fail() {
  failed_ = true;
  return Step::fault;
}

MessageReader::Step MessageReader::next_question(MessageQuestion& question) {
  if (failed_) return Step::fault;
  if (questions_read_ == header_.questions) return Step::end;
  if (read_name(message_, position_, question.name) != NameError::none) return fail();
  ByteReader reader(message_.subspan(position_));
  question.type = reader.read_u16();
  question.record_class = reader.read_u16();
  if (reader.failed()) return fail();
  position_ += reader.position();
  ++questions_read_;
  return Step::item;
}

MessageReader::Step MessageReader::next_record(MessageRecord& record) {
  MessageQuestion skipped;
  Step step = Step::item;
  while (step == Step::item) step = next_question(skipped);
  if (step == Step::fault) return step;
  const uint32_t authorities_at = header_.answers;
  const uint32_t additionals_at = authorities_at + header_.authorities;
  if (records_read_ == additionals_at + header_.additionals) return Step::end;
  record.section = records_read_ < authorities_at   ? Section::answer
                   : records_read_ < additionals_at ? Section::authority
                                                    : Section::additional;
  if (read_name(message_, position_, record.owner) != NameError::none) return fail();
  ByteReader reader(message_.subspan(position_));
  if (!read_fields(reader, record)) return fail();
  ++records_read_;
  return Step::item;
}

bool MessageReader::read_fields(ByteReader& reader, MessageRecord& record) {
  record.type = reader.read_u16();
  record.record_class = reader.read_u16();
  record.ttl = reader.read_u32();
  const size_t size = reader.read_u16();
  const size_t start = position_ + reader.position();
  record.rdata = reader.read_bytes(size);
  if (reader.failed() || !expand_rdata(start, size, record)) return false;
  position_ = start + size;
  return true;
}

// `start` and `size` tell where the RDATA lies in the message.
bool MessageReader::expand_rdata(size_t start, size_t size, MessageRecord& record) {
  const auto names = names_to_expand(record.type, record.rdata);
  if (!names) return false;
  // Updates and prerequisites may be empty whatever their type (RFC 2136 §2.4).
  if (names->count == 0 || size == 0) return true;
  if (size < names->offset) return false;
  ByteWriter writer(scratch_);
  writer.write_bytes(record.rdata.first(names->offset));
  size_t at = start + names->offset;
  // What lies behind the RDATA belongs to no name of it.
  const Bytes readable = message_.first(start + size);
  Name name;
  for (uint8_t i = 0; i < names->count; ++i) {
    if (read_name(readable, at, name) != NameError::none) return false;
    writer.write_bytes(name.view().bytes());
  }
  writer.write_bytes(readable.subspan(at));
  record.rdata = writer.written();
  return !writer.failed() && writer.size() <= rdata_bytes_max;
}

}  // namespace holdfast::wire
