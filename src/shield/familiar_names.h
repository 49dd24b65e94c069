// SPDX-License-Identifier: GPL-3.0-or-later
// Which names a filter on a socket takes for such as exist: those that were asked for lately.
//
// A classic filter cannot look a name up. It is told buckets, by two keyed hashes of the first 16
// bytes of the question in any case of letters: those in which a name lies that exists and that was
// asked for lately, no more than three in eight. In quiet times anybody's questions count, one in
// 16 of them; under overload those of proved and known sources alone. So of made-up names at most
// one in seven is taken for one that exists; an existing name that was not asked for lately is not.
//
// While names are made up under a few parents alone, all others stand for the names below them: one
// under another parent is familiar if that was asked for lately. Its key is made of the first bytes
// behind the first label, and lies in the same tables. Lies in memory that outlives the worker; one
// writer, the worker. Never allocates.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "shield/aged_buckets.h"
#include "shield/trusted_buckets.h"

namespace holdfast::shield {

constexpr size_t name_bytes_at = 12;  // behind the header
constexpr size_t name_bytes_hashed = 16;
constexpr uint32_t lower_case_bits = 0x20202020;  // RFC 4343 §2: letters differ in this bit alone
constexpr size_t name_tables = 2;
using NamePlaces = BucketPlaces<name_tables>;

// None for a message that is too short, which holds a short name.
[[nodiscard]] inline std::optional<NamePlaces> name_places(const BucketKey& key, Bytes message) {
  if (message.size() < name_bytes_at + name_bytes_hashed) return std::nullopt;
  uint32_t mixed = 0;
  for (size_t at = name_bytes_at; at < name_bytes_at + name_bytes_hashed; at += 4) {
    mixed = mix_for_buckets(key, mixed ^ (load_be32(message.data() + at) | lower_case_bits));
  }
  return places_of<name_tables>(key, mixed);
}

constexpr size_t parent_bytes_hashed = 8;
// The name's parent, mixed as a name is. None for a message that is too short.
[[nodiscard]] inline std::optional<uint32_t> parent_mix(const BucketKey& key, Bytes message) {
  if (message.size() < name_bytes_at + name_bytes_hashed) return std::nullopt;
  const size_t at = name_bytes_at + 1 + message[name_bytes_at];
  if (message.size() < at + parent_bytes_hashed) return std::nullopt;
  const uint32_t first = load_be32(message.data() + at) | lower_case_bits;
  const uint32_t second = load_be32(message.data() + at + 4) | lower_case_bits;
  return mix_for_buckets(key, mix_for_buckets(key, first) ^ second);
}

// Under which parents names are made up, in zones under attack: a few, or too many to be told.
class AttackedParents {
 public:
  static constexpr size_t told_max = 8;
  static constexpr uint32_t kept_s = 10;

  struct Told {
    std::array<uint32_t, told_max> mixes{};
    size_t count = 0;  // 0: none, or too many

    [[nodiscard]] bool has(uint32_t mix) const {
      const std::span<const uint32_t> kept(mixes.data(), count);
      return std::ranges::find(kept, mix) != kept.end();
    }
  };

  // Somebody has asked for a name under it that does not exist. True if it is a new one.
  bool note(uint32_t mix, uint32_t now_s) {
    Parent* place = nullptr;
    for (Parent& parent : parents_) {
      if (is_kept(parent.seen_s, now_s) && parent.mix == mix) {
        parent.seen_s = now_s;
        return false;
      }
      if (!is_kept(parent.seen_s, now_s)) place = &parent;
    }
    if (place == nullptr) {
      crowded_s_ = now_s;
      return false;
    }
    *place = {.mix = mix, .seen_s = now_s};
    return true;
  }
  [[nodiscard]] Told told(uint32_t now_s) const {
    Told told;
    if (is_kept(crowded_s_, now_s)) return told;
    for (const Parent& parent : parents_) {
      if (is_kept(parent.seen_s, now_s)) told.mixes[told.count++] = parent.mix;
    }
    return told;
  }

 private:
  struct Parent {
    uint32_t mix = 0;
    uint32_t seen_s = 0;  // 0: never
  };
  static bool is_kept(uint32_t seen_s, uint32_t now_s) {
    return seen_s != 0 && now_s - seen_s < kept_s;
  }

  std::array<Parent, told_max> parents_{};
  uint32_t crowded_s_ = 0;
};

class FamiliarNames {
 public:
  static constexpr size_t kept_max = AgedBuckets::count * 3 / 8;
  static constexpr uint32_t unit_shift_ms = 12;  // ages in units of some four seconds
  static constexpr uint32_t units_kept = 150;    // ten minutes

  void mark(const NamePlaces& at, uint64_t now_ms) {
    for (size_t i = 0; i < name_tables; ++i) asked_[i].mark(at[i], unit(now_ms));
  }
  // At least once in six minutes.
  void forget_old(uint64_t now_ms) {
    for (AgedBuckets& table : asked_) table.forget_older(unit(now_ms), units_kept);
  }

  struct Words {
    std::array<AgedBuckets::Words, name_tables> asked{};

    [[nodiscard]] bool has(const NamePlaces& at) const {
      for (size_t i = 0; i < name_tables; ++i) {
        if (!AgedBuckets::has(asked[i], at[i])) return false;
      }
      return true;
    }
  };
  // The youngest of them: kept_max in a table, unless there are more of this very unit.
  void write(uint64_t now_ms, Words& words) const {
    for (size_t i = 0; i < name_tables; ++i) {
      const uint32_t kept = asked_[i].age_of_youngest(kept_max, unit(now_ms));
      asked_[i].write(unit(now_ms), std::min(kept, units_kept), words.asked[i]);
    }
  }
  [[nodiscard]] static uint32_t unit(uint64_t now_ms) {
    return static_cast<uint32_t>(now_ms >> unit_shift_ms);
  }

 private:
  std::array<AgedBuckets, name_tables> asked_;
};

}  // namespace holdfast::shield
