// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/shield_commands.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <optional>
#include <system_error>

#include <boost/json.hpp>

#include "control/shield_zones.h"
#include "control/tcp_report.h"
#include "control/tls_report.h"
#include "control/xdp_report.h"
#include "exchange/counters.h"
#include "shield/rate_table.h"

namespace holdfast::control {

namespace {

namespace json = boost::json;
using shield::ZoneWatch;

constexpr uint64_t word_s_default = 86'400;
constexpr uint64_t word_s_max = 366 * uint64_t{86'400};
constexpr size_t top_zones = 20;
constexpr uint32_t usual_scale = 16;  // of ZoneWatchEntry's usual numbers

struct DryRun {
  std::string_view name;
  uint32_t bits;
};
constexpr std::array<DryRun, 8> dry_runs{{
    {"admission", SHIELD_DRY_RUN_ADMISSION},
    {"truncate", SHIELD_DRY_RUN_TRUNCATE},
    {"hop", SHIELD_DRY_RUN_HOP},
    {"zones", SHIELD_DRY_RUN_ZONES},
    {"streams", SHIELD_DRY_RUN_STREAMS},
    {"filter", SHIELD_DRY_RUN_FILTER},
    {"form", SHIELD_DRY_RUN_FORM},
    {"all", SHIELD_DRY_RUN_ALL},
}};

std::string refusal(std::string_view error) {
  return json::serialize(json::object{{"ok", false}, {"error", error}});
}

json::object zone_object(const ShieldZone& zone) {
  return {{"zone", zone.name},
          {"asked_per_s", zone.asked},
          {"absent_per_s", zone.absent},
          {"usual_asked_per_s", zone.usual_asked},
          {"shed", zone.shed},
          {"usual_absent_per_s", zone.usual_absent},
          {"names_per_window", zone.names},
          {"usual_names_per_window", zone.usual_names},
          {"window_ms", ZoneWatch::window_ms},
          {"hot", zone.hot},
          {"many_names", zone.many_names},
          {"under_attack", zone.attacked}};
}

struct AccountSum {
  std::string name;
  uint64_t asked = 0;
  uint64_t usual_asked = 0;
  uint64_t limited = 0;
};

// Those that anything was asked of, by that.
json::array accounts_array(const shield::ShieldMemory& memory, const AccountKeeper& accounts) {
  std::vector<AccountSum> sums;
  for (uint32_t number = 1; number <= accounts.count(); ++number) {
    AccountSum sum{.name = accounts.name_of(number)};
    for (size_t i = 0; i < memory.workers.size() && memory.orders[i].beat_ms != 0; ++i) {
      const shield::AccountWatchEntry& entry = memory.workers[i].accounts[number];
      sum.asked += ZoneWatch::a_second(entry.last_asked.load());
      sum.usual_asked += ZoneWatch::a_second(entry.usual_asked_x16.load()) / usual_scale;
      sum.limited += entry.limited.load();
    }
    if (sum.asked + sum.usual_asked + sum.limited > 0) sums.push_back(std::move(sum));
  }
  std::ranges::sort(sums, std::greater(), &AccountSum::asked);
  if (sums.size() > top_zones) sums.resize(top_zones);
  json::array array;
  for (const AccountSum& sum : sums) {
    array.push_back(json::object{{"account", sum.name},
                                 {"asked_per_s", sum.asked},
                                 {"usual_asked_per_s", sum.usual_asked},
                                 {"limited", sum.limited}});
  }
  return array;
}

json::object questions_object(const ShieldReading& reading) {
  json::object classes;
  for (size_t i = 0; i < exchange::shield_class_count; ++i) {
    json::object fates;
    for (size_t k = 0; k < exchange::shield_fate_count; ++k) {
      fates[exchange::shield_fate_name(static_cast<exchange::ShieldFate>(k))] =
          reading.questions[i][k];
    }
    classes[exchange::shield_class_name(i)] = fates;
  }
  return classes;
}

json::object filtered_object(const ShieldReading& reading) {
  json::object filtered{{"datagrams", reading.datagrams_kept_away},
                        {"syn", reading.beginnings_kept_away}};
  const auto add_refused = [&](std::string_view of, int error) {
    if (error != 0) filtered[of] = std::generic_category().message(error);
  };
  add_refused("datagrams_refused", reading.datagrams_refused);
  add_refused("syn_refused", reading.beginnings_refused);
  return filtered;
}

// What a filter on a worker's sockets lets through of strangers; all of it if there is none.
uint64_t permille(uint32_t share) {
  if (share == 0) return 1000;
  return std::max<uint64_t>(uint64_t{share} * 1000 / SHIELD_SHARE_ONE, 1);
}

std::string_view word_name(Word word) { return word == Word::allow ? "allow" : "deny"; }

}  // namespace

std::string ShieldCommands::handle(const Request& request) const {
  if (request.command == "shield-status") return status();
  if (request.command == "shield-top") return top();
  if (request.command == "shield-explain") return explain(request.of);
  if (request.command == "shield-dry-run") return dry_run(request);
  return say(request);
}

std::string ShieldCommands::status() const {
  const shield::ShieldMemory& memory = keeper_.memory();
  const ShieldReading reading = keeper_.reading();
  const auto known = keeper_.history().summarise(memory.common.known_slots);
  json::array workers;
  for (size_t i = 0; i < memory.workers.size(); ++i) {
    const ShieldOrders& orders = memory.orders[i];
    if (orders.beat_ms == 0) break;
    workers.push_back(json::object{{"worker", i},
                                   {"level", orders.level},
                                   {"learning", orders.learning != 0},
                                   {"budget_per_s", orders.level == 0 ? 0 : orders.admit_per_s},
                                   {"syn_per_s", orders.syn_per_s},
                                   {"datagrams_passing_permille", permille(orders.datagrams_share)},
                                   {"syn_passing_permille", permille(orders.beginnings_share)}});
  }
  json::array dry;
  for (const DryRun& run : dry_runs) {
    if ((memory.common.dry_run & run.bits) == run.bits) dry.emplace_back(run.name);
  }
  json::array words;
  for (const ShieldKeeper::Saying& saying : keeper_.sayings()) {
    words.push_back(json::object{{"address", saying.address},
                                 {"word", word_name(saying.word)},
                                 {"until_unix_s", saying.until_s}});
  }
  json::array zones;
  for (const ShieldZone& zone : shield_zones(memory, keeper_.now_ms())) {
    if (zone.is_told()) zones.push_back(zone_object(zone));
  }
  return json::serialize(json::object{{"ok", true},
                                      {"enabled", memory.common.enabled != 0},
                                      {"level", reading.level},
                                      {"overloaded_workers", reading.workers_overloaded},
                                      {"dry_run", dry},
                                      {"sources", json::object{{"remembered", known.entries},
                                                               {"known", known.known},
                                                               {"proved", known.proved}}},
                                      {"slot", memory.common.slot},
                                      {"questions", questions_object(reading)},
                                      {"card", xdp_shed_object(keeper_.panel())},
                                      {"zones", zones},
                                      {"accounts", accounts_array(memory, accounts_)},
                                      {"filtered", filtered_object(reading)},
                                      {"tcp", tcp_object()},
                                      {"tls", tls_object(transfers_.facts())},
                                      {"words", words},
                                      {"workers", workers}});
}

std::string ShieldCommands::top() const {
  json::array zones;
  for (const ShieldZone& zone : shield_zones(keeper_.memory(), keeper_.now_ms())) {
    if (zones.size() == top_zones) break;
    zones.push_back(zone_object(zone));
  }
  return json::serialize(json::object{
      {"ok", true}, {"zones", zones}, {"accounts", accounts_array(keeper_.memory(), accounts_)}});
}

std::string ShieldCommands::explain(const std::string& of) const {
  if (const auto address = parse_endpoint(of, 53)) return explain_address(*address);
  return explain_name(of);
}

std::string ShieldCommands::explain_address(const Endpoint& address) const {
  const shield::ShieldMemory& memory = keeper_.memory();
  const __u64 hash = keeper_.hash_of(address);
  const __u64 entry = keeper_.history().find(hash);
  uint32_t rate = 0;
  uint32_t odd_rate = 0;
  uint32_t prefix_rate = 0;
  ShieldOrders orders = memory.orders[0];
  for (size_t i = 0; i < memory.workers.size(); ++i) {
    if (memory.orders[i].beat_ms == 0) break;
    if (memory.orders[i].level > orders.level) orders = memory.orders[i];
    const shield::ShieldWorkerTables& worker = memory.workers[i];
    const auto estimate = [&](uint32_t place) {
      return shield::rate_at(worker.rates, place, keeper_.now_ms());
    };
    rate += estimate(shield_rate_place(hash, 0));
    odd_rate += estimate(shield_rate_place(hash, 1));
    prefix_rate += estimate(shield_rate_place(keeper_.prefix_hash_of(address), 0));
  }
  const ShieldClass judged = shield_judge(&memory.common, &orders, entry, 0, rate, prefix_rate);
  json::object object{
      {"ok", true},
      {"class", exchange::shield_class_name(judged)},
      {"seen", entry != 0},
      {"known", shield_is_known(&orders, entry) != 0},
      {"slots_seen", shield_score(entry)},
      {"slots_since", (memory.common.slot - shield_slot(entry)) & 0xffU},
      {"hop_limit", shield_hop(entry)},
      {"hop_limit_counts", (shield_flags(entry) & SHIELD_FLAG_HOP_ODD) < SHIELD_HOP_ODD_MAX},
      {"usual_per_s_up_to", uint64_t{1} << shield_usual(entry)},
      {"may_ask_per_s", entry != 0 ? shield_allowance(&orders, entry) : orders.unknown_source},
      {"asks_per_s", rate},
      {"asks_per_s_from_elsewhere", odd_rate},
      {"prefix_asks_per_s", prefix_rate},
      {"proved_by_tcp", (shield_flags(entry) & SHIELD_FLAG_PROVED) != 0},
      {"allowed", (shield_flags(entry) & SHIELD_FLAG_ALLOWED) != 0},
      {"denied", (shield_flags(entry) & SHIELD_FLAG_DENIED) != 0},
      {"overload_level", orders.level}};
  return json::serialize(object);
}

std::string ShieldCommands::explain_name(const std::string& text) const {
  auto name = wire::Name::from_text(text);
  if (!name) return refusal(text + ": neither an address nor a name");
  name->fold_case();
  const auto zones = shield_zones(keeper_.memory(), keeper_.now_ms());
  // The deepest zone that it lies in, of those that are watched.
  for (wire::NameView at = *name;; at = at.parent()) {
    const auto found = std::ranges::find(zones, at.to_text(), &ShieldZone::name);
    if (found != zones.end()) {
      json::object object = zone_object(*found);
      object["ok"] = true;
      return json::serialize(object);
    }
    if (at.is_root()) break;
  }
  return refusal(text + ": of its zone nothing has been asked lately");
}

std::string ShieldCommands::say(const Request& request) const {
  const auto address = parse_endpoint(request.of, 53);
  if (!address) return refusal("\"of\" is to be an address");
  uint64_t seconds = word_s_default;
  if (!request.seconds.empty()) {
    const char* end = request.seconds.data() + request.seconds.size();
    const auto [at, error] = std::from_chars(request.seconds.data(), end, seconds);
    if (error != std::errc() || at != end || seconds == 0 || seconds > word_s_max) {
      return refusal("\"seconds\" is to be a number from 1 to " + std::to_string(word_s_max));
    }
  }
  const Word word = request.command == "shield-allow"  ? Word::allow
                    : request.command == "shield-deny" ? Word::deny
                                                       : Word::none;
  const auto said = keeper_.say(*address, word, seconds);
  if (!said) return refusal(said.error().message);
  return json::serialize(json::object{{"ok", true}});
}

std::string ShieldCommands::dry_run(const Request& request) const {
  const auto found = std::ranges::find(dry_runs, request.what, &DryRun::name);
  if (found == dry_runs.end()) {
    return refusal(
        "\"what\" is to be admission, truncate, hop, zones, streams, filter, form or all");
  }
  if (request.state != "on" && request.state != "off") {
    return refusal("\"state\" is to be on or off");
  }
  keeper_.set_dry_run(found->bits, request.state == "on");
  return json::serialize(json::object{{"ok", true}});
}

}  // namespace holdfast::control
