// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/secondary_watch.h"

#include <algorithm>

#include "log/log.h"

namespace holdfast::control {

namespace {

constexpr uint64_t ask_s_min = 1;
constexpr size_t connections_each = 2;  // DNSKEY and SOA

}  // namespace

void SecondaryWatch::note(const std::string& zone, const config::PolicySetting& policy,
                          std::span<const dnssec::ZoneKey> own, const dnssec::ServedKeys& served,
                          uint64_t now_s) {
  if (policy.secondaries.empty() ||
      !dnssec::waits_for_secondaries(own, served, now_s, first_cds_of(policy))) {
    return forget(zone);
  }
  const auto [asked, is_new] = asked_.try_emplace(zone);
  asked->second.servers = policy.secondaries;
  asked->second.interval_s_max = std::clamp<uint64_t>(policy.dnskey_ttl_s, ask_s_min, ask_s_max);
  // NOTIFY and a transfer come first.
  if (is_new) asked->second.due_unix_s = now_s + ask_s_min;
}

std::vector<GroupQuestion> SecondaryWatch::take_due(uint64_t now_s) {
  std::vector<GroupQuestion> due;
  for (size_t left = asked_.size(); left > 0 && due.size() < zones_asked_max; --left) {
    auto next = asked_.upper_bound(last_looked_at_);
    if (next == asked_.end()) next = asked_.begin();
    Asked& asked = next->second;
    const bool is_due = asked.due_unix_s <= now_s && !open_.contains(next->first);
    const size_t connections = connections_each * asked.servers.size();
    if (is_due && connections_ + connections > connections_max) break;
    last_looked_at_ = next->first;
    if (!is_due) continue;
    open_[next->first] = connections;
    connections_ += connections;
    asked.interval_s = std::clamp(asked.interval_s * 2, ask_s_min, asked.interval_s_max);
    asked.due_unix_s = now_s + asked.interval_s;
    due.push_back(
        {.zone = next->first, .parents = {}, .signers = {}, .secondaries = asked.servers});
  }
  return due;
}

void SecondaryWatch::on_answered(const std::string& zone) {
  const auto found = open_.find(zone);
  if (found == open_.end()) return;
  connections_ -= found->second;
  open_.erase(found);
}

dnssec::FirstCds first_cds_of(const config::PolicySetting& policy) {
  return policy.unsign ? dnssec::FirstCds::given_up : dnssec::FirstCds::awaited;
}

void log_wait(const std::string& zone, const std::string& waits_for) {
  log::warning(log::Category::zones, "roll-waits",
               "zone " + zone + ": the next step of its keys waits for " + waits_for);
}

}  // namespace holdfast::control
