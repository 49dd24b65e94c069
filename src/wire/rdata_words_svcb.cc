// SPDX-License-Identifier: GPL-3.0-or-later
// The text of SvcParams (RFC 9460 §2.1, §7). Values that a reader could take otherwise make the
// whole RDATA generic: text stays simple, and no bytes are lost.
#include <algorithm>
#include <array>

#include "wire/rdata_words.h"
#include "wire/text_encoding.h"

namespace holdfast::wire {

namespace {

enum ParameterKey : uint8_t {
  key_mandatory = 0,
  key_alpn = 1,
  key_no_default_alpn = 2,
  key_port = 3,
  key_ipv4hint = 4,
  key_ech = 5,
  key_ipv6hint = 6,
  key_dohpath = 7,  // RFC 9461 §5
  key_ohttp = 8,    // RFC 9540 §4
};

constexpr auto key_names =
    std::to_array<std::string_view>({"mandatory", "alpn", "no-default-alpn", "port", "ipv4hint",
                                     "ech", "ipv6hint", "dohpath", "ohttp"});

std::string key_text(uint16_t key) {
  return key < key_names.size() ? std::string(key_names[key]) : "key" + std::to_string(key);
}

bool is_plain(uint8_t byte) {
  const auto letter = static_cast<uint8_t>(byte | 0x20);
  return (letter >= 'a' && letter <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
         byte == '.' || byte == '/' || byte == '_';
}

bool has_key(Bytes parameters, uint16_t wanted) {
  ByteReader reader(parameters);
  while (reader.remaining() > 0) {
    if (reader.read_u16() == wanted) return true;
    reader.skip(reader.read_u16());
  }
  return false;
}

// RFC 9460 §8: the list ascends, names keys that are there, and not itself.
bool is_mandatory_list(Bytes value, Bytes parameters) {
  int last_key = key_mandatory;
  for (size_t at = 0; at + 1 < value.size(); at += 2) {
    const uint16_t key = load_be16(value.data() + at);
    if (key <= last_key || !has_key(parameters, key)) return false;
    last_key = key;
  }
  return !value.empty() && value.size() % 2 == 0;
}

bool append_keys(std::string& text, Bytes value, Bytes parameters) {
  if (!is_mandatory_list(value, parameters)) return false;
  for (size_t at = 0; at < value.size(); at += 2) {
    if (at > 0) text += ',';
    text += key_text(load_be16(value.data() + at));
  }
  return true;
}

// Commas and backslashes in protocol names would need two layers of escapes; no name has them.
bool append_protocols(std::string& text, Bytes value) {
  ByteReader reader(value);
  while (reader.remaining() > 0) {
    const Bytes protocol = reader.read_bytes(reader.read_u8());
    if (protocol.empty() || !std::ranges::all_of(protocol, is_plain)) return false;
    if (text.back() != '=') text += ',';
    text.append(protocol.begin(), protocol.end());
  }
  return text.back() != '=';
}

bool append_addresses(std::string& text, Bytes value, size_t address_size) {
  if (value.empty() || value.size() % address_size != 0) return false;
  for (size_t at = 0; at < value.size(); at += address_size) {
    if (at > 0) text += ',';
    RdataWords address;
    address.add_address(value.subspan(at, address_size));
    text += std::move(address).text();
  }
  return true;
}

// Behind "key="; of a key without a value, behind "key".
bool append_value(std::string& text, uint16_t key, Bytes value, Bytes parameters) {
  switch (key) {
    case key_mandatory:
      return append_keys(text, value, parameters);
    case key_alpn:
      return append_protocols(text, value);
    case key_port:
      if (value.size() != 2) return false;
      text += std::to_string(load_be16(value.data()));
      return true;
    case key_ipv4hint:
      return append_addresses(text, value, 4);
    case key_ipv6hint:
      return append_addresses(text, value, 16);
    case key_ech:
      append_base64(text, value);
      return !value.empty();
    case key_dohpath:
      append_quoted(text, value);
      return !value.empty();
    default:
      append_quoted(text, value);
      return true;
  }
}

}  // namespace

bool RdataWords::add_parameters(Bytes parameters) {
  ByteReader reader(parameters);
  while (reader.remaining() > 0) {
    const uint16_t key = reader.read_u16();
    const Bytes value = reader.read_bytes(reader.read_u16());
    std::string& text = begin_word() += key_text(key);
    if (key == key_no_default_alpn || key == key_ohttp) {
      if (!value.empty()) return false;
      continue;
    }
    if (value.empty() && key >= key_names.size()) continue;
    text += '=';
    if (!append_value(text, key, value, parameters)) return false;
  }
  return true;
}

}  // namespace holdfast::wire
