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

Extent extent_of(TableRoot root) { return {root.table, layout::units_of(root.bytes())}; }

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
  const uint64_t needed = live_slots(table) + slots;
  return grow(table, root_word, SlotTable::buckets_for(std::max(needed, slots_with_room(table))),
              SlotTable::fewest_buckets_for(needed));
}

Result<void> MemoryTables::insert(GrowingTable& table, uint64_t& root_word, uint32_t tag,
                                  layout::Ref ref) {
  while (!table.insert(tag, ref)) {
    if (table.root().buckets > SlotTable::buckets_for((live_slots(table) + 1) * emptiest_share)) {
      return fail("zone memory: more than " + std::to_string(probe_buckets_max * bucket_slots) +
                  " names with nearly the same hash");
    }
    // A half more buckets than there are, whatever their load; an eighth more may do.
    const uint64_t slots = uint64_t{table.root().buckets} * bucket_slots;
    TRY(grow(table, root_word, SlotTable::buckets_for(slots),
             SlotTable::buckets_for(slots - slots / 4)));
  }
  return {};
}

// Rebuilds the table, with so many buckets if there is room. One that is being prepared and is
// large enough needs less than that.
Result<void> MemoryTables::grow(GrowingTable& table, uint64_t& root_word, uint32_t wanted,
                                uint32_t least) {
  if (take_prepared(table, root_word, least)) return {};
  while (true) {
    TRY(begin_any(table, wanted, least));
    const auto holds_all = table.finish();
    if (holds_all && *holds_all) {
      put_in_service(table, root_word);
      return {};
    }
    give_up(table);
    if (!holds_all) return std::unexpected(holds_all.error());
    least = table.too_few_buckets() + table.too_few_buckets() / 8 + 1;
    wanted = std::max(wanted + wanted / 4, least);
  }
}

// Whether the one that is being prepared is in service now. It is left alone if it has too few
// buckets: whoever needs less may still take it.
bool MemoryTables::take_prepared(GrowingTable& table, uint64_t& root_word, uint32_t least) {
  if (!table.is_growing() || table.larger_root().buckets < least) return false;
  const auto holds_all = table.finish();
  if (holds_all && *holds_all) {
    put_in_service(table, root_word);
    return true;
  }
  give_up(table);
  return false;
}

// A table that cannot begin takes no turn from the other one; it is told of when that is done.
Result<bool> MemoryTables::grow_ahead() {
  const auto step_names = [this] { return grow_ahead(names_, header()->name_table); };
  const auto step_zones = [this] { return grow_ahead(zones_, header()->zone_table); };
  const bool names_first = names_.is_growing();
  const auto first = names_first ? step_names() : step_zones();
  if (first && *first) return true;
  const auto second = names_first ? step_zones() : step_names();
  if (second && *second) return true;
  return first ? second : first;
}

Result<bool> MemoryTables::grow_ahead(GrowingTable& table, uint64_t& root_word) {
  if (!table.is_growing()) {
    const uint64_t used = table.now().used();
    if (used < ahead_.slots_min || SlotTable::ample_buckets_for(used) <= table.root().buckets) {
      return false;
    }
    // After many removals few may be left, with as many to come again.
    const uint32_t too_few = table.too_few_buckets();
    const uint32_t buckets = std::max({SlotTable::buckets_for(slots_with_room(table)),
                                       table.root().buckets, too_few + too_few / 4});
    TRY(begin(table, buckets, Need::ahead));
    return true;
  }
  const auto done = table.step(ahead_.step_bytes);
  if (done && *done == GrowingTable::Step::unfinished) return true;
  if (done && *done == GrowingTable::Step::finished) {
    put_in_service(table, root_word);
    ++grown_ahead_;
    return false;
  }
  give_up(table);
  if (!done) return std::unexpected(done.error());
  ++too_small_;
  return fail("zone memory: a larger table does not hold what the present one does");
}

// Begins one of so many buckets, or where there is no room for it, of fewer.
Result<void> MemoryTables::begin_any(GrowingTable& table, uint32_t wanted, uint32_t least) {
  Result<void> begun;
  for (const uint32_t buckets : {wanted, least + (wanted - least) / 2, least}) {
    begun = begin(table, buckets, Need::now);
    if (begun) break;
  }
  return begun;
}

// If that is needed now, it is instead of one that is being prepared.
Result<void> MemoryTables::begin(GrowingTable& table, uint32_t buckets, Need need) {
  if (buckets > buckets_limit) return fail("zone memory: a table over its limit");
  TableRoot root{.table = 0, .buckets = buckets};
  root.table = TRY(allocate(table, layout::units_of(root.bytes()), need));
  if (table.is_growing()) give_up(table);
  table.begin(root);
  return {};
}

// What is being prepared goes only where its place is what was missing.
Result<layout::Ref> MemoryTables::allocate(GrowingTable& table, uint32_t units, Need need) {
  if (need == Need::ahead) {
    return allocator_.allocate_aligned_ahead(units, ahead_.disk_reserve_bytes);
  }
  auto allocated = allocator_.allocate_aligned(units);
  if (allocated || !table.is_growing()) return allocated;
  const uint64_t with_margin = uint64_t{units} + sizeof(Bucket) / layout::unit_bytes;
  if (allocator_.units_with_neighbours(extent_of(table.larger_root())) < with_margin) {
    return allocated;
  }
  give_up(table);
  return allocator_.allocate_aligned(units);
}

void MemoryTables::put_in_service(GrowingTable& table, uint64_t& root_word) {
  const TableRoot before = table.take_over();
  if (before.table != 0) outgrown_.push_back(extent_of(before));
  layout::store_shared(root_word, table.root().to_word());
  ++replaced_;
}

// No reader has seen it, so its space is free at once.
void MemoryTables::give_up(GrowingTable& table) { allocator_.release(extent_of(table.give_up())); }

}  // namespace holdfast::zone
