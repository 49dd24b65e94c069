// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/record_list.h"

#include "wire/rdata.h"

namespace holdfast::transfer {

std::optional<RecordList> RecordList::from_bytes(Bytes bytes) {
  RecordList list;
  ByteReader reader(bytes);
  ZoneRecord record;
  while (reader.remaining() > 0) {
    if (!read(reader, bytes, record)) return std::nullopt;
    if (!wire::rdata_is_well_formed(record.type, record.rdata)) return std::nullopt;
    ++list.count_;
  }
  list.bytes_.assign(bytes.begin(), bytes.end());
  return list;
}

void RecordList::add(const ZoneRecord& record) {
  const auto put = [this](Bytes bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); };
  put(record.owner.bytes());
  std::array<uint8_t, 8> fields;
  store_be16(fields.data(), record.type);
  store_be32(fields.data() + 2, record.ttl);
  store_be16(fields.data() + 6, static_cast<uint16_t>(record.rdata.size()));
  put(fields);
  put(record.rdata);
  ++count_;
}

bool RecordList::read(ByteReader& reader, Bytes bytes, ZoneRecord& record) {
  const size_t owner_bytes = wire::uncompressed_name_size(bytes.subspan(reader.position()));
  if (owner_bytes == 0) return false;
  record.owner = wire::NameView(reader.read_bytes(owner_bytes));
  record.type = reader.read_u16();
  record.ttl = reader.read_u32();
  record.rdata = reader.read_bytes(reader.read_u16());
  return !reader.failed();
}

}  // namespace holdfast::transfer
