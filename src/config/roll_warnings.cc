// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/roll_warnings.h"

#include <fmt/format.h>

#include <map>
#include <vector>

namespace holdfast::config {

namespace {

// Why keys roll without anybody's doing.
std::string reason_of(const PolicySetting& policy) {
  std::vector<std::string> reasons;
  if (policy.zsk_lifetime_s != 0) {
    reasons.push_back(fmt::format("zsk_lifetime_s = {}", policy.zsk_lifetime_s));
  }
  if (policy.ksk_lifetime_s != 0) {
    reasons.push_back(fmt::format("ksk_lifetime_s = {}", policy.ksk_lifetime_s));
  }
  if (policy.roll_algorithm) reasons.emplace_back("roll_algorithm = true");
  return fmt::format("{}", fmt::join(reasons, ", "));
}

bool rolls_unwatched(const PolicySetting& policy, const TransferSetting& transfer) {
  const bool rolls =
      policy.zsk_lifetime_s != 0 || policy.ksk_lifetime_s != 0 || policy.roll_algorithm;
  return rolls && policy.secondaries.empty() &&
         !(transfer.notify.empty() && transfer.transfer_to.empty());
}

}  // namespace

std::string roll_warning(const PolicySetting& policy, const TransferSetting& transfer) {
  if (!rolls_unwatched(policy, transfer)) return {};
  return fmt::format(
      "policy \"{}\": its keys roll by themselves ({}) and others serve the zone ({}), but "
      "secondaries is empty; one that is away for longer than {} s (propagation_s) serves what "
      "resolvers take for bogus; expected in secondaries those that answer for the zone",
      policy.name, reason_of(policy), transfer.notify.empty() ? "transfer_to" : "notify",
      policy.propagation_s);
}

ProblemList roll_warnings(const Config& config, std::span<const ZoneSource> zones) {
  struct Concerned {
    const ZoneSource* first = nullptr;
    size_t zones = 0;
  };
  std::map<uint32_t, Concerned> policies;  // by line
  for (const ZoneSource& zone : zones) {
    if (!zone.policy || !zone.transfer || !rolls_unwatched(*zone.policy, *zone.transfer)) continue;
    Concerned& concerned = policies[zone.policy->line];
    if (concerned.zones++ == 0) concerned.first = &zone;
  }
  ProblemList warnings;
  for (const auto& [line, concerned] : policies) {
    const ZoneSource& first = *concerned.first;
    std::string which = "; zone " + first.name;
    if (concerned.zones > 1) which += fmt::format(" and {} more", concerned.zones - 1);
    warnings.add({config.source, line, 1, roll_warning(*first.policy, *first.transfer) + which});
  }
  warnings.sort();
  return warnings;
}

}  // namespace holdfast::config
