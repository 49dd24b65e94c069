// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/name_filter.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <span>

namespace holdfast::shield {

namespace {

// Of names that do not exist, so many let one in a hundred through; where there is room, three
// times as many let one in several thousand through.
constexpr uint64_t bits_a_name = 10;
constexpr uint64_t bits_wanted = 30;
constexpr uint64_t bits_a_line = uint64_t{NAME_FILTER_LINE_WORDS} * 64;
constexpr uint32_t depth_max = 15;  // as cover_depths can say

uint64_t hash_of_label(const NameFilterKey& key, Bytes label) {
  uint64_t state = key.start;
  uint64_t word = 0;
  for (; label.size() > sizeof word; label = label.subspan(sizeof word)) {
    std::memcpy(&word, label.data(), sizeof word);
    state = name_filter_step(&key, state, word);
  }
  std::array<uint8_t, sizeof word> last{};
  std::memcpy(last.data() + last.size() - label.size(), label.data(), label.size());
  std::memcpy(&word, last.data(), sizeof word);
  return name_filter_last_step(&key, state, word, static_cast<uint32_t>(label.size()));
}

// Of the last n labels, at place n; returns how many labels the name has. It may have more than the
// program reads, so the powers are made here.
using Suffixes = std::array<uint64_t, wire::labels_max + 1>;
size_t hash_suffixes(const NameFilterKey& key, wire::NameView name, Suffixes& suffixes) {
  std::array<uint8_t, wire::labels_max> offsets{};
  const size_t labels = name.label_offsets(offsets);
  suffixes[0] = 0;
  uint64_t power = 1;
  for (size_t n = 0; n < labels; ++n) {
    const Bytes bytes = name.bytes().subspan(offsets[labels - 1 - n]);
    suffixes[n + 1] = suffixes[n] + hash_of_label(key, bytes.first(1U + bytes[0])) * power;
    power *= key.multiplier;
  }
  return labels;
}

uint64_t lines_for(uint64_t entries, uint64_t bits) {
  return std::max<uint64_t>((entries * bits + bits_a_line - 1) / bits_a_line, 1);
}

}  // namespace

void NameFilterWriter::set_key(NameFilter& filter, const HashKey& key) {
  filter.key = {
      .start = key.low, .multiplier = key.high | 1, .cover = key.low ^ ~key.high, .powers = {1}};
  for (size_t n = 1; n < NAME_FILTER_LABELS_MAX; ++n) {
    filter.key.powers[n] = filter.key.powers[n - 1] * filter.key.multiplier;
  }
}

void NameFilterWriter::begin() {
  NameFilterTable& table = next();
  std::memset(&table, 0, sizeof table);
  zone_ = nullptr;
  lines_used_ = 0;
}

bool NameFilterWriter::begin_zone(wire::NameView apex, size_t entries) {
  NameFilterTable& table = next();
  zone_ = nullptr;
  if (table.zone_count == NAME_FILTER_ZONES_MAX) return false;
  Suffixes suffixes;
  const size_t labels = hash_suffixes(filter_.key, apex, suffixes);
  if (labels >= NAME_FILTER_LABELS_MAX) return false;
  const uint64_t free = NAME_FILTER_LINES_MAX - lines_used_;
  const uint64_t least = lines_for(entries, bits_a_name);
  const bool fits = least <= free;
  // Half of what is left stays for other zones.
  const uint64_t wanted = std::max(least, std::min(lines_for(entries, bits_wanted), free / 2));
  NameFilterZone& zone = table.zones[table.zone_count++];
  zone = {.suffix = suffixes[labels],
          .first_line = lines_used_,
          .lines = fits ? static_cast<uint32_t>(wanted) : 0,
          .labels = static_cast<uint32_t>(labels),
          .cover_depths = 0,
          .covers = 0,
          .unused = 0};
  lines_used_ += zone.lines;
  table.denials[&zone - table.zones].apex_bytes = static_cast<__u8>(apex.bytes().size());
  if (fits) zone_ = &zone;
  return fits;
}

void NameFilterWriter::deny_with(Bytes soa_record, Proofs proofs) {
  if (zone_ == nullptr) return;
  NameFilterDenial& denial = next().denials[zone_ - next().zones];
  if (soa_record.size() > sizeof denial.record) return;
  std::memcpy(denial.record, soa_record.data(), soa_record.size());
  denial.bytes = static_cast<__u16>(soa_record.size());
  denial.is_signed = proofs == Proofs::needed ? 1 : 0;
}

void NameFilterWriter::enter(uint64_t name, uint64_t hash) {
  auto* line = next().lines[name_filter_line(zone_, name)];
  __u64 bits = name_filter_bits(hash);
  for (int i = 0; i < NAME_FILTER_PROBES; ++i, bits >>= 9) {
    line[(bits >> 6) & 7] |= __u64{1} << (bits & 63);
  }
}

void NameFilterWriter::add_name(wire::NameView name) {
  if (zone_ == nullptr || zone_->lines == 0) return;
  Suffixes suffixes;
  const size_t labels = hash_suffixes(filter_.key, name, suffixes);
  enter(suffixes[labels], suffixes[labels]);
}

void NameFilterWriter::add_cover(wire::NameView name) {
  if (zone_ == nullptr || zone_->lines == 0) return;
  Suffixes suffixes;
  const size_t labels = hash_suffixes(filter_.key, name, suffixes);
  uint32_t depth = static_cast<uint32_t>(labels) - zone_->labels;
  const bool has_room = std::popcount(zone_->cover_depths) < NAME_FILTER_COVER_DEPTHS_MAX;
  if (depth > depth_max) depth = depth_max;
  if (((zone_->cover_depths >> depth) & 1) == 0) {
    if (has_room) {
      zone_->covers |= (depth + 1) << (8 * std::popcount(zone_->cover_depths));
      zone_->cover_depths |= 1U << depth;
    } else {
      // An ancestor at a depth that is in use covers it too.
      const uint32_t above = zone_->cover_depths & ((1U << depth) - 1);
      if (above == 0) {
        zone_->lines = 0;
        return;
      }
      depth = static_cast<uint32_t>(std::bit_width(above)) - 1;
    }
  }
  const uint64_t above = suffixes[zone_->labels + depth];
  enter(above, name_filter_cover(&filter_.key, above));
}

void NameFilterWriter::show() {
  std::atomic_ref(filter_.current).store((filter_.current & 1) ^ 1, std::memory_order_release);
  zone_ = nullptr;
}

void NameFilterWriter::suspend() {
  for (NameFilterTable& table : filter_.tables) {
    std::atomic_ref(table.zone_count).store(0, std::memory_order_release);
  }
}

NameFilterWriter::Verdict NameFilterWriter::judge(const NameFilter& filter, wire::NameView name) {
  const NameFilterTable& table = filter.tables[filter.current & 1];
  Suffixes suffixes;
  const size_t labels = hash_suffixes(filter.key, name, suffixes);
  for (const NameFilterZone& zone : std::span(table.zones).first(table.zone_count)) {
    if (zone.labels > labels || suffixes[zone.labels] != zone.suffix) continue;
    if (zone.lines == 0 || name_filter_has(&table, &zone, suffixes[labels]) != 0) {
      return Verdict::exists;
    }
    for (uint32_t depth = 0; depth <= depth_max && zone.labels + depth <= labels; ++depth) {
      if (((zone.cover_depths >> depth) & 1) == 0) continue;
      const uint64_t above = suffixes[zone.labels + depth];
      if (name_filter_has_cover(&filter.key, &table, &zone, above) != 0) return Verdict::exists;
    }
    return Verdict::absent;
  }
  return Verdict::elsewhere;
}

}  // namespace holdfast::shield
