// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/signer_rolls.h"

#include <algorithm>

#include "log/log.h"

namespace holdfast::control {

namespace {

using dnssec::OtherSigner;
using dnssec::SignerPhase;
using log::Category;

constexpr uint64_t ask_s_min = 1;

void configure(OtherSigner& signer, const config::SignerSetting& setting) {
  signer.servers = setting.servers;
  signer.name_servers.clear();
  for (const std::string& name : setting.name_servers) {
    signer.name_servers.push_back(wire::Name::from_text(name).value());
  }
}

bool is_same_but_for_words(const OtherSigner& a, const OtherSigner& b) {
  const auto announced = [](const dnssec::ForeignKey& x, const dnssec::ForeignKey& y) {
    return x.dnskey == y.dnskey && x.is_announced == y.is_announced;
  };
  return a.phase == b.phase && a.name_servers.size() == b.name_servers.size() &&
         std::ranges::equal(a.keys, b.keys, announced);
}

bool is_same(const OtherSigner& a, const OtherSigner& b) {
  const auto known = [](const dnssec::KnownKey& x, const dnssec::KnownKey& y) {
    return x.tag == y.tag && x.since_s == y.since_s;
  };
  const auto names = [](const wire::Name& x, const wire::Name& y) { return x.view() == y.view(); };
  return is_same_but_for_words(a, b) && a.waits_for == b.waits_for && a.met_s == b.met_s &&
         a.since_s == b.since_s && a.dnskey_ttl_s == b.dnskey_ttl_s && a.servers == b.servers &&
         std::ranges::equal(a.name_servers, b.name_servers, names) &&
         std::ranges::equal(a.known, b.known, known);
}

// In a step that waits for others, more often.
bool is_settled(std::span<const OtherSigner> signers) {
  return std::ranges::all_of(signers, [](const OtherSigner& signer) {
    return (signer.phase == SignerPhase::joined && signer.waits_for.empty()) ||
           signer.phase == SignerPhase::left;
  });
}

}  // namespace

dnssec::RolloverTimes rollover_times(const config::PolicySetting& policy) {
  return {.dnskey_ttl_s = policy.dnskey_ttl_s,
          .ttl_max_s = policy.ttl_max_s,
          .ds_ttl_s = policy.ds_ttl_s,
          .propagation_s = policy.propagation_s};
}

Result<std::vector<OtherSigner>> SignerRolls::enlist(const config::PolicySetting& policy,
                                                     const std::string& folder, uint64_t now_s) {
  std::vector<OtherSigner> signers = TRY(dnssec::load_signers(folder));
  for (const config::SignerSetting& setting : policy.signers) {
    auto found = std::ranges::find(signers, setting.name, &OtherSigner::name);
    const bool is_new = found == signers.end();
    if (is_new) found = signers.insert(found, {.name = setting.name, .since_s = now_s});
    const OtherSigner before = *found;
    configure(*found, setting);
    if (is_new || !is_same(before, *found)) TRY(dnssec::save_signer(*found, folder));
  }
  return signers;
}

void SignerRolls::note(const std::string& zone, const config::PolicySetting& policy,
                       std::span<const OtherSigner> signers, uint64_t now_s) {
  GroupQuestion question{.zone = zone, .parents = policy.parents, .signers = {}};
  const auto is_wanted = [&](const OtherSigner& signer) {
    return std::ranges::find(policy.signers, signer.name, &config::SignerSetting::name) !=
           policy.signers.end();
  };
  for (const OtherSigner& signer : signers) {
    if (signer.phase == SignerPhase::left && !is_wanted(signer)) continue;
    question.signers[signer.name] = signer.servers;
  }
  if (question.signers.empty()) return forget(zone);
  const auto [asked, is_new] = asked_.try_emplace(zone);
  Asked& of = asked->second;
  of.question = std::move(question);
  of.interval_s_max = std::clamp<uint64_t>(policy.dnskey_ttl_s, ask_s_min, ask_s_max);
  if (is_new) of.due_unix_s = now_s;
  if (!is_settled(signers)) {
    of.interval_s = std::min(of.interval_s, of.interval_s_max / 2);
    of.due_unix_s = std::min(of.due_unix_s, now_s + std::max(of.interval_s, ask_s_min));
  }
}

std::vector<GroupQuestion> SignerRolls::take_due(uint64_t now_s) {
  std::vector<GroupQuestion> due;
  for (size_t left = asked_.size(); left > 0 && due.size() < zones_asked_max; --left) {
    auto next = asked_.upper_bound(last_looked_at_);
    if (next == asked_.end()) next = asked_.begin();
    last_looked_at_ = next->first;
    Asked& asked = next->second;
    if (asked.due_unix_s > now_s) continue;
    asked.interval_s = std::clamp(asked.interval_s * 2, ask_s_min, asked.interval_s_max);
    asked.due_unix_s = now_s + asked.interval_s;
    due.push_back(asked.question);
  }
  return due;
}

Result<bool> SignerRolls::on_answers(const GroupAnswers& answers,
                                     const config::PolicySetting& policy, const std::string& folder,
                                     std::span<const dnssec::ZoneKey> own, uint64_t now_s) {
  const wire::Name zone = TRY(wire::Name::from_text(answers.zone));
  std::vector<OtherSigner> signers = TRY(enlist(policy, folder, now_s));
  std::vector<std::string> wanted;
  wanted.reserve(policy.signers.size());
  for (const config::SignerSetting& setting : policy.signers) wanted.push_back(setting.name);
  dnssec::GroupSighting seen{
      .now_s = now_s, .parent = dnssec::see_parent(answers.parents), .signers = {}};
  for (const OtherSigner& signer : signers) {
    const auto servers = answers.signers.find(signer.name);
    if (servers == answers.signers.end()) continue;
    seen.signers[signer.name] =
        dnssec::see_signer(signer, zone, servers->second, seen.parent, now_s);
  }
  const std::vector<OtherSigner> before = signers;
  const std::vector<std::string> sentences = dnssec::advance(
      signers, {.zone = zone, .own = own, .wanted = wanted, .times = rollover_times(policy)}, seen);
  bool concerns_zone = false;
  for (size_t i = 0; i < signers.size(); ++i) {
    if (is_same(before[i], signers[i])) continue;
    TRY(dnssec::save_signer(signers[i], folder));
    concerns_zone |= !is_same_but_for_words(before[i], signers[i]);
  }
  for (const std::string& sentence : sentences) {
    log::info(Category::zones, "signer", "zone " + answers.zone + ": " + sentence);
  }
  note(answers.zone, policy, signers, now_s);
  return concerns_zone;
}

}  // namespace holdfast::control
