// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/retirement.h"

namespace holdfast::zone {

Extent Retirement::extent_of_node(layout::Ref node) const {
  return {node, layout::units_of(layout::node_bytes(layout::at<layout::Node>(base_, node)))};
}

void Retirement::add_space(Extent extent) {
  if (extent.units == 0) return;
  waiting_units_ += extent.units;
  open_.push_back({Kind::space, extent.start, extent.units});
}

void Retirement::add_older(layout::Ref newer, layout::Ref older) {
  waiting_units_ += extent_of_node(older).units;
  open_.push_back({Kind::older, newer, older});
}

void Retirement::add_link(layout::Ref newer) { open_.push_back({Kind::link, newer, 0}); }

void Retirement::add_slot(layout::Ref node, uint32_t tag) {
  open_.push_back({Kind::slot, node, tag});
}

void Retirement::add_zone(layout::Ref zone) { open_.push_back({Kind::zone, zone, 0}); }

void Retirement::close_batch() {
  if (open_.empty()) return;
  batches_.push_back({epochs_.advance(), std::move(open_)});
  open_.clear();
}

void Retirement::reclaim() {
  close_batch();
  // What is carried out may retire more, which then waits for an epoch of its own.
  while (!batches_.empty() && epochs_.all_readers_beyond(batches_.front().epoch)) {
    const Batch batch = std::move(batches_.front());
    batches_.pop_front();
    for (const Entry& entry : batch.entries) carry_out(entry);
    close_batch();
  }
  allocator_.tidy();
}

void Retirement::carry_out(const Entry& entry) {
  auto* node = layout::at<layout::Node>(base_, entry.ref);
  switch (entry.kind) {
    case Kind::space:
      waiting_units_ -= entry.detail;
      allocator_.release({entry.ref, entry.detail});
      return;
    case Kind::older: {
      const Extent older = extent_of_node(entry.detail);
      layout::store_shared(node->older, layout::Ref{0});
      waiting_units_ -= older.units;
      allocator_.release(older);
      return;
    }
    case Kind::link:
      layout::store_shared(node->older, layout::Ref{0});
      return;
    case Kind::slot:
      // If the name has come back since, the newer node has retired this one.
      if (tables_.names().erase(entry.detail, entry.ref)) add_space(extent_of_node(entry.ref));
      return;
    case Kind::zone:
      take_apart(entry.ref);
      return;
  }
}

void Retirement::take_apart(layout::Ref zone_ref) {
  const auto* zone = layout::at<layout::Zone>(base_, zone_ref);
  const auto* version = layout::at<layout::Version>(base_, zone->version);
  take_apart(version->named);
  take_apart(version->nsec3);
  add_space({zone->version, layout::units_of(sizeof(layout::Version) + version->nsec3_salt_bytes)});
  add_space({zone_ref, layout::units_of(sizeof(layout::Zone) + zone->apex_bytes)});
}

void Retirement::take_apart(const layout::Section& section) {
  const auto* top = layout::at<layout::TopEntry>(base_, section.top);
  for (size_t i = 0; i < section.chunks; ++i) {
    const auto* chunk = layout::at<layout::Chunk>(base_, top[i].chunk);
    for (size_t position = 0; position < chunk->nodes; ++position) {
      const layout::Ref ref = layout::chunk_nodes(chunk)[position];
      const auto* node = layout::at<layout::Node>(base_, ref);
      if ((node->flags & node_nsec3) == 0) {
        CHECK(tables_.names().erase(tag_of_node(base_, node), ref));
      }
      add_space(extent_of_node(ref));
    }
    add_space(
        {top[i].chunk, layout::units_of(layout::chunk_bytes(chunk->nodes, chunk->keyed != 0))});
  }
  if (section.chunks > 0) {
    add_space({section.top, layout::units_of(section.chunks * sizeof(layout::TopEntry))});
  }
}

}  // namespace holdfast::zone
