// SPDX-License-Identifier: GPL-3.0-or-later
// Which packets are alike, at several levels from specific to broad: how a packet that killed a
// worker is known again when it comes with another id, another first label or another name.
//
// Each level is a keyed hash, so that nobody can make an innocent packet look like a guilty one.
// This reads packets on its own, apart from wire/query.h, because the fault that kills workers may
// lie there and the supervisor, which reads the same packet afterwards, must survive. No
// allocation; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace holdfast::shield {

enum class LikenessLevel : uint8_t {
  // Of packets with one readable question:
  question,  // header without id, counts, folded name, type, class, EDNS version, flags and options
  parent,    // the same without the name's first label
  form,      // the same without the name
  // Of others:
  bytes,   // all bytes but the id
  header,  // flags, counts and the power of two of the size
};
constexpr size_t likeness_levels = 5;

[[nodiscard]] std::string_view likeness_level_name(LikenessLevel level);

using LikenessKey = std::array<uint8_t, 16>;

struct LikenessMark {
  LikenessLevel level = LikenessLevel::question;
  uint64_t hash = 0;  // never 0; differs between levels
};

struct Likeness {
  static constexpr size_t marks_max = 3;
  std::array<LikenessMark, marks_max> marks{};  // specific ones first
  size_t count = 0;                             // 2 or 3
};

[[nodiscard]] Likeness likeness_of(Bytes packet, const LikenessKey& key);

}  // namespace holdfast::shield
