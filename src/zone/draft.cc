// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/draft.h"

#include <algorithm>

#include "base/check.h"
#include "wire/types.h"
#include "zone/node_walk.h"
#include "zone/order_key.h"

namespace holdfast::zone {

namespace {

bool is_nsec3_record(const DraftRecord& record) { return record.type == wire::type_nsec3; }

// What lies outside the name space at an owner of NSEC3 records (RFC 5155 §7.2.8).
bool is_nsec3_data(uint16_t type, Bytes rdata) {
  return type == wire::type_nsec3 ||
         (type == wire::type_rrsig && covered_type(rdata) == wire::type_nsec3);
}

template <typename Visit>
void for_each_record(Bytes records, Visit&& visit) {
  ByteReader reader(records);
  while (reader.remaining() > 0) {
    reader.skip(2);  // the owner, as a pointer (zone/view.h)
    const uint16_t type = reader.read_u16();
    reader.skip(2);
    const uint32_t ttl = reader.read_u32();
    const Bytes rdata = reader.read_bytes(reader.read_u16());
    CHECK(!reader.failed());
    visit(type, ttl, rdata);
  }
}

bool contains(const std::vector<uint16_t>& types, uint16_t type) {
  return std::ranges::find(types, type) != types.end();
}

}  // namespace

Draft::Draft(const ZoneView& before, const HashKey& key, Takes takes)
    : before_(before), key_(key), takes_(std::move(takes)) {}

Bytes Draft::relative(wire::NameView owner) const {
  return owner.bytes().first(owner.size() - apex().size());
}

std::string Draft::key_of(wire::NameView owner) const {
  const OrderKey order(relative(owner));
  return {order.bytes().begin(), order.bytes().end()};
}

wire::Name Draft::owner_of(const NodeView& node) const {
  wire::Name owner;
  CHECK(owner.assign_joined(node.relative_owner(), apex()));
  return owner;
}

std::optional<NodeView> Draft::find(wire::NameView owner) const {
  const wire::SuffixHashes hashes(owner, key_);
  return before_.find(owner, hashes, owner.label_count());
}

std::optional<NodeView> Draft::find_nsec3(wire::NameView owner) const {
  const size_t position = before_.position_of_nsec3(relative(owner));
  if (position == before_.index_size()) return std::nullopt;
  const NodeView node = before_.index_at(position);
  if (!(owner_of(node).view() == owner)) return std::nullopt;
  return node;
}

void Draft::load(Entry& entry, const NodeView& node) const {
  std::vector<StagedRecord> records;
  stage(node, records);
  for (const StagedRecord& record : records) {
    entry.records.push_back({record.type, record.ttl, {record.rdata.begin(), record.rdata.end()}});
  }
}

void Draft::stage(const NodeView& node, std::vector<StagedRecord>& records) const {
  for (size_t i = 0; i < node.rrset_count(); ++i) {
    const RrsetView rrset = node.rrset_at(i);
    const auto add = [&](uint16_t type, uint32_t ttl, Bytes rdata) {
      records.push_back({type, ttl, rdata, {}});
    };
    if (takes_(node, rrset.type)) for_each_record(rrset.records, add);
    if (takes_(node, wire::type_rrsig)) for_each_record(rrset.signatures, add);
  }
}

Draft::Entry& Draft::entry_of(wire::NameView owner) {
  CHECK(owner.is_at_or_below(apex()));
  auto [found, is_new] = names_.try_emplace(key_of(owner));
  Entry& entry = found->second;
  if (!is_new) return entry;
  entry.owner.assign(owner);
  if (const auto node = find(owner)) {
    entry.owner = owner_of(*node);
    load(entry, *node);
  }
  if (const auto node = find_nsec3(owner)) load(entry, *node);
  return entry;
}

const DraftRecords& Draft::read(wire::NameView owner) { return entry_of(owner).records; }

DraftRecords& Draft::change(wire::NameView owner) {
  Entry& entry = entry_of(owner);
  undo_.try_emplace(key_of(owner), entry);
  if (!entry.is_changed) ++changed_;
  entry.is_changed = true;
  return entry.records;
}

void Draft::take_back() {
  for (auto& [key, entry] : undo_) {
    Entry& now = names_.at(key);
    if (now.is_changed && !entry.is_changed) --changed_;
    now = std::move(entry);
  }
  undo_.clear();
}

const Draft::Entry* Draft::changed_entry(const std::string& key) const {
  const auto found = names_.find(key);
  return found == names_.end() || !found->second.is_changed ? nullptr : &found->second;
}

std::vector<uint16_t> Draft::types_of(const NodeView& node) const {
  std::vector<uint16_t> types;
  for (size_t i = 0; i < node.rrset_count(); ++i) {
    const uint16_t type = node.rrset_at(i).type;
    if (takes_(node, type)) types.push_back(type);
  }
  return types;
}

std::vector<uint16_t> Draft::types_at(wire::NameView owner) const {
  if (const Entry* entry = changed_entry(key_of(owner))) {
    std::vector<uint16_t> types;
    const bool has_nsec3 = std::ranges::any_of(entry->records, is_nsec3_record);
    for (const DraftRecord& record : entry->records) {
      if (has_nsec3 && is_nsec3_data(record.type, record.rdata)) continue;
      types.push_back(record.type);
    }
    return types;
  }
  const auto node = find(owner);
  return node ? types_of(*node) : std::vector<uint16_t>();
}

Draft::Occluder Draft::occluder_at(wire::NameView owner) const {
  const std::vector<uint16_t> types = types_at(owner);
  if (contains(types, wire::type_ns) && owner.size() > apex().size()) return Occluder::cut;
  return contains(types, wire::type_dname) ? Occluder::dname : Occluder::none;
}

// The highest one counts.
Draft::Occluder Draft::occluder_above(wire::NameView owner) const {
  const size_t labels = owner.label_count();
  for (size_t above = apex().label_count(); above < labels; ++above) {
    const Occluder occluder = occluder_at(owner.last_labels(above));
    if (occluder != Occluder::none) return occluder;
  }
  return Occluder::none;
}

bool Draft::is_hidden(wire::NameView owner) const {
  return occluder_above(owner) != Occluder::none;
}

bool Draft::any_below(wire::NameView owner, const IsWanted& is_wanted) const {
  const std::string key = key_of(owner);
  for (auto entry = names_.upper_bound(key); entry != names_.end(); ++entry) {
    if (!entry->first.starts_with(key)) break;
    if (!entry->second.is_changed) continue;
    const std::vector<uint16_t> types = types_at(entry->second.owner);
    if (!types.empty() && is_wanted(entry->second.owner, types)) return true;
  }
  const size_t end = before_.index_ordinary_size();
  for (size_t at = before_.position_of(relative(owner)); at < end; ++at) {
    const NodeView node = before_.index_at(at);
    const wire::Name below = owner_of(node);
    if (!below.view().is_at_or_below(owner)) break;
    if (below.view() == owner || changed_entry(key_of(below)) != nullptr) continue;
    const std::vector<uint16_t> types = types_of(node);
    if (!types.empty() && is_wanted(below, types)) return true;
  }
  return false;
}

// The names whose state may differ: those that were changed, those above them, and those below
// where a delegation or a DNAME has come or gone.
void Draft::collect() {
  affected_.clear();
  affected_.emplace(key_of(apex()), apex());
  for (const auto& [key, entry] : names_) {
    if (!entry.is_changed) continue;
    affected_.insert_or_assign(key, entry.owner);
    for (wire::NameView above = entry.owner; above.size() > apex().size(); above = above.parent()) {
      affected_.try_emplace(key_of(above), above);
    }
    const auto node = find(entry.owner);
    const std::vector<uint16_t> were = node ? types_of(*node) : std::vector<uint16_t>();
    const bool is_apex = entry.owner.view() == apex();
    const bool did_occlude =
        contains(were, wire::type_dname) || (!is_apex && contains(were, wire::type_ns));
    const bool occludes = occluder_at(entry.owner) != Occluder::none;
    if (did_occlude != occludes) collect_below(entry.owner);
  }
}

void Draft::collect_below(wire::NameView owner) {
  const size_t end = before_.index_ordinary_size();
  for (size_t at = before_.position_of(relative(owner)); at < end; ++at) {
    const wire::Name below = owner_of(before_.index_at(at));
    if (!below.view().is_at_or_below(owner)) return;
    affected_.try_emplace(key_of(below), below);
  }
}

Result<std::vector<DraftNode>> Draft::settle() {
  collect();
  std::vector<DraftNode> nodes;
  for (const auto& [key, owner] : affected_) TRY(settle_ordinary(key, owner, nodes));
  for (const auto& [key, entry] : names_) {
    if (entry.is_changed) settle_nsec3(key, entry, nodes);
  }
  return nodes;
}

Result<void> Draft::settle_ordinary(const std::string& key, wire::NameView owner,
                                    std::vector<DraftNode>& nodes) const {
  DraftNode node{.key = key, .owner = wire::Name(owner), .records = {}, .before = find(owner)};
  if (const Entry* entry = changed_entry(key)) {
    const bool has_nsec3 = std::ranges::any_of(entry->records, is_nsec3_record);
    for (const DraftRecord& record : entry->records) {
      if (has_nsec3 && is_nsec3_data(record.type, record.rdata)) continue;
      node.records.push_back({record.type, record.ttl, record.rdata, {}});
    }
  } else if (node.before) {
    node.owner = owner_of(*node.before);
    stage(*node.before, node.records);
  }
  const auto any = [](wire::NameView, const std::vector<uint16_t>&) { return true; };
  const bool is_apex = owner == apex();
  if (node.records.empty() && !is_apex && !any_below(owner, any)) {
    node.flags = node_removed;
    if (node.before) nodes.push_back(std::move(node));
    return {};
  }
  if (is_apex) node.flags |= node_apex;
  if (node.records.empty()) node.flags |= node_empty;
  const Occluder above = occluder_above(owner);
  const Occluder here = occluder_at(owner);
  if (above != Occluder::none) {
    node.flags |= node_occluded;
    if (above == Occluder::dname && !node.records.empty()) {
      return fail(owner.to_text() + ": below a DNAME, where no name may be (RFC 6672 §2.4)");
    }
  } else {
    const std::vector<uint16_t> types = types_at(owner);
    if (here == Occluder::cut) node.flags |= node_cut;
    if (contains(types, wire::type_dname)) node.flags |= node_dname;
    wire::Name wildcard;
    if (here == Occluder::none && wildcard.assign_wildcard_of(owner) &&
        (!types_at(wildcard).empty() || any_below(wildcard, any))) {
      node.flags |= node_has_wildcard;
    }
  }
  nodes.push_back(std::move(node));
  return {};
}

void Draft::settle_nsec3(const std::string& key, const Entry& entry,
                         std::vector<DraftNode>& nodes) const {
  DraftNode node{.key = key,
                 .owner = entry.owner,
                 .flags = node_nsec3,
                 .records = {},
                 .before = find_nsec3(entry.owner)};
  if (std::ranges::any_of(entry.records, is_nsec3_record)) {
    for (const DraftRecord& record : entry.records) {
      if (!is_nsec3_data(record.type, record.rdata)) continue;
      node.records.push_back({record.type, record.ttl, record.rdata, {}});
    }
  } else {
    node.flags |= node_removed;
    if (!node.before) return;
  }
  nodes.push_back(std::move(node));
}

DraftNode Draft::unchanged(const NodeView& node) const {
  constexpr uint16_t kept = node_apex | node_cut | node_occluded | node_dname | node_empty |
                            node_has_wildcard | node_nsec3;
  const wire::Name owner = owner_of(node);
  DraftNode made{.key = key_of(owner), .owner = owner, .records = {}, .before = node};
  for (uint16_t flag = 1; flag <= node_nsec3; flag = static_cast<uint16_t>(flag << 1)) {
    if ((kept & flag) != 0 && node.has(static_cast<NodeFlag>(flag))) made.flags |= flag;
  }
  stage(node, made.records);
  return made;
}

Contents Draft::contents() const {
  Contents contents(apex());
  std::vector<StagedRecord> records;
  before_.for_each_node([&](const NodeView& node) {
    const wire::Name owner = owner_of(node);
    if (changed_entry(key_of(owner)) != nullptr) return;
    records.clear();
    stage(node, records);
    for (const StagedRecord& record : records) {
      contents.add(owner, record.type, record.ttl, record.rdata);
    }
  });
  for (const auto& [key, entry] : names_) {
    if (!entry.is_changed) continue;
    for (const DraftRecord& record : entry.records) {
      contents.add(entry.owner, record.type, record.ttl, record.rdata);
    }
  }
  return contents;
}

}  // namespace holdfast::zone
