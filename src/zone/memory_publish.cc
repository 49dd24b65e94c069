// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/check.h"
#include "zone/glue_places.h"
#include "zone/memory_impl.h"

namespace holdfast::zone {

namespace {

// Whether a cut may say where it is, or where the node is that it replaced.
bool may_be_glue(const uint8_t* base, const layout::Node* node) {
  const uint16_t replaced =
      node->older != 0 ? layout::at<layout::Node>(base, node->older)->flags : uint16_t{0};
  return ((node->flags | replaced) & node_occluded) != 0;
}

}  // namespace

Result<void> Memory::Impl::begin_change() {
  if (file.was_closed_clean()) TRY(file.mark_in_use());
  allocator.begin_change();
  retirement.reclaim();
  return {};
}

void Memory::Impl::end_change() {
  for (const Extent& table : tables.take_outgrown()) retirement.add_space(table);
  retirement.close_batch();
}

Result<layout::Ref> Memory::Impl::make_zone(wire::NameView apex) {
  const layout::Ref ref =
      TRY(allocator.allocate(layout::units_of(sizeof(layout::Zone) + apex.size())));
  const auto version = allocator.allocate(layout::units_of(sizeof(layout::Version)));
  if (!version) {
    allocator.release({ref, layout::units_of(sizeof(layout::Zone) + apex.size())});
    return std::unexpected(version.error());
  }
  salts = hash_mix(salts ^ 0x9E3779B97F4A7C15ULL, 0xD6E8FEB86659FD93ULL) + ref;
  layout::Zone* zone = zone_at(ref);
  *zone = {.version = *version,
           .apex_labels = static_cast<uint8_t>(apex.label_count()),
           .apex_bytes = static_cast<uint8_t>(apex.size()),
           .reserved = 0,
           .salt = salts};
  std::memcpy(zone + 1, apex.data(), apex.size());
  layout::Version empty{};
  empty.zone = ref;
  *layout::at<layout::Version>(file.base(), *version) = empty;
  return ref;
}

void Memory::Impl::release_zone(layout::Ref zone) {
  allocator.release({zone_at(zone)->version, layout::units_of(sizeof(layout::Version))});
  allocator.release({zone, layout::units_of(sizeof(layout::Zone) + zone_at(zone)->apex_bytes)});
}

Result<Publication> Memory::Impl::change(wire::NameView apex, Unmentioned unmentioned,
                                         const NodeChange& on_change, const Fill& fill) {
  CHECK(staged.empty());
  const Publication publication = TRY(stage(apex, unmentioned, on_change, fill));
  TRY(show_staged());
  return publication;
}

Result<Publication> Memory::Impl::stage(wire::NameView apex, Unmentioned unmentioned,
                                        const NodeChange& on_change, const Fill& fill) {
  // While something is staged nothing is reclaimed: a removed name whose slot it took over may have
  // to get that back.
  if (staged.empty()) {
    TRY(begin_change());
    staged_new_zones = reserved_new_zones = 0;
  }
  ZoneChange change;
  change.zone = tables.find_zone(apex);
  change.is_new = change.zone == 0;
  if (change.is_new) change.zone = TRY(make_zone(apex));
  change.unpublished = zone_at(change.zone)->version;
  ZoneEdit edit(allocator, file.base(), change.zone, change.unpublished, unmentioned, on_change);
  const auto version = write_version(edit, fill);
  if (!version || *version == 0) {
    edit.discard();
    if (change.is_new) release_zone(change.zone);
    end_change();
    if (!version) return std::unexpected(version.error());
    return edit.publication();
  }
  change.version = *version;
  change.links = edit.take_links();
  change.made = edit.take_made();
  change.outdated = edit.take_outdated();
  size_t linked = 0;
  auto done = link_names(change, linked);
  if (done && change.is_new) done = reserve_new_zone();
  if (done) {
    staged.push_back(std::move(change));
  } else {
    drop(change, linked);
  }
  end_change();
  if (!done) return std::unexpected(done.error());
  return edit.publication();
}

Result<layout::Ref> Memory::Impl::write_version(ZoneEdit& edit, const Fill& fill) {
  TRY(fill(edit));
  const layout::Ref version = TRY(edit.finish());
  TRY(tables.reserve_names(edit.links().size()));
  return version;
}

// Room for what show_staged will insert, so that a full disk is met now. In steps that double, as
// each lets the table grow; where that is too much, for just this one.
Result<void> Memory::Impl::reserve_new_zone() {
  if (++staged_new_zones <= reserved_new_zones) return {};
  reserved_new_zones = 2 * staged_new_zones - 1;
  if (tables.reserve_zones(reserved_new_zones)) return {};
  reserved_new_zones = staged_new_zones;
  return tables.reserve_zones(reserved_new_zones);
}

Result<void> Memory::Impl::show_staged() {
  auto shown = show_new_zones();
  if (!shown) {
    drop_staged();
    return shown;
  }
  for (const ZoneChange& change : staged) show(change);
  for (const ZoneChange& change : staged) retire_after(change);
  staged.clear();
  end_change();
  return {};
}

// The only step that can fail, so it comes first; then none of them stays visible.
Result<void> Memory::Impl::show_new_zones() {
  for (size_t i = 0; i < staged.size(); ++i) {
    if (!staged[i].is_new) continue;
    zone_at(staged[i].zone)->version = staged[i].version;
    auto inserted = tables.insert_zone(staged[i].zone);
    if (inserted) continue;
    for (size_t earlier = 0; earlier < i; ++earlier) {
      if (staged[earlier].is_new) tables.remove_zone(staged[earlier].zone);
    }
    return inserted;
  }
  return {};
}

void Memory::Impl::show(const ZoneChange& change) {
  const auto* before = layout::at<layout::Version>(file.base(), change.unpublished);
  const auto* after = layout::at<layout::Version>(file.base(), change.version);
  nodes += uint64_t{after->named.nodes} + after->nsec3.nodes;
  nodes -= uint64_t{before->named.nodes} + before->nsec3.nodes;
  records += after->records - before->records;
  if (!change.is_new) layout::store_shared(zone_at(change.zone)->version, change.version);
}

void Memory::Impl::drop_staged() {
  for (const ZoneChange& change : staged) drop(change, change.links.size());
  staged.clear();
  end_change();
}

Result<void> Memory::Impl::link_names(const ZoneChange& change, size_t& linked) {
  constexpr size_t ahead = 16;
  const auto& links = change.links;
  GluePlaces glue(file.base(), tables);
  for (; linked < links.size(); ++linked) {
    if (linked + ahead < links.size()) {
      prefetch_bucket(file.base(), tables.names().root(), links[linked + ahead].tag);
    }
    const NodeLink& added = links[linked];
    layout::Node* node = node_at(added.node);
    // A name that was removed a moment ago may still have its place.
    if (node->older == 0 && !change.is_new) {
      node->older = tables.find_name(added.tag, change.zone, layout::owner_of(node));
    }
    if (node->older != 0) {
      tables.names().replace(added.tag, node->older, added.node);
    } else {
      TRY(tables.insert_name(added.tag, added.node));
    }
    if ((node->flags & node_glue_places) != 0 && !change.is_new) glue.fill(added.node);
    if (may_be_glue(file.base(), node)) glue.follow(added.node, added.node);
  }
  return {};
}

void Memory::Impl::drop(const ZoneChange& change, size_t linked) {
  GluePlaces glue(file.base(), tables);
  for (size_t i = 0; i < change.links.size(); ++i) {
    const NodeLink& added = change.links[i];
    const layout::Node* node = node_at(added.node);
    if (i < linked && node->older != 0) {
      tables.names().replace(added.tag, added.node, node->older);
    } else if (i < linked) {
      CHECK(tables.names().erase(added.tag, added.node));
    }
    if (i < linked && may_be_glue(file.base(), node)) glue.follow(added.node, node->older);
    // Readers of other versions may have come by.
    retirement.add_space({added.node, layout::units_of(layout::node_bytes(node))});
  }
  for (const Extent& extent : change.made) retirement.add_space(extent);
  if (!change.is_new) return;
  const layout::Zone* gone = zone_at(change.zone);
  retirement.add_space({change.unpublished, layout::units_of(sizeof(layout::Version))});
  retirement.add_space({change.zone, layout::units_of(sizeof *gone + gone->apex_bytes)});
}

void Memory::Impl::retire_after(const ZoneChange& change) {
  for (const NodeLink& link : change.links) {
    const layout::Node* node = node_at(link.node);
    if (node->older != 0) retirement.add_older(link.node, node->older);
    if ((node->flags & node_removed) != 0) retirement.add_slot(link.node, link.tag);
  }
  for (const Extent& extent : change.outdated) retirement.add_space(extent);
}

}  // namespace holdfast::zone
