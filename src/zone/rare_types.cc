// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/rare_types.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/check.h"
#include "wire/types.h"

namespace holdfast::zone {

namespace {

enum RareType : uint16_t {
  type_wks = 11,
  type_nsap = 22,
  type_eid = 31,
  type_nimloc = 32,
  type_atma = 34,
  type_a6 = 38,
  type_sink = 40,
  type_hip = 55,
  type_doa = 259,
  type_amtrelay = 260,
  type_ipn = 264,
};

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

int base64_value(char digit) {
  if (digit >= 'A' && digit <= 'Z') return digit - 'A';
  if (digit >= 'a' && digit <= 'z') return digit - 'a' + 26;
  if (digit >= '0' && digit <= '9') return digit - '0' + 52;
  return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

// Takes the tokens one after another and appends what they stand for.
class RdataBuilder {
 public:
  RdataBuilder(std::span<const Token> tokens, wire::NameView origin)
      : tokens_(tokens), origin_(origin) {}

  std::vector<uint8_t>& bytes() { return bytes_; }
  [[nodiscard]] bool at_end() const { return index_ == tokens_.size(); }

  Result<Token> take(const char* what) {
    if (at_end()) return fail(std::string("a field is missing: expected ") + what);
    return tokens_[index_++];
  }

  Result<uint64_t> take_number(size_t byte_count, const char* what) {
    const Token token = TRY(take(what));
    uint64_t number = 0;
    const std::string digits(token.text);
    const char* end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, number);
    const uint64_t number_max =
        byte_count == 8 ? ~uint64_t{0} : (uint64_t{1} << 8 * byte_count) - 1;
    if (error != std::errc{} || stopped != end || number > number_max) {
      return fail("'" + std::string(token.text) + "' is not " + what + " from 0 to " +
                  std::to_string(number_max));
    }
    return number;
  }

  void append(uint64_t number, size_t byte_count) {
    for (size_t i = byte_count; i > 0; --i) {
      bytes_.push_back(static_cast<uint8_t>(number >> (8 * (i - 1))));
    }
  }
  void append(Bytes bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }

  Result<void> number(size_t byte_count, const char* what) {
    append(TRY(take_number(byte_count, what)), byte_count);
    return {};
  }

  Result<void> name(const char* what) {
    const Token token = TRY(take(what));
    const wire::Name read = TRY(read_name_token(token, origin_));
    append(read.view().bytes());
    return {};
  }

  Result<void> string(const char* what) {
    const Token token = TRY(take(what));
    const auto text = unescape(token.text);
    if (!text || text->size() > 255) {
      return fail("'" + std::string(token.text) + "' is not a text of at most 255 bytes");
    }
    append(text->size(), 1);
    for (const char byte : *text) bytes_.push_back(static_cast<uint8_t>(byte));
    return {};
  }

  Result<void> address(int family, const char* what) {
    const Token token = TRY(take(what));
    std::array<uint8_t, 16> address{};
    if (::inet_pton(family, std::string(token.text).c_str(), address.data()) != 1) {
      return fail("'" + std::string(token.text) + "' is not " + what);
    }
    append(Bytes(address).first(family == AF_INET ? 4 : 16));
    return {};
  }

  // The digits of `text`, dots between them left out.
  Result<void> hex(std::string_view text) {
    int high = -1;
    for (const char digit : text) {
      if (digit == '.') continue;
      const int value = hex_value(digit);
      if (value < 0) return fail("'" + std::string(text) + "' is not hexadecimal");
      if (high >= 0) append(static_cast<uint64_t>(high << 4 | value), 1);
      high = high >= 0 ? -1 : value;
    }
    if (high >= 0) return fail("'" + std::string(text) + "' has an odd number of digits");
    return {};
  }

  Result<void> base64(std::string_view text) {
    std::string_view digits = text;
    while (digits.ends_with('=')) digits.remove_suffix(1);
    uint32_t bits = 0;
    unsigned bit_count = 0;
    for (const char digit : digits) {
      const int value = base64_value(digit);
      if (value < 0) return fail("'" + std::string(text) + "' is not base64");
      bits = (bits << 6 | static_cast<uint32_t>(value)) & 0xFFFFFF;
      bit_count += 6;
      if (bit_count < 8) continue;
      bit_count -= 8;
      append(bits >> bit_count & 0xFF, 1);
    }
    if (digits.size() % 4 == 1 || text.size() % 4 != 0) {
      return fail("'" + std::string(text) + "' is not base64: its length is wrong");
    }
    return {};
  }

  // All tokens that are left, as one.
  std::string take_rest() {
    std::string rest;
    for (; !at_end(); ++index_) rest += tokens_[index_].text;
    return rest;
  }

 private:
  std::span<const Token> tokens_;
  wire::NameView origin_;
  size_t index_ = 0;
  std::vector<uint8_t> bytes_;
};

Result<void> read_type(RdataBuilder& rdata) {
  const Token token = TRY(rdata.take("a record type"));
  const auto type = wire::type_from_text(token.text);
  if (!type) return fail("'" + std::string(token.text) + "' is not a record type");
  rdata.append(*type, 2);
  return {};
}

bool is_word(const Token& token, std::string_view word) {
  return std::ranges::equal(token.text, word, [](char a, char b) {
    return wire::to_lower(static_cast<uint8_t>(a)) == wire::to_lower(static_cast<uint8_t>(b));
  });
}

// A word that stands for a number.
struct Word {
  std::string_view text;
  uint8_t number;
};
Result<void> read_word_or_number(RdataBuilder& rdata, std::span<const Word> words,
                                 const char* what) {
  const Token token = TRY(rdata.take(what));
  for (const Word& word : words) {
    if (!is_word(token, word.text)) continue;
    rdata.append(word.number, 1);
    return {};
  }
  RdataBuilder number({&token, 1}, wire::NameView());
  rdata.append(TRY(number.take_number(1, what)), 1);
  return {};
}

Result<void> read_dsync(RdataBuilder& rdata) {  // RFC 9859 §2.2
  static constexpr std::array<Word, 1> schemes{{{"NOTIFY", 1}}};
  TRY(read_type(rdata));
  TRY(read_word_or_number(rdata, schemes, "a scheme (NOTIFY or a number)"));
  TRY(rdata.number(2, "a port"));
  return rdata.name("a target");
}

Result<void> read_hip(RdataBuilder& rdata) {  // RFC 8005 §6
  const uint64_t algorithm = TRY(rdata.take_number(1, "a public key algorithm"));
  const Token identity = TRY(rdata.take("a host identity tag"));
  const Token key = TRY(rdata.take("a public key"));
  RdataBuilder parts({}, wire::NameView());
  TRY(parts.hex(identity.text));
  const size_t identity_size = parts.bytes().size();
  TRY(parts.base64(key.text));
  const size_t key_size = parts.bytes().size() - identity_size;
  if (identity_size > 255) return fail("a host identity tag of more than 255 bytes");
  rdata.append(identity_size, 1);
  rdata.append(algorithm, 1);
  rdata.append(key_size, 2);
  rdata.append(parts.bytes());
  while (!rdata.at_end()) TRY(rdata.name("a rendezvous server"));
  return {};
}

Result<void> read_amtrelay(RdataBuilder& rdata) {  // RFC 8777 §4.3
  TRY(rdata.number(1, "a precedence"));
  const uint64_t discovery = TRY(rdata.take_number(1, "a discovery bit"));
  const uint64_t kind = TRY(rdata.take_number(1, "a relay type"));
  if (discovery > 1) return fail("the discovery bit is 0 or 1, not " + std::to_string(discovery));
  rdata.append(discovery << 7 | (kind & 0x7F), 1);
  switch (kind) {
    case 0: {
      const Token token = TRY(rdata.take("a relay"));
      if (token.text != ".") return fail("a relay of type 0 is written as '.'");
      return {};
    }
    case 1:
      return rdata.address(AF_INET, "an IPv4 address");
    case 2:
      return rdata.address(AF_INET6, "an IPv6 address");
    case 3:
      return rdata.name("a relay");
    default:
      return fail("relay type " + std::to_string(kind) + " is not known; 0 to 3 are");
  }
}

Result<void> read_a6(RdataBuilder& rdata) {  // RFC 2874 §3.1
  const uint64_t prefix_bits = TRY(rdata.take_number(1, "a prefix length"));
  if (prefix_bits > 128) return fail("a prefix length of " + std::to_string(prefix_bits));
  rdata.append(prefix_bits, 1);
  if (prefix_bits < 128) {
    const Token token = TRY(rdata.take("an IPv6 address"));
    RdataBuilder suffix({&token, 1}, wire::NameView());
    TRY(suffix.address(AF_INET6, "an IPv6 address"));
    rdata.append(Bytes(suffix.bytes()).subspan(prefix_bits / 8));
  }
  return prefix_bits > 0 ? rdata.name("a prefix name") : Result<void>{};
}

Result<void> read_wks(RdataBuilder& rdata) {  // RFC 1035 §3.4.2
  static constexpr std::array<Word, 2> protocols{{{"TCP", 6}, {"UDP", 17}}};
  TRY(rdata.address(AF_INET, "an IPv4 address"));
  TRY(read_word_or_number(rdata, protocols, "a protocol (TCP, UDP or a number)"));
  std::vector<uint8_t> bitmap;
  while (!rdata.at_end()) {
    const uint64_t port = TRY(rdata.take_number(2, "a port number"));
    if (bitmap.size() <= port / 8) bitmap.resize(port / 8 + 1);
    bitmap[port / 8] |= static_cast<uint8_t>(0x80U >> (port % 8));
  }
  rdata.append(bitmap);
  return {};
}

Result<void> read_atma(RdataBuilder& rdata) {  // ATM Forum, ATM Name System, §5.2
  const Token token = TRY(rdata.take("an ATM address"));
  if (!token.text.starts_with('+')) {
    rdata.append(0, 1);
    return rdata.hex(token.text);
  }
  rdata.append(1, 1);
  for (const char digit : token.text.substr(1)) {
    if (digit != '.') rdata.append(static_cast<unsigned char>(digit), 1);
  }
  return {};
}

Result<void> read_nxt(RdataBuilder& rdata) {  // RFC 2535 §5.2
  TRY(rdata.name("a next name"));
  std::array<uint8_t, 16> bitmap{};
  size_t size = 0;
  while (!rdata.at_end()) {
    const Token token = TRY(rdata.take("a record type"));
    const auto type = wire::type_from_text(token.text);
    if (!type || *type > 127) return fail("'" + std::string(token.text) + "' is not a type to 127");
    bitmap[*type / 8] |= static_cast<uint8_t>(0x80U >> (*type % 8));
    size = std::max<size_t>(size, *type / 8U + 1U);
  }
  rdata.append(Bytes(bitmap).first(size));
  return {};
}

Result<void> read_hex_rest(RdataBuilder& rdata) {
  std::string text = rdata.take_rest();
  if (text.starts_with("0x") || text.starts_with("0X")) text.erase(0, 2);
  if (text.empty()) return fail("a field is missing: expected hexadecimal digits");
  return rdata.hex(text);
}

Result<void> read_fields(uint16_t type, RdataBuilder& rdata) {
  switch (type) {
    case type_wks:
      return read_wks(rdata);
    case type_nsap:  // RFC 1706 §5
    case type_eid:
    case type_nimloc:
      return read_hex_rest(rdata);
    case wire::type_px:  // RFC 2163 §4
      TRY(rdata.number(2, "a preference"));
      TRY(rdata.name("a MAP822 name"));
      return rdata.name("a MAPX400 name");
    case wire::type_nxt:
      return read_nxt(rdata);
    case type_atma:
      return read_atma(rdata);
    case type_a6:
      return read_a6(rdata);
    case type_sink:
      TRY(rdata.number(1, "a coding"));
      TRY(rdata.number(1, "a subcoding"));
      return rdata.base64(rdata.take_rest());
    case type_hip:
      return read_hip(rdata);
    case wire::type_dsync:
      return read_dsync(rdata);
    case type_doa: {  // draft-durand-doa-over-dns §3.2
      TRY(rdata.number(4, "an enterprise number"));
      TRY(rdata.number(4, "a type"));
      TRY(rdata.number(1, "a location"));
      TRY(rdata.string("a media type"));
      const std::string data = rdata.take_rest();
      return data == "-" ? Result<void>{} : rdata.base64(data);
    }
    case type_amtrelay:
      return read_amtrelay(rdata);
    default:
      CHECK(type == type_ipn);
      return rdata.number(8, "an IPN node number");
  }
}

}  // namespace

bool is_rare_type(uint16_t type) {
  static constexpr auto types = std::to_array<uint16_t>(
      {type_wks, type_nsap, wire::type_px, wire::type_nxt, type_eid, type_nimloc, type_atma,
       type_a6, type_sink, type_hip, wire::type_dsync, type_doa, type_amtrelay, type_ipn});
  return std::ranges::find(types, type) != types.end();
}

Result<std::vector<uint8_t>> read_rare_rdata(uint16_t type, std::span<const Token> tokens,
                                             wire::NameView origin) {
  RdataBuilder rdata(tokens, origin);
  TRY(read_fields(type, rdata));
  if (!rdata.at_end()) {
    const Token token = TRY(rdata.take("nothing"));
    return fail("'" + std::string(token.text) + "' is too much: nothing was expected there");
  }
  if (rdata.bytes().size() > 65535) return fail("RDATA of more than 65535 bytes");
  return std::move(rdata.bytes());
}

}  // namespace holdfast::zone
