// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/document.h"

#define TOML_EXCEPTIONS 0
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <unordered_map>

#include "config/key_secret.h"
#include "config/keys.h"
#include "config/lifted_text.h"
#include "config/nearest.h"
#include "config/secret.h"
#include "wire/name.h"

namespace holdfast::config {

namespace {

constexpr size_t shown_bytes_max = 60;  // of a value in a message

std::string describe_text(const std::string& text) {
  if (text.size() <= shown_bytes_max) return fmt::format("\"{}\"", text);
  return fmt::format("\"{}…\" ({} bytes)", text.substr(0, shown_bytes_max), text.size());
}

// The value as an operator would recognise it.
std::string describe(const toml::node& node) {
  if (const auto* text = node.as_string()) return describe_text(lower_text(text->get()));
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
  if (node.is_array()) return "an array";
  if (node.is_table()) return "a table";
  return "a date or time";
}

std::optional<std::string> text_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return lower_text(text->get());
  return std::nullopt;
}

std::optional<Value> to_value(const Key& key, const toml::node& node) {
  if (key.kind == Kind::boolean) return node.value_exact<bool>();
  if (key.kind == Kind::integer) {
    const std::optional<int64_t> number = node.value_exact<int64_t>();
    if (!number || *number < 0 || *number > std::numeric_limits<uint32_t>::max()) return {};
    return static_cast<uint32_t>(*number);
  }
  return text_of(node);
}

bool is_list(Kind kind) {
  return kind == Kind::accesses || kind == Kind::remotes || kind == Kind::primaries ||
         kind == Kind::pins || kind == Kind::signers || kind == Kind::updates;
}

// Entries that others name, where they are defined, and by whom they are named.
struct NamedTable {
  struct Use {
    std::string name;
    std::string by;  // the configuration key
    toml::source_region where;
  };
  std::string_view name;
  std::unordered_map<std::string, uint32_t> lines;  // by canonical name
  std::vector<Use> uses;
};

class Reader {
 public:
  Reader(const std::string& source, const std::string& base_directory, ProblemList& problems)
      : base_directory_(base_directory), problems_(problems) {
    draft_.config = default_config();
    draft_.config.source = source;
  }

  Config read(std::string_view text) {
    const std::expected<std::string, size_t> lifted = lift_text(text);
    if (!lifted) {
      complain_of_byte(text, lifted.error());
      return std::move(draft_.config);
    }
    const toml::parse_result parsed = toml::parse(*lifted);
    if (parsed) {
      read_root(parsed.table());
    } else {
      complain(parsed.error().source(), lower_text(parsed.error().description()));
    }
    return std::move(draft_.config);
  }

 private:
  void complain(const toml::source_region& where, std::string message) {
    problems_.add({draft_.config.source, where.begin.line, where.begin.column, std::move(message)});
  }

  void complain_of_byte(std::string_view text, size_t at) {
    const std::string_view before = text.substr(0, at);
    const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
    problems_.add({draft_.config.source,
                   static_cast<uint32_t>(std::ranges::count(before, '\n') + 1),
                   static_cast<uint32_t>(at - line_start + 1),
                   fmt::format("byte 0x{:02x} begins no letter; expected text in UTF-8",
                               static_cast<unsigned char>(text[at]))});
  }

  void read_root(const toml::table& root) {
    for (const auto& [name, node] : root) {
      if (const Table* table = find_table(name.str())) {
        read_section(*table, node);
      } else {
        complain(name.source(), unknown_section(lower_text(name.str()), node));
      }
    }
    check_uses(keys_);
    check_uses(tls_peers_);
  }

  static std::string unknown_section(std::string_view name, const toml::node& node) {
    if (!node.is_table() && !node.is_array_of_tables()) {
      for (const Table& table : all_tables()) {
        if (find_key(table, name)) return fmt::format("'{}' belongs into [{}]", name, table.name);
      }
    }
    std::vector<std::string_view> known;
    for (const Table& table : all_tables()) known.push_back(table.name);
    const std::string_view nearest = nearest_word(name, known);
    if (!nearest.empty()) {
      return fmt::format("unknown section [{}]; the nearest known one is [{}]", name, nearest);
    }
    return fmt::format("unknown section [{}]; expected one of [{}]", name,
                       fmt::join(known, "], ["));
  }

