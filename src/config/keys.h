// SPDX-License-Identifier: GPL-3.0-or-later
// The one table of all configuration keys: what each may hold, its bounds, its meaning, and how it
// is read from and written to a Config.
//
// The parser, `config print`, the JSON Schema and docs/configuration.md all walk this table, so
// they cannot disagree. Immutable; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.h"

namespace holdfast::config {

// A value as TOML and JSON write it.
using Value = std::variant<bool, uint32_t, std::string, std::vector<std::string>>;

// What a value means, beyond its type.
enum class Kind : uint8_t {
  boolean,
  integer,      // from `min` to `max`
  text,         // printable ASCII, at most `max` bytes
  account,      // the name of a user of the system
  nsid,         // text, "auto" or bytes as "0x…"
  path,         // resolved against the folder of the file; empty only if `min` is 0
  domain_name,  // RFC 1035 §5.1 text; nothing only if `min` is 0
  endpoint,     // address:port, or nothing
  endpoints,    // `min`, which is 0 or 1, to `max` of address@port
  interfaces,   // none to `max` names of network interfaces
  choice,       // one of `choices`
  secret,       // 32 hexadecimal digits, or nothing
  key_secret,   // base64, or nothing
  token,        // base/token_uri.h's URI of a token, or nothing
  accesses,     // at most `max` of config/peer.h's access rules
  remotes,      // at most `max` of its servers, without TLS
  primaries,    // at most `max` of its servers; with TLS that proves nothing, only with a key
  pins,         // at most `max` of base64 of a SHA-256
  signers,      // at most `max` of config/signer.h's
  updates,      // at most `max` of config/update_rule.h's rules
};

enum class Applies : uint8_t { on_reload, on_restart };
enum class Presence : uint8_t { optional, required };

// A Config that is being made, with the entry of an array of tables that is being read.
struct Draft {
  Config config = {};
  KeySetting key = {};
  TlsPeerSetting tls_peer = {};
  PolicySetting policy = {};
  ZoneSetting zone = {};
  DirectorySetting directory = {};
  CatalogSetting catalog = {};
  PublishedCatalogSetting published_catalog = {};
};

struct Key {
  std::string_view table = {};
  std::string_view name = {};
  Kind kind = Kind::text;
  uint32_t min = 0;
  uint32_t max = 0;
  std::span<const std::string_view> choices = {};
  Applies applies = Applies::on_reload;
  Presence presence = Presence::optional;
  std::string_view meaning = {};  // one or two sentences of Markdown
  Value (*get)(const Draft&) = nullptr;
  // `value` has passed `is_allowed`.
  void (*set)(Draft&, const Value& value) = nullptr;

  [[nodiscard]] std::string full_name() const;  // "server.listen"
};

enum class TableKind : uint8_t { table, array_of_tables };

struct Table {
  // Two keys of which at most one may be set.
  struct Pair {
    std::string_view first;
    std::string_view second;
  };

  std::string_view name = {};
  TableKind kind = TableKind::table;
  std::string_view meaning = {};
  std::span<const Key> keys = {};
  std::span<const Pair> exclusive = {};
  std::span<const Pair> needed = {};  // of which at least one must be set
};

// In the order in which they are printed.
[[nodiscard]] std::span<const Table> all_tables();
[[nodiscard]] const Table* find_table(std::string_view name);
[[nodiscard]] const Key* find_key(const Table& table, std::string_view name);

// What a value of this key must be, to end the sentence "expected …".
[[nodiscard]] std::string expectation(const Key& key);
// The same as the JSON Schema's `pattern` for one string of the value; empty: any string.
[[nodiscard]] std::string pattern(const Key& key);
// True if the key may hold `value`, whose alternative is that of the key's kind.
[[nodiscard]] bool is_allowed(const Key& key, const Value& value);

}  // namespace holdfast::config
