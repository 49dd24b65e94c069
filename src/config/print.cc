// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/print.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "config/keys.h"
#include "config/literal.h"

namespace holdfast::config {

namespace {

// Shows each entry of an array of tables through the one draft.
void for_each_entry(const Table& table, const Config& config,
                    const std::function<void(const Draft&)>& visit) {
  Draft draft;
  if (table.name == "policy") {
    for (const PolicySetting& policy : config.policies) {
      draft.policy = policy;
      visit(draft);
    }
    return;
  }
  if (table.name == "tls_peer") {
    for (const TlsPeerSetting& peer : config.tls_peers) {
      draft.tls_peer = peer;
      visit(draft);
    }
    return;
  }
  if (table.name == "key") {
    for (const KeySetting& key : config.keys) {
      draft.key = key;
      visit(draft);
    }
    return;
  }
  if (table.name == "zone") {
    for (const ZoneSetting& zone : config.zones) {
      draft.zone = zone;
      visit(draft);
    }
    return;
  }
  if (table.name == "catalog") {
    for (const CatalogSetting& catalog : config.catalogs) {
      draft.catalog = catalog;
      visit(draft);
    }
    return;
  }
  if (table.name == "published_catalog") {
    for (const PublishedCatalogSetting& catalog : config.published_catalogs) {
      draft.published_catalog = catalog;
      visit(draft);
    }
    return;
  }
  for (const DirectorySetting& directory : config.directories) {
    draft.directory = directory;
    visit(draft);
  }
}

void append_toml_keys(std::string& text, const Table& table, const Draft& draft) {
  size_t width = 0;
  for (const Key& key : table.keys) width = std::max(width, key.name.size());
  for (const Key& key : table.keys) {
    text += fmt::format("{:<{}} = {}\n", key.name, width, to_literal(key.get(draft)));
  }
}

std::string json_object(const Table& table, const Draft& draft) {
  std::string text = "{";
  for (const Key& key : table.keys) {
    if (text.size() > 1) text += ", ";
    text += fmt::format("{}: {}", quote(key.name), to_literal(key.get(draft)));
  }
  return text + "}";
}

std::string json_array(const Table& table, const Config& config) {
  std::string text = "[";
  for_each_entry(table, config, [&](const Draft& entry) {
    if (text.size() > 1) text += ',';
    text += "\n    " + json_object(table, entry);
  });
  return text + "]";
}

}  // namespace

std::string print_toml(const Config& config) {
  std::string text;
  const Draft whole{.config = config};
  for (const Table& table : all_tables()) {
    if (table.kind == TableKind::table) {
      text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", table.name);
      append_toml_keys(text, table, whole);
      continue;
    }
    for_each_entry(table, config, [&](const Draft& entry) {
      text += fmt::format("\n[[{}]]\n", table.name);
      append_toml_keys(text, table, entry);
    });
  }
  return text;
}

std::string print_json(const Config& config) {
  std::string text = "{";
  const Draft whole{.config = config};
  for (const Table& table : all_tables()) {
    text += text.size() > 1 ? ",\n  " : "\n  ";
    const std::string value =
        table.kind == TableKind::table ? json_object(table, whole) : json_array(table, config);
    text += quote(table.name) + ": " + value;
  }
  return text + "\n}\n";
}

std::vector<std::string> keys_needing_restart(const Config& running, const Config& fresh) {
  std::vector<std::string> names;
  const Draft old_draft{.config = running};
  const Draft new_draft{.config = fresh};
  for (const Table& table : all_tables()) {
    for (const Key& key : table.keys) {
      if (key.applies == Applies::on_reload) continue;
      if (key.get(old_draft) != key.get(new_draft)) names.push_back(key.full_name());
    }
  }
  return names;
}

}  // namespace holdfast::config