  void read_section(const Table& table, const toml::node& node) {
    if (table.kind == TableKind::table) {
      if (const toml::table* found = node.as_table()) return read_keys(table, *found);
      complain(node.source(), fmt::format("'{}' is {}; expected a section [{}]", table.name,
                                          describe(node), table.name));
      return;
    }
    const toml::array* entries = node.as_array();
    if (!entries) {
      complain(node.source(), fmt::format("'{0}' is {1}; expected sections [[{0}]], in double "
                                          "brackets, one for each",
                                          table.name, describe(node)));
      return;
    }
    for (const toml::node& entry : *entries) read_entry(table, entry);
  }

  void read_entry(const Table& table, const toml::node& node) {
    const toml::table* entry = node.as_table();
    if (!entry) {
      complain(node.source(), fmt::format("an entry of '{0}' is {1}; expected a section [[{0}]]",
                                          table.name, describe(node)));
      return;
    }
    draft_.policy = {};
    draft_.key = {};
    draft_.tls_peer = {};
    draft_.zone = {};
    draft_.directory = {};
    draft_.catalog = {};
    draft_.published_catalog = {};
    read_keys(table, *entry);
    for (const Key& key : table.keys) {
      if (key.presence == Presence::optional || entry->contains(key.name)) continue;
      complain(node.source(), fmt::format("[[{}]] without '{}'; expected {} = {}", table.name,
                                          key.name, key.name, expectation(key)));
    }
    for (const Table::Pair& pair : table.needed) check_needed(table, pair, *entry);
    if (table.name == "policy") {
      draft_.policy.line = node.source().begin.line;
      draft_.config.policies.push_back(draft_.policy);
    } else if (table.name == "key") {
      take_key(*entry);
    } else if (table.name == "tls_peer") {
      take_tls_peer(*entry);
    } else if (table.name == "zone") {
      draft_.zone.line = node.source().begin.line;
      check_zone_is_new(*entry);
      draft_.config.zones.push_back(draft_.zone);
    } else if (table.name == "catalog") {
      draft_.catalog.line = node.source().begin.line;
      draft_.config.catalogs.push_back(draft_.catalog);
    } else if (table.name == "published_catalog") {
      draft_.published_catalog.line = node.source().begin.line;
      draft_.config.published_catalogs.push_back(draft_.published_catalog);
    } else {
      draft_.directory.line = node.source().begin.line;
      draft_.config.directories.push_back(draft_.directory);
    }
  }

  void take_key(const toml::table& entry) {
    KeySetting& key = draft_.key;
    key.line = entry.source().begin.line;
    if (!key.secret_file.empty()) {
      Result<std::string> secret = read_key_secret_file(key.secret_file);
      if (!secret) {
        complain(entry.get("secret_file")->source(), "key.secret_file: " + secret.error().message);
      } else {
        key.secret = *std::move(secret);
      }
    } else if (key.secret.empty()) {
      complain(entry.source(),
               "[[key]] without 'secret'; expected secret = base64, or secret_file");
    }
    note_name(keys_, key.name, key.line, entry);
    draft_.config.keys.push_back(key);
  }

  void take_tls_peer(const toml::table& entry) {
    TlsPeerSetting& peer = draft_.tls_peer;
    peer.line = entry.source().begin.line;
    note_name(tls_peers_, peer.name, peer.line, entry);
    draft_.config.tls_peers.push_back(peer);
  }

  void note_name(NamedTable& table, const std::string& text, uint32_t line,
                 const toml::table& entry) {
    Result<wire::Name> name = wire::Name::from_text(text);
    if (!name) return;  // complained about already
    name->fold_case();
    const auto [seen, is_new] = table.lines.try_emplace(name->view().to_text(), line);
    if (is_new) return;
    complain(entry.get("name")->source(),
             fmt::format("{0}.name is \"{1}\", which line {2} has already; expected each {0} once",
                         table.name, text, seen->second));
  }

  void check_zone_is_new(const toml::table& entry) {
    Result<wire::Name> name = wire::Name::from_text(draft_.zone.name);
    if (!name) return;  // complained about already
    name->fold_case();
    const auto [seen, is_new] = zone_lines_.try_emplace(name->view().to_text(), draft_.zone.line);
    if (is_new) return;
    complain(entry.get("name")->source(),
             fmt::format("zone.name is \"{}\", which line {} has already; expected each zone once",
                         draft_.zone.name, seen->second));
  }

