// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/attack_plan.h"

#include <algorithm>
#include <random>
#include <set>

#include "drill/laboratory.h"
#include "wire/types.h"

namespace holdfast::drill {
namespace {

constexpr uint16_t resolver_payload_bytes = 1232;
constexpr uint8_t made_up_bits = 22;
constexpr uint32_t word_names = 1U << 17;
constexpr uint8_t hops_off = 9;  // what a forger far away from the resolver is wrong by
constexpr double shortest_s = 0.001;

// As attackers' lists have them.
constexpr const char* words[] = {
    "www",     "mail",   "dev",      "api",     "test", "admin",  "shop",    "blog",
    "vpn",     "ftp",    "cdn",      "static",  "img",  "stage",  "portal",  "app",
    "web",     "mobile", "secure",   "login",   "git",  "build",  "db",      "cache",
    "files",   "media",  "news",     "store",   "help", "docs",   "support", "status",
    "monitor", "proxy",  "backup",   "gateway", "auth", "assets", "beta",    "demo",
    "edge",    "host",   "internal", "jobs",    "lab",  "panel",  "search",  "video"};

bool is_active(const Attack& attack, const Phase& phase) {
  if (attack.phases.empty()) return phase.role == PhaseRole::attack;
  return std::ranges::find(attack.phases, phase.name) != attack.phases.end();
}

// The spans of a phase in which the attack sends, by its pauses.
void add_spans(const Attack& attack, double start_s, double end_s,
               std::vector<std::pair<double, double>>& spans) {
  if (attack.on_s <= 0) {
    spans.emplace_back(start_s, end_s);
    return;
  }
  for (double at = start_s; at < end_s; at += attack.on_s + attack.off_s) {
    spans.emplace_back(at, std::min(at + attack.on_s, end_s));
  }
}

Result<QuestionList> existing_names(const std::vector<const DrillZone*>& zones,
                                    const EdnsOptions& edns) {
  std::string lines;
  for (const DrillZone* zone : zones) {
    for (const DrillQuestion& each : zone->questions) lines += each.name + " " + each.type + "\n";
  }
  return QuestionList::parse(lines, edns, "names to attack with");
}

// Two words and a number each, which no zone has.
Result<QuestionList> word_list(const std::vector<const DrillZone*>& zones,
                               const EdnsOptions& edns) {
  std::mt19937_64 random(1);
  const auto word = [&random] { return std::string(words[random() % std::size(words)]); };
  std::string lines;
  for (uint32_t index = 0; index < word_names; ++index) {
    const DrillZone& zone = *zones[index % zones.size()];
    lines += word() + "-" + word() + std::to_string(random() % 1000) +
             (zone.name == "." ? "." : "." + zone.name) + " A\n";
  }
  return QuestionList::parse(lines, edns, "words to attack with");
}

Result<QuestionList> attack_questions(const Attack& attack, const ZoneSet& zones) {
  // Resolvers speak EDNS; simple flooders do not.
  EdnsOptions edns;
  if (attack.sources == AttackSources::resolvers) edns.payload_bytes = resolver_payload_bytes;
  std::vector<const DrillZone*> aimed_at;
  if (attack.one_zone) {
    aimed_at.push_back(&zones.attacked_zone());
  } else {
    aimed_at.reserve(zones.zones.size());
    for (const DrillZone& zone : zones.zones) aimed_at.push_back(&zone);
  }
  std::vector<std::string> suffixes;
  suffixes.reserve(aimed_at.size());
  for (const DrillZone* zone : aimed_at) suffixes.push_back(zone->name);
  switch (attack.names) {
    case AttackNames::existing:
      return existing_names(aimed_at, edns);
    case AttackNames::words:
      return word_list(aimed_at, edns);
    case AttackNames::wildcard:
      suffixes.clear();
      for (const DrillZone* zone : aimed_at) {
        if (!zone->wildcard_parent.empty()) suffixes.push_back(zone->wildcard_parent);
      }
      if (suffixes.empty()) return fail("names under a wildcard: the zone has no wildcard");
      break;
    case AttackNames::random:
    case AttackNames::mixed_case:
      break;
  }
  return QuestionList::random_under_any(suffixes, wire::type_a, edns);
}

FrameType frame_type(AttackKind kind) {
  switch (kind) {
    case AttackKind::reflection:
      return FrameType::response;
    case AttackKind::fragments:
      return FrameType::fragment;
    case AttackKind::malformed:
      return FrameType::malformed;
    case AttackKind::syn:
      return FrameType::tcp_syn;
    case AttackKind::questions:
    case AttackKind::slow_tcp:
      break;
  }
  return FrameType::question;
}

// The biggest resolvers' own addresses, with their hop counts or with others.
void take_resolvers(const Attack& attack, const Population& population, AttackFrames& frames) {
  const size_t count = std::min<size_t>(attack.source_count, population.resolvers.size());
  for (size_t index = 0; index < count; ++index) {
    const Resolver& resolver = population.resolvers[index];
    frames.clients.push_back(resolver.address);
    const bool right = attack.hops == AttackHops::right;
    frames.config.hop_limits.push_back(
        static_cast<uint8_t>(right ? resolver.hop_limit : resolver.hop_limit - hops_off));
  }
}

Result<void> take_addresses(const Scenario& scenario, const Attack& attack, AttackFrames& frames) {
  const auto family = attack.over_ipv6 ? AddressFamily::ipv6 : AddressFamily::ipv4;
  frames.clients = TRY(wide_clients(scenario.honest.resolvers, attack.source_count, family));
  std::mt19937_64 random(2);
  for (size_t index = 0; index < frames.clients.size(); ++index) {
    frames.config.hop_limits.push_back(static_cast<uint8_t>(40 + random() % 20));
  }
  return {};
}

}  // namespace

std::vector<AttackSegment> attack_segments(const Scenario& scenario) {
  std::vector<std::vector<std::pair<double, double>>> spans(scenario.attacks.size());
  std::set<double> edges;
  for (size_t number = 0; number < scenario.attacks.size(); ++number) {
    double start_s = 0;
    for (const Phase& phase : scenario.phases) {
      if (is_active(scenario.attacks[number], phase)) {
        add_spans(scenario.attacks[number], start_s, start_s + phase.seconds, spans[number]);
      }
      start_s += phase.seconds;
    }
    for (const auto& [start, end] : spans[number]) edges.insert({start, end});
  }
  std::vector<AttackSegment> segments;
  for (auto edge = edges.begin(); edge != edges.end() && std::next(edge) != edges.end(); ++edge) {
    AttackSegment segment{*edge, *std::next(edge), {}};
    const double middle = (segment.start_s + segment.end_s) / 2;
    for (size_t number = 0; number < spans.size(); ++number) {
      const auto covers = [middle](const std::pair<double, double>& span) {
        return span.first <= middle && middle < span.second;
      };
      if (std::ranges::any_of(spans[number], covers)) segment.attacks.push_back(number);
    }
    if (segment.attacks.empty() || segment.end_s - segment.start_s < shortest_s) continue;
    segments.push_back(std::move(segment));
  }
  return segments;
}

Result<AttackFrames> attack_frames(const Scenario& scenario, size_t attack, const ZoneSet& zones,
                                   const Population& population) {
  const Attack& what = scenario.attacks[attack];
  AttackFrames frames{{}, TRY(attack_questions(what, zones)), {}};
  frames.config.over_ipv6 = what.over_ipv6;
  frames.config.label = static_cast<uint8_t>(1 + attack % (label_measured - 1));
  frames.config.frame = frame_type(what.kind);
  frames.config.mixed_case = what.names == AttackNames::mixed_case;
  frames.config.seed = attack + 1;
  switch (what.sources) {
    case AttackSources::addresses:
      TRY(take_addresses(scenario, what, frames));
      break;
    case AttackSources::resolvers:
      take_resolvers(what, population, frames);
      break;
    case AttackSources::random:
      frames.clients = {wide_range_ipv4()};
      frames.config.random_source_bits = made_up_bits;
      break;
  }
  return frames;
}

}  // namespace holdfast::drill
