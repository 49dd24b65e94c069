// SPDX-License-Identifier: GPL-3.0-or-later
// The configuration of a server: every setting with its default, as plain values.
//
// Made by load_config or parse_config (config/load.h), which check everything stated here; never
// changed afterwards. A reload makes another Config. Paths are absolute or relative to the working
// directory: those of a file are resolved against the folder of that file. The table of all keys
// with their bounds and meaning is config/keys.cc; docs/configuration.md and the JSON Schema are
// made from it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "config/peer.h"
#include "config/signer.h"
#include "config/update_rule.h"

namespace holdfast::config {

// What an operator may write stays within these; each is a guard against a slip of the pen, far
// above what is useful.
constexpr uint32_t workers_max = 256;  // slots that exchange/panel.h has
constexpr uint32_t listens_max = 64;   // each worker opens two sockets for each
constexpr uint32_t interfaces_max = 32;
constexpr uint32_t identity_bytes_max = 255;  // one TXT string
constexpr uint32_t nsid_bytes_max = 128;
constexpr uint32_t access_rules_max = 64;        // of a zone
constexpr uint32_t remotes_max = 16;             // of a zone
constexpr uint32_t group_bytes_max = 255;        // one TXT string (RFC 9432 §4.3.2)
constexpr uint32_t zone_account_bytes_max = 64;  // a name of the operator's, for words and metrics
constexpr uint32_t members_max = 4'000'000;      // of a catalog
constexpr uint32_t parents_max = 16;             // of a policy
constexpr uint32_t secondaries_max = 16;         // that its rolls wait for
constexpr uint32_t signers_max = 8;              // the same
constexpr uint32_t tls_pins_max = 8;       // of another server: the key it has, and those to come
constexpr uint32_t update_rules_max = 64;  // of a zone

enum class LogLevel : uint8_t { debug, info, warning, error };
enum class LogFormat : uint8_t { text, json };

struct ServerSettings {
  std::vector<Endpoint> listen;             // UDP and TCP; default 0.0.0.0@53 and ::@53
  std::vector<Endpoint> listen_tls;         // transfers over TLS; none: not offered
  uint32_t workers = 0;                     // answer processes; 0: one a core
  bool pin = false;                         // a worker a core, its packets the core's
  std::string state = "/var/lib/holdfast";  // zone memory, last known good, control socket
  std::string user;                         // dropped to after start; empty: stay as started

