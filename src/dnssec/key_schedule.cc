// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/key_schedule.h"

#include <algorithm>

namespace holdfast::dnssec {

namespace {

// Nobody has said yet until when it signs.
bool is_lasting(const ZoneKey& key) { return !key.times.inactive && !key.times.remove; }

bool is_settled(const ZoneKey& key, uint64_t now_s) {
  return key.is_active_at(now_s) && is_lasting(key);
}

// When it ends by its age; UINT64_MAX: never.
uint64_t end_of_life(const ZoneKey& key, uint64_t lifetime_s) {
  const auto since = key.times.activate ? key.times.activate : key.times.created;
  if (lifetime_s == 0 || !since || *since == 0) return UINT64_MAX;
  return *since > UINT64_MAX - lifetime_s ? UINT64_MAX : *since + lifetime_s;
}

// The settled keys with this role, by age as rollover.cc has it: its functions decide which roll.
std::vector<const ZoneKey*> settled_keys(std::span<const ZoneKey> keys, uint64_t now_s,
                                         bool entry_points) {
  std::vector<const ZoneKey*> found;
  for (const ZoneKey& key : keys) {
    if (key.is_entry_point() == entry_points && is_settled(key, now_s)) found.push_back(&key);
  }
  return found;
}

std::string name_of(const ZoneKey& key) {
  return std::string(key.algorithm().mnemonic) + " key " + std::to_string(key.tag());
}

MakeKey maker(const MakeKeyOf& make, uint8_t algorithm) {
  return [&make, algorithm] { return make(algorithm); };
}

// The second entry point is there, but the first does not know of it.
bool is_begun_only(const std::vector<const ZoneKey*>& entry_points) {
  if (entry_points.size() < 2) return false;
  return std::ranges::count_if(entry_points, [](const ZoneKey* key) {
           return !key->times.sync_remove.has_value();
         }) > 1;
}

Result<ScheduledStep> entry_point_step(std::span<const ZoneKey> keys, uint64_t now_s,
                                       const KeySchedule& schedule, uint16_t ds_seen,
                                       const MakeKeyOf& make) {
  const auto settled = settled_keys(keys, now_s, true);
  if (settled.empty()) return ScheduledStep{};
  const ZoneKey& first = *settled.front();
  if (settled.size() > 1) {
    if (is_begun_only(settled)) {
      return ScheduledStep{
          .changed = TRY(roll_entry_point(keys, now_s, schedule.times,
                                          maker(make, first.algorithm().number), schedule.others)),
          .sentence = {}};
    }
    const ZoneKey* waiting = waits_for_parent(keys, now_s);
    if (waiting == nullptr || ds_seen != waiting->tag()) return ScheduledStep{};
    return ScheduledStep{.changed = TRY(confirm_ds(keys, now_s, schedule.times)),
                         .sentence = "the parent has the DS of " + name_of(*waiting) +
                                     ": its predecessor goes once the old DS has left all caches"};
  }
  const bool is_timed = end_of_life(first, 1) != UINT64_MAX;
  const bool is_other =
      schedule.algorithm != 0 && is_timed && first.algorithm().number != schedule.algorithm;
  if (!is_other && end_of_life(first, schedule.entry_point_lifetime_s) > now_s) {
    return ScheduledStep{};
  }
  const uint8_t number = is_other ? schedule.algorithm : first.algorithm().number;
  return ScheduledStep{
      .changed =
          TRY(roll_entry_point(keys, now_s, schedule.times, maker(make, number), schedule.others)),
      .sentence = name_of(first) + (is_other ? " is replaced by one of another algorithm"
                                             : " has reached its age: its successor signs beside "
                                               "it until the parent has its DS")};
}

Result<ScheduledStep> zsk_step(std::span<const ZoneKey> keys, uint64_t now_s,
                               const KeySchedule& schedule, const MakeKeyOf& make) {
  const auto settled = settled_keys(keys, now_s, false);
  // None: there is a CSK, or one takes over already.
  if (settled.empty()) return ScheduledStep{};
  const ZoneKey& last = *settled.back();
  const bool is_begun = std::ranges::any_of(keys, [&](const ZoneKey& key) {
    return !key.is_entry_point() && is_lasting(key) && key.is_published_at(now_s) &&
           key.times.activate && *key.times.activate > now_s;
  });
  // While the zone goes to another algorithm its ZSK goes with the old KSK.
  const bool goes = std::ranges::any_of(settled_keys(keys, now_s, true), [&](const ZoneKey* key) {
    return key->algorithm().number != last.algorithm().number;
  });
  if (goes) return ScheduledStep{};
  if (!is_begun && end_of_life(last, schedule.zsk_lifetime_s) > now_s) return ScheduledStep{};
  return ScheduledStep{
      .changed = TRY(roll_zsk(keys, now_s, schedule.times, maker(make, last.algorithm().number),
                              schedule.others)),
      .sentence = is_begun ? std::string()
                           : name_of(last) + " has reached its age: its successor is published"};
}

}  // namespace

Result<ScheduledStep> next_step(std::span<const ZoneKey> keys, uint64_t now_s,
                                const KeySchedule& schedule, uint16_t ds_seen,
                                const MakeKeyOf& make) {
  ScheduledStep step = TRY(entry_point_step(keys, now_s, schedule, ds_seen, make));
  if (!step.changed.empty()) return step;
  return zsk_step(keys, now_s, schedule, make);
}

uint64_t next_step_time(std::span<const ZoneKey> keys, const KeySchedule& schedule) {
  uint64_t next_s = UINT64_MAX;
  const auto entry_points = std::ranges::count_if(
      keys, [](const ZoneKey& key) { return key.is_entry_point() && is_lasting(key); });
  for (const ZoneKey& key : keys) {
    if (!is_lasting(key)) continue;
    if (key.is_entry_point()) {
      // Two: they wait for the parent, and for no time.
      if (entry_points > 1) continue;
      const bool is_timed = end_of_life(key, 1) != UINT64_MAX;
      const bool is_other =
          schedule.algorithm != 0 && is_timed && key.algorithm().number != schedule.algorithm;
      next_s = is_other ? 0 : std::min(next_s, end_of_life(key, schedule.entry_point_lifetime_s));
    } else {
      next_s = std::min(next_s, end_of_life(key, schedule.zsk_lifetime_s));
    }
  }
  return next_s;
}

const ZoneKey* waits_for_parent(std::span<const ZoneKey> keys, uint64_t now_s) {
  const auto settled = settled_keys(keys, now_s, true);
  if (settled.size() < 2) return nullptr;
  const auto announced = std::ranges::find_if(settled, [&](const ZoneKey* key) {
    return !key->times.sync_remove && key->is_sync_published_at(now_s);
  });
  return announced == settled.end() ? nullptr : *announced;
}

}  // namespace holdfast::dnssec
