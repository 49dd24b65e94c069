// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/likeness.h"

#include <algorithm>
#include <bit>

#include "base/hash.h"
#include "wire/name.h"
#include "wire/types.h"

namespace holdfast::shield {

namespace {

constexpr size_t header_bytes = 12;
constexpr size_t shape_bytes = header_bytes - 2;  // flags and counts, without the id
// More options than any client sends; what follows them does not tell packets apart.
constexpr size_t options_max = 32;

// What a packet with a question is, apart from its name.
struct Form {
  std::array<uint8_t, shape_bytes + 4 + 6 + 2 * options_max> bytes{};
  size_t size = 0;

  void add(Bytes more) {
    for (const uint8_t byte : more) bytes[size++] = byte;
  }
  [[nodiscard]] Bytes view() const { return Bytes(bytes.data(), size); }
};

uint64_t mark(LikenessLevel level, Bytes bytes, const LikenessKey& key) {
  LikenessKey level_key = key;
  level_key[0] = static_cast<uint8_t>(level_key[0] ^ static_cast<uint8_t>(level));
  const uint64_t hash = siphash24(bytes, level_key);
  return hash != 0 ? hash : 1;
}

void add_mark(Likeness& likeness, LikenessLevel level, Bytes bytes, const LikenessKey& key) {
  likeness.marks[likeness.count++] = {.level = level, .hash = mark(level, bytes, key)};
}

// An OPT record right behind the question, where clients put it: its version, flags and option
// codes. Anything else leaves the form as it is.
void add_edns(Bytes rest, Form& form) {
  ByteReader reader(rest);
  const uint8_t owner = reader.read_u8();
  const uint16_t type = reader.read_u16();
  reader.skip(2);  // the payload size differs between honest clients
  const Bytes version_and_flags = reader.read_bytes(4);
  ByteReader options(reader.read_bytes(reader.read_u16()));
  if (reader.failed() || owner != 0 || type != wire::type_opt) return;
  form.add(version_and_flags);
  for (size_t count = 0; count < options_max; ++count) {
    const Bytes code = options.read_bytes(2);
    options.skip(options.read_u16());
    if (options.failed()) return;
    form.add(code);
  }
}

Likeness of_question(Bytes packet, Bytes qname, const LikenessKey& key) {
  Form form;
  form.add(packet.subspan(2, shape_bytes));
  const Bytes rest = packet.subspan(header_bytes + qname.size());
  form.add(rest.first(4));
  add_edns(rest.subspan(4), form);

  // The form, then the folded name: of levels that leave out some of the name, a shorter one.
  std::array<uint8_t, sizeof(form.bytes) + wire::name_bytes_max> buffer;
  const auto with_name = [&](Bytes name) {
    size_t size = 0;
    for (const uint8_t byte : form.view()) buffer[size++] = byte;
    for (const uint8_t byte : name) buffer[size++] = wire::to_lower(byte);
    return Bytes(buffer.data(), size);
  };
  const size_t first_label = qname[0] == 0 ? 0 : 1U + qname[0];
  Likeness likeness;
  add_mark(likeness, LikenessLevel::question, with_name(qname), key);
  add_mark(likeness, LikenessLevel::parent, with_name(qname.subspan(first_label)), key);
  add_mark(likeness, LikenessLevel::form, form.view(), key);
  return likeness;
}

Likeness of_bytes(Bytes packet, const LikenessKey& key) {
  std::array<uint8_t, shape_bytes + 1> shape{};
  const Bytes without_id = packet.subspan(std::min<size_t>(2, packet.size()));
  for (size_t i = 0; i < std::min(shape_bytes, without_id.size()); ++i) shape[i] = without_id[i];
  shape[shape_bytes] = static_cast<uint8_t>(std::bit_width(packet.size()));
  Likeness likeness;
  add_mark(likeness, LikenessLevel::bytes, without_id, key);
  add_mark(likeness, LikenessLevel::header, shape, key);
  return likeness;
}

}  // namespace

std::string_view likeness_level_name(LikenessLevel level) {
  switch (level) {
    case LikenessLevel::question:
      return "question";
    case LikenessLevel::parent:
      return "parent";
    case LikenessLevel::form:
      return "form";
    case LikenessLevel::bytes:
      return "bytes";
    case LikenessLevel::header:
      return "header";
  }
  return "unknown";
}

Likeness likeness_of(Bytes packet, const LikenessKey& key) {
  if (packet.size() < header_bytes || load_be16(packet.data() + 4) != 1) {
    return of_bytes(packet, key);
  }
  const Bytes body = packet.subspan(header_bytes);
  const size_t name_size = wire::uncompressed_name_size(body);
  if (name_size == 0 || body.size() < name_size + 4) return of_bytes(packet, key);
  return of_question(packet, body.first(name_size), key);
}

}  // namespace holdfast::shield
