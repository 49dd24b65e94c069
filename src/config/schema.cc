// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/schema.h"

#include <fmt/format.h>

#include "config/keys.h"
#include "config/literal.h"

namespace holdfast::config {

namespace {

std::string type_of(const Key& key) {
  switch (key.kind) {
    case Kind::boolean:
      return R"("type": "boolean")";
    case Kind::integer:
      return fmt::format(R"("type": "integer", "minimum": {}, "maximum": {})", key.min, key.max);
    case Kind::choice:
      return fmt::format(R"("enum": ["{}"])", fmt::join(key.choices, R"(", ")"));
    case Kind::endpoints:
      return fmt::format(
          R"("type": "array", "minItems": {}, "maxItems": {}, "uniqueItems": true,
          "items": {{"type": "string", "pattern": {}}})",
          key.min, key.max, quote(pattern(key)));
    case Kind::interfaces:
      return fmt::format(R"("type": "array", "maxItems": {}, "uniqueItems": true,
          "items": {{"type": "string", "pattern": {}}})",
                         key.max, quote(pattern(key)));
    case Kind::accesses:
    case Kind::remotes:
    case Kind::primaries:
    case Kind::pins:
    case Kind::signers:
    case Kind::updates:
      return fmt::format(R"("type": "array", "minItems": {}, "maxItems": {},
          "items": {{"type": "string", "pattern": {}}})",
                         key.min, key.max, quote(pattern(key)));
    case Kind::text:
    case Kind::account:
    case Kind::nsid:
    case Kind::path:
    case Kind::domain_name:
    case Kind::endpoint:
    case Kind::secret:
    case Kind::key_secret:
    case Kind::token:
      return fmt::format(R"("type": "string", "pattern": {})", quote(pattern(key)));
  }
  return {};
}

std::string default_of(const Key& key) {
  return to_literal(key.get(Draft{.config = default_config()}));
}

std::string key_schema(const Key& key) {
  std::string text =
      fmt::format("\"description\": {},\n          {}", quote(key.meaning), type_of(key));
  if (key.presence == Presence::optional) {
    text += fmt::format(",\n          \"default\": {}", default_of(key));
  }
  return text;
}

// Of a pair, both set is refused, or neither; what is empty counts as not set.
std::string pair_rules(const Table& table) {
  std::vector<std::string> rules;
  for (const Table::Pair& pair : table.exclusive) {
    rules.push_back(fmt::format(R"({{"not": {{"required": ["{0}", "{1}"], "properties": {{
          "{0}": {{"minLength": 1, "minItems": 1}},
          "{1}": {{"minLength": 1, "minItems": 1}}}}}}}})",
                                pair.first, pair.second));
  }
  for (const Table::Pair& pair : table.needed) {
    rules.push_back(fmt::format(R"({{"anyOf": [
          {{"required": ["{0}"], "properties": {{"{0}": {{"minLength": 1, "minItems": 1}}}}}},
          {{"required": ["{1}"], "properties": {{"{1}": {{"minLength": 1, "minItems": 1}}}}}}]}})",
                                pair.first, pair.second));
  }
  if (rules.empty()) return {};
  return fmt::format(",\n      \"allOf\": [{}]", fmt::join(rules, ",\n        "));
}

std::string table_schema(const Table& table) {
  std::vector<std::string> keys;
  std::vector<std::string> required;
  for (const Key& key : table.keys) {
    keys.push_back(fmt::format("        {}: {{\n          {}}}", quote(key.name), key_schema(key)));
    if (key.presence == Presence::required) required.push_back(quote(key.name));
  }
  std::string text = fmt::format(
      "\"type\": \"object\",\n      \"additionalProperties\": false,\n      \"properties\": "
      "{{\n{}\n"
      "      }}",
      fmt::join(keys, ",\n"));
  if (!required.empty()) {
    text += fmt::format(",\n      \"required\": [{}]", fmt::join(required, ", "));
  }
  return text + pair_rules(table);
}

// A cell of a Markdown table.
std::string values_cell(const Key& key) {
  if (key.kind == Kind::choice) return fmt::format("`\"{}\"`", fmt::join(key.choices, "\"`, `\""));
  return expectation(key);
}

}  // namespace

std::string json_schema() {
  std::vector<std::string> tables;
  for (const Table& table : all_tables()) {
    std::string body = table_schema(table);
    if (table.kind == TableKind::array_of_tables) {
      body = fmt::format(R"("type": "array", "items": {{{}}})", body);
    }
    tables.push_back(fmt::format("    {}: {{\n      \"description\": {},\n      {}\n    }}",
                                 quote(table.name), quote(table.meaning), body));
  }
  return fmt::format(R"({{
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "Holdfast configuration",
  "type": "object",
  "additionalProperties": false,
  "properties": {{
{}
  }}
}}
)",
                     fmt::join(tables, ",\n"));
}

std::string reference_page() {
  std::string text =
      "<!-- SPDX-License-Identifier: GPL-3.0-or-later -->\n"
      "<!-- Written by `holdfast config reference` from src/config/keys.cc: change it there. -->\n"
      "# Configuration\n\n"
      "`holdfast serve --config FILE` reads one TOML file. `holdfast config check` reports all "
      "that "
      "is wrong with one, `holdfast config print` shows what is in force, defaults included, and "
      "`holdfast config schema` gives a JSON Schema for editors. Relative paths start at the "
      "folder "
      "of the file. A reload (`holdfast reload`, SIGHUP) applies everything at once or, if "
      "anything is wrong, nothing; keys marked *restart* keep it from applying until the server is "
      "started anew.\n";
  for (const Table& table : all_tables()) {
    const bool is_array = table.kind == TableKind::array_of_tables;
    text +=
        fmt::format("\n## {}{}{}\n\n{}\n\n| Key | Default | Meaning | Value |\n|---|---|---|---|\n",
                    is_array ? "[[" : "[", table.name, is_array ? "]]" : "]", table.meaning);
    for (const Key& key : table.keys) {
      const std::string standard =
          key.presence == Presence::required ? "(required)" : fmt::format("`{}`", default_of(key));
      text +=
          fmt::format("| `{}` | {} | {}{} | {} |\n", key.name, standard, key.meaning,
                      key.applies == Applies::on_restart ? " *(restart)*" : "", values_cell(key));
    }
  }
  return text;
}

}  // namespace holdfast::config
