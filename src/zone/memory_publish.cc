// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/check.h"
#include "zone/memory_impl.h"

namespace holdfast::zone {

Result<void> Memory::Impl::begin_change() {
  if (file.was_closed_clean()) TRY(file.mark_in_use());
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
  TRY(begin_change());
  layout::Ref zone = tables.find_zone(apex);
  const bool is_new = zone == 0;
  if (is_new) zone = TRY(make_zone(apex));
  const uint64_t nodes_before = nodes_of(zone);
  const uint64_t records_before = version_of(zone)->records;
  ZoneEdit edit(allocator, file.base(), zone, zone_at(zone)->version, unmentioned, on_change);
  const auto version = write_version(edit, fill);
  if (!version || *version == 0) {
    edit.discard();
    if (is_new) release_zone(zone);
    end_change();
    if (!version) return std::unexpected(version.error());
    return edit.publication();
  }
  const auto linked = link(edit, zone, *version);
  if (!linked) {
    end_change();
    return std::unexpected(linked.error());
  }
  retire_after(edit);
  end_change();
  nodes += nodes_of(zone) - nodes_before;
  records += version_of(zone)->records - records_before;
  return edit.publication();
}

Result<layout::Ref> Memory::Impl::write_version(ZoneEdit& edit, const Fill& fill) {
  TRY(fill(edit));
  const layout::Ref version = TRY(edit.finish());
  TRY(tables.reserve_names(edit.links().size()));
  return version;
}

// Makes the new version visible. On an error nothing has become visible, and all is retired.
Result<void> Memory::Impl::link(const ZoneEdit& edit, layout::Ref zone, layout::Ref version) {
  const bool is_new = tables.find_zone(wire::NameView(layout::apex_of(zone_at(zone)))) == 0;
  const layout::Ref unpublished = zone_at(zone)->version;
  size_t linked = 0;
  auto result = link_names(edit, zone, linked);
  if (result && is_new) {
    zone_at(zone)->version = version;
    result = tables.insert_zone(zone);
  }
  if (!result) {
    unlink_names(edit, linked);
    if (is_new) {
      const layout::Zone* gone = zone_at(zone);
      retirement.add_space({unpublished, layout::units_of(sizeof(layout::Version))});
      retirement.add_space({zone, layout::units_of(sizeof *gone + gone->apex_bytes)});
    }
    return result;
  }
  if (!is_new) layout::store_shared(zone_at(zone)->version, version);
  return {};
}

Result<void> Memory::Impl::link_names(const ZoneEdit& edit, layout::Ref zone, size_t& linked) {
  constexpr size_t ahead = 16;
  const auto& links = edit.links();
  for (; linked < links.size(); ++linked) {
    if (linked + ahead < links.size()) {
      prefetch_bucket(file.base(), tables.names().root(), links[linked + ahead].tag);
    }
    const NodeLink& added = links[linked];
    layout::Node* node = node_at(added.node);
    // A name that was removed a moment ago may still have its place.
    if (node->older == 0) {
      node->older = tables.find_name(added.tag, zone, layout::owner_of(node));
    }
    if (node->older != 0) {
      tables.names().replace(added.tag, node->older, added.node);
    } else {
      TRY(tables.insert_name(added.tag, added.node));
    }
  }
  return {};
}

void Memory::Impl::unlink_names(const ZoneEdit& edit, size_t linked) {
  for (size_t i = 0; i < edit.links().size(); ++i) {
    const NodeLink& added = edit.links()[i];
    const layout::Node* node = node_at(added.node);
    if (i < linked && node->older != 0) {
      tables.names().replace(added.tag, added.node, node->older);
    } else if (i < linked) {
      CHECK(tables.names().erase(added.tag, added.node));
    }
    // Readers of other versions may have come by.
    retirement.add_space({added.node, layout::units_of(layout::node_bytes(node))});
  }
  for (const Extent& extent : edit.made()) retirement.add_space(extent);
}

void Memory::Impl::retire_after(const ZoneEdit& edit) {
  for (const NodeLink& link : edit.links()) {
    const layout::Node* node = node_at(link.node);
    if (node->older != 0) retirement.add_older(link.node, node->older);
    if ((node->flags & node_removed) != 0) retirement.add_slot(link.node, link.tag);
  }
  for (const Extent& extent : edit.outdated()) retirement.add_space(extent);
}

}  // namespace holdfast::zone
