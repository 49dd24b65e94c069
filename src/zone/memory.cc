// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/memory.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "zone/memory_impl.h"

namespace holdfast::zone {

namespace {

Result<uint64_t> random_number() {
  uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number) {
    return fail_system("getrandom", errno);
  }
  return number;
}

Result<void> put_all(ZoneEdit& edit, const Contents& contents) {
  edit.expect(contents.node_count());
  Contents::Cursor cursor(contents);
  while (const StagedNode* node = cursor.next()) TRY(edit.put(*node));
  return {};
}

}  // namespace

Memory::Memory(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Memory::Memory(Memory&&) noexcept = default;
Memory& Memory::operator=(Memory&&) noexcept = default;
Memory::~Memory() = default;

Result<Memory> Memory::open(const MemoryOptions& options, EpochBoard& epochs) {
  const uint64_t salt = TRY(random_number());
  std::optional<MemoryFile> found =
      TRY(MemoryFile::open(options.path, options.bytes_max, options.lock_wait_ms));
  std::string trouble;
  bool is_damaged = false;
  if (found) {
    trouble = found->why_unusable().value_or("");
    is_damaged = !found->header_is_ours();
  }
  if (found && trouble.empty()) {
    auto impl = std::make_unique<Impl>(std::move(*found), epochs, salt, options.growth_ahead);
    trouble = TRY(impl->recover());
    if (trouble.empty()) return Memory(std::move(impl));
    is_damaged = true;
    found = std::move(impl->file);
  }
  MemoryFile made = TRY(MemoryFile::make(options.path, options.bytes_max, options.hash_key));
  const std::string aside = options.path + ".bad";
  if (is_damaged && std::rename(options.path.c_str(), aside.c_str()) != 0) {
    return fail_system(aside, errno);
  }
  TRY(made.put_in_place());
  auto impl = std::make_unique<Impl>(std::move(made), epochs, salt, options.growth_ahead);
  if (found) {
    impl->origin = Origin::discarded;
    impl->discard_reason = trouble;
  }
  return Memory(std::move(impl));
}

// Puts the file that was found in order; what is wrong with it, or nothing.
Result<std::string> Memory::Impl::recover() {
  Recovery recovery(file);
  if (const auto damage = recovery.check()) return file.path() + ": " + *damage;
  origin = file.was_closed_clean() ? Origin::kept_after_clean_end : Origin::kept_after_crash;
  TRY(file.mark_in_use());
  if (origin == Origin::kept_after_crash) unwritten_found = file.bytes();
  writes_all_again = file.has_unwritten();
  tables.load();
  if (!recovery.settle_names(tables, retirement)) {
    return file.path() + ": its name table does not fit its zones";
  }
  recovery.settle_glue(file.base());
  recovery.free_the_rest(retirement);
  nodes = recovery.nodes();
  records = recovery.records();
  retirement.reclaim();
  return std::string();
}

Memory::Origin Memory::origin() const { return impl_->origin; }
const std::string& Memory::discard_reason() const { return impl_->discard_reason; }

Result<Publication> Memory::publish(const Contents& contents, const NodeChange& on_change) {
  return impl_->change(contents.apex(), Unmentioned::removed, on_change,
                       [&](ZoneEdit& edit) { return put_all(edit, contents); });
}

Result<Publication> Memory::stage(const Contents& contents, const NodeChange& on_change) {
  return impl_->stage(contents.apex(), Unmentioned::removed, on_change,
                      [&](ZoneEdit& edit) { return put_all(edit, contents); });
}

Result<Publication> Memory::stage_amendment(wire::NameView apex,
                                            std::span<const StagedNode> changes,
                                            const NodeChange& on_change) {
  return impl_->stage(apex, Unmentioned::kept, on_change, [&](ZoneEdit& edit) -> Result<void> {
    for (const StagedNode& node : changes) TRY(edit.put(node));
    return {};
  });
}

Result<void> Memory::show_staged() { return impl_->show_staged(); }
void Memory::drop_staged() { impl_->drop_staged(); }

Result<Publication> Memory::amend(wire::NameView apex, std::span<const StagedNode> changes,
                                  const NodeChange& on_change) {
  return impl_->change(apex, Unmentioned::kept, on_change, [&](ZoneEdit& edit) -> Result<void> {
    for (const StagedNode& node : changes) TRY(edit.put(node));
    return {};
  });
}

Result<void> Memory::publish_unavailable(wire::NameView apex) {
  CHECK(impl_->staged.empty());
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
  CHECK(impl_->staged.empty());
  if (!impl_->begin_change()) return false;
  impl_->nodes -= impl_->nodes_of(zone);
  impl_->records -= impl_->version_of(zone)->records;
  impl_->tables.remove_zone(zone);
  impl_->retirement.add_zone(zone);
  impl_->end_change();
  impl_->retirement.reclaim();
  return true;
}

void Memory::reclaim() {
  if (impl_->staged.empty()) impl_->retirement.reclaim();
}

Result<bool> Memory::grow_ahead() {
  if (!impl_->staged.empty() || impl_->file.was_closed_clean()) return false;
  auto has_more = impl_->tables.grow_ahead();
  impl_->end_change();
  return has_more;
}

Result<bool> Memory::write_out() {
  MemoryFile& file = impl_->file;
  if (file.was_closed_clean()) return false;
  const uint64_t first = std::exchange(impl_->write_out_next, 0);
  if (first == 0) impl_->touched_at_begin = impl_->allocator.count_touched_anew();
  const uint64_t bytes = std::min(write_out_bytes, file.bytes() - first);
  if (impl_->writes_all_again) file.touch(first, bytes);
  if (auto written = file.write_out(first, bytes); !written) {
    file.note_unwritten();
    impl_->writes_all_again = true;
    return std::unexpected(written.error());
  }
  if (first + bytes < file.bytes()) {
    impl_->write_out_next = first + bytes;
    return true;
  }
  impl_->touched_written = impl_->touched_at_begin;
  impl_->unwritten_found = 0;
  impl_->writes_all_again = false;
  return false;
}

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
  impl_->tables.zones().for_each([&](uint32_t, layout::Ref zone) {
    visit(ZoneView(impl_->file.base(), zone, impl_->zone_at(zone)->version));
  });
}

MemoryReader Memory::reader() const { return MemoryReader(impl_->file.base()); }

MemoryUse Memory::use() const {
  MemoryUse use;
  use.file_bytes = impl_->file.bytes();
  use.free_bytes = impl_->allocator.free_bytes();
  use.retired_bytes = impl_->retirement.waiting_bytes();
  use.unwritten_bytes =
      impl_->unwritten_found + impl_->allocator.touched_bytes() - impl_->touched_written;
  use.live_bytes = use.file_bytes - use.free_bytes - use.retired_bytes;
  use.tables_grown_ahead = impl_->tables.grown_ahead();
  use.tables_too_small = impl_->tables.too_small();
  use.tables_replaced = impl_->tables.replaced();
  use.zones = reader().zone_count();
  use.nodes = impl_->nodes;
  use.records = impl_->records;
  return use;
}

}  // namespace holdfast::zone
