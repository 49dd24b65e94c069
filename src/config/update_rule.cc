// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/update_rule.h"

#include <algorithm>
#include <array>

#include "wire/types.h"

namespace holdfast::config {

namespace {

using Names = UpdateRule::Names;

constexpr std::string_view name_prefix = "name:";
constexpr std::string_view under_prefix = "under:";

bool is_graphic(std::string_view text) {
  return std::ranges::all_of(text, [](char byte) { return byte > ' ' && byte <= '~'; });
}

Result<std::string> canonical_name(std::string_view text) {
  if (text.empty() || !is_graphic(text)) return fail("expected a name of graphic characters");
  wire::Name name = TRY(wire::Name::from_text(text));
  name.fold_case();
  return name.view().to_text();
}

// True if `word` says which names; the error is in a name.
Result<bool> read_names(std::string_view word, UpdateRule& rule) {
  constexpr std::array<std::pair<std::string_view, Names>, 3> words{
      {{"any", Names::any}, {"self", Names::self}, {"under-self", Names::under_self}}};
  for (const auto& [text, names] : words) {
    if (word != text) continue;
    rule.names = names;
    return true;
  }
  const bool is_under = word.starts_with(under_prefix);
  if (!is_under && !word.starts_with(name_prefix)) return false;
  rule.names = is_under ? Names::under : Names::name;
  rule.name = TRY(canonical_name(word.substr(word.find(':') + 1)));
  return true;
}

Result<void> read_types(std::string_view words, UpdateRule& rule) {
  while (true) {
    const size_t comma = words.find(',');
    const std::string_view word = words.substr(0, comma);
    const bool is_upper =
        std::ranges::none_of(word, [](char byte) { return byte >= 'a' && byte <= 'z'; });
    const auto type = wire::type_from_text(word);
    if (!type || !is_upper || wire::is_meta_type(*type)) {
      return fail("\"" + std::string(word) + "\": expected a type of records in upper case");
    }
    rule.types.push_back(*type);
    if (comma == std::string_view::npos) break;
    words = words.substr(comma + 1);
  }
  std::ranges::sort(rule.types);
  rule.types.erase(std::ranges::unique(rule.types).begin(), rule.types.end());
  return {};
}

}  // namespace

bool UpdateRule::covers_name(wire::NameView owner) const {
  if (names == Names::any) return true;
  const bool is_own = names == Names::self || names == Names::under_self;
  const auto wanted = wire::Name::from_text(is_own ? key : name);
  if (!wanted) return false;
  const bool includes_below = names == Names::under || names == Names::under_self;
  return includes_below ? owner.is_at_or_below(*wanted) : owner == wanted->view();
}

bool UpdateRule::covers(wire::NameView owner, uint16_t type) const {
  return covers_name(owner) && (types.empty() || std::ranges::binary_search(types, type));
}

std::string UpdateRule::to_text() const {
  std::string text = key;
  switch (names) {
    case Names::any:
      break;
    case Names::self:
      text += " self";
      break;
    case Names::under_self:
      text += " under-self";
      break;
    case Names::name:
      text += " name:" + name;
      break;
    case Names::under:
      text += " under:" + name;
      break;
  }
  for (size_t i = 0; i < types.size(); ++i) {
    text += (i == 0 ? " " : ",") + wire::type_to_text(types[i]);
  }
  return text;
}

Result<UpdateRule> parse_update_rule(std::string_view text) {
  UpdateRule rule;
  size_t space = text.find(' ');
  rule.key = TRY(canonical_name(text.substr(0, space)));
  if (space == std::string_view::npos) return rule;
  text = text.substr(space + 1);
  space = text.find(' ');
  if (TRY(read_names(text.substr(0, space), rule))) {
    if (space == std::string_view::npos) return rule;
    text = text.substr(space + 1);
  }
  TRY(read_types(text, rule));
  return rule;
}

}  // namespace holdfast::config
