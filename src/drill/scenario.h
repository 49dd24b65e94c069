// SPDX-License-Identifier: GPL-3.0-or-later
// A scenario: who asks honestly, what the attack is, and when; read from a small TOML file.
//
// docs/drill.md lists every key. Bounds: scenario_bytes_max, phases_max, attacks_max, and each
// number's own. An error names file, line, the value found and what was expected.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "drill/targets.h"

namespace holdfast::drill {

constexpr size_t scenario_bytes_max = 1U << 20;
constexpr size_t phases_max = 64;
constexpr size_t attacks_max = 8;  // that a mixer takes
constexpr double scenario_seconds_max = 3600;

struct HonestShape {
  uint32_t resolvers = 3000;
  double rate_per_s = 1000;   // questions of their clients, all together
  double size_exponent = 1;   // the n-th resolver asks 1/n^S as often as the first
  double name_exponent = 1;   // and the n-th name is asked for 1/n^S as often
  double without_tcp = 0.02;  // shares of the resolvers
  double with_cookies = 0.08;
  double over_tcp = 0.03;
  double never_seen = 0.05;
  double nonexistent = 0.02;  // of the questions
  double quiet_every_s = 1;   // in quiet phases each asks so often at least; 0: as its size has it
};

enum class PhaseRole : uint8_t { quiet, attack, after };

struct Phase {
  std::string name;
  PhaseRole role = PhaseRole::quiet;
  double seconds = 0;
  double demand = 1;       // honest questions, as a multiple of the usual rate
  bool one_zone = false;   // all of them for one zone
  bool newcomers = false;  // those never seen before ask as well
};

enum class AttackKind : uint8_t { questions, reflection, fragments, malformed, syn, slow_tcp };
enum class AttackSources : uint8_t { addresses, random, resolvers };
enum class AttackHops : uint8_t { right, wrong };  // of spoofed resolvers
enum class AttackNames : uint8_t { existing, random, mixed_case, words, wildcard };

// A number a second, or a share of the floor.
struct AttackRate {
  uint64_t per_s = 0;
  double of_floor = 0;  // above 0: so much of what a bare XDP_DROP sustains, in place of per_s
};

struct Attack {
  std::vector<std::string> phases;  // empty: every phase whose role is attack
  AttackKind kind = AttackKind::questions;
  AttackRate rate{300'000, 0};
  AttackSources sources = AttackSources::addresses;
  uint32_t source_count = 65536;  // addresses, or so many of the biggest resolvers
  bool over_ipv6 = false;
  AttackHops hops = AttackHops::right;
  AttackNames names = AttackNames::existing;
  bool one_zone = true;  // false: names of all zones
  double on_s = 0;       // above 0: sends for so long, then pauses off_s
  double off_s = 0;
  uint32_t connections = 2000;  // of slow-tcp
};

struct Scenario {
  std::string name;
  std::string about;
  HonestShape honest;
  std::vector<Phase> phases;
  std::vector<Attack> attacks;
  std::optional<Targets> targets = Targets{};  // none: it only compares

  [[nodiscard]] double seconds() const;
  // True if any attack is given as a share of the floor.
  [[nodiscard]] bool needs_floor() const;
  // Every attack of the attack's own phases at this rate, beyond which targets hold up to
  // of_floor_most; without `rate` none of them, and all is to be answered.
  void set_rate(const std::optional<AttackRate>& rate);
  // Every phase so much longer.
  void stretch(double factor);
  // Resolvers whose own addresses send part of an attack.
  [[nodiscard]] uint32_t shared_resolvers() const;
};

// `origin` is the file's name in messages.
[[nodiscard]] Result<Scenario> parse_scenario(std::string_view text, const std::string& origin);

// "300000" or "0.8 floor".
[[nodiscard]] Result<AttackRate> parse_rate(std::string_view text);

}  // namespace holdfast::drill