  // Identity (RFC 4892, RFC 5001). Empty: hidden. "auto": the program's version, the host's name.
  std::string version;
  std::string hostname;  // also id.server
  std::string nsid;      // text, or bytes as "0x…"
};

struct MetricsSettings {
  std::optional<Endpoint> listen;  // HTTP; default 127.0.0.1:9153; none: no metrics
};

struct AnswerSettings {
  uint32_t udp_payload_bytes_max = 1232;  // 512 to 4096; RFC 9715 §3.1
};

using CookieSecret = std::array<uint8_t, 16>;

// RFC 7873, RFC 9018. Without `active` a random secret is made and kept in the state directory.
struct CookieSettings {
  bool enabled = true;
  std::optional<CookieSecret> active;  // makes and accepts
  std::optional<CookieSecret> staged;  // accepted as well, while a fleet rolls
  std::string active_file;             // where `active` was read from; empty: it stood in the file
  std::string staged_file;
};

// A worker's limits (RFC 7766 §6.2, RFC 9210 §4).
struct TcpSettings {
  uint32_t connections_max = 1024;            // 1 to 1,000,000
  uint32_t connections_per_address_max = 64;  // 1 to 1,000,000; by IPv4 /32 or IPv6 /64
  uint32_t idle_ms = 10'000;                  // 100 to 600,000
  uint32_t read_ms = 5'000;                   // 100 to 600,000; first to last byte of a message
  uint32_t write_ms = 5'000;                  // 100 to 600,000; for a response to be taken
};

// At most one of socket, address and file; none: no dnstap.
struct DnstapSettings {
  std::string socket;               // a Unix socket on which a collector listens
  std::optional<Endpoint> address;  // of a collector, over TCP
  std::string file;                 // a frame stream file, begun anew at each start
  uint32_t sample_every = 1;        // one query in so many; 1: all
};

enum class XdpMode : uint8_t { automatic, on, off, shield };
enum class XdpReplies : uint8_t { automatic, on, off };

// The program at the network card: the path past the kernel's sockets, and the shield before both.
// Off by default: no packet filter and no capture sees what takes that path, so an operator has to
// ask for it.
struct XdpSettings {
  XdpMode mode = XdpMode::off;
  std::vector<std::string> interfaces;  // empty: those that have a listen address
  bool zero_copy = true;                // where the driver can
  bool busy_poll = false;
  XdpReplies replies = XdpReplies::automatic;
};

enum class ShieldMode : uint8_t { on, dry_run, off };

// Who is answered first when there is more than can be answered (docs/shield.md).
struct ShieldSettings {
  ShieldMode mode = ShieldMode::on;
  uint32_t history_slot_s = 3600;  // 1 to 86,400
  uint32_t known_after_slots = 2;  // 1 to 60
  uint32_t unknown_source_per_s = 20;
  uint32_t unknown_prefix_per_s = 200;
};

struct LogSettings {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
};

struct LoadSettings {
  bool strict = false;            // doubtful zone data is refused instead of warned about
  uint32_t default_ttl_s = 3600;  // for records before any TTL is given; 0 to 2^31-1
};

// Who we are within TLS (RFC 9103), as a server and to those who ask for a client's certificate.
struct TlsSettings {
  std::string certificate;  // PEM, with those between it and its authority; empty: none
  std::string key;          // PEM
};

// Whom another server must prove to be within TLS: by a certificate for `hostname`, by a public key
// that is pinned, or both if both are given.
struct TlsPeerSetting {
  std::string name;               // as written
  std::string hostname;           // as written; empty: none
  std::string ca;                 // PEM, of authorities that are believed; empty: the system's
  std::vector<std::string> pins;  // base64 of SHA-256 of SubjectPublicKeyInfo (RFC 7858 §4.2)
  bool needs_alpn = true;         // RFC 9103 §7.1; as a server
  uint32_t line = 0;
};

// A TSIG key (RFC 8945).
struct KeySetting {
  std::string name;  // as written
  std::string algorithm = "hmac-sha256";
  std::string secret;       // base64; from `secret_file` if that is set
  std::string secret_file;  // empty: the secret stood in the file
  uint32_t line = 0;
};

// What other servers have to do with a zone.
struct TransferSetting {
  std::vector<AccessRule> transfer_to;  // who may transfer it; empty: nobody
  std::vector<Remote> notify;           // who is told of changes
  std::vector<Remote> primaries;        // where it comes from; empty: from its file
  uint32_t receive_mebibytes_max = 1024;
  std::vector<UpdateRule> update;  // who may change it; empty: nobody
  bool forward_updates = false;    // those that come for it go to its primaries

