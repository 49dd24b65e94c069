// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/scenario.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>

#include "drill/client_addresses.h"
#include "drill/generator.h"

namespace holdfast::drill {
namespace {

constexpr uint32_t resolvers_max = 50'000;
constexpr double honest_rate_max = 50'000;  // far above what sockets give on one core
constexpr double exponent_max = 4;
constexpr double demand_max = 100;
constexpr double ratio_max = 1e6;
constexpr uint32_t connections_max = 10'000;
constexpr std::string_view floor_word = "floor";

template <class Value>
struct Word {
  std::string_view text;
  Value value;
};

constexpr Word<PhaseRole> roles[] = {
    {"quiet", PhaseRole::quiet}, {"attack", PhaseRole::attack}, {"after", PhaseRole::after}};
constexpr Word<AttackKind> kinds[] = {{"questions", AttackKind::questions},
                                      {"reflection", AttackKind::reflection},
                                      {"fragments", AttackKind::fragments},
                                      {"malformed", AttackKind::malformed},
                                      {"syn", AttackKind::syn},
                                      {"slow-tcp", AttackKind::slow_tcp}};
constexpr Word<AttackHops> hops[] = {{"right", AttackHops::right}, {"wrong", AttackHops::wrong}};
constexpr Word<AttackNames> names[] = {{"existing", AttackNames::existing},
                                       {"random", AttackNames::random},
                                       {"mixed-case", AttackNames::mixed_case},
                                       {"words", AttackNames::words},
                                       {"wildcard", AttackNames::wildcard}};
constexpr Word<AttackSources> source_words[] = {{"addresses", AttackSources::addresses},
                                                {"random", AttackSources::random},
                                                {"resolvers", AttackSources::resolvers}};
constexpr Word<bool> zone_words[] = {{"one", true}, {"all", false}};

std::string shown(const toml::node& node) {
  if (const auto* text = node.as_string()) return "\"" + text->get() + "\"";
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* number = node.as_floating_point()) return std::to_string(number->get());
  if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
  if (node.is_array()) return "an array";
  return node.is_table() ? "a table" : "a date or time";
}

// Reads tables; keeps the first complaint.
class Reader {
 public:
  explicit Reader(std::string origin) : origin_(std::move(origin)) {}

  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

  void complain(const toml::source_region& where, const std::string& what) {
    if (error_) return;
    error_ = Error{origin_ + ":" + std::to_string(where.begin.line) + ": " + what};
  }
  void complain_of(std::string_view key, const toml::node& node, const std::string& expected) {
    complain(node.source(), std::string(key) + " = " + shown(node) + ": expected " + expected);
  }

  void expect_keys(const toml::table& table, std::initializer_list<std::string_view> known) {
    for (const auto& [key, node] : table) {
      if (std::ranges::find(known, key.str()) != known.end()) continue;
      std::string list;
      for (const std::string_view each : known) {
        list += (list.empty() ? "" : ", ") + std::string(each);
      }
      complain(key.source(), "unknown key '" + std::string(key.str()) + "': expected " + list);
    }
  }

  void read(const toml::table& table, std::string_view key, double least, double most,
            double& value) {
    const toml::node* node = table.get(key);
    if (!node) return;
    const std::optional<double> number = node->value<double>();
    if (node->is_number() && number && *number >= least && *number <= most) {
      value = *number;
      return;
    }
    complain_of(key, *node, "a number from " + plain(least) + " to " + plain(most));
  }

