// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer/tsig_error.h"

namespace holdfast::answer {

namespace {

constexpr uint16_t tsig_badkey = 17;
constexpr size_t time_and_fudge_bytes = 8;

}  // namespace

size_t make_tsig_error(Bytes packet, size_t tsig_start,
                       std::array<uint8_t, tsig_error_bytes_max>& out) {
  size_t position = tsig_start;
  wire::Name key;
  if (wire::read_name(packet, position, key) != wire::NameError::none) return 0;
  ByteReader record(packet.subspan(position));
  record.skip(8);  // type, class, ttl
  const Bytes rdata = record.read_bytes(record.read_u16());
  const size_t algorithm_bytes = wire::uncompressed_name_size(rdata);
  if (record.failed() || algorithm_bytes == 0) return 0;
  ByteReader reader(rdata);
  const Bytes algorithm = reader.read_bytes(algorithm_bytes);
  const Bytes time_and_fudge = reader.read_bytes(time_and_fudge_bytes);
  reader.skip(reader.read_u16());  // MAC
  const uint16_t original_id = reader.read_u16();
  if (reader.failed()) return 0;

  ByteWriter writer(out);
  writer.write_bytes(key.view().bytes());
  writer.write_u16(wire::type_tsig);
  writer.write_u16(wire::class_any);
  writer.write_u32(0);
  writer.write_u16(static_cast<uint16_t>(algorithm.size() + time_and_fudge.size() + 8));
  writer.write_bytes(algorithm);
  writer.write_bytes(time_and_fudge);
  writer.write_u16(0);  // no MAC
  writer.write_u16(original_id);
  writer.write_u16(tsig_badkey);
  writer.write_u16(0);  // no other data
  return writer.failed() ? 0 : writer.size();
}

}  // namespace holdfast::answer
