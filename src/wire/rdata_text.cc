// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/rdata_text.h"

#include "wire/rdata.h"
#include "wire/rdata_words.h"
#include "wire/text_encoding.h"

namespace holdfast::wire {

namespace {

using Words = RdataWords;

bool add_string(Words& words, Bytes counted) {
  append_quoted(words.begin_word(), counted.subspan(1));
  return true;
}

bool add_salt(Words& words, Bytes counted) {
  std::string& text = words.begin_word();
  if (counted.size() == 1) {
    text += '-';
  } else {
    append_hex(text, counted.subspan(1));
  }
  return true;
}

// Readers want whole groups of eight digits, as unpadded text has them for 20 bytes of SHA-1.
bool add_hash(Words& words, Bytes counted) {
  append_base32hex(words.begin_word(), counted.subspan(1));
  return (counted.size() - 1) % 5 == 0;
}

bool add_part(Words& words, const RdataPart& part) {
  const uint8_t* at = part.bytes.data();
  switch (part.field) {
    case RdataField::u8:
      return words.add_number(at[0]);
    case RdataField::u16:
      return words.add_number(load_be16(at));
    case RdataField::u32:
      return words.add_number(load_be32(at));
    case RdataField::u64:
      return words.add_number(uint64_t{load_be32(at)} << 32 | load_be32(at + 4));
    case RdataField::type:
      return words.add(type_to_text(load_be16(at)));
    case RdataField::time:
      return words.add_time(load_be32(at));
    case RdataField::ipv4:
    case RdataField::ipv6:
      return words.add_address(part.bytes);
    case RdataField::eui48:
    case RdataField::eui64:
      return words.add_groups(part.bytes, 1, '-');
    case RdataField::node_id:
      return words.add_groups(part.bytes, 2, ':');
    case RdataField::name:
    case RdataField::name_folded:
    case RdataField::name_compressible:
      return words.add_name(part.bytes);
    case RdataField::string:
      return add_string(words, part.bytes);
    case RdataField::salt:
      return add_salt(words, part.bytes);
    case RdataField::hash:
      return add_hash(words, part.bytes);
    case RdataField::bitmap:
      return words.add_bitmap(part.bytes);
    case RdataField::hex:
      append_hex(words.begin_word(), part.bytes);
      return true;
    case RdataField::base64:
      append_base64(words.begin_word(), part.bytes);
      return true;
    case RdataField::text:
      append_quoted(words.begin_word(), part.bytes);
      return true;
    case RdataField::parameters:
      return words.add_parameters(part.bytes);
    case RdataField::location:
      return words.add_location(part.bytes);
    case RdataField::prefixes:
      return words.add_prefixes(part.bytes);
    default:
      return false;  // opaque
  }
}

// False if the form cannot carry these bytes.
bool add_parts(Words& words, uint16_t type, Bytes rdata) {
  RdataParts parts(type, rdata);
  RdataPart part;
  while (parts.next(part)) {
    if (!add_part(words, part)) return false;
  }
  return true;
}

// The types whose words are not the fields in their order.
bool add_rdata(Words& words, uint16_t type, Bytes rdata) {
  switch (type) {
    case 11:
      return words.add_services(rdata);
    case 22:
      append_hex(words.begin_word() += "0x", rdata);  // RFC 1706 §5
      return true;
    case type_nxt:
      return words.add_next_domain(rdata);
    case 38:
      return words.add_a6(rdata);
    case 45:
      return words.add_ipsec_key(rdata);
    case 55:
      return words.add_host_identity(rdata);
    case type_dsync:
      return words.add_dsync(rdata);
    case 257:
      return words.add_authorization(rdata);
    case 259:
      return words.add_object(rdata);
    case 260:
      return words.add_relay(rdata);
    default:
      return add_parts(words, type, rdata);
  }
}

}  // namespace

std::string rdata_to_generic_text(Bytes rdata) {
  std::string text = "\\# " + std::to_string(rdata.size());
  if (!rdata.empty()) append_hex(text += ' ', rdata);
  return text;
}

std::string rdata_to_text(uint16_t type, Bytes rdata) {
  Words words;
  if (has_rdata_layout(type) && rdata_is_well_formed(type, rdata) &&
      add_rdata(words, type, rdata)) {
    std::string text = std::move(words).text();
    if (!text.empty()) return text;
  }
  return rdata_to_generic_text(rdata);
}

std::string record_to_text(NameView owner, uint16_t type, uint32_t ttl, Bytes rdata) {
  return owner.to_text() + " " + std::to_string(ttl) + " IN " + type_to_text(type) + " " +
         rdata_to_text(type, rdata);
}

}  // namespace holdfast::wire
