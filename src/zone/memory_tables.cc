// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/memory_tables.h"

#include <algorithm>

#include "base/check.h"

namespace holdfast::zone {

namespace {

// A table this empty does not get better by growing: its keys are alike.
constexpr uint64_t emptiest_share = 16;
constexpr uint64_t buckets_limit = uint64_t{1} << 29;  // 32 GiB

}  // namespace

uint32_t tag_of_name(const uint8_t* base, layout::Ref zone_ref, Bytes relative_owner) {
  const auto* zone = layout::at<layout::Zone>(base, zone_ref);
  wire::Name owner;
  CHECK(owner.assign_joined(relative_owner, wire::NameView(layout::apex_of(zone))));
  const wire::SuffixHashes hashes(owner, layout::file_header(base)->hash_key);
  return layout::name_tag(hashes.of_last(hashes.label_count()), zone->salt);
}

uint32_t tag_of_node(const uint8_t* base, const layout::Node* node) {
  return tag_of_name(base, node->zone, layout::owner_of(node));
}

MemoryTables::MemoryTables(Allocator& allocator, uint8_t* base)
    : allocator_(allocator), base_(base) {}

void MemoryTables::load() {
  names_ = SlotTable(base_, TableRoot::from_word(header()->name_table));
  zones_ = SlotTable(base_, TableRoot::from_word(header()->zone_table));
  names_.count();
  zones_.count();
  zones_by_depth_ = {};
  zone_count_ = 0;
  zones_.update_each([&](uint32_t, layout::Ref zone) {
    ++zones_by_depth_[zone_at(zone)->apex_labels];
    ++zone_count_;
    return zone;
  });
  publish_depths();
}

void MemoryTables::publish_depths() {
  for (size_t word = 0; word < 2; ++word) {
    uint64_t depths = 0;
    for (size_t bit = 0; bit < 64; ++bit) {
      if (zones_by_depth_[word * 64 + bit] > 0) depths |= uint64_t{1} << bit;
    }
    if (depths != header()->depths[word]) layout::store_shared(header()->depths[word], depths);
  }
  layout::store_shared(header()->zone_count, zone_count_);
}

Result<void> MemoryTables::reserve_names(uint64_t names) {
  return reserve(names_, header()->name_table, names);
}

Result<void> MemoryTables::reserve_zones(uint64_t zones) {
  return reserve(zones_, header()->zone_table, zones);
}

Result<void> MemoryTables::insert_name(uint32_t tag, layout::Ref node) {
  return insert(names_, header()->name_table, tag, node);
}

Result<void> MemoryTables::insert_zone(layout::Ref zone) {
  const uint32_t tag = tag_of_zone(wire::NameView(layout::apex_of(zone_at(zone))));
  TRY(reserve_zones(1));
  // The depth first: whoever sees the zone must not skip it.
  ++zones_by_depth_[zone_at(zone)->apex_labels];
  ++zone_count_;
  publish_depths();
  auto inserted = insert(zones_, header()->zone_table, tag, zone);
  if (inserted) return inserted;
  --zones_by_depth_[zone_at(zone)->apex_labels];
  --zone_count_;
  publish_depths();
  return inserted;
}

void MemoryTables::remove_zone(layout::Ref zone) {
  const uint32_t tag = tag_of_zone(wire::NameView(layout::apex_of(zone_at(zone))));
  CHECK(zones_.erase(tag, zone));
  --zones_by_depth_[zone_at(zone)->apex_labels];
  --zone_count_;
  publish_depths();
}

uint32_t MemoryTables::tag_of_zone(wire::NameView apex) const {
  const wire::SuffixHashes hashes(apex, header()->hash_key);
  return layout::zone_tag(hashes.of_last(hashes.label_count()));
}

layout::Ref MemoryTables::find_zone(wire::NameView apex) const {
  return find_in_table(base_, zones_.root(), tag_of_zone(apex), [&](layout::Ref candidate) {
    return layout::same_labels(layout::apex_of(zone_at(candidate)), apex.bytes());
  });
}

layout::Ref MemoryTables::find_name(uint32_t tag, layout::Ref zone, Bytes relative_owner) const {
  return find_in_table(base_, names_.root(), tag, [&](layout::Ref candidate) {
    const auto* node = layout::at<layout::Node>(base_, candidate);
    return node->zone == zone && layout::same_labels(layout::owner_of(node), relative_owner);
  });
}

std::vector<Extent> MemoryTables::take_outgrown() { return std::exchange(outgrown_, {}); }

Result<void> MemoryTables::reserve(SlotTable& table, uint64_t& root_word, uint64_t slots) {
  if (SlotTable::fewest_buckets_for(table.used() + slots) <= table.root().buckets) return {};
  return grow(table, root_word, table.used() - table.graves() + slots);
}

Result<void> MemoryTables::insert(SlotTable& table, uint64_t& root_word, uint32_t tag,
                                  layout::Ref ref) {
  while (!table.insert(tag, ref)) {
    const uint64_t live = table.used() - table.graves();
    if (table.root().buckets > SlotTable::buckets_for((live + 1) * emptiest_share)) {
      return fail("zone memory: more than " + std::to_string(probe_buckets_max * bucket_slots) +
                  " names with nearly the same hash");
    }
    // A quarter more buckets than there are, whatever their load.
    TRY(grow(table, root_word, uint64_t{table.root().buckets} * bucket_slots));
  }
  return {};
}

// Rebuilds the table for `slots`, or a quarter more than it has now if that is more.
Result<void> MemoryTables::grow(SlotTable& table, uint64_t& root_word, uint64_t slots) {
  const uint64_t live = table.used() - table.graves();
  uint64_t wanted = std::max(slots, live + live / 4);
  while (true) {
    TableRoot root{.table = 0, .buckets = SlotTable::buckets_for(wanted)};
    if (root.buckets > buckets_limit) return fail("zone memory: a table over its limit");
    const uint32_t units = layout::units_of(root.bytes());
    root.table = TRY(allocator_.allocate_aligned(units));
    std::memset(layout::at<uint8_t>(base_, root.table), 0, root.bytes());
    SlotTable grown(base_, root);
    if (grown.fill_from(table)) {
      const TableRoot old = table.root();
      if (old.table != 0) outgrown_.push_back({old.table, layout::units_of(old.bytes())});
      table = grown;
      layout::store_shared(root_word, root.to_word());
      return {};
    }
    allocator_.release({root.table, units});
    wanted += wanted / 4;
  }
}

}  // namespace holdfast::zone
