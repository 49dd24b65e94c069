// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/update_queue.h"

#include <map>
#include <string>

namespace holdfast::control {

bool UpdateQueue::push(transfer::Update update, Done done) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() == updates_waiting_max) return false;
  waiting_.push_back({std::move(update), std::move(done)});
  if (waiting_.size() == 1) tasks_.push([this] { apply_all(); });
  return true;
}

void UpdateQueue::apply_all() {
  std::vector<Waiting> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting.swap(waiting_);
  }
  std::map<std::string, std::vector<size_t>> by_zone;
  for (size_t i = 0; i < waiting.size(); ++i) {
    wire::Name folded = waiting[i].update.message.zone;
    folded.fold_case();
    by_zone[folded.view().to_text()].push_back(i);
  }
  for (const auto& [zone, members] : by_zone) {
    const wire::Name apex = waiting[members.front()].update.message.zone;
    std::vector<transfer::Update> updates;
    updates.reserve(members.size());
    for (const size_t i : members) updates.push_back(std::move(waiting[i].update));
    const std::vector<uint16_t> rcodes = zones_.apply_updates(apex, updates);
    for (size_t i = 0; i < members.size(); ++i) waiting[members[i]].done(rcodes[i]);
  }
}

}  // namespace holdfast::control
