// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/entry_keys.h"

#include <array>

#include "config/tls_keys.h"

namespace holdfast::config {

namespace {

// get and set of a key whose value is a text of the entry: &Draft::zone, &ZoneSetting::file.
template <auto entry, auto member>
Value get_entry(const Draft& draft) {
  return draft.*entry.*member;
}
template <auto entry, auto member>
void set_entry(Draft& draft, const Value& value) {
  draft.*entry.*member = std::get<std::string>(value);
}

template <auto entry, auto member>
Value get_accesses(const Draft& draft) {
  std::vector<std::string> texts;
  for (const AccessRule& rule : (draft.*entry).transfer.*member) texts.push_back(rule.to_text());
  return texts;
}
template <auto entry, auto member>
void set_accesses(Draft& draft, const Value& value) {
  auto& rules = (draft.*entry).transfer.*member;
  rules.clear();
  for (const std::string& text : std::get<std::vector<std::string>>(value)) {
    rules.push_back(*parse_access_rule(text));
  }
}

template <auto entry, auto member>
Value get_remotes(const Draft& draft) {
  std::vector<std::string> texts;
  for (const Remote& remote : (draft.*entry).transfer.*member) texts.push_back(remote.to_text());
  return texts;
}
template <auto entry, auto member>
void set_remotes(Draft& draft, const Value& value) {
  auto& remotes = (draft.*entry).transfer.*member;
  remotes.clear();
  for (const std::string& text : std::get<std::vector<std::string>>(value)) {
    remotes.push_back(*parse_remote(text));
  }
}

template <auto entry>
Value get_updates(const Draft& draft) {
  std::vector<std::string> texts;
  texts.reserve((draft.*entry).transfer.update.size());
  for (const UpdateRule& rule : (draft.*entry).transfer.update) texts.push_back(rule.to_text());
  return texts;
}
template <auto entry>
void set_updates(Draft& draft, const Value& value) {
  auto& rules = (draft.*entry).transfer.update;
  rules.clear();
  for (const std::string& text : std::get<std::vector<std::string>>(value)) {
    rules.push_back(*parse_update_rule(text));
  }
}

// A secret from a file is told by its file alone.
Value get_key_secret(const Draft& draft) {
  return draft.key.secret_file.empty() ? draft.key.secret : std::string();
}

constexpr std::array<std::string_view, 3> key_algorithms{"hmac-sha256", "hmac-sha384",
                                                         "hmac-sha512"};

template <auto owner, auto member>
constexpr Key entry(Key key) {
  key.min = 1;
  key.presence = Presence::required;
  key.get = get_entry<owner, member>;
  key.set = set_entry<owner, member>;
  return key;
}
template <auto owner, auto member>
constexpr Key optional_entry(Key key) {
  key.get = get_entry<owner, member>;
  key.set = set_entry<owner, member>;
  return key;
}
template <auto owner, auto member>
constexpr Key policy_name(Key key) {
  key.name = "policy";
  key.max = policy_name_bytes_max;
  key.get = get_entry<owner, member>;
  key.set = set_entry<owner, member>;
  return key;
}
template <auto owner, auto member>
constexpr Key account_name(Key key) {
  key.name = "account";
  key.max = zone_account_bytes_max;
  key.get = get_entry<owner, member>;
  key.set = set_entry<owner, member>;
  return key;
}
template <auto owner>
constexpr Key transfer_to(std::string_view table) {
  return {.table = table,
          .name = "transfer_to",
          .kind = Kind::accesses,
          .max = access_rules_max,
          .meaning =
              "Who may transfer it (AXFR, IXFR), each as `address`, `address/length` or "
              "`any`, with the name of a `[[key]]` behind a space if requests must be "
              "signed by it, and `tls` or `tls=NAME` behind that if they must come over TLS, from "
              "whoever that `[[tls_peer]]` is. Nobody by default.",
          .get = get_accesses<owner, &TransferSetting::transfer_to>,
          .set = set_accesses<owner, &TransferSetting::transfer_to>};
}
template <auto owner, auto member>
constexpr Key remotes(Key key) {
  key.max = remotes_max;
  key.get = get_remotes<owner, member>;
  key.set = set_remotes<owner, member>;
  return key;
}
template <auto owner>
constexpr Key notify(std::string_view table) {
  return remotes<owner, &TransferSetting::notify>(
      {.table = table,
       .name = "notify",
       .kind = Kind::remotes,
       .meaning = "Servers to tell of each change (NOTIFY), each as `address` or `address@port`, "
                  "with the name of a `[[key]]` behind a space if messages are to be signed."});
}
template <auto owner>
constexpr Key update(std::string_view table) {
  return {.table = table,
          .name = "update",
          .kind = Kind::updates,
          .max = update_rules_max,
          .meaning =
              "Who may change it by dynamic update (RFC 2136), each as `key`, `key names` or "
              "`key names types`: requests signed by that `[[key]]` may change records of these "
              "names (`any`, `self`, `under-self`, `name:NAME`, `under:NAME`) and types "
              "(`A,AAAA`). Nobody by default. With it, the zone's file is only its beginning: "
              "`holdfast zone freeze` writes it, `thaw` reads it.",
          .get = get_updates<owner>,
          .set = set_updates<owner>};
}
template <auto owner>
constexpr Key receive_max(std::string_view table) {
  return {.table = table,
          .name = "receive_mebibytes_max",
          .kind = Kind::integer,
          .min = 1,
          .max = 16384,
          .meaning =
              "Records that a transfer from `primaries` may have, in MiB; larger ones are "
              "refused.",
          .get = [](const Draft& draft) -> Value {
            return (draft.*owner).transfer.receive_mebibytes_max;
          },
          .set =
              [](Draft& draft, const Value& value) {
                (draft.*owner).transfer.receive_mebibytes_max = std::get<uint32_t>(value);
              }};
}

template <auto owner, auto member>
constexpr Key membership(Key key) {
  key.get = [](const Draft& draft) -> Value { return (draft.*owner).membership.*member; };
  key.set = [](Draft& draft, const Value& value) {
    (draft.*owner).membership.*member = std::get<std::string>(value);
  };
  return key;
}
template <auto owner>
constexpr Key membership_catalog(std::string_view table) {
  return membership<owner, &Membership::catalog>(
      {.table = table,
       .name = "catalog",
       .kind = Kind::domain_name,
       .meaning = "The `[[published_catalog]]` that tells others of it; empty: none."});
}
template <auto owner>
constexpr Key membership_group(std::string_view table) {
  return membership<owner, &Membership::group>(
      {.table = table,
       .name = "catalog_group",
       .max = group_bytes_max,
       .meaning = "What its entry in the catalog says of its group, by which others choose its "
                  "settings; empty: nothing."});
}

constexpr std::array key_keys{
    entry<&Draft::key, &KeySetting::name>({.table = "key",
                                           .name = "name",
                                           .kind = Kind::domain_name,
                                           .meaning = "The key's name, the same on both sides."}),
    optional_entry<&Draft::key, &KeySetting::algorithm>({.table = "key",
                                                         .name = "algorithm",
                                                         .kind = Kind::choice,
                                                         .choices = key_algorithms,
                                                         .meaning = "How messages are signed."}),
    Key{.table = "key",
        .name = "secret",
        .kind = Kind::key_secret,
        .meaning = "The secret in base64, as `tsig-keygen` and `keymgr -t` print it.",
        .get = get_key_secret,
        .set = set_entry<&Draft::key, &KeySetting::secret>},
    optional_entry<&Draft::key, &KeySetting::secret_file>(
        {.table = "key",
         .name = "secret_file",
         .kind = Kind::path,
         .meaning = "File that holds the secret in place of `secret`: the base64 alone, or what "
                    "`tsig-keygen` writes."}),
};

constexpr std::array zone_keys{
    entry<&Draft::zone, &ZoneSetting::name>({.table = "zone",
                                             .name = "name",
                                             .kind = Kind::domain_name,
                                             .meaning = "The zone's name."}),
    optional_entry<&Draft::zone, &ZoneSetting::file>(
        {.table = "zone",
         .name = "file",
         .kind = Kind::path,
         .meaning = "Its file, in the form of RFC 1035 §5. A zone has this or `primaries`."}),
    remotes<&Draft::zone, &TransferSetting::primaries>(
        {.table = "zone",
         .name = "primaries",
         .kind = Kind::primaries,
         .meaning = "Servers to transfer it from, the first that answers, each as `address` or "
                    "`address@port`, with the name of a `[[key]]` behind a space if all is to be "
                    "signed, and behind that `tls=NAME` if it is to go over TLS, to that "
                    "`[[tls_peer]]` alone; `tls` without a name asks nobody who they are and needs "
                    "a key. Their NOTIFY is heeded."}),
    receive_max<&Draft::zone>("zone"),
    Key{.table = "zone",
        .name = "forward_updates",
        .kind = Kind::boolean,
        .meaning = "Whether dynamic updates that come for it are passed on to its `primaries`, "
                   "whose answer is then given. Otherwise they are answered with NOTAUTH.",
        .get = [](const Draft& draft) -> Value { return draft.zone.transfer.forward_updates; },
        .set =
            [](Draft& draft, const Value& value) {
              draft.zone.transfer.forward_updates = std::get<bool>(value);
            }},
    policy_name<&Draft::zone, &ZoneSetting::policy>(
        {.table = "zone",
         .meaning = "The `[[policy]]` by which it is signed; `default` needs none and has all "
                    "defaults; empty: it is served as its file has it, or as it comes from its "
                    "primaries."}),
    transfer_to<&Draft::zone>("zone"),
    notify<&Draft::zone>("zone"),
    update<&Draft::zone>("zone"),
    membership_catalog<&Draft::zone>("zone"),
    membership_group<&Draft::zone>("zone"),
    membership<&Draft::zone, &Membership::next_catalog>(
        {.table = "zone",
         .name = "catalog_next",
         .kind = Kind::domain_name,
         .meaning = "Another catalog that may take the zone over, as soon as that has it too "
                    "(change of ownership, RFC 9432 §4.3.1); empty: none."}),
    account_name<&Draft::zone, &ZoneSetting::account>(
        {.table = "zone",
         .meaning = "Zones with the same text here belong together: under overload they share what "
                    "strangers get of one account, however many they are. Empty: the zone is by "
                    "itself."}),
};

constexpr std::array zones_keys{
    entry<&Draft::directory, &DirectorySetting::directory>(
        {.table = "zones",
         .name = "directory",
         .kind = Kind::path,
         .meaning = "Folder in which every `NAME.zone` is the file of the zone NAME; `@.zone` is "
                    "the root zone. Looked through at start and at each reload."}),
    policy_name<&Draft::directory, &DirectorySetting::policy>(
        {.table = "zones", .meaning = "The same as `zone.policy`, for all its zones."}),
    transfer_to<&Draft::directory>("zones"),
    notify<&Draft::directory>("zones"),
    update<&Draft::directory>("zones"),
    membership_catalog<&Draft::directory>("zones"),
    membership_group<&Draft::directory>("zones"),
    account_name<&Draft::directory, &DirectorySetting::account>(
        {.table = "zones", .meaning = "The same as `zone.account`, for all its zones."}),
};

constexpr std::array catalog_keys{
    entry<&Draft::catalog, &CatalogSetting::name>(
        {.table = "catalog",
         .name = "name",
         .kind = Kind::domain_name,
         .meaning = "The catalog zone: a `[[zone]]` of this configuration."}),
    Key{.table = "catalog",
        .name = "group",
        .max = group_bytes_max,
        .meaning = "Members of this group have the settings of this entry; empty: all members for "
                   "whose group there is no other entry.",
        .get = get_entry<&Draft::catalog, &CatalogSetting::group>,
        .set = set_entry<&Draft::catalog, &CatalogSetting::group>},
    remotes<&Draft::catalog, &TransferSetting::primaries>(
        {.table = "catalog",
         .name = "primaries",
         .kind = Kind::primaries,
         .min = 1,
         .presence = Presence::required,
         .meaning = "Servers that its members are transferred from, as in `zone.primaries`."}),
    receive_max<&Draft::catalog>("catalog"),
    policy_name<&Draft::catalog, &CatalogSetting::policy>(
        {.table = "catalog",
         .meaning = "The same as `zone.policy`, for its members: each is signed here with keys of "
                    "its own."}),
    account_name<&Draft::catalog, &CatalogSetting::account>(
        {.table = "catalog", .meaning = "The same as `zone.account`, for its members."}),
    transfer_to<&Draft::catalog>("catalog"),
    notify<&Draft::catalog>("catalog"),
    Key{.table = "catalog",
        .name = "members_max",
        .kind = Kind::integer,
        .min = 1,
        .max = members_max,
        .meaning = "A version with more members is refused, and the one before stays in force.",
        .get = [](const Draft& draft) -> Value { return draft.catalog.members_max; },
        .set = [](Draft& draft,
                  const Value& value) { draft.catalog.members_max = std::get<uint32_t>(value); }},
};

constexpr std::array published_catalog_keys{
    entry<&Draft::published_catalog, &PublishedCatalogSetting::name>(
        {.table = "published_catalog",
         .name = "name",
         .kind = Kind::domain_name,
         .meaning = "The catalog zone, which the server itself makes of all zones that name it."}),
    transfer_to<&Draft::published_catalog>("published_catalog"),
    notify<&Draft::published_catalog>("published_catalog"),
};

constexpr std::array<Table::Pair, 1> key_pairs{{{"secret", "secret_file"}}};
constexpr std::array<Table::Pair, 1> zone_sources{{{"file", "primaries"}}};
constexpr std::array<Table::Pair, 2> zone_pairs{{{"file", "primaries"}, {"update", "primaries"}}};

constexpr std::array<Table::Pair, 1> tls_peer_needs{{{"hostname", "pins"}}};

constexpr std::array tables{
    Table{.name = "tls_peer",
          .kind = TableKind::array_of_tables,
          .meaning = "Another server within TLS, and how it proves who it is: by `hostname`, "
                     "`pins` or both.",
          .keys = tls_peer_keys,
          .needed = tls_peer_needs},
    Table{.name = "key",
          .kind = TableKind::array_of_tables,
          .meaning = "A key that signs requests and answers between servers (TSIG, RFC 8945). It "
                     "has `secret` or `secret_file`.",
          .keys = key_keys,
          .exclusive = key_pairs,
          .needed = key_pairs},
    Table{.name = "zone",
          .kind = TableKind::array_of_tables,
          .meaning =
              "One zone, and its file or the servers that it comes from. Given once for each "
              "zone.",
          .keys = zone_keys,
          .exclusive = zone_pairs,
          .needed = zone_sources},
    Table{.name = "zones",
          .kind = TableKind::array_of_tables,
          .meaning = "All zones of a folder. May be given several times.",
          .keys = zones_keys},
    Table{.name = "catalog",
          .kind = TableKind::array_of_tables,
          .meaning = "A catalog zone (RFC 9432) that is followed: its members are secondary zones "
                     "with these settings. Given once for each group.",
          .keys = catalog_keys},
    Table{.name = "published_catalog",
          .kind = TableKind::array_of_tables,
          .meaning = "A catalog zone (RFC 9432) of our zones, by which other servers follow them.",
          .keys = published_catalog_keys},
};

}  // namespace

std::span<const Table> entry_tables() { return tables; }

}  // namespace holdfast::config
