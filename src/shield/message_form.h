// SPDX-License-Identifier: GPL-3.0-or-later
// The form of a question, as far as a filter on a socket can tell it at once: whether it asks for
// recursion, and whether records follow it, as EDNS has it.
//
// Resolvers ask authoritative servers without RD and with EDNS (RFC 6891); simple flooders do
// neither. Which forms are usual is learned, so nothing is taken for granted: in quiet times from
// questions for names that exist, whoever asks them; under overload from what known sources send.
// Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace holdfast::shield {

constexpr size_t message_forms = 4;
constexpr uint8_t all_message_forms = 0x0f;  // a bit for each
constexpr size_t flags_at = 2;
constexpr size_t record_count_at = 10;
constexpr uint8_t recursion_desired = 0x01;
constexpr uint32_t form_has_records = 2;

// Of a message with a whole header.
[[nodiscard]] inline uint32_t form_of(Bytes message) {
  const uint32_t has_records =
      load_be16(message.data() + record_count_at) != 0 ? form_has_records : 0;
  return (message[flags_at] & recursion_desired) | has_records;
}

// How often each form was seen, the older the less: nobody has to age it in quiet times, as all are
// halved once one has been seen so often.
class UsualForms {
 public:
  static constexpr uint32_t seen_max = 1U << 20;

  void count(uint32_t form) {
    if (++seen_[form] < seen_max) return;
    for (uint32_t& seen : seen_) seen /= 2;
  }
  void age() {
    for (uint32_t& seen : seen_) seen -= seen / 8;
  }
  // Those that are at least one in 32; all if nothing is known.
  [[nodiscard]] uint8_t usual() const {
    uint64_t sum = 0;
    for (const uint32_t seen : seen_) sum += seen;
    uint8_t mask = 0;
    for (size_t form = 0; form < message_forms; ++form) {
      if (uint64_t{seen_[form]} * 32 >= sum) mask = static_cast<uint8_t>(mask | 1U << form);
    }
    return mask;
  }

 private:
  std::array<uint32_t, message_forms> seen_{};
};

}  // namespace holdfast::shield
