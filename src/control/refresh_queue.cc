// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/refresh_queue.h"

namespace holdfast::control {

void RefreshQueue::put(const std::string& zone, uint64_t due_s) {
  erase(zone);
  due_[zone] = due_s;
  order_.emplace(due_s, zone);
}

void RefreshQueue::erase(const std::string& zone) {
  const auto found = due_.find(zone);
  if (found == due_.end()) return;
  order_.erase({found->second, zone});
  due_.erase(found);
}

std::optional<std::string> RefreshQueue::due_at(uint64_t now_s) const {
  if (order_.empty() || order_.begin()->first > now_s) return std::nullopt;
  return order_.begin()->second;
}

}  // namespace holdfast::control
