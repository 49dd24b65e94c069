// SPDX-License-Identifier: GPL-3.0-or-later
// The text of LOC (RFC 1876 §3): degrees, minutes and seconds, then altitude and sizes in metres.
#include <array>
#include <cstdlib>

#include "wire/rdata_words.h"

namespace holdfast::wire {

namespace {

constexpr int64_t equator = int64_t{1} << 31;     // also the prime meridian; in 1/1000 seconds
constexpr int64_t altitude_base_cm = 10'000'000;  // 100 km below the reference spheroid
constexpr int64_t milliseconds_a_degree = 3'600'000;

std::string padded(int64_t number, size_t digits) {
  std::string text = std::to_string(number);
  if (text.size() < digits) text.insert(0, digits - text.size(), '0');
  return text;
}

bool add_angle(RdataWords& words, uint32_t coordinate, int64_t degrees_max, char positive,
               char negative) {
  const int64_t offset = int64_t{coordinate} - equator;
  const int64_t milliseconds = std::abs(offset);
  if (milliseconds > degrees_max * milliseconds_a_degree) return false;
  words.add(std::to_string(milliseconds / milliseconds_a_degree));
  words.add(std::to_string(milliseconds / 60'000 % 60));
  words.add(std::to_string(milliseconds / 1000 % 60) + "." + padded(milliseconds % 1000, 3));
  words.add(std::string_view(offset >= 0 ? &positive : &negative, 1));
  return true;
}

void add_metres(RdataWords& words, int64_t centimetres) {
  const int64_t size = std::abs(centimetres);
  words.add((centimetres < 0 ? "-" : "") + std::to_string(size / 100) + "." +
            padded(size % 100, 2) + "m");
}

// A mantissa and a power of ten, in centimetres.
bool add_size(RdataWords& words, uint8_t size) {
  const int mantissa = size >> 4;
  int power = size & 15;
  // Zero with a power and mantissas over nine have no text of their own.
  if (mantissa > 9 || power > 9 || (mantissa == 0 && power != 0)) return false;
  int64_t centimetres = mantissa;
  while (power-- > 0) centimetres *= 10;
  add_metres(words, centimetres);
  return true;
}

}  // namespace

bool RdataWords::add_location(Bytes location) {
  if (location[0] != 0) return false;  // another version
  const uint8_t* at = location.data();
  if (!add_angle(*this, load_be32(at + 4), 90, 'N', 'S') ||
      !add_angle(*this, load_be32(at + 8), 180, 'E', 'W')) {
    return false;
  }
  add_metres(*this, int64_t{load_be32(at + 12)} - altitude_base_cm);
  return add_size(*this, at[1]) && add_size(*this, at[2]) && add_size(*this, at[3]);
}

}  // namespace holdfast::wire
