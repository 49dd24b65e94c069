// SPDX-License-Identifier: GPL-3.0-or-later
// How many datagrams a second that no trust speaks for may come as far as a worker's sockets, under
// overload.
//
// Where no card sheds, the kernel receives the whole flood on the worker's core, and each datagram
// that reaches a queue costs the worker as much again, whatever becomes of it. So a filter before
// the queues (socket_filter.h) lets through as many strangers as there is time to answer, or to
// send to TCP: more while core and queues have room, less when they have not. Where most of them
// ask in a form or for names that are not familiar, those who ask as is familiar go first, all of
// them. Steered five times a second, when the core's rest is told; the first time at once. Pure;
// never allocates. Thread: the worker's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "shield/card_budgets.h"
#include "shield/source_layout.h"

namespace holdfast::shield {

// By what the familiar are told from other strangers.
enum class Telling : uint8_t { nothing, form, name, both };
// Strangers' datagrams by what is familiar of them: a bit each for the form and the name.
constexpr size_t familiarities = 4;
[[nodiscard]] constexpr size_t familiarity(bool of_form, bool of_name) {
  return (of_form ? 1U : 0U) | (of_name ? 2U : 0U);
}
[[nodiscard]] bool is_familiar(Telling telling, size_t familiarity);

// What passes of those who are not trusted, of SHIELD_SHARE_ONE: all of them if there is no filter.
struct FilterShares {
  uint32_t strangers = SHIELD_SHARE_ONE;
  Telling telling = Telling::nothing;
  uint32_t familiar = SHIELD_SHARE_ONE;  // of these, if something tells them from the others

  [[nodiscard]] bool are_all() const { return strangers == SHIELD_SHARE_ONE; }
  [[nodiscard]] uint32_t of(size_t familiarity) const {
    return is_familiar(telling, familiarity) ? familiar : strangers;
  }
};

// What was seen since the last tick.
struct SocketReading {
  // Datagrams that were received and that the filter trusts nobody for, or would not.
  std::array<uint32_t, familiarities> strangers{};
  FilterShares in_force{};  // with which they came: not what was ordered, in a dry run
  uint32_t others = 0;      // datagrams of those who are trusted
  uint64_t filtered = 0;    // what the filter kept away, of strangers
  uint32_t lost = 0;        // by the kernel for want of room, of anybody's
  uint32_t core_idle_permille = CardReading::not_told;
  uint32_t worker_idle_permille = 0;
  bool is_pressed = false;  // a queue was too full
};

class SocketBudget {
 public:
  // Some hundredths of a core: to keep more away would save little, and leave strangers no way in.
  static constexpr uint32_t passes_min = 10'000;
  static constexpr uint32_t passes_max = 16'000'000;
  static constexpr uint64_t steer_ns = 200'000'000;

  // While the worker is overloaded.
  void tick(uint64_t span_ns, const SocketReading& reading);
  // It is not.
  void end() { *this = SocketBudget(); }

  // Of strangers' datagrams, of SHIELD_SHARE_ONE: all of them if no filter is needed.
  [[nodiscard]] uint32_t share() const { return share_; }
  // And of those that are familiar: the same share if nothing tells them from the others.
  [[nodiscard]] Telling telling() const { return telling_; }
  [[nodiscard]] uint32_t familiar_share() const { return familiar_share_; }
  // A second; 0: not limited yet.
  [[nodiscard]] uint32_t passes() const { return passes_; }

 private:
  // A second.
  struct Rates {
    uint64_t received = 0;                     // of strangers
    uint64_t of_others = 0;                    // received
    uint64_t arrived = 0;                      // of strangers, what was filtered or lost included
    std::array<uint64_t, familiarities> by{};  // of these
    [[nodiscard]] uint64_t familiar(Telling telling) const;
  };

  [[nodiscard]] Rates take_rates(uint64_t span_ns);
  void steer();
  void share_out(const Rates& rates);
  [[nodiscard]] Telling choose_telling(const Rates& rates) const;

  uint32_t share_ = SHIELD_SHARE_ONE;
  uint32_t familiar_share_ = SHIELD_SHARE_ONE;
  uint32_t passes_ = 0;
  Telling telling_ = Telling::nothing;
  // Since it was steered last.
  uint64_t span_ns_ = 0;
  uint64_t strangers_ = 0;
  std::array<uint64_t, familiarities> sent_{};  // of these, before a filter has thinned them out
  uint64_t others_ = 0;
  uint64_t filtered_ = 0;
  uint64_t lost_ = 0;
  uint64_t idle_span_ns_ = 0;  // the worker's own rest, where nobody tells the core's
  uint32_t core_idle_ = CardReading::not_told;
  bool is_pressed_ = false;
};

}  // namespace holdfast::shield
