// SPDX-License-Identifier: GPL-3.0-or-later
// The keys of [shield], for the table in keys.cc.
#pragma once

#include <algorithm>
#include <array>

#include "base/check.h"
#include "config/keys.h"

namespace holdfast::config {

inline constexpr std::array<std::string_view, 3> shield_modes{"on", "dry-run", "off"};
// A slot longer than a day would take days to learn who is known.
inline constexpr uint32_t history_slot_s_max = 86'400;
// The history keeps 200 slots.
inline constexpr uint32_t known_after_slots_max = 60;
inline constexpr uint32_t shield_rate_max = 1'000'000;

template <auto member>
constexpr Key shield_number(Key key) {
  key.table = "shield";
  key.kind = Kind::integer;
  key.min = 1;
  key.get = [](const Draft& draft) -> Value { return draft.config.shield.*member; };
  key.set = [](Draft& draft, const Value& value) {
    draft.config.shield.*member = std::get<uint32_t>(value);
  };
  return key;
}

inline constexpr std::array shield_keys{
    Key{.table = "shield",
        .name = "mode",
        .kind = Kind::choice,
        .choices = shield_modes,
        .meaning =
            "`on`: while an answer process has more to answer than it can, known and proved "
            "clients are answered first; `dry-run`: this is decided and counted, and nothing "
            "done about it; `off`: nothing is remembered or decided.",
        .get = [](const Draft& draft) -> Value {
          return std::string(shield_modes[static_cast<size_t>(draft.config.shield.mode)]);
        },
        .set =
            [](Draft& draft, const Value& value) {
              const auto found = std::ranges::find(shield_modes, std::get<std::string>(value));
              CHECK(found != shield_modes.end());
              draft.config.shield.mode = static_cast<ShieldMode>(found - shield_modes.begin());
            }},
    shield_number<&ShieldSettings::history_slot_s>(
        {.name = "history_slot_s",
         .max = history_slot_s_max,
         .meaning = "Length of a slot of time, in seconds. Clients are known by the number of "
                    "slots they were seen in, and forgotten after 200 slots without a question. "
                    "Those that have passed still count when the length changes, so with a "
                    "shorter one who is silent is forgotten sooner."}),
    shield_number<&ShieldSettings::known_after_slots>(
        {.name = "known_after_slots",
         .max = known_after_slots_max,
         .meaning = "Slots in which a client has to be seen to be known."}),
    shield_number<&ShieldSettings::unknown_source_per_s>(
        {.name = "unknown_source_per_s",
         .max = shield_rate_max,
         .meaning =
             "Questions a second, to one answer process, above which a client that is not "
             "known is served last of all under overload. IPv6 clients are counted by /64."}),
    shield_number<&ShieldSettings::unknown_prefix_per_s>(
        {.name = "unknown_prefix_per_s",
         .max = shield_rate_max,
         .meaning = "The same for all such clients of a /24, or of an IPv6 /48, together."}),
};

}  // namespace holdfast::config
