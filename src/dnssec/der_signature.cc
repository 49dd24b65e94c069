// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/der_signature.h"

#include <algorithm>

namespace holdfast::dnssec {

namespace {

constexpr uint8_t tag_integer = 0x02;
constexpr uint8_t tag_sequence = 0x30;
constexpr size_t number_bytes_max = 48;  // P-384; so every length below fits one byte

// A positive integer as a number of fixed length.
bool read_integer(ByteReader& reader, MutableBytes number) {
  if (reader.read_u8() != tag_integer) return false;
  Bytes digits = reader.read_bytes(reader.read_u8());
  if (reader.failed() || digits.empty() || (digits[0] & 0x80) != 0) return false;
  if (digits[0] == 0) digits = digits.subspan(1);
  if (digits.size() > number.size()) return false;
  std::ranges::fill(number, uint8_t{0});
  std::ranges::copy(digits, number.last(digits.size()).begin());
  return true;
}

void write_integer(ByteWriter& writer, Bytes number) {
  while (number.size() > 1 && number[0] == 0) number = number.subspan(1);
  const bool needs_sign = (number[0] & 0x80) != 0;
  writer.write_u8(tag_integer);
  writer.write_u8(static_cast<uint8_t>(number.size() + (needs_sign ? 1 : 0)));
  if (needs_sign) writer.write_u8(0);
  writer.write_bytes(number);
}

}  // namespace

bool signature_from_der(Bytes der, MutableBytes raw) {
  ByteReader reader(der);
  if (reader.read_u8() != tag_sequence || reader.read_u8() != reader.remaining()) return false;
  const size_t half = raw.size() / 2;
  return read_integer(reader, raw.first(half)) && read_integer(reader, raw.last(half)) &&
         reader.remaining() == 0;
}

size_t signature_to_der(Bytes raw, MutableBytes der) {
  const size_t half = raw.size() / 2;
  if (half == 0 || half > number_bytes_max || der.size() < der_signature_bytes_max) return 0;
  ByteWriter body(der.subspan(2));
  write_integer(body, raw.first(half));
  write_integer(body, raw.last(half));
  der[0] = tag_sequence;
  der[1] = static_cast<uint8_t>(body.size());
  return 2 + body.size();
}

}  // namespace holdfast::dnssec
