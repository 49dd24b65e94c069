// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/source_history.h"

#include <algorithm>
#include <bit>

namespace holdfast::shield {

namespace {

constexpr __u64 operator_flags = SHIELD_FLAG_ALLOWED | SHIELD_FLAG_DENIED;
constexpr __u64 raises_a_slot_max = SourceHistory::raises_a_slot_max;
constexpr uint32_t rate_class_max = 24;
// Of the slots in which it is seen, a source's rate is halved in one of so many.
constexpr uint32_t rate_decay_slots = 8;
constexpr uint32_t score_max = 255;
// A known source that has not been seen for so long makes room for newcomers.
constexpr uint32_t protected_slots = 64;
// What comes faster is beyond what it may ask (AdmissionControl::write_allowances, level 1): a
// flood, whatever a resolver's way has become.
constexpr uint32_t flood_usual_shift = 5;
constexpr uint32_t flood_min = 64;

// An entry taken apart.
struct Fields {
  __u64 tag = 0;
  __u64 hop = 0;
  __u64 slot = 0;
  __u64 rate = 0;
  __u64 hop_seen = 0;
  __u64 score = 0;
  __u64 flags = 0;

  static Fields of(__u64 entry) {
    return {.tag = shield_tag(entry),
            .hop = shield_hop(entry),
            .slot = shield_slot(entry),
            .rate = shield_rate(entry),
            .hop_seen = entry >> SHIELD_HOP_SEEN_SHIFT & 1,
            .score = shield_score(entry),
            .flags = shield_flags(entry)};
  }
  [[nodiscard]] __u64 encode() const {
    return tag | hop << SHIELD_HOP_SHIFT | slot << SHIELD_SLOT_SHIFT | rate << SHIELD_RATE_SHIFT |
           hop_seen << SHIELD_HOP_SEEN_SHIFT | score << SHIELD_SCORE_SHIFT |
           flags << SHIELD_FLAGS_SHIFT;
  }
};

uint32_t rate_class(uint32_t rate) {
  if (rate <= 1) return 0;
  return std::min(static_cast<uint32_t>(std::bit_width(rate - 1)), rate_class_max);
}

uint32_t age(__u64 entry, uint32_t slot) { return (slot - shield_slot(entry)) & 0xffU; }

bool is_flood(__u64 entry, uint32_t rate) {
  return rate > std::max(1U << (shield_usual(entry) + flood_usual_shift), flood_min);
}

// As a slot begins, by which question is its first: who forges a source can see to it that this is
// his, in a flood or because he knows when. So another distance is taken over if that was so in the
// slot before, too, and nothing has come from the usual one since. A difference of one is noise and
// moves nothing, or he would walk there. A source that often has another one is not judged by it.
void note_hop(Fields& fields, const Sighting& sighting, __u64 before) {
  const bool is_other = shield_is_other_hop(before, sighting.hop) != 0;
  if (sighting.hop == 0 || (is_other && is_flood(before, sighting.rate))) return;
  __u64 odd = fields.flags & SHIELD_FLAG_HOP_ODD;
  if (is_other) {
    odd = std::min<__u64>(odd + 2, SHIELD_FLAG_HOP_ODD);
    if (fields.hop_seen == 0) fields.hop = sighting.hop;
    fields.hop_seen ^= 1;
  } else if (odd > 0) {
    --odd;
  }
  fields.flags = (fields.flags & ~__u64{SHIELD_FLAG_HOP_ODD}) | odd;
}

void begin_slot(Fields& fields, const Sighting& sighting, __u64 before, uint32_t slot) {
  fields.slot = slot & 0xff;
  fields.score = std::min<__u64>(fields.score + 1, score_max);
  fields.flags &= operator_flags | SHIELD_FLAG_HOP_ODD;
  if (slot % rate_decay_slots == 0 && fields.rate > 0) --fields.rate;
  note_hop(fields, sighting, before);
}

void raise_rate(Fields& fields, uint32_t to) {
  const __u64 raised = fields.flags >> SHIELD_FLAG_RAISED_SHIFT;
  if (to <= fields.rate || raised >= raises_a_slot_max) return;
  const __u64 by = std::min<__u64>(to - fields.rate, raises_a_slot_max - raised);
  fields.rate += by;
  fields.flags += by << SHIELD_FLAG_RAISED_SHIFT;
}

Fields newcomer(const Sighting& sighting, uint32_t slot) {
  Fields fields;
  fields.tag = shield_tag_of(sighting.hash);
  fields.hop = sighting.hop;
  fields.slot = slot & 0xff;
  return fields;
}

__u64* place_of(ShieldHistoryLine& line, uint32_t tag) {
  for (__u64& entry : line.entries) {
    if (shield_tag(SHIELD_LOAD(&entry)) == tag) return &entry;
  }
  return nullptr;
}

}  // namespace

void SourceHistory::enter(const Sighting& sighting, uint32_t slot) {
  ShieldHistoryLine& line = lines_[shield_line_of(sighting.hash)];
  const uint32_t rate = rate_class(sighting.rate);
  if (__u64* place = place_of(line, shield_tag_of(sighting.hash)); place != nullptr) {
    const __u64 entry = SHIELD_LOAD(place);
    const bool is_same_slot = shield_slot(entry) == (slot & 0xff);
    Fields fields = Fields::of(entry);
    if (!is_same_slot || fields.score == 0) begin_slot(fields, sighting, entry, slot);
    if (is_usual_hop(entry, sighting.hop)) {
      fields.hop_seen = 1;
      if (fields.hop == 0) fields.hop = sighting.hop;
    }
    if (!shield_is_elsewhere(entry, sighting.hop)) raise_rate(fields, rate);
    const __u64 changed = fields.encode();
    if (changed != entry) SHIELD_STORE(place, changed);
    return;
  }
  Fields fields = newcomer(sighting, slot);
  fields.score = 1;
  fields.hop_seen = 1;
  raise_rate(fields, rate);
  insert(line, fields.encode(), slot);
}

void SourceHistory::prove(const Sighting& sighting, uint32_t slot) {
  ShieldHistoryLine& line = lines_[shield_line_of(sighting.hash)];
  __u64* place = place_of(line, shield_tag_of(sighting.hash));
  const __u64 entry = place != nullptr ? SHIELD_LOAD(place) : 0;
  Fields fields = place != nullptr ? Fields::of(entry) : newcomer(sighting, slot);
  const bool is_same_slot = fields.slot == (slot & 0xff);
  if (place != nullptr && is_same_slot && (fields.flags & SHIELD_FLAG_PROVED) != 0) return;
  if (!is_same_slot) begin_slot(fields, sighting, entry, slot);
  fields.flags |= SHIELD_FLAG_PROVED;
  if (place != nullptr) {
    SHIELD_STORE(place, fields.encode());
  } else {
    insert(line, fields.encode(), slot);
  }
}

void SourceHistory::set_operator_flag(__u64 hash, __u64 flag, uint32_t slot) {
  ShieldHistoryLine& line = lines_[shield_line_of(hash)];
  __u64* place = place_of(line, shield_tag_of(hash));
  if (place == nullptr && flag == 0) return;
  if (place == nullptr) {
    Fields fields = newcomer({.hash = hash}, slot);
    fields.flags = flag;
    insert(line, fields.encode(), slot);
    return;
  }
  Fields fields = Fields::of(SHIELD_LOAD(place));
  fields.flags = (fields.flags & ~operator_flags) | flag;
  SHIELD_STORE(place, fields.encode());
}

// Into the place of least worth: empty, then long unseen, then newcomers from the oldest on. Whom
// the operator has named stays.
void SourceHistory::insert(ShieldHistoryLine& line, __u64 entry, uint32_t slot) {
  const bool is_named = (shield_flags(entry) & operator_flags) != 0;
  __u64* victim = nullptr;
  uint32_t least = ~0U;
  for (__u64& place : line.entries) {
    const __u64 there = SHIELD_LOAD(&place);
    if (there == 0) {
      SHIELD_STORE(&place, entry);
      return;
    }
    if ((shield_flags(there) & operator_flags) != 0) continue;
    const bool is_stale = age(there, slot) > protected_slots;
    const uint32_t worth = (is_stale ? 0 : shield_score(there)) << 8 | (255 - age(there, slot));
    if (worth < least) {
      least = worth;
      victim = &place;
    }
  }
  if (victim != nullptr && (is_named || least >> 8 <= 1)) SHIELD_STORE(victim, entry);
}

size_t SourceHistory::expire(uint32_t slot, uint32_t slots_kept) {
  size_t removed = 0;
  for (uint32_t part = 0; part < parts; ++part) removed += expire_part(part, slot, slots_kept);
  return removed;
}

size_t SourceHistory::expire_part(uint32_t part, uint32_t slot, uint32_t slots_kept) {
  constexpr size_t lines_a_part = SHIELD_HISTORY_LINES / parts;
  size_t removed = 0;
  for (ShieldHistoryLine& line : lines_.subspan(part % parts * lines_a_part, lines_a_part)) {
    for (__u64& place : line.entries) {
      const __u64 entry = SHIELD_LOAD(&place);
      if (entry == 0 || (shield_flags(entry) & operator_flags) != 0) continue;
      if (age(entry, slot) <= slots_kept) continue;
      SHIELD_STORE(&place, __u64{0});
      ++removed;
    }
  }
  return removed;
}

SourceHistory::Summary SourceHistory::summarise(uint32_t known_slots) const {
  Summary summary;
  for (const ShieldHistoryLine& line : lines_) {
    for (const __u64& place : line.entries) {
      const __u64 entry = SHIELD_LOAD(&place);
      if (entry == 0) continue;
      ++summary.entries;
      if (shield_score(entry) >= known_slots) ++summary.known;
      if ((shield_flags(entry) & SHIELD_FLAG_PROVED) != 0) ++summary.proved;
      if ((shield_flags(entry) & SHIELD_FLAG_ALLOWED) != 0) ++summary.allowed;
      if ((shield_flags(entry) & SHIELD_FLAG_DENIED) != 0) ++summary.denied;
    }
  }
  return summary;
}

}  // namespace holdfast::shield
