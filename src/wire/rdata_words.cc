// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/rdata_words.h"

#include <arpa/inet.h>

#include <array>
#include <ctime>

#include "wire/rdata.h"
#include "wire/text_encoding.h"

namespace holdfast::wire {

namespace {

void append_padded(std::string& text, int number, size_t digits) {
  const std::string written = std::to_string(number);
  if (written.size() < digits) text.append(digits - written.size(), '0');
  text += written;
}

std::string address_text(Bytes address) {
  std::array<char, INET6_ADDRSTRLEN> text;
  const int family = address.size() == 4 ? AF_INET : AF_INET6;
  return ::inet_ntop(family, address.data(), text.data(), text.size());
}

// The bits that are set, from the left; false if the bytes end with zeros, which text cannot say.
template <typename Visit>
bool for_each_bit(Bytes bytes, Visit visit) {
  if (!bytes.empty() && bytes.back() == 0) return false;
  for (size_t i = 0; i < bytes.size() * 8; ++i) {
    if ((bytes[i / 8] & (0x80U >> i % 8)) != 0) visit(static_cast<unsigned>(i));
  }
  return true;
}

}  // namespace

bool RdataWords::add(std::string_view word) {
  begin_word() += word;
  return true;
}

bool RdataWords::add_number(uint64_t number) { return add(std::to_string(number)); }

// Stricter than NameView::to_text: what is not plain takes three digits, which every reader takes
// in any field.
bool RdataWords::add_name(Bytes name) {
  constexpr std::string_view plain = "-_*/";
  std::string& text = begin_word();
  for (size_t at = 0; name[at] != 0; at += 1U + name[at]) {
    for (const uint8_t byte : name.subspan(at + 1, name[at])) {
      const uint8_t lower = to_lower(byte);
      const bool is_plain = (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') ||
                            plain.contains(static_cast<char>(byte));
      if (!is_plain) text += '\\';
      if (is_plain || byte == '.' || byte == '\\') {
        text += static_cast<char>(byte);
      } else {
        append_padded(text, byte, 3);
      }
    }
    text += '.';
  }
  if (name[0] == 0) text += '.';
  return true;
}

bool RdataWords::add_time(uint32_t unix_s) {
  const time_t seconds = unix_s;
  tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::string& text = begin_word();
  append_padded(text, parts.tm_year + 1900, 4);
  for (const int part :
       {parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec}) {
    append_padded(text, part, 2);
  }
  return true;
}

bool RdataWords::add_address(Bytes address) { return add(address_text(address)); }

bool RdataWords::add_groups(Bytes bytes, size_t group_bytes, char separator) {
  std::string& text = begin_word();
  for (size_t i = 0; i < bytes.size(); ++i) {
    constexpr std::string_view digits = "0123456789abcdef";
    if (i > 0 && i % group_bytes == 0) text += separator;
    text += digits[bytes[i] >> 4];
    text += digits[bytes[i] & 15];
  }
  return true;
}

bool RdataWords::add_bitmap(Bytes bitmap) {
  ByteReader reader(bitmap);
  while (reader.remaining() > 0) {
    const unsigned window = reader.read_u8();
    const Bytes bits = reader.read_bytes(reader.read_u8());
    const bool written = for_each_bit(
        bits, [&](unsigned bit) { add(type_to_text(static_cast<uint16_t>(window * 256 + bit))); });
    if (!written) return false;
  }
  return true;
}

bool RdataWords::add_prefixes(Bytes prefixes) {
  ByteReader reader(prefixes);
  while (reader.remaining() > 0) {
    const uint16_t family = reader.read_u16();
    const uint8_t prefix_bits = reader.read_u8();
    const uint8_t negation_and_size = reader.read_u8();
    const Bytes part = reader.read_bytes(negation_and_size & 0x7FU);
    if ((family != 1 && family != 2) || (!part.empty() && part.back() == 0)) return false;
    std::array<uint8_t, 16> address{};
    std::copy(part.begin(), part.end(), address.begin());
    std::string& text = begin_word();
    if ((negation_and_size & 0x80U) != 0) text += '!';
    text += std::to_string(family) + ":" + address_text(Bytes(address).first(family == 1 ? 4 : 16));
    text += "/" + std::to_string(prefix_bits);
  }
  return true;
}

bool RdataWords::add_services(Bytes rdata) {
  add_address(rdata.first(4));
  add_number(rdata[4]);
  return for_each_bit(rdata.subspan(5), [&](unsigned port) { add_number(port); });
}

bool RdataWords::add_next_domain(Bytes rdata) {
  const size_t name_size = uncompressed_name_size(rdata);
  const Bytes bits = rdata.subspan(name_size);
  // A first bit that is set means another format (RFC 2535 §5.2).
  if (bits.size() > 16 || (!bits.empty() && (bits[0] & 0x80) != 0)) return false;
  add_name(rdata.first(name_size));
  return for_each_bit(bits, [&](unsigned bit) { add(type_to_text(static_cast<uint16_t>(bit))); });
}

bool RdataWords::add_a6(Bytes rdata) {
  const size_t prefix_bits = rdata[0];
  const size_t suffix_size = (128 - prefix_bits + 7) / 8;
  add_number(prefix_bits);
  if (suffix_size > 0) {
    std::array<uint8_t, 16> address{};
    const Bytes suffix = rdata.subspan(1, suffix_size);
    std::copy(suffix.begin(), suffix.end(), address.end() - static_cast<ptrdiff_t>(suffix_size));
    add_address(address);
  }
  if (prefix_bits > 0) add_name(rdata.subspan(1 + suffix_size));
  return true;
}

bool RdataWords::add_gateway(uint8_t kind, Bytes gateway) {
  switch (kind) {
    case 0:
      return add(".");
    case 1:
    case 2:
      return add_address(gateway);
    default:
      return add_name(gateway);
  }
}

bool RdataWords::add_ipsec_key(Bytes rdata) {
  const size_t gateway_size = [&]() -> size_t {
    switch (rdata[1]) {
      case 0:
        return 0;
      case 1:
        return 4;
      case 2:
        return 16;
      default:
        return uncompressed_name_size(rdata.subspan(3));
    }
  }();
  const Bytes key = rdata.subspan(3 + gateway_size);
  const bool has_algorithm = rdata[2] != 0;  // RFC 4025 §2.4: 0 says that there is no key
  if (has_algorithm == key.empty()) return false;
  for (const uint8_t number : rdata.first(3)) add_number(number);
  add_gateway(rdata[1], rdata.subspan(3, gateway_size));
  if (has_algorithm) append_base64(begin_word(), key);
  return true;
}

bool RdataWords::add_relay(Bytes rdata) {
  const auto kind = static_cast<uint8_t>(rdata[1] & 0x7F);
  add_number(rdata[0]);
  add_number(rdata[1] >> 7);
  add_number(kind);
  return add_gateway(kind, rdata.subspan(2));
}

bool RdataWords::add_host_identity(Bytes rdata) {
  const size_t identity_size = rdata[0];
  const size_t key_size = load_be16(rdata.data() + 2);
  if (identity_size == 0 || key_size == 0) return false;
  add_number(rdata[1]);
  append_hex(begin_word(), rdata.subspan(4, identity_size));
  append_base64(begin_word(), rdata.subspan(4 + identity_size, key_size));
  Bytes servers = rdata.subspan(4 + identity_size + key_size);
  while (!servers.empty()) {
    const size_t size = uncompressed_name_size(servers);
    add_name(servers.first(size));
    servers = servers.subspan(size);
  }
  return true;
}

bool RdataWords::add_dsync(Bytes rdata) {
  constexpr uint8_t scheme_notify = 1;
  add(type_to_text(load_be16(rdata.data())));
  add(rdata[2] == scheme_notify ? "NOTIFY" : std::to_string(rdata[2]));
  add_number(load_be16(rdata.data() + 3));
  return add_name(rdata.subspan(5));
}

bool RdataWords::add_authorization(Bytes rdata) {
  const Bytes tag = rdata.subspan(2, rdata[1]);
  for (const uint8_t byte : tag) {  // RFC 8659 §4.1: ASCII letters and digits
    const uint8_t lower = to_lower(byte);
    if ((lower < 'a' || lower > 'z') && (lower < '0' || lower > '9')) return false;
  }
  if (tag.empty()) return false;
  add_number(rdata[0]);
  begin_word().append(tag.begin(), tag.end());
  append_quoted(begin_word(), rdata.subspan(2 + tag.size()));
  return true;
}

bool RdataWords::add_object(Bytes rdata) {
  add_number(load_be32(rdata.data()));
  add_number(load_be32(rdata.data() + 4));
  add_number(rdata[8]);
  append_quoted(begin_word(), rdata.subspan(10, rdata[9]));
  const Bytes data = rdata.subspan(10U + rdata[9]);
  if (data.empty()) return add("-");
  append_base64(begin_word(), data);
  return true;
}

}  // namespace holdfast::wire
