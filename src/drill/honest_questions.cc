// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/honest_questions.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "drill/popularity.h"

namespace holdfast::drill {
namespace {

constexpr uint32_t draws = 1U << 18;
constexpr unsigned nonexistent_per_zone = 20;
constexpr uint64_t shuffle_seed = 2016;

// Draws of `numbers`, most popular first by their order, with so many of the nonexistent among
// them.
std::vector<uint32_t> make_draws(const std::vector<uint32_t>& numbers,
                                 const std::vector<uint32_t>& nonexistent,
                                 const HonestShape& shape) {
  const auto denied = static_cast<uint32_t>(shape.nonexistent * draws);
  std::vector<uint32_t> made;
  made.reserve(draws);
  if (denied < draws) {
    for (const uint32_t rank :
         zipf_draws(static_cast<uint32_t>(numbers.size()), shape.name_exponent, draws - denied)) {
      made.push_back(numbers[rank]);
    }
  }
  for (uint32_t index = 0; index < denied; ++index) {
    made.push_back(nonexistent[index % nonexistent.size()]);
  }
  return made;
}

}  // namespace

Result<HonestQuestions> make_honest_questions(const ZoneSet& zones, const HonestShape& shape) {
  std::string lines;
  std::vector<QuestionFact> facts;
  std::vector<uint32_t> existing;
  std::vector<uint32_t> nonexistent;
  const auto add = [&](const std::string& name, const std::string& type, QuestionFact fact) {
    lines += name + " " + type + "\n";
    (fact.exists ? existing : nonexistent).push_back(static_cast<uint32_t>(facts.size()));
    facts.push_back(fact);
  };
  for (size_t index = 0; index < zones.zones.size(); ++index) {
    const DrillZone& zone = zones.zones[index];
    const bool attacked = index == zones.attacked;
    for (const DrillQuestion& each : zone.questions) add(each.name, each.type, {true, attacked});
    for (unsigned number = 0; number < nonexistent_per_zone; ++number) {
      const std::string under = zone.name == "." ? "" : "." + zone.name;
      add("nosuch" + std::to_string(number) + "-holdfast" + (under.empty() ? "." : under), "A",
          {false, attacked});
    }
  }
  if (existing.empty()) return fail("the zones have no names to ask for");
  std::mt19937_64 random(shuffle_seed);
  std::ranges::shuffle(existing, random);
  std::vector<uint32_t> in_zone;
  std::vector<uint32_t> not_in_zone;
  for (const uint32_t number : existing) {
    if (facts[number].in_attacked_zone) in_zone.push_back(number);
  }
  for (const uint32_t number : nonexistent) {
    if (facts[number].in_attacked_zone) not_in_zone.push_back(number);
  }
  if (in_zone.empty()) return fail("the attacked zone has no names to ask for");
  return HonestQuestions{TRY(QuestionList::parse(lines, {}, "honest questions")), std::move(facts),
                         make_draws(existing, nonexistent, shape),
                         make_draws(in_zone, not_in_zone, shape)};
}

}  // namespace holdfast::drill