  void read(const toml::table& table, std::string_view key, uint32_t least, uint32_t most,
            uint32_t& value) {
    const toml::node* node = table.get(key);
    if (!node) return;
    const std::optional<int64_t> number = node->value_exact<int64_t>();
    if (number && *number >= least && *number <= most) {
      value = static_cast<uint32_t>(*number);
      return;
    }
    complain_of(key, *node,
                "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }

  void read(const toml::table& table, std::string_view key, std::string& value) {
    const toml::node* node = table.get(key);
    if (!node) return;
    if (const auto* text = node->as_string()) {
      value = text->get();
    } else {
      complain_of(key, *node, "text in quotes");
    }
  }

  void read(const toml::table& table, std::string_view key, bool& value) {
    const toml::node* node = table.get(key);
    if (!node) return;
    if (const auto* truth = node->as_boolean()) {
      value = truth->get();
    } else {
      complain_of(key, *node, "true or false");
    }
  }

  template <class Value, size_t count>
  void read(const toml::table& table, std::string_view key, const Word<Value> (&words)[count],
            Value& value) {
    const toml::node* node = table.get(key);
    if (!node) return;
    std::string expected;
    for (const Word<Value>& word : words) {
      if (const auto* text = node->as_string(); text && text->get() == word.text) {
        value = word.value;
        return;
      }
      expected += (expected.empty() ? "" : ", ") + std::string(word.text);
    }
    complain_of(key, *node, "one of " + expected);
  }

 private:
  static std::string plain(double number) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    return {text.data(), end};
  }

  std::string origin_;
  std::optional<Error> error_;
};

void read_honest(const toml::table& table, Reader& reader, HonestShape& honest) {
  reader.expect_keys(
      table, {"resolvers", "rate", "size_exponent", "name_exponent", "without_tcp", "with_cookies",
              "over_tcp", "never_seen", "nonexistent", "quiet_every_s"});
  reader.read(table, "resolvers", 1U, resolvers_max, honest.resolvers);
  reader.read(table, "rate", 1.0, honest_rate_max, honest.rate_per_s);
  reader.read(table, "size_exponent", 0.0, exponent_max, honest.size_exponent);
  reader.read(table, "name_exponent", 0.0, exponent_max, honest.name_exponent);
  reader.read(table, "without_tcp", 0.0, 1.0, honest.without_tcp);
  reader.read(table, "with_cookies", 0.0, 1.0, honest.with_cookies);
  reader.read(table, "over_tcp", 0.0, 1.0, honest.over_tcp);
  reader.read(table, "never_seen", 0.0, 0.9, honest.never_seen);
  reader.read(table, "nonexistent", 0.0, 1.0, honest.nonexistent);
  reader.read(table, "quiet_every_s", 0.0, scenario_seconds_max, honest.quiet_every_s);
}

void read_share(const toml::table& table, Reader& reader, std::string_view key,
                std::optional<double>& share) {
  if (!table.get(key)) return;
  reader.read(table, key, 0.0, 1.0, share.emplace());
}

void read_targets(const toml::table& table, Reader& reader, Targets& targets) {
  reader.expect_keys(
      table, {"first_try", "in_the_end", "never_seen", "over_tcp", "other_zones", "nonexistent",
              "p99_times_quiet", "mitigated_s", "released_s", "attack"});
  reader.read(table, "first_try", 0.0, 1.0, targets.first_try);
  reader.read(table, "in_the_end", 0.0, 1.0, targets.in_the_end);
  reader.read(table, "never_seen", 0.0, 1.0, targets.never_seen);
  read_share(table, reader, "over_tcp", targets.over_tcp);
  read_share(table, reader, "other_zones", targets.other_zones);
  read_share(table, reader, "nonexistent", targets.nonexistent);
  reader.read(table, "p99_times_quiet", 1.0, ratio_max, targets.p99_times_quiet);
  reader.read(table, "mitigated_s", 0.0, scenario_seconds_max, targets.mitigated_s);
  reader.read(table, "released_s", 0.0, scenario_seconds_max, targets.released_s);
  reader.read(table, "attack", targets.is_attack);
}

void read_phase(const toml::table& table, Reader& reader, Scenario& scenario) {
  reader.expect_keys(table, {"name", "role", "seconds", "demand", "zone", "newcomers"});
  Phase phase;
  reader.read(table, "role", roles, phase.role);
  phase.name = std::string(roles[static_cast<size_t>(phase.role)].text);
  phase.newcomers = phase.role != PhaseRole::quiet;
  reader.read(table, "name", phase.name);
  reader.read(table, "seconds", 0.1, scenario_seconds_max, phase.seconds);
  reader.read(table, "demand", 0.01, demand_max, phase.demand);
  reader.read(table, "zone", zone_words, phase.one_zone);
  reader.read(table, "newcomers", phase.newcomers);
  if (!table.get("seconds")) reader.complain(table.source(), "a phase needs seconds");
  scenario.phases.push_back(std::move(phase));
}

void read_attack_rate(const toml::table& table, Reader& reader, AttackRate& rate) {
  const toml::node* node = table.get("rate");
  if (!node) return;
  const std::string expected =
      "a whole number from 1 to " + std::to_string(rate_max) + ", or \"0.8 floor\"";
  if (const auto* text = node->as_string()) {
    if (const auto parsed = parse_rate(text->get())) {
      rate = *parsed;
      return;
    }
  } else if (const auto number = node->value_exact<int64_t>();
             number && *number > 0 && *number <= static_cast<int64_t>(rate_max)) {
    rate = {static_cast<uint64_t>(*number), 0};
    return;
  }
  reader.complain_of("rate", *node, expected);
}

void read_attack_phases(const toml::table& table, Reader& reader, Attack& attack) {
  const toml::node* node = table.get("phases");
  if (!node) return;
  const toml::array* list = node->as_array();
  if (!list) return reader.complain_of("phases", *node, "an array of names of phases");
  for (const toml::node& each : *list) {
    if (const auto* text = each.as_string()) {
      attack.phases.push_back(text->get());
    } else {
      reader.complain_of("phases", each, "the name of a phase");
    }
  }
}

// A number of addresses, or one of the words.
void read_sources(const toml::table& table, Reader& reader, Attack& attack) {
  const toml::node* node = table.get("sources");
  const uint32_t most =
      attack.over_ipv6 ? clients_max_ipv6 - resolvers_max : wide_clients_max_ipv4 - resolvers_max;
  if (node && node->is_integer()) {
    reader.read(table, "sources", 1U, most, attack.source_count);
  } else {
    reader.read(table, "sources", source_words, attack.sources);
  }
  if (attack.sources == AttackSources::resolvers) attack.source_count = 32;
  reader.read(table, "resolvers", 1U, resolvers_max, attack.source_count);
  if (table.get("resolvers") && attack.sources != AttackSources::resolvers) {
    reader.complain(table.get("resolvers")->source(),
                    "resolvers: only with sources = \"resolvers\"");
  }
}

void read_attack(const toml::table& table, Reader& reader, Scenario& scenario) {
  reader.expect_keys(table, {"kind", "phases", "rate", "sources", "resolvers", "ipv6", "hops",
                             "names", "zone", "on", "off", "connections"});
  Attack attack;
  reader.read(table, "kind", kinds, attack.kind);
  read_attack_phases(table, reader, attack);
  read_attack_rate(table, reader, attack.rate);
  reader.read(table, "ipv6", attack.over_ipv6);
  read_sources(table, reader, attack);
  reader.read(table, "hops", hops, attack.hops);
  reader.read(table, "names", names, attack.names);
  reader.read(table, "zone", zone_words, attack.one_zone);
  reader.read(table, "on", 0.1, scenario_seconds_max, attack.on_s);
  reader.read(table, "off", 0.1, scenario_seconds_max, attack.off_s);
  reader.read(table, "connections", 1U, connections_max, attack.connections);
  if ((attack.on_s > 0) != (attack.off_s > 0)) {
    reader.complain(table.source(), "on and off: expected both or neither");
  }
  const bool whole_questions_only =
      attack.over_ipv6 &&
      (attack.kind != AttackKind::questions || attack.sources != AttackSources::addresses);
  if (whole_questions_only) {
    reader.complain(table.source(), "ipv6 = true: only for questions from so many addresses");
  }
  scenario.attacks.push_back(std::move(attack));
}

void read_tables(const toml::table& root, std::string_view key, size_t most, Reader& reader,
                 Scenario& scenario,
                 void (*read)(const toml::table& table, Reader& reader, Scenario& scenario)) {
  const toml::node* node = root.get(key);
  if (!node) return;
  const toml::array* list = node->as_array();
  if (!list || list->size() > most) {
    return reader.complain_of(
        key, *node, "up to " + std::to_string(most) + " tables [[" + std::string(key) + "]]");
  }
  for (const toml::node& each : *list) {
    if (const toml::table* table = each.as_table()) {
      read(*table, reader, scenario);
    } else {
      reader.complain_of(key, each, "a table");
    }
  }
}

void check_whole(const toml::table& root, const Scenario& scenario, Reader& reader) {
  if (scenario.phases.empty()) {
    return reader.complain(root.source(), "no [[phase]]: expected at least one");
  }
  if (scenario.seconds() > scenario_seconds_max) {
    reader.complain(root.source(), "longer than an hour");
  }
  for (const Attack& attack : scenario.attacks) {
    for (const std::string& name : attack.phases) {
      const auto is_it = [&name](const Phase& phase) { return phase.name == name; };
      if (std::ranges::any_of(scenario.phases, is_it)) continue;
      reader.complain(root.source(), "an attack in the phase '" + name + "': there is none");
    }
  }
}

}  // namespace

double Scenario::seconds() const {
  double total = 0;
  for (const Phase& phase : phases) total += phase.seconds;
  return total;
}

bool Scenario::needs_floor() const {
  return std::ranges::any_of(attacks,
                             [](const Attack& attack) { return attack.rate.of_floor > 0; });
}

void Scenario::set_rate(const std::optional<AttackRate>& rate) {
  const auto is_main = [this](const Attack& attack) {
    return attack.phases.empty() || std::ranges::any_of(phases, [&](const Phase& phase) {
             return phase.role == PhaseRole::attack &&
                    std::ranges::find(attack.phases, phase.name) != attack.phases.end();
           });
  };
  if (!rate) {
    std::erase_if(attacks, is_main);
    targets = Targets{.first_try = 1, .in_the_end = 1, .is_attack = false};
    return;
  }
  if (rate->of_floor > of_floor_most) targets.reset();
  for (Attack& attack : attacks) {
    if (is_main(attack)) attack.rate = *rate;
  }
}

void Scenario::stretch(double factor) {
  for (Phase& phase : phases) {
    // In less time a server could not learn who its clients are.
    if (phase.role != PhaseRole::quiet || factor > 1) phase.seconds *= factor;
  }
  for (Attack& attack : attacks) {
    attack.on_s *= factor;
    attack.off_s *= factor;
  }
}

uint32_t Scenario::shared_resolvers() const {
  uint32_t count = 0;
  for (const Attack& attack : attacks) {
    if (attack.sources == AttackSources::resolvers) count = std::max(count, attack.source_count);
  }
  return std::min(count, honest.resolvers);
}

Result<AttackRate> parse_rate(std::string_view text) {
  const size_t space = text.find(' ');
  const std::string_view number = text.substr(0, space);
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  const bool is_number = error == std::errc{} && end == number.data() + number.size();
  if (is_number && space == std::string_view::npos && value >= 1 &&
      value <= static_cast<double>(rate_max)) {
    return AttackRate{static_cast<uint64_t>(value), 0};
  }
  if (is_number && space != std::string_view::npos && text.substr(space + 1) == floor_word &&
      value > 0 && value <= 2) {
    return AttackRate{0, value};
  }
  return fail("rate " + std::string(text) + ": expected a number up to " +
              std::to_string(rate_max) + ", or a share as in '0.8 floor'");
}

Result<Scenario> parse_scenario(std::string_view text, const std::string& origin) {
  if (text.size() > scenario_bytes_max) return fail(origin + ": too large for a scenario");
  // The library mistakes some letters beyond ASCII outside of strings.
  const auto is_beyond = [](char letter) { return static_cast<unsigned char>(letter) > 0x7E; };
  if (const auto found = std::ranges::find_if(text, is_beyond); found != text.end()) {
    const auto line = 1 + std::count(text.begin(), found, '\n');
    return fail(origin + ":" + std::to_string(line) + ": a letter that is not ASCII");
  }
  const toml::parse_result parsed = toml::parse(text);
  Reader reader(origin);
  Scenario scenario;
  if (!parsed) {
    reader.complain(parsed.error().source(), std::string(parsed.error().description()));
    return std::unexpected(*reader.error());
  }
  const toml::table& root = parsed.table();
  reader.expect_keys(root, {"name", "about", "honest", "target", "phase", "attack"});
  reader.read(root, "name", scenario.name);
  reader.read(root, "about", scenario.about);
  if (const toml::node* node = root.get("honest")) {
    if (const toml::table* table = node->as_table()) {
      read_honest(*table, reader, scenario.honest);
    } else {
      reader.complain_of("honest", *node, "a table");
    }
  }
  if (const toml::node* node = root.get("target")) {
    if (const toml::table* table = node->as_table()) {
      read_targets(*table, reader, *scenario.targets);
    } else {
      reader.complain_of("target", *node, "a table");
    }
  }
  read_tables(root, "phase", phases_max, reader, scenario, read_phase);
  read_tables(root, "attack", attacks_max, reader, scenario, read_attack);
  if (!reader.error()) check_whole(root, scenario, reader);
  if (reader.error()) return std::unexpected(*reader.error());
  if (scenario.name.empty()) scenario.name = origin;
  return scenario;
}

}  // namespace holdfast::drill
