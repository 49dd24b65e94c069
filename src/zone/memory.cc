// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/memory.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdio>

#include "base/check.h"
#include "zone/recovery.h"
#include "zone/zone_edit.h"

namespace holdfast::zone {

struct Memory::Impl {
  Impl(MemoryFile opened, EpochBoard& epochs, uint64_t salt)
      : file(std::move(opened)), retirement(allocator, tables, file.base(), epochs), salts(salt) {}

  using Fill = std::function<Result<void>(ZoneEdit&)>;
  [[nodiscard]] Result<Publication> change(wire::NameView apex, Unmentioned unmentioned,
                                           const NodeChange& on_change, const Fill& fill);
  [[nodiscard]] Result<layout::Ref> write_version(ZoneEdit& edit, const Fill& fill);
  [[nodiscard]] Result<void> link(const ZoneEdit& edit, layout::Ref zone, layout::Ref version);
  [[nodiscard]] Result<void> link_names(const ZoneEdit& edit, layout::Ref zone, size_t& linked);
  void unlink_names(const ZoneEdit& edit, size_t linked);
  void retire_after(const ZoneEdit& edit);
  [[nodiscard]] Result<layout::Ref> make_zone(wire::NameView apex);
  void release_zone(layout::Ref zone);
  [[nodiscard]] Result<void> begin_change();
  void end_change();

  [[nodiscard]] layout::Zone* zone_at(layout::Ref ref) const {
    return layout::at<layout::Zone>(file.base(), ref);
  }
  [[nodiscard]] layout::Node* node_at(layout::Ref ref) const {
    return layout::at<layout::Node>(file.base(), ref);
  }
  [[nodiscard]] const layout::Version* version_of(layout::Ref zone) const {
    return layout::at<layout::Version>(file.base(), zone_at(zone)->version);
  }
  [[nodiscard]] uint64_t nodes_of(layout::Ref zone) const {
    return uint64_t{version_of(zone)->named.nodes} + version_of(zone)->nsec3.nodes;
  }

  MemoryFile file;
  Allocator allocator{file};
  MemoryTables tables{allocator, file.base()};
  Retirement retirement;
  uint64_t salts;
  Origin origin = Origin::made_new;
  std::string discard_reason;
  std::optional<MemoryFile> predecessor;  // damaged, but readers may still map it
  uint64_t nodes = 0;
  uint64_t records = 0;
};

namespace {

Result<uint64_t> random_number() {
  uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number) {
    return fail_system("getrandom", errno);
  }
  return number;
}

}  // namespace

