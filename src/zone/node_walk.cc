// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/node_walk.h"

#include <algorithm>

#include "wire/types.h"
#include "zone/name_order.h"

namespace holdfast::zone {

namespace {

constexpr size_t prefetch_distance = 8;

bool is_nsec3_data(const StagedRecord& record) {
  return record.type == wire::type_nsec3 ||
         (record.type == wire::type_rrsig && covered_type(record.rdata) == wire::type_nsec3);
}

bool is_nsec3(const StagedRecord& record) { return record.type == wire::type_nsec3; }

// Reads all runs of the name at `position` and moves `position` past them.
void read_group(const Staging& staging, const std::vector<Staging::Run>& runs, size_t& position,
                std::vector<StagedRecord>& records) {
  records.clear();
  const wire::NameView owner = staging.owner(runs[position]);
  do {
    staging.read_records(runs[position], records);
    ++position;
    if (position + prefetch_distance < runs.size()) {
      staging.prefetch(runs[position + prefetch_distance]);
    }
  } while (position < runs.size() && staging.owner(runs[position]) == owner);
}

size_t common_labels(wire::NameView a, wire::NameView b) {
  size_t count = std::min(a.label_count(), b.label_count());
  a = a.last_labels(count);
  b = b.last_labels(count);
  while (!(a == b)) {
    a = a.parent();
    b = b.parent();
    --count;
  }
  return count;
}

void divide(const Staging& staging, RunOrder& order) {
  std::vector<Staging::Run> kept;
  std::vector<StagedRecord> records;
  for (size_t position = 0; position < order.ordinary.size();) {
    const auto begin = order.ordinary.begin() + static_cast<ptrdiff_t>(position);
    read_group(staging, order.ordinary, position, records);
    const auto end = order.ordinary.begin() + static_cast<ptrdiff_t>(position);
    const bool has_nsec3 = std::ranges::any_of(records, is_nsec3);
    if (has_nsec3) order.nsec3.insert(order.nsec3.end(), begin, end);
    if (!has_nsec3 || !std::ranges::all_of(records, is_nsec3_data)) {
      kept.insert(kept.end(), begin, end);
    }
  }
  order.ordinary = std::move(kept);
}

}  // namespace

uint16_t covered_type(Bytes rrsig_rdata) {
  return rrsig_rdata.size() < 2 ? uint16_t{0} : load_be16(rrsig_rdata.data());
}

RunOrder order_runs(Staging& staging) {
  RunOrder order;
  order.ordinary = std::move(staging.runs());
  sort_by_owner(staging, order.ordinary);
  if (staging.has_nsec3()) divide(staging, order);
  order.ordinary.shrink_to_fit();
  return order;
}

bool NodeWalk::next() {
  if (!group_waits_ && !read_ordinary_group()) {
    if (any_group_) return step_to_nsec3();
    any_group_ = true;  // a zone without ordinary records still has an apex
    step_to(wire::NameView(), {});
    return true;
  }
  const size_t labels = group_owner_.label_count();
  if (level_ < labels) {
    step_to(group_owner_.last_labels(level_++), {});
  } else {
    group_waits_ = false;
    step_to(group_owner_, group_records_);
  }
  return true;
}

bool NodeWalk::read_ordinary_group() {
  if (ordinary_position_ == order_.ordinary.size()) return false;
  const wire::NameView owner = staging_.owner(order_.ordinary[ordinary_position_]);
  level_ = any_group_ ? common_labels(group_owner_, owner) + 1 : 0;
  read_group(staging_, order_.ordinary, ordinary_position_, group_records_);
  if (std::ranges::any_of(group_records_, is_nsec3)) {
    std::erase_if(group_records_, is_nsec3_data);
  }
  group_owner_ = owner;
  group_waits_ = true;
  any_group_ = true;
  return true;
}

bool NodeWalk::step_to_nsec3() {
  if (nsec3_position_ == order_.nsec3.size()) return false;
  step_ = NodeStep{staging_.owner(order_.nsec3[nsec3_position_]), node_nsec3, {}};
  read_group(staging_, order_.nsec3, nsec3_position_, group_records_);
  std::erase_if(group_records_, [](const StagedRecord& record) { return !is_nsec3_data(record); });
  step_.place = group_records_.front().place;
  step_records_ = group_records_;
  return true;
}

void NodeWalk::step_to(wire::NameView owner, std::span<const StagedRecord> records) {
  step_ = NodeStep{owner, 0, {}};
  step_records_ = records;
  if (owner.is_root()) step_.flags |= node_apex;
  if (records.empty()) {
    step_.flags |= node_empty;
  } else {
    step_.place = records.front().place;
  }
  if (is_occluded(owner)) {
    step_.flags |= node_occluded;
    return;
  }
  for (const StagedRecord& record : records) {
    if (record.type == wire::type_ns && !owner.is_root()) step_.flags |= node_cut;
    if (record.type == wire::type_dname) step_.flags |= node_dname;
  }
  if ((step_.flags & (node_cut | node_dname)) != 0) {
    occluder_ = owner;
    has_occluder_ = true;
  }
}

bool NodeWalk::is_occluded(wire::NameView owner) {
  if (!has_occluder_) return false;
  if (owner.is_at_or_below(occluder_)) return true;
  has_occluder_ = false;
  return false;
}

}  // namespace holdfast::zone