  friend bool operator==(const TransferSetting&, const TransferSetting&) = default;
};

enum class SigningAlgorithm : uint8_t {
  rsa_sha256,
  rsa_sha512,
  ecdsa_p256_sha256,
  ecdsa_p384_sha384,
  ed25519,
  ed448
};
enum class SigningKeys : uint8_t { csk, ksk_and_zsk };
enum class SigningDenial : uint8_t { nsec, nsec3, nsec3_opt_out };

// How zones are signed (dnssec/signing_policy.h). The defaults suit a zone whose SOA lets
// secondaries go on for two weeks without us.
struct PolicySetting {
  std::string name;
  SigningAlgorithm algorithm = SigningAlgorithm::ecdsa_p256_sha256;
  SigningKeys keys = SigningKeys::csk;
  uint32_t rsa_bits = 2048;  // 1024 to 4096
  std::string token = {};    // where keys are made, as a pkcs11 URI; empty: in the state directory
  SigningDenial denial = SigningDenial::nsec;
  bool zonemd = false;
  uint32_t dnskey_ttl_s = 3600;
  uint32_t signature_validity_s = 30 * 86400;
  uint32_t signature_refresh_s = 16 * 86400;
  uint32_t signature_jitter_s = 3 * 86400;
  // When keys are rolled by themselves (dnssec/key_schedule.h).
  uint32_t zsk_lifetime_s = 0;  // 0: by command alone, as below
  uint32_t ksk_lifetime_s = 0;
  bool roll_algorithm = false;  // keys of another algorithm than `algorithm` are replaced
  std::vector<Endpoint> parents =
      {};  // who is asked for the DS; empty: somebody must say it is there
  std::vector<Endpoint> secondaries = {};  // for which rolls wait; empty: propagation_s alone
  bool notify_parent = true;               // of changes of CDS and CSYNC (RFC 9859)
  bool csync = false;                      // RFC 7477
  bool unsign = false;                     // the zones are to go unsigned
  bool offline_ksk = false;                // DNSKEY, CDS and CDNSKEY are signed elsewhere
  std::vector<SignerSetting> signers = {};
  uint32_t ttl_max_s = 86400;  // the largest TTL in the zones
  uint32_t ds_ttl_s = 86400;
  uint32_t propagation_s = 3600;  // until all secondaries serve a change
  uint32_t line = 0;              // of the setting, for later complaints
};

// What a catalog that we publish says of a zone (RFC 9432 §4).
struct Membership {
  std::string catalog;       // as written; empty: it is in none
  std::string group;         // empty: none
  std::string next_catalog;  // to which it may change its owner (§4.3.1); empty: none

  friend bool operator==(const Membership&, const Membership&) = default;
};

// What members of a catalog that others publish are made of, beside their names.
struct CatalogSetting {
  std::string name;   // as written; a zone of the configuration
  std::string group;  // for members of this group; empty: for all that have no other
  TransferSetting transfer;
  std::string policy = {};           // by which its members are signed; empty: as they come
  uint32_t members_max = 1'000'000;  // 1 to config::members_max; more: it is refused
  std::string account = {};          // of its members, for the shield; empty: none
  uint32_t line = 0;
};

// A catalog of zones of ours, for others.
struct PublishedCatalogSetting {
  std::string name;  // as written
  TransferSetting transfer;
  uint32_t line = 0;
};

struct ZoneSetting {
  std::string name;  // as written
  std::string file;
  TransferSetting transfer;
  std::string policy;  // empty: the zone is served as it is
  Membership membership = {};
  std::string account = {};  // to which it belongs, for the shield; empty: none
  uint32_t line = 0;         // of the setting, for later complaints
};

// Every NAME.zone in it is the zone NAME; see config/zone_list.h.
struct DirectorySetting {
  std::string directory;
  TransferSetting transfer;  // of each of its zones
  std::string policy;        // of all its zones
  Membership membership = {};
  std::string account = {};
  uint32_t line = 0;
};

struct Config {
  std::string source;  // the file, for messages
  ServerSettings server;
  MetricsSettings metrics;
  AnswerSettings answers;
  CookieSettings cookies;
  TcpSettings tcp;
  DnstapSettings dnstap;
  XdpSettings xdp;
  ShieldSettings shield;
  LogSettings log;
  LoadSettings load;
  TlsSettings tls;
  std::vector<TlsPeerSetting> tls_peers;
  std::vector<KeySetting> keys;
  std::vector<PolicySetting> policies;
  std::vector<ZoneSetting> zones;
  std::vector<DirectorySetting> directories;
  std::vector<CatalogSetting> catalogs;
  std::vector<PublishedCatalogSetting> published_catalogs;
};

// All defaults; `listen` lists included.
[[nodiscard]] Config default_config();

// The keys ("server.listen") that differ and that only a new start applies; a reload that changes
// one of them is refused by naming it.
[[nodiscard]] std::vector<std::string> keys_needing_restart(const Config& running,
                                                            const Config& fresh);

// The bytes to send for server.version, server.hostname or server.nsid, with "auto" and "0x…"
// resolved; empty: hidden.
[[nodiscard]] std::string version_text(const ServerSettings& server);
[[nodiscard]] std::string hostname_text(const ServerSettings& server);
[[nodiscard]] std::string nsid_bytes(const ServerSettings& server);

}  // namespace holdfast::config
