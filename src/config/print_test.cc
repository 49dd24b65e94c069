// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/print.h"

#include <gmock/gmock.h>

#include "config/keys.h"
#include "config/load.h"

namespace holdfast::config {
namespace {

constexpr std::string_view every_key_changed = R"(
[server]
listen = ["192.0.2.1@53", "2001:db8::1", "::@5300"]
listen_tls = ["192.0.2.1", "::1@8530"]
workers = 7
pin = true
state = "/srv/state"
user = "dns"
version = "a \"quoted\" \\ text"
hostname = "auto"
nsid = "0x00ff"
[metrics]
listen = ""
[answers]
udp_payload_bytes_max = 1400
[cookies]
enabled = false
active = "000102030405060708090A0B0C0D0E0F"
staged = "ffffffffffffffffffffffffffffffff"
[tcp]
connections_max = 10
connections_per_address_max = 2
idle_ms = 101
read_ms = 102
write_ms = 103
[dnstap]
socket = "run/dnstap.sock"
sample_every = 100
[xdp]
replies = "off"
mode = "auto"
interfaces = ["eth0", "eth1.5"]
zero_copy = false
busy_poll = true
[shield]
mode = "dry-run"
history_slot_s = 60
known_after_slots = 3
unknown_source_per_s = 21
unknown_prefix_per_s = 201
[log]
level = "debug"
format = "json"
[load]
strict = true
default_ttl_s = 60
[tls]
certificate = "chain.pem"
key = "key.pem"
[[tls_peer]]
name = "Other"
hostname = "ns.example."
pins = ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]
ca = "ca.pem"
needs_alpn = false
[[policy]]
name = "p"
algorithm = "ed25519"
keys = "ksk+zsk"
rsa_bits = 4096
token = "pkcs11:token=our%20keys?module-path=/m.so&pin-source=file:/pin"
denial = "nsec3-opt-out"
zonemd = true
dnskey_ttl_s = 60
signature_validity_s = 7000
signature_refresh_s = 5000
signature_jitter_s = 1000
zsk_lifetime_s = 30
ksk_lifetime_s = 40
roll_algorithm = true
parents = ["192.0.2.9"]
secondaries = ["192.0.2.10"]
notify_parent = false
csync = true
signers = ["other 192.0.2.2 ns1.other.example"]
unsign = true
offline_ksk = true
ttl_max_s = 50
ds_ttl_s = 60
propagation_s = 70
[[key]]
name = "K.test"
algorithm = "hmac-sha512"
secret = "c2VjcmV0"
[[zone]]
name = "c.test"
primaries = ["192.0.2.1@5300 k.test", "::1", "::2 tls=other", "::3 k.test tls"]
receive_mebibytes_max = 7
forward_updates = true
transfer_to = ["any k.test", "192.0.2.0/24", "any tls=other"]
notify = ["2001:db8::1"]
catalog = "own.test"
catalog_group = "g"
catalog_next = "next.test"
account = "of a"
[[zone]]
name = "a.test"
policy = "p"
file = "a b \u0001 \u007f ü.zone"
update = ["k.test", "k.test under:dyn.a.test A,AAAA"]
[[zone]]
name = "1\\.2.test"
file = "/b.zone"
[[zones]]
directory = "zones"
transfer_to = ["::1"]
notify = ["192.0.2.7 k.test"]
update = ["k.test self"]
policy = "default"
catalog = "own.test"
catalog_group = "h"
account = "of b"
[[catalog]]
name = "c.test"
group = "g"
primaries = ["::5"]
receive_mebibytes_max = 8
policy = "p"
transfer_to = ["any"]
notify = ["::6"]
members_max = 9
account = "of c"
[[published_catalog]]
name = "own.test"
transfer_to = ["::7"]
notify = ["::8"]
)";

// As the table of keys sees it, with the first of each kind of entry.
Draft first_entries(const Config& config) {
  return {.config = config,
          .key = config.keys.front(),
          .tls_peer = config.tls_peers.front(),
          .policy = config.policies.front(),
          .zone = config.zones.front(),
          .directory = config.directories.front(),
          .catalog = config.catalogs.front(),
          .published_catalog = config.published_catalogs.front()};
}

TEST(PrintConfig, ParsesBackToTheSame) {
  const LoadOutcome first = parse_config(every_key_changed, "first", "/etc/holdfast");
  ASSERT_TRUE(first.config) << first.problems.to_text();
  const std::string printed = print_toml(*first.config);
  const LoadOutcome second = parse_config(printed, "second", "/elsewhere");
  ASSERT_TRUE(second.config) << second.problems.to_text() << '\n' << printed;
  EXPECT_EQ(print_toml(*second.config), printed);
  const Draft first_draft = first_entries(*first.config);
  const Draft second_draft = first_entries(*second.config);
  for (const Table& table : all_tables()) {
    for (const Key& key : table.keys) {
      EXPECT_EQ(key.get(first_draft), key.get(second_draft)) << key.full_name();
    }
  }
  ASSERT_EQ(second.config->zones.size(), 3U);
  EXPECT_EQ(second.config->zones[1].file, "/etc/holdfast/a b \x01 \x7f ü.zone");
  EXPECT_EQ(second.config->directories[0].directory, "/etc/holdfast/zones");
}

// Guards the test above: a key that it leaves at its default would be tested for nothing.
TEST(PrintConfig, TheTextAboveChangesEveryKeyThatItCan) {
  const LoadOutcome outcome = parse_config(every_key_changed, "first", "/etc/holdfast");
  ASSERT_TRUE(outcome.config) << outcome.problems.to_text();
  const Draft changed = first_entries(*outcome.config);
  const Draft standard{.config = default_config()};
  for (const Table& table : all_tables()) {
    for (const Key& key : table.keys) {
      const bool excluded = key.name.ends_with("_file") || key.full_name() == "dnstap.file" ||
                            key.full_name() == "zone.file" || key.full_name() == "zone.policy" ||
                            key.full_name() == "zone.update" || key.full_name() == "dnstap.address";
      if (key.presence == Presence::required || excluded) continue;
      EXPECT_NE(key.get(changed), key.get(standard)) << key.full_name();
    }
  }
}

TEST(PrintConfig, ShowsDefaults) {
  const std::string printed = print_toml(default_config());
  EXPECT_THAT(printed,
              ::testing::HasSubstr("[server]\nlisten     = [\"0.0.0.0@53\", \"::@53\"]\n"));
  EXPECT_THAT(printed, ::testing::HasSubstr("udp_payload_bytes_max = 1232\n"));
}

TEST(KeysNeedingRestart, NamesThoseThatChangedAndNoOthers) {
  const auto config_of = [](std::string_view text) {
    return *parse_config(text, "holdfast.toml", "/").config;
  };
  const Config running = config_of("[server]\nworkers = 1\n");
  EXPECT_TRUE(keys_needing_restart(running, config_of("[server]\nworkers=2\nnsid='x'\n")).empty());
  EXPECT_THAT(keys_needing_restart(running, config_of("[server]\nstate='/x'\nuser='x'\n")),
              ::testing::ElementsAre("server.state", "server.user"));
}

}  // namespace
}  // namespace holdfast::config
