// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/memory_tables.h"

#include <algorithm>

#include "base/check.h"

namespace holdfast::zone {

namespace {

// A table this empty does not get better by growing: its keys are alike.
constexpr uint64_t emptiest_share = 16;
constexpr uint64_t buckets_limit = uint64_t{1} << 29;  // 32 GiB

uint64_t live_slots(const GrowingTable& table) { return table.now().used() - table.now().graves(); }

// What a table that is built anew holds at least, so that it lasts for a while.
uint64_t slots_with_room(const GrowingTable& table) {
  return live_slots(table) + live_slots(table) / 4;
}

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

MemoryTables::MemoryTables(Allocator& allocator, uint8_t* base, const GrowthAhead& ahead)
    : allocator_(allocator), base_(base), ahead_(ahead), names_(base, {}), zones_(base, {}) {}

void MemoryTables::load() {
  names_ = GrowingTable(base_, TableRoot::from_word(header()->name_table));
  zones_ = GrowingTable(base_, TableRoot::from_word(header()->zone_table));
  names_.count();
  zones_.count();
  zones_by_depth_ = {};
  zone_count_ = 0;
  zones().for_each([&](uint32_t, layout::Ref zone) {
    ++zones_by_depth_[zone_at(zone)->apex_labels];
    ++zone_count_;
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

Result<void> MemoryTables::reserve(GrowingTable& table, uint64_t& root_word, uint64_t slots) {
  if (SlotTable::fewest_buckets_for(table.now().used() + slots) <= table.root().buckets) return {};
  return grow(table, root_word, live_slots(table) + slots);
}

Result<void> MemoryTables::insert(GrowingTable& table, uint64_t& root_word, uint32_t tag,
                                  layout::Ref ref) {
  while (!table.insert(tag, ref)) {
    if (table.root().buckets > SlotTable::buckets_for((live_slots(table) + 1) * emptiest_share)) {
      return fail("zone memory: more than " + std::to_string(probe_buckets_max * bucket_slots) +
                  " names with nearly the same hash");
    }
    // A half more buckets than there are, whatever their load.
    TRY(grow(table, root_word, uint64_t{table.root().buckets} * bucket_slots));
  }
  return {};
}

// Rebuilds the table for `slots`, or a quarter more than it has now if that is more. One that is
// being prepared and is large enough needs less than that.
Result<void> MemoryTables::grow(GrowingTable& table, uint64_t& root_word, uint64_t slots) {
  if (table.is_growing()) {
    if (SlotTable::fewest_buckets_for(slots) <= table.larger_root().buckets && table.finish()) {
      put_in_service(table, root_word);
      return {};
    }
    give_up(table);
  }
  uint64_t wanted = std::max(slots, slots_with_room(table));
  while (true) {
    TRY(begin(table, wanted, Need::now));
    if (table.finish()) {
      put_in_service(table, root_word);
      return {};
    }
    give_up(table);
    wanted += wanted / 4;
  }
}

Result<bool> MemoryTables::grow_ahead() {
  if (TRY(grow_ahead(zones_, header()->zone_table))) return true;
  return grow_ahead(names_, header()->name_table);
}

Result<bool> MemoryTables::grow_ahead(GrowingTable& table, uint64_t& root_word) {
  if (!table.is_growing()) {
    const uint64_t used = table.now().used();
    if (used < ahead_.slots_min || SlotTable::ample_buckets_for(used) <= table.root().buckets) {
      return false;
    }
    TRY(begin(table, slots_with_room(table), Need::ahead));
    return true;
  }
  switch (table.step(ahead_.step_bytes)) {
    case GrowingTable::Step::unfinished:
      return true;
    case GrowingTable::Step::finished:
      put_in_service(table, root_word);
      ++grown_ahead_;
      return false;
    case GrowingTable::Step::failed:
      break;
  }
  give_up(table);
  return fail("zone memory: a larger table does not hold what the present one does");
}

Result<void> MemoryTables::begin(GrowingTable& table, uint64_t slots, Need need) {
  TableRoot root{.table = 0, .buckets = SlotTable::buckets_for(slots)};
  if (root.buckets > buckets_limit) return fail("zone memory: a table over its limit");
  const uint32_t units = layout::units_of(root.bytes());
  root.table =
      TRY(need == Need::now ? allocator_.allocate_aligned(units)
                            : allocator_.allocate_aligned_ahead(units, ahead_.disk_reserve_bytes));
  table.begin(root);
  return {};
}

void MemoryTables::put_in_service(GrowingTable& table, uint64_t& root_word) {
  const TableRoot before = table.take_over();
  if (before.table != 0) outgrown_.push_back({before.table, layout::units_of(before.bytes())});
  layout::store_shared(root_word, table.root().to_word());
}

// No reader has seen it, so its space is free at once.
void MemoryTables::give_up(GrowingTable& table) {
  const TableRoot larger = table.give_up();
  allocator_.release({larger.table, layout::units_of(larger.bytes())});
}

}  // namespace holdfast::zone