  void read_keys(const Table& table, const toml::table& found) {
    for (const auto& [name, node] : found) {
      if (const Key* key = find_key(table, name.str())) {
        read_value(*key, node);
      } else {
        complain(name.source(), unknown_key(table, lower_text(name.str())));
      }
    }
    for (const Table::Pair& pair : table.exclusive) check_exclusive(table, pair, found);
  }

  static std::string unknown_key(const Table& table, std::string_view name) {
    std::vector<std::string_view> known;
    for (const Key& key : table.keys) known.push_back(key.name);
    const std::string_view nearest = nearest_word(name, known);
    if (!nearest.empty()) {
      return fmt::format("unknown key {0}.{1}; the nearest known one is {0}.{2}", table.name, name,
                         nearest);
    }
    for (const Table& other : all_tables()) {
      if (find_key(other, name)) {
        return fmt::format("unknown key {}.{}; '{}' belongs into [{}]", table.name, name, name,
                           other.name);
      }
    }
    return fmt::format("unknown key {}.{}; expected one of {}", table.name, name,
                       fmt::join(known, ", "));
  }

  void read_value(const Key& key, const toml::node& node) {
    if (key.kind == Kind::endpoints) return read_endpoints(key, node);
    if (key.kind == Kind::interfaces) return read_interfaces(key, node);
    if (is_list(key.kind)) return read_list(key, node);
    std::optional<Value> value = to_value(key, node);
    if (!value || !is_allowed(key, *value)) {
      // A mistyped secret is a secret still.
      const bool is_secret =
          key.kind == Kind::secret || key.kind == Kind::key_secret || key.kind == Kind::token;
      const bool hidden = is_secret && node.is_string();
      complain(node.source(),
               fmt::format("{} is {}; expected {}", key.full_name(),
                           hidden ? "something else" : describe(node), expectation(key)));
      return;
    }
    if (key.kind == Kind::path) resolve(std::get<std::string>(*value));
    key.set(draft_, *value);
    if (key.table == "cookies") read_secret_of(key, node);
  }

  void read_endpoints(const Key& key, const toml::node& node) {
    const toml::array* items = node.as_array();
    if (!items || items->size() < key.min || items->size() > key.max) {
      const std::string found =
          items ? fmt::format("an array of {}", items->size()) : describe(node);
      complain(node.source(),
               fmt::format("{} is {}; expected {}", key.full_name(), found, expectation(key)));
      return;
    }
    std::vector<std::string> texts;
    std::vector<Endpoint> seen;
    for (const toml::node& item : *items) {
      const std::optional<std::string> text = text_of(item);
      const Result<Endpoint> endpoint = text ? parse_endpoint(*text, 53) : fail(describe(item));
      if (!endpoint) {
        complain(item.source(),
                 text ? fmt::format("{}: {}", key.full_name(), endpoint.error().message)
                      : fmt::format("{} holds {}; expected {}", key.full_name(), describe(item),
                                    expectation(key)));
        continue;
      }
      if (std::ranges::find(seen, *endpoint) != seen.end()) {
        complain(item.source(), fmt::format("{} names {} twice; expected each address once",
                                            key.full_name(), endpoint->to_text()));
      }
      seen.push_back(*endpoint);
      texts.push_back(*text);
    }
    key.set(draft_, texts);
  }

  void read_interfaces(const Key& key, const toml::node& node) {
    const toml::array* items = node.as_array();
    std::vector<std::string> names;
    bool good = items != nullptr;
    for (size_t i = 0; good && i < items->size(); ++i) {
      const std::optional<std::string> name = text_of((*items)[i]);
      good = name && std::ranges::find(names, *name) == names.end();
      if (good) names.push_back(*name);
    }
    if (good && is_allowed(key, names)) return key.set(draft_, names);
    complain(node.source(), fmt::format("{} is {}; expected {}, each once", key.full_name(),
                                        describe(node), expectation(key)));
  }