Memory::Memory(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Memory::Memory(Memory&&) noexcept = default;
Memory& Memory::operator=(Memory&&) noexcept = default;
Memory::~Memory() = default;

Result<Memory> Memory::open(const MemoryOptions& options, EpochBoard& epochs) {
  const uint64_t salt = TRY(random_number());
  std::optional<MemoryFile> found = TRY(MemoryFile::open(options.path, options.bytes_max));
  std::optional<std::string> trouble;
  bool is_damaged = false;
  if (found) {
    trouble = found->why_unusable();
    is_damaged = trouble && !found->header_is_ours();
    std::optional<Recovery> recovery;
    if (!trouble) {
      recovery.emplace(*found);
      trouble = recovery->check();
      is_damaged = trouble.has_value();
      if (trouble) trouble = options.path + ": " + *trouble;
    }
    if (!trouble) {
      const Origin origin =
          found->was_closed_clean() ? Origin::kept_after_clean_end : Origin::kept_after_crash;
      TRY(found->mark_in_use());
      auto impl = std::make_unique<Impl>(std::move(*found), epochs, salt);
      impl->origin = origin;
      impl->tables.load();
      if (recovery->settle_names(impl->tables, impl->retirement)) {
        recovery->free_the_rest(impl->retirement);
        impl->nodes = recovery->nodes();
        impl->records = recovery->records();
        impl->retirement.reclaim();
        return Memory(std::move(impl));
      }
      trouble = options.path + ": its name table does not fit its zones";
      is_damaged = true;
      found = std::move(impl->file);
    }
  }
  MemoryFile made = TRY(MemoryFile::make(options.path, options.bytes_max, options.hash_key));
  const std::string aside = options.path + ".bad";
  if (is_damaged && std::rename(options.path.c_str(), aside.c_str()) != 0) {
    return fail_system(aside, errno);
  }
  TRY(made.put_in_place());
  auto impl = std::make_unique<Impl>(std::move(made), epochs, salt);
  if (trouble) {
    impl->origin = Origin::discarded;
    impl->discard_reason = *trouble;
    if (found->header_is_ours()) impl->predecessor = std::move(found);
  }
  return Memory(std::move(impl));
}

Memory::Origin Memory::origin() const { return impl_->origin; }
const std::string& Memory::discard_reason() const { return impl_->discard_reason; }

void Memory::announce_replacement() {
  if (!impl_->predecessor) return;
  layout::store_shared(impl_->predecessor->header()->superseded, uint32_t{1});
  impl_->predecessor.reset();
}

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

Result<Publication> Memory::publish(const Contents& contents, const NodeChange& on_change) {
  return impl_->change(contents.apex(), Unmentioned::removed, on_change,
                       [&](ZoneEdit& edit) -> Result<void> {
                         Contents::Cursor cursor(contents);
                         while (const StagedNode* node = cursor.next()) TRY(edit.put(*node));
                         return {};
                       });
}

Result<Publication> Memory::amend(wire::NameView apex, std::span<const StagedNode> changes,
                                  const NodeChange& on_change) {
  return impl_->change(apex, Unmentioned::kept, on_change, [&](ZoneEdit& edit) -> Result<void> {
    for (const StagedNode& node : changes) TRY(edit.put(node));
    return {};
  });
}

Result<void> Memory::publish_unavailable(wire::NameView apex) {
  TRY(impl_->begin_change());
  if (impl_->tables.find_zone(apex) != 0) return {};
  const layout::Ref zone = TRY(impl_->make_zone(apex));
  auto inserted = impl_->tables.insert_zone(zone);
  if (!inserted) impl_->release_zone(zone);
  impl_->end_change();
  return inserted;
}

bool Memory::remove(wire::NameView apex) {
  const layout::Ref zone = impl_->tables.find_zone(apex);
  if (zone == 0) return false;
  if (!impl_->begin_change()) return false;
  impl_->nodes -= impl_->nodes_of(zone);
  impl_->records -= impl_->version_of(zone)->records;
  impl_->tables.remove_zone(zone);
  impl_->retirement.add_zone(zone);
  impl_->end_change();
  impl_->retirement.reclaim();
  return true;
}

void Memory::reclaim() { impl_->retirement.reclaim(); }

Result<void> Memory::close_clean() {
  impl_->retirement.reclaim();
  return impl_->file.mark_closed_clean();
}

std::optional<ZoneView> Memory::find(wire::NameView apex) const {
  const layout::Ref zone = impl_->tables.find_zone(apex);
  if (zone == 0) return std::nullopt;
  return ZoneView(impl_->file.base(), zone, impl_->zone_at(zone)->version);
}

void Memory::for_each_zone(const std::function<void(const ZoneView&)>& visit) const {
  impl_->tables.zones().update_each([&](uint32_t, layout::Ref zone) {
    visit(ZoneView(impl_->file.base(), zone, impl_->zone_at(zone)->version));
    return zone;
  });
}

MemoryReader Memory::reader() const { return MemoryReader(impl_->file.base()); }

MemoryUse Memory::use() const {
  MemoryUse use;
  use.file_bytes = impl_->file.bytes();
  use.free_bytes = impl_->allocator.free_bytes();
  use.retired_bytes = impl_->retirement.waiting_bytes();
  use.live_bytes = use.file_bytes - use.free_bytes - use.retired_bytes;
  use.zones = reader().zone_count();
  use.nodes = impl_->nodes;
  use.records = impl_->records;
  return use;
}

}  // namespace holdfast::zone
