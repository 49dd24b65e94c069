// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/key_rolls.h"

#include <algorithm>

#include "control/secondary_watch.h"
#include "control/signer_rolls.h"
#include "dnssec/key_file.h"
#include "log/log.h"

namespace holdfast::control {

namespace {

using dnssec::ZoneKey;
using log::Category;

// A KSK and a ZSK may fall due at once, each after a step that a crash cut short.
constexpr int steps_max = 8;
constexpr uint64_t ask_s_min = 1;

dnssec::KeySchedule schedule_of(const config::PolicySetting& policy) {
  return {.zsk_lifetime_s = policy.zsk_lifetime_s,
          .entry_point_lifetime_s = policy.ksk_lifetime_s,
          .algorithm = policy.roll_algorithm ? algorithm_number(policy.algorithm) : uint8_t{0},
          .times = rollover_times(policy)};
}

// Whether the other signers have had the key with this tag for long enough to go on without its
// predecessor.
bool is_known(uint16_t tag, std::span<const ZoneKey> keys,
              std::span<const dnssec::OtherSigner> signers, uint64_t now_s,
              const dnssec::RolloverTimes& times) {
  const auto found = std::ranges::find(keys, tag, &ZoneKey::tag);
  return found == keys.end() || dnssec::is_known_to_all(*found, keys, signers, now_s, times);
}

// Keys with other times, written down.
Result<void> put(const std::vector<ZoneKey>& changed, const std::string& folder,
                 std::vector<ZoneKey>& keys) {
  for (const ZoneKey& key : changed) {
    TRY(dnssec::save_key(key, folder));
    dnssec::put_key(keys, key);
  }
  return {};
}

}  // namespace

Result<void> KeyRolls::roll(const std::string& zone, const config::PolicySetting& policy,
                            const std::string& folder, uint64_t now_s, std::vector<ZoneKey>& keys,
                            std::span<const dnssec::OtherSigner> signers,
                            const dnssec::ServedKeys& served) {
  dnssec::KeySchedule schedule = schedule_of(policy);
  for (const dnssec::OtherSigner& signer : signers) {
    for (const dnssec::ForeignKey& key : signer.keys) schedule.others.add(key.dnskey);
  }
  unsigned made = 0;
  const auto make = [&](uint8_t algorithm) {
    ++made;
    return generate_(zone, policy, algorithm);
  };
  const auto hold = [&]() -> Result<void> {
    if (policy.secondaries.empty()) return {};
    const auto held = dnssec::hold_for_secondaries(keys, served, now_s, schedule.times);
    if (!held.empty() && !served.waits_for.empty()) log_wait(zone, served.waits_for);
    return put(held, folder, keys);
  };
  TRY(hold());
  for (int i = 0; i < steps_max; ++i) {
    const auto seen = seen_.find(zone);
    const uint16_t tag =
        seen == seen_.end() || !is_known(seen->second, keys, signers, now_s, schedule.times)
            ? uint16_t{0}
            : seen->second;
    made = 0;
    const dnssec::ScheduledStep step = TRY(dnssec::next_step(keys, now_s, schedule, tag, make));
    log_tries(zone, made);
    if (step.changed.empty()) break;
    TRY(put(step.changed, folder, keys));
    if (step.sentence.empty()) continue;
    log::info(Category::zones, "key-rolled", "zone " + zone + ": " + step.sentence);
  }
  TRY(put(dnssec::hold_for_signers(keys, signers, now_s, schedule.times), folder, keys));
  TRY(hold());
  note(zone, policy, now_s, keys, signers);
  return {};
}

Result<void> KeyRolls::hold(const config::PolicySetting& policy, const std::string& folder,
                            const dnssec::VersionKeys& version, uint64_t now_s,
                            std::vector<ZoneKey>& keys) {
  return put(dnssec::hold_for_version(keys, version, now_s, rollover_times(policy)), folder, keys);
}

void KeyRolls::note_parting(const std::string& zone, const config::PolicySetting& policy) {
  if (policy.parents.empty()) return forget(zone);
  WaitingKey& waiting = waiting_[zone];
  if (!waiting.dnskey.empty()) waiting = {};
  waiting.parents = policy.parents;
}

void KeyRolls::note(const std::string& zone, const config::PolicySetting& policy, uint64_t now_s,
                    std::span<const ZoneKey> keys, std::span<const dnssec::OtherSigner> signers) {
  const ZoneKey* key = dnssec::waits_for_parent(keys, now_s);
  if (key == nullptr || policy.parents.empty()) {
    waiting_.erase(zone);
    return;
  }
  WaitingKey& waiting = waiting_[zone];
  if (waiting.dnskey != key->dnskey_rdata()) {
    seen_.erase(zone);
    waiting = {};
  }
  waiting.tag = key->tag();
  waiting.dnskey = key->dnskey_rdata();
  waiting.parents = policy.parents;
  waiting.others.clear();
  for (const dnssec::OtherSigner& signer : signers) {
    for (const dnssec::ForeignKey& of : signer.keys) waiting.others.push_back(of.dnskey);
  }
}

uint64_t KeyRolls::next_time(const config::PolicySetting& policy, std::span<const ZoneKey> keys) {
  return dnssec::next_step_time(keys, schedule_of(policy));
}

std::vector<std::pair<std::string, WaitingKey>> KeyRolls::take_due(uint64_t now_s) {
  std::vector<std::pair<std::string, WaitingKey>> due;
  for (auto& [zone, waiting] : waiting_) {
    if (waiting.due_unix_s > now_s) continue;
    // More often at first: many parents take a new DS within minutes.
    waiting.interval_s = std::clamp(waiting.interval_s * 2, ask_s_min, ask_s_max);
    waiting.due_unix_s = now_s + waiting.interval_s;
    due.emplace_back(zone, waiting);
  }
  return due;
}

void KeyRolls::forget(const std::string& zone) {
  waiting_.erase(zone);
  seen_.erase(zone);
}

}  // namespace holdfast::control