  void read_list(const Key& key, const toml::node& node) {
    const toml::array* items = node.as_array();
    if (!items || items->size() < key.min || items->size() > key.max) {
      const std::string found =
          items ? fmt::format("an array of {}", items->size()) : describe(node);
      complain(node.source(),
               fmt::format("{} is {}; expected {}", key.full_name(), found, expectation(key)));
      return;
    }
    std::vector<std::string> texts;
    for (const toml::node& item : *items) {
      const std::optional<std::string> text = text_of(item);
      if (text && is_allowed(key, std::vector<std::string>{*text})) {
        texts.push_back(*text);
        note_uses(key, *text, item);
      } else {
        complain(item.source(), fmt::format("{} holds {}; expected {}", key.full_name(),
                                            describe(item), expectation(key)));
      }
    }
    key.set(draft_, texts);
  }

  // What they name may be defined below, so this is judged at the end.
  void note_uses(const Key& key, const std::string& text, const toml::node& node) {
    const auto note = [&](const std::string& name, NamedTable& table) {
      if (!name.empty()) table.uses.push_back({name, key.full_name(), node.source()});
    };
    if (key.kind == Kind::pins || key.kind == Kind::signers) return;
    if (key.kind == Kind::updates) {
      note(parse_update_rule(text)->key, keys_);
    } else if (key.kind == Kind::accesses) {
      const AccessRule rule = *parse_access_rule(text);
      note(rule.key, keys_);
      note(rule.tls.peer, tls_peers_);
    } else {
      const Remote remote = *parse_remote(text);
      note(remote.key, keys_);
      note(remote.tls.peer, tls_peers_);
    }
  }

  void check_uses(const NamedTable& table) {
    for (const NamedTable::Use& use : table.uses) {
      if (table.lines.contains(use.name)) continue;
      complain(use.where, fmt::format("{0} names the {1} {2}, which no [[{1}]] defines", use.by,
                                      table.name, use.name));
    }
  }

  void check_exclusive(const Table& table, const Table::Pair& pair, const toml::table& found) {
    if (!is_set(table, pair.first, found) || !is_set(table, pair.second, found)) return;
    complain(found.get(pair.second)->source(),
             fmt::format("{0}.{1} and {0}.{2} are both set; expected one of them", table.name,
                         pair.first, pair.second));
  }

  void check_needed(const Table& table, const Table::Pair& pair, const toml::table& entry) {
    if (is_set(table, pair.first, entry) || is_set(table, pair.second, entry)) return;
    complain(entry.source(),
             fmt::format("[[{0}]] without '{1}'; expected {1} = {2}, or {3}", table.name,
                         pair.first, expectation(*find_key(table, pair.first)), pair.second));
  }

  // Set to something of its kind that is not empty.
  static bool is_set(const Table& table, std::string_view name, const toml::table& found) {
    const toml::node* node = found.get(name);
    if (!node) return false;
    if (is_list(find_key(table, name)->kind)) return node->is_array() && !node->as_array()->empty();
    return !node->value_or(std::string_view()).empty();
  }

  // Relative paths start at the folder of the configuration file.
  void resolve(std::string& path) const {
    if (path.empty()) return;
    path = (std::filesystem::path(base_directory_) / path).lexically_normal().string();
  }

  void read_secret_of(const Key& key, const toml::node& node) {
    CookieSettings& cookies = draft_.config.cookies;
    const bool is_active = key.name == "active_file";
    const std::string& file = is_active ? cookies.active_file : cookies.staged_file;
    if ((!is_active && key.name != "staged_file") || file.empty()) return;
    const Result<CookieSecret> secret = read_secret_file(file);
    if (!secret) {
      complain(node.source(), fmt::format("{}: {}", key.full_name(), secret.error().message));
      return;
    }
    (is_active ? cookies.active : cookies.staged) = *secret;
  }

  const std::string& base_directory_;
  ProblemList& problems_;
  Draft draft_;
  std::unordered_map<std::string, uint32_t> zone_lines_;  // by canonical name
  NamedTable keys_{.name = "key", .lines = {}, .uses = {}};
  NamedTable tls_peers_{.name = "tls_peer", .lines = {}, .uses = {}};
};

}  // namespace

Config read_document(std::string_view text, const std::string& source,
                     const std::string& base_directory, ProblemList& problems) {
  return Reader(source, base_directory, problems).read(text);
}

}  // namespace holdfast::config
