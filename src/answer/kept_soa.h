// SPDX-License-Identifier: GPL-3.0-or-later
// SOA records as they stand in an answer that denies, made once a zone and not once an answer.
//
// What the writer of a response makes of a zone's SOA behind a question for the apex is kept.
// Behind the question for a longer name of the zone it is the same but for its pointers: all that
// they point to stands as many bytes further on as that name is longer. It is good for as long as
// the zone's record has the bytes that it was made from, which is looked at each time; so nothing
// needs to be told of changes. Bound: zones_max zones; two that share a place take it from each
// other. Never allocates. Thread: the owner's.
#pragma once

#include <array>
#include <optional>

#include "zone/view.h"

namespace holdfast::answer {

class KeptSoa {
 public:
  static constexpr size_t bytes_max = 192;

  // Whether it is that of the zone whose apex has this hash, made from these bytes.
  [[nodiscard]] bool is_of(uint64_t apex_hash, Bytes source) const;
  // Makes it anew from the zone's SOA; names are hashed by `key`. False if it is too long to be
  // kept.
  [[nodiscard]] bool make(const zone::ZoneView& zone, const zone::RrsetView& soa,
                          uint64_t apex_hash, const HashKey& key);

  // The record behind a question for a name that is `longer` bytes longer than the apex. `to` has
  // room for `size()` bytes.
  void write(uint8_t* to, size_t longer) const;
  [[nodiscard]] size_t size() const { return bytes_; }
  // True if the name right below the apex that has this hash stands in the record: then a question
  // for it or below it lets the record be shorter than it is here.
  [[nodiscard]] bool mentions(uint64_t child_hash) const {
    return child_hash == children_[0] || child_hash == children_[1];
  }

 private:
  static constexpr size_t pointers_max = 3;  // of its owner and two names

  void find_pointers();

  uint64_t apex_hash_ = 0;
  std::array<uint64_t, 2> children_{};
  uint16_t source_bytes_ = 0;  // 0: nothing is kept here
  uint16_t bytes_ = 0;
  uint8_t pointer_count_ = 0;
  std::array<uint8_t, pointers_max> pointers_{};  // where they stand in the record
  std::array<uint8_t, bytes_max> source_;         // the record in zone memory
  std::array<uint8_t, bytes_max> record_;
};

class KeptSoas {
 public:
  static constexpr size_t zones_max = 64;

  // `apex_hash` is that of the zone's apex under `key`. Null if the zone has no SOA that can be
  // kept.
  [[nodiscard]] const KeptSoa* of(const zone::ZoneView& zone, uint64_t apex_hash,
                                  const HashKey& key);

 private:
  std::array<KeptSoa, zones_max> kept_;
};

}  // namespace holdfast::answer
