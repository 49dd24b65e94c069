// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/name_order.h"

#include <algorithm>
#include <array>
#include <span>

namespace holdfast::zone {

namespace {

constexpr size_t window_bytes = 8;
constexpr size_t prefetch_distance = 8;

// Two halves, so that an entry takes 12 bytes.
struct Entry {
  uint32_t key_high;
  uint32_t key_low;
  Staging::Run run;

  [[nodiscard]] uint64_t key() const { return (uint64_t{key_high} << 32) | key_low; }
};

bool operator<(const Entry& a, const Entry& b) {
  return a.key() != b.key() ? a.key() < b.key() : a.run < b.run;
}

// Bytes [offset, offset + 8) of a form of the name whose byte order is the canonical order: labels
// from the last to the first, letters folded, 0x00 after each label; 0x00 and 0x01 within a label
// become 0x01 0x01 and 0x01 0x02. After the end come zeros: two in a row appear nowhere else.
class Window {
 public:
  Window(wire::NameView name, size_t offset) : offset_(offset) {
    std::array<uint8_t, wire::labels_max> starts;
    size_t count = 0;
    for (size_t at = 0; name.data()[at] != 0; at += 1U + name.data()[at]) {
      starts[count++] = static_cast<uint8_t>(at);
    }
    while (count > 0 && position_ < offset_ + window_bytes) {
      const uint8_t* label = name.data() + starts[--count];
      for (size_t i = 1; i <= label[0]; ++i) append_label_byte(wire::to_lower(label[i]));
      append(0);
    }
  }

  [[nodiscard]] uint64_t key() const { return key_; }

 private:
  void append_label_byte(uint8_t byte) {
    if (byte > 1) return append(byte);
    append(1);
    append(static_cast<uint8_t>(byte + 1));
  }
  void append(uint8_t byte) {
    if (position_ >= offset_ && position_ < offset_ + window_bytes) {
      key_ |= uint64_t{byte} << (8 * (window_bytes - 1 - (position_ - offset_)));
    }
    ++position_;
  }

  size_t offset_;
  size_t position_ = 0;
  uint64_t key_ = 0;
};

void set_keys(const Staging& staging, std::span<Entry> entries, size_t offset) {
  for (size_t i = 0; i < entries.size(); ++i) {
    if (i + prefetch_distance < entries.size())
      staging.prefetch(entries[i + prefetch_distance].run);
    const uint64_t key = Window(staging.owner(entries[i].run), offset).key();
    entries[i].key_high = static_cast<uint32_t>(key >> 32);
    entries[i].key_low = static_cast<uint32_t>(key);
  }
}

// Depth of recursion: at most 510 encoded bytes / 8.
void sort_from(const Staging& staging, std::span<Entry> entries, size_t offset) {
  set_keys(staging, entries, offset);
  std::sort(entries.begin(), entries.end());
  for (size_t begin = 0; begin < entries.size();) {
    const uint64_t key = entries[begin].key();
    size_t end = begin + 1;
    while (end < entries.size() && entries[end].key() == key) ++end;
    const bool names_ended = (key & 0xFFFF) == 0;
    if (end - begin > 1 && !names_ended) {
      sort_from(staging, entries.subspan(begin, end - begin), offset + window_bytes);
    }
    begin = end;
  }
}

void sort_all(const Staging& staging, std::vector<Staging::Run>& runs) {
  std::vector<Entry> entries;
  entries.reserve(runs.size());
  for (const Staging::Run run : runs) entries.push_back({0, 0, run});
  sort_from(staging, entries, 0);
  for (size_t i = 0; i < runs.size(); ++i) runs[i] = entries[i].run;
}

// The longest stretch of runs that are in order: [begin, end).
std::pair<size_t, size_t> longest_stretch(std::span<const size_t> breaks, size_t runs) {
  std::pair<size_t, size_t> longest{0, breaks.empty() ? runs : breaks.front()};
  for (size_t i = 0; i < breaks.size(); ++i) {
    const size_t end = i + 1 < breaks.size() ? breaks[i + 1] : runs;
    if (end - breaks[i] > longest.second - longest.first) longest = {breaks[i], end};
  }
  return longest;
}

// Each of the few `sorted` runs goes to its place among the `many`.
std::vector<Staging::Run> merge_few(const Staging& staging, std::span<const Staging::Run> sorted,
                                    std::span<const Staging::Run> many) {
  std::vector<Staging::Run> merged;
  merged.reserve(sorted.size() + many.size());
  for (const Staging::Run run : sorted) {
    const auto place = std::ranges::partition_point(many, [&](Staging::Run other) {
      const int order = wire::compare_canonical(staging.owner(other), staging.owner(run));
      return order != 0 ? order < 0 : other < run;
    });
    merged.insert(merged.end(), many.begin(), place);
    merged.push_back(run);
    many = {place, many.end()};
  }
  merged.insert(merged.end(), many.begin(), many.end());
  return merged;
}

}  // namespace

void sort_by_owner(const Staging& staging, std::vector<Staging::Run>& runs) {
  const std::span<const size_t> breaks = staging.order_breaks();
  if (breaks.empty()) return;
  const auto [begin, end] = longest_stretch(breaks, runs.size());
  // What stands before or after a sorted zone: its SOA, name servers, glue.
  const bool is_nearly_sorted =
      breaks.size() < Staging::order_breaks_max && runs.size() - (end - begin) < runs.size() / 16;
  if (!is_nearly_sorted) return sort_all(staging, runs);
  std::vector<Staging::Run> few(runs.begin(), runs.begin() + static_cast<ptrdiff_t>(begin));
  few.insert(few.end(), runs.begin() + static_cast<ptrdiff_t>(end), runs.end());
  sort_all(staging, few);
  runs = merge_few(staging, few, std::span(runs).subspan(begin, end - begin));
}

}  // namespace holdfast::zone
