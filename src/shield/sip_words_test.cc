// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/sip_words.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "base/hash.h"

namespace holdfast::shield {
namespace {

SipKey key_of(Bytes bytes) {
  SipKey key;
  std::memcpy(&key, bytes.data(), sizeof key);
  return key;
}

TEST(SipWords, WordsHashAsTheirBytesDo) {
  std::array<uint8_t, 16> key{};
  std::array<uint8_t, 32> bytes{};
  for (size_t i = 0; i < key.size(); ++i) key[i] = static_cast<uint8_t>(i);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(7 * i);
  SipState state = sip_begin(key_of(key));
  for (size_t i = 0; i < bytes.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, &bytes[i], 8);
    sip24_absorb(&state, word);
  }
  sip24_absorb(&state, uint64_t{bytes.size()} << 56);
  EXPECT_EQ(sip24_finish(&state), siphash24(bytes, key));
}

}  // namespace
}  // namespace holdfast::shield
