// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/zone_table.h"

namespace holdfast::control {

void set_served_version(ZoneRecord& record, const zone::ZoneView& view) {
  record.serial = view.serial();
  record.generation = view.generation();
  record.records = view.record_count();
  record.names = view.node_count();
}

std::string_view zone_state_name(ZoneState state) {
  static constexpr std::array<std::string_view, zone_states> names{"waiting", "serving", "stale",
                                                                   "failed"};
  return names[static_cast<size_t>(state)];
}

void ZoneTable::put(const std::string& name, ZoneRecord record) {
  const std::lock_guard lock(mutex_);
  const auto [position, is_new] = records_.try_emplace(name);
  if (!is_new) --counts_[static_cast<size_t>(position->second.state)];
  ++counts_[static_cast<size_t>(record.state)];
  position->second = std::move(record);
}

bool ZoneTable::erase(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto position = records_.find(name);
  if (position == records_.end()) return false;
  --counts_[static_cast<size_t>(position->second.state)];
  records_.erase(position);
  return true;
}

std::optional<ZoneRecord> ZoneTable::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto position = records_.find(name);
  if (position == records_.end()) return std::nullopt;
  return position->second;
}

std::array<uint64_t, zone_states> ZoneTable::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

size_t ZoneTable::size() const {
  const std::lock_guard lock(mutex_);
  return records_.size();
}

std::string ZoneTable::visit_after(const std::string& name, size_t count_max,
                                   const Visit& visit) const {
  const std::lock_guard lock(mutex_);
  std::string last;
  for (auto at = records_.upper_bound(name); at != records_.end() && count_max > 0; ++at) {
    visit(at->first, at->second);
    last = at->first;
    --count_max;
  }
  return last;
}

}  // namespace holdfast::control
