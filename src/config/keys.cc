// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/keys.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "config/entry_keys.h"
#include "config/policy_keys.h"
#include "config/secret.h"
#include "config/shield_keys.h"
#include "config/tls_keys.h"
#include "config/xdp_keys.h"

namespace holdfast::config {

namespace {

// Of a key whose value is a plain member: &Config::tcp, &TcpSettings::idle_ms.
template <auto table, auto member>
Value get_plain(const Draft& draft) {
  return draft.config.*table.*member;
}
template <auto table, auto member>
void set_plain(Draft& draft, const Value& value) {
  auto& target = draft.config.*table.*member;
  target = std::get<std::remove_reference_t<decltype(target)>>(value);
}

// A secret from a file is told by its file alone.
template <auto secret, auto file>
Value get_secret(const Draft& draft) {
  const CookieSettings& cookies = draft.config.cookies;
  const bool written_here = cookies.*secret && (cookies.*file).empty();
  return written_here ? secret_to_text(*(cookies.*secret)) : std::string();
}
template <auto secret>
void set_secret(Draft& draft, const Value& value) {
  draft.config.cookies.*secret = secret_from_text(std::get<std::string>(value));
}

template <auto member>
Value get_listen(const Draft& draft) {
  std::vector<std::string> texts;
  for (const Endpoint& endpoint : draft.config.server.*member) texts.push_back(endpoint.to_text());
  return texts;
}
template <auto member, uint16_t port>
void set_listen(Draft& draft, const Value& value) {
  auto& listen = draft.config.server.*member;
  listen.clear();
  for (const std::string& text : std::get<std::vector<std::string>>(value)) {
    listen.push_back(*parse_endpoint(text, port));
  }
}

Value get_metrics_listen(const Draft& draft) {
  const std::optional<Endpoint>& listen = draft.config.metrics.listen;
  return listen ? listen->to_url_text() : std::string();
}
void set_metrics_listen(Draft& draft, const Value& value) {
  const auto& text = std::get<std::string>(value);
  draft.config.metrics.listen.reset();
  if (!text.empty()) draft.config.metrics.listen = *parse_url_endpoint(text);
}

Value get_dnstap_address(const Draft& draft) {
  const std::optional<Endpoint>& address = draft.config.dnstap.address;
  return address ? address->to_url_text() : std::string();
}
void set_dnstap_address(Draft& draft, const Value& value) {
  const auto& text = std::get<std::string>(value);
  draft.config.dnstap.address.reset();
  if (!text.empty()) draft.config.dnstap.address = *parse_url_endpoint(text);
}
constexpr std::array<std::string_view, 4> log_levels{"debug", "info", "warning", "error"};
constexpr std::array<std::string_view, 2> log_formats{"text", "json"};
template <auto member, auto& names>
Value get_log(const Draft& draft) {
  return std::string(names[static_cast<size_t>(draft.config.log.*member)]);
}
template <auto member, auto& names>
void set_log(Draft& draft, const Value& value) {
  const auto found = std::ranges::find(names, std::get<std::string>(value));
  CHECK(found != names.end());
  auto& target = draft.config.log.*member;
  target = static_cast<std::remove_reference_t<decltype(target)>>(found - names.begin());
}

constexpr uint32_t ttl_s_max = 0x7fffffff;  // RFC 2181 §8
constexpr uint32_t tcp_ms_min = 100;        // a slower round trip would never be served
constexpr uint32_t tcp_ms_max = 600'000;
constexpr uint32_t tcp_connections_bound = 1'000'000;  // beyond any limit on descriptors
constexpr Applies restart = Applies::on_restart;

template <auto part, auto member>
constexpr Key plain(Key key) {
  key.get = get_plain<part, member>;
  key.set = set_plain<part, member>;
  return key;
}
template <auto member, auto& names>
constexpr Key choice(Key key) {
  key.kind = Kind::choice;
  key.choices = names;
  key.get = get_log<member, names>;
  key.set = set_log<member, names>;
  return key;
}
template <auto value, auto file>
constexpr Key secret(Key key) {
  key.kind = Kind::secret;
  key.get = get_secret<value, file>;
  key.set = set_secret<value>;
  return key;
}
template <auto member>
constexpr Key tcp_ms(Key key) {
  key.table = "tcp";
  key.kind = Kind::integer;
  key.min = tcp_ms_min;
  key.max = tcp_ms_max;
  return plain<&Config::tcp, member>(key);
}

constexpr std::array server_keys{
    Key{.table = "server",
        .name = "listen",
        .kind = Kind::endpoints,
        .min = 1,
        .max = listens_max,
        .meaning = "Addresses to answer on, over UDP and TCP, each as `address@port`; without "
                   "`@port` it is port 53. `0.0.0.0` and `::` stand for all addresses.",
        .get = get_listen<&ServerSettings::listen>,
        .set = set_listen<&ServerSettings::listen, 53>},
    Key{.table = "server",
        .name = "listen_tls",
        .kind = Kind::endpoints,
        .max = listens_max,
        .applies = restart,
        .meaning = "Addresses for transfers over TLS (RFC 9103), each as `address@port`; without "
                   "`@port` it is port 853. Needs `tls.certificate` and `tls.key`.",
        .get = get_listen<&ServerSettings::listen_tls>,
        .set = set_listen<&ServerSettings::listen_tls, 853>},
    plain<&Config::server, &ServerSettings::workers>(
        {.table = "server",
         .name = "workers",
         .kind = Kind::integer,
         .max = workers_max,
         .meaning = "Answer processes; 0 makes one for each processor core."}),
    plain<&Config::server, &ServerSettings::pin>(
        {.table = "server",
         .name = "pin",
         .kind = Kind::boolean,
         .applies = restart,
         .meaning =
             "Whether each answer process stays on a core and answers what that has received. "
             "For cards with a queue for each core, and as many processes as cores."}),
    plain<&Config::server, &ServerSettings::state>(
        {.table = "server",
         .name = "state",
         .kind = Kind::path,
         .min = 1,
         .applies = restart,
         .meaning = "Folder for zone memory, the last known good zones, the cookie secret and the "
                    "control socket. One server only may use it."}),
    plain<&Config::server, &ServerSettings::user>(
        {.table = "server",
         .name = "user",
         .kind = Kind::account,
         .applies = restart,
         .meaning = "Account to change to once sockets are open, if started as root; empty: stay "
                    "as started."}),
    plain<&Config::server, &ServerSettings::version>(
        {.table = "server",
         .name = "version",
         .max = identity_bytes_max,
         .meaning = "Answer to `version.bind` and `version.server` in class CH; `auto`: name and "
                    "version of the program; empty: hidden (REFUSED)."}),
    plain<&Config::server, &ServerSettings::hostname>(
        {.table = "server",
         .name = "hostname",
         .max = identity_bytes_max,
         .meaning = "Answer to `hostname.bind` and `id.server` in class CH; `auto`: the machine's "
                    "host name; empty: hidden (REFUSED)."}),
    plain<&Config::server, &ServerSettings::nsid>(
        {.table = "server",
         .name = "nsid",
         .kind = Kind::nsid,
         .max = nsid_bytes_max,
         .meaning = "Name server identifier (RFC 5001) for those who ask: text, bytes as `0x…`, or "
                    "`auto` for the machine's host name; empty: not sent."}),
};

constexpr std::array metrics_keys{
    Key{.table = "metrics",
        .name = "listen",
        .kind = Kind::endpoint,
        .meaning = "HTTP address as `address:port`, IPv6 as `[::1]:9153`; empty: no metrics. "
                   "It has no access control: keep it on a private address.",
        .get = get_metrics_listen,
        .set = set_metrics_listen},
};

constexpr std::array answers_keys{
    plain<&Config::answers, &AnswerSettings::udp_payload_bytes_max>(
        {.table = "answers",
         .name = "udp_payload_bytes_max",
         .kind = Kind::integer,
         .min = 512,
         .max = 4096,
         .meaning = "Largest response over UDP, and what EDNS offers; larger ones are truncated "
                    "and come again over TCP. RFC 9715 asks for no more than 1400."}),
};

constexpr std::array cookies_keys{
    plain<&Config::cookies, &CookieSettings::enabled>(
        {.table = "cookies",
         .name = "enabled",
         .kind = Kind::boolean,
         .meaning = "Whether server cookies are given and checked."}),
    secret<&CookieSettings::active, &CookieSettings::active_file>(
        {.table = "cookies",
         .name = "active",
         .meaning = "Secret that makes cookies, 32 hexadecimal digits. Without it and without "
                    "`active_file` a random one is made and kept in `server.state`."}),
    plain<&Config::cookies, &CookieSettings::active_file>(
        {.table = "cookies",
         .name = "active_file",
         .kind = Kind::path,
         .meaning = "File that holds the secret in place of `active`."}),
    secret<&CookieSettings::staged, &CookieSettings::staged_file>(
        {.table = "cookies",
         .name = "staged",
         .meaning = "Second secret whose cookies are accepted as well: the next one before a "
                    "change, the former one after it."}),
    plain<&Config::cookies, &CookieSettings::staged_file>(
        {.table = "cookies",
         .name = "staged_file",
         .kind = Kind::path,
         .meaning = "File that holds the secret in place of `staged`."}),
};

constexpr std::array tcp_keys{
    plain<&Config::tcp, &TcpSettings::connections_max>(
        {.table = "tcp",
         .name = "connections_max",
         .kind = Kind::integer,
         .min = 1,
         .max = tcp_connections_bound,
         .meaning = "Connections open at a time; beyond it the one that was idle longest is "
                    "closed."}),
    plain<&Config::tcp, &TcpSettings::connections_per_address_max>(
        {.table = "tcp",
         .name = "connections_per_address_max",
         .kind = Kind::integer,
         .min = 1,
         .max = tcp_connections_bound,
         .meaning = "Connections open at a time from one IPv4 address or one IPv6 /64."}),
    tcp_ms<&TcpSettings::idle_ms>(
        {.name = "idle_ms", .meaning = "Milliseconds after which a quiet connection is closed."}),
    tcp_ms<&TcpSettings::read_ms>(
        {.name = "read_ms",
         .meaning = "Milliseconds in which a query must arrive, from its first byte to its last."}),
    tcp_ms<&TcpSettings::write_ms>(
        {.name = "write_ms",
         .meaning = "Milliseconds in which a client must take a response that waits for it."}),
};

constexpr std::array dnstap_keys{
    plain<&Config::dnstap, &DnstapSettings::socket>(
        {.table = "dnstap",
         .name = "socket",
         .kind = Kind::path,
         .meaning = "Unix socket on which a collector listens; connected again when it was away."}),
    Key{.table = "dnstap",
        .name = "address",
        .kind = Kind::endpoint,
        .meaning = "TCP address of a collector as `address:port`; connected again when it was "
                   "away. What is sent is not encrypted.",
        .get = get_dnstap_address,
        .set = set_dnstap_address},
    plain<&Config::dnstap, &DnstapSettings::file>(
        {.table = "dnstap",
         .name = "file",
         .kind = Kind::path,
         .meaning = "File in Frame Streams format, written anew at each start."}),
    plain<&Config::dnstap, &DnstapSettings::sample_every>(
        {.table = "dnstap",
         .name = "sample_every",
         .kind = Kind::integer,
         .min = 1,
         .max = 1'000'000'000,
         .meaning = "One query in so many is sent, with its response; 1 sends all."}),
};

constexpr std::array log_keys{
    choice<&LogSettings::level, log_levels>(
        {.table = "log", .name = "level", .meaning = "The least that is logged."}),
    choice<&LogSettings::format, log_formats>(
        {.table = "log",
         .name = "format",
         .meaning = "Lines for people, or one JSON object a line."}),
};

constexpr std::array load_keys{
    plain<&Config::load, &LoadSettings::strict>(
        {.table = "load",
         .name = "strict",
         .kind = Kind::boolean,
         .meaning = "Refuse a zone for what would only be a warning otherwise."}),
    plain<&Config::load, &LoadSettings::default_ttl_s>(
        {.table = "load",
         .name = "default_ttl_s",
         .kind = Kind::integer,
         .max = ttl_s_max,
         .meaning = "Seconds to live of records before a file states any (`$TTL` or a record's)."}),
};

constexpr std::array<Table::Pair, 2> cookie_pairs{
    {{"active", "active_file"}, {"staged", "staged_file"}}};
constexpr std::array<Table::Pair, 3> dnstap_pairs{
    {{"socket", "file"}, {"socket", "address"}, {"address", "file"}}};

constexpr std::array plain_tables{
    Table{.name = "server",
          .meaning = "Where the server listens, and who it says it is.",
          .keys = server_keys},
    Table{.name = "metrics",
          .meaning = "Prometheus metrics at `/metrics`, with `/health` and `/ready` beside them.",
          .keys = metrics_keys},
    Table{.name = "answers", .meaning = "How answers are given.", .keys = answers_keys},
    Table{.name = "cookies",
          .meaning = "DNS cookies (RFC 7873, RFC 9018). Servers that share an address share their "
                     "secrets.",
          .keys = cookies_keys,
          .exclusive = cookie_pairs},
    Table{.name = "tcp",
          .meaning = "Limits of each answer process on TCP (RFC 7766, RFC 9210).",
          .keys = tcp_keys},
    Table{.name = "dnstap",
          .meaning = "Queries and responses for a dnstap collector; nothing is sent without "
                     "`socket`, `address` or `file`.",
          .keys = dnstap_keys,
          .exclusive = dnstap_pairs},
    Table{.name = "xdp",
          .meaning =
              "A program at the network card: UDP past the kernel's network stack, its filters "
              "and captures (AF_XDP), and the shield before it.",
          .keys = xdp_keys},
    Table{.name = "shield",
          .meaning = "Who is answered first when there is more to answer than can be.",
          .keys = shield_keys},
    Table{.name = "log", .meaning = "The log, on standard error.", .keys = log_keys},
    Table{.name = "load", .meaning = "How zone files are read.", .keys = load_keys},
    Table{.name = "tls",
          .meaning = "Who we are in transfers over TLS, as their server and as their client.",
          .keys = tls_keys},
    Table{.name = "policy",
          .kind = TableKind::array_of_tables,
          .meaning = "How zones are signed (DNSSEC). Given once for each policy.",
          .keys = policy_keys},
};

}  // namespace

std::string Key::full_name() const { return std::string(table) + "." + std::string(name); }

std::span<const Table> all_tables() {
  static const std::vector<Table> tables = [] {
    std::vector<Table> all(plain_tables.begin(), plain_tables.end());
    const std::span<const Table> entries = entry_tables();
    all.insert(all.end(), entries.begin(), entries.end());
    return all;
  }();
  return tables;
}

const Table* find_table(std::string_view name) {
  const std::span<const Table> tables = all_tables();
  const auto found = std::ranges::find(tables, name, &Table::name);
  return found == tables.end() ? nullptr : &*found;
}

const Key* find_key(const Table& table, std::string_view name) {
  const auto found = std::ranges::find(table.keys, name, &Key::name);
  return found == table.keys.end() ? nullptr : &*found;
}

}  // namespace holdfast::config
