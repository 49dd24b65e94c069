// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/scanner_form.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "wire/types.h"

namespace holdfast::zone {

namespace {

// Types whose text form is that of another type.
struct Twin {
  uint16_t type;
  std::string_view form;
};
constexpr auto twins = std::to_array<Twin>({
    {wire::type_md, "PTR"},
    {wire::type_mf, "PTR"},
    {wire::type_mb, "PTR"},
    {wire::type_mg, "PTR"},
    {wire::type_mr, "PTR"},
    {19, "TXT"},  // X25
    {20, "TXT"},  // ISDN
    {23, "PTR"},  // NSAP-PTR
    {wire::type_sig, "RRSIG"},
    {27, "TXT"},         // GPOS
    {56, "TXT"},         // NINFO
    {57, "DNSKEY"},      // RKEY
    {58, "MINFO"},       // TALINK
    {67, "OPENPGPKEY"},  // HHIT
    {68, "OPENPGPKEY"},  // BRID
    {258, "TXT"},        // AVC
    {wire::type_resinfo, "TXT"},
    {wire::type_wallet, "TXT"},
    {263, "TXT"},   // CLA
    {32768, "DS"},  // TA
    {32769, "DS"},  // DLV
});

// Where types stand among the tokens: [first, last).
struct TypeTokens {
  size_t first = 0;
  size_t last = 0;
};

TypeTokens type_tokens(uint16_t type, size_t count) {
  switch (type) {
    case wire::type_sig:
    case wire::type_rrsig:
      return {0, std::min<size_t>(1, count)};
    case wire::type_nsec:
      return {std::min<size_t>(1, count), count};
    case wire::type_nsec3:
      return {std::min<size_t>(5, count), count};
    case wire::type_csync:
      return {std::min<size_t>(2, count), count};
    default:
      return {};
  }
}

std::string numbered_type(std::string_view token) {
  const auto type = wire::type_from_text(token);
  return type ? "TYPE" + std::to_string(*type) : std::string(token);
}

void append_escaped_u16(std::string& text, uint16_t value) {
  for (const int byte : {value >> 8, value & 0xFF}) {
    text += '\\';
    text += static_cast<char>('0' + byte / 100);
    text += static_cast<char>('0' + byte / 10 % 10);
    text += static_cast<char>('0' + byte % 10);
  }
}

// A list of numbers as the value of a parameter in wire form; empty if it is not such a list.
std::string numbers_as_bytes(std::string_view list) {
  std::string text;
  while (true) {
    uint16_t number = 0;
    const auto [stopped, error] = std::from_chars(list.data(), list.data() + list.size(), number);
    if (error != std::errc{}) return {};
    append_escaped_u16(text, number);
    if (stopped == list.data() + list.size()) return text;
    if (*stopped != ',') return {};
    list.remove_prefix(static_cast<size_t>(stopped - list.data()) + 1);
  }
}

// SvcParamKeys that came after RFC 9460, by number.
std::string numbered_parameter(std::string_view token) {
  const size_t equals = token.find('=');
  const std::string_view key = token.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? "" : token.substr(equals);
  if (key == "dohpath") return "key7" + std::string(value);  // RFC 9461 §5
  if (key == "ohttp") return "key8" + std::string(value);    // RFC 9540 §4
  if (key == "tls-supported-groups" && value.size() > 1) {   // draft-ietf-tls-key-share-prediction
    std::string_view list = value.substr(1);
    if (list.size() > 1 && list.starts_with('"') && list.ends_with('"')) {
      list = list.substr(1, list.size() - 2);
    }
    const std::string bytes = numbers_as_bytes(list);
    if (!bytes.empty()) return "key9=" + bytes;
  }
  return std::string(token);
}

// Bytes beyond ASCII as \DDD: operators write UTF-8 in strings, which libzscanner refuses.
std::string numbered_bytes(std::string_view text) {
  std::string numbered;
  bool escaped = false;
  for (const char byte : text) {
    const auto value = static_cast<uint8_t>(byte);
    if (value < 0x80) {
      numbered += byte;
    } else {
      if (!escaped) numbered += '\\';
      numbered += std::to_string(value);
    }
    escaped = byte == '\\' && !escaped;
  }
  return numbered;
}

std::string rewrite(uint16_t type, size_t index, const TypeTokens& types, const Token& token,
                    OddBytes odd_bytes) {
  if (token.quoted) {
    const bool keep = odd_bytes == OddBytes::keep;
    return '"' + (keep ? std::string(token.text) : numbered_bytes(token.text)) + '"';
  }
  if (index >= types.first && index < types.last) return numbered_type(token.text);
  if (type == wire::type_svcb || type == wire::type_https) {
    if (index >= 2) {
      const std::string parameter = numbered_parameter(token.text);
      return odd_bytes == OddBytes::keep ? parameter : numbered_bytes(parameter);
    }
  }
  if (odd_bytes == OddBytes::keep) return std::string(token.text);
  return numbered_bytes(token.text.contains('"') ? std::string(token.text) : escape_token(token));
}

}  // namespace

std::string scanner_form(uint16_t type, std::span<const Token> rdata, OddBytes odd_bytes) {
  const auto twin = std::ranges::find(twins, type, &Twin::type);
  const bool generic = !rdata.empty() && !rdata[0].quoted && rdata[0].text == "\\#";
  std::string text = ". 0 IN ";
  if (twin != twins.end() && !generic) {
    text += twin->form;
  } else {
    text += "TYPE" + std::to_string(type);
  }
  const TypeTokens types = generic ? TypeTokens{} : type_tokens(type, rdata.size());
  for (size_t index = 0; index < rdata.size(); ++index) {
    text += ' ';
    text += generic ? std::string(rdata[index].text)
                    : rewrite(type, index, types, rdata[index], odd_bytes);
  }
  return text + '\n';
}

}  // namespace holdfast::zone
