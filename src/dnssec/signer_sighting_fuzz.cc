// SPDX-License-Identifier: GPL-3.0-or-later
// Whatever other signers, secondaries and parents answer is judged without harm. The input is a
// list of messages, each behind its length, as they come over TCP: the answers of two servers in
// turn to each question.
#include "dnssec/signer_sighting.h"

#include <array>
#include <set>

#include "base/check.h"
#include "dnssec/served_keys.h"
#include "dnssec/signer_group.h"
#include "wire/message.h"

using namespace holdfast;
using namespace holdfast::dnssec;

constexpr uint64_t now_s = 1'800'000'000;

// As transfer/ask_records.h takes them from a message.
static void take(Bytes message, uint16_t type, SeenRrset& into) {
  std::vector<uint8_t> scratch(wire::rdata_bytes_max);
  wire::MessageReader reader(message, scratch);
  wire::MessageRecord record;
  while (reader.next_record(record) == wire::MessageReader::Step::item) {
    if (record.type == type) {
      into.rdata.emplace_back(record.rdata.begin(), record.rdata.end());
      into.ttl = record.ttl;
    } else if (record.type == wire::type_rrsig) {
      into.signatures.emplace_back(record.rdata.begin(), record.rdata.end());
    }
  }
}

static std::vector<ZoneKey> make_keys(wire::NameView zone) {
  std::vector<ZoneKey> keys;
  for (const uint16_t flags : {flags_ksk, flags_zsk, flags_zsk}) {
    keys.emplace_back(zone, flags, *PrivateKey::generate(*find_algorithm(ed25519)));
  }
  keys[0].times.sync_publish = 0;
  keys[1].times.inactive = keys[2].times.activate = now_s + 1;
  keys[1].times.remove = now_s + 1000;
  return keys;
}

static std::set<uint16_t> tags_of(const std::vector<ZoneKey>& keys) {
  std::set<uint16_t> tags;
  for (const ZoneKey& key : keys) tags.insert(key.tag());
  return tags;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const wire::Name zone = *wire::Name::from_text("a.test");
  static const std::vector<ZoneKey> own = make_keys(zone);
  static const std::set<uint16_t> tags = tags_of(own);  // fewer than keys if two have the same
  constexpr std::array members{&SeenServer::dnskeys, &SeenServer::cds, &SeenServer::ds,
                               &SeenServer::name_servers, &SeenServer::soa};
  constexpr std::array<uint16_t, members.size()> types{
      wire::type_dnskey, wire::type_cds, wire::type_ds, wire::type_ns, wire::type_soa};
  std::array<SeenServer, 2> servers{SeenServer{.server = "one"}, SeenServer{.server = "two"}};
  Bytes rest(data, size);
  for (size_t turn = 0; rest.size() >= 2; ++turn) {
    const size_t length = std::min<size_t>(load_be16(rest.data()), rest.size() - 2);
    const size_t which = turn / servers.size() % members.size();
    take(rest.subspan(2, length), types[which], servers[turn % servers.size()].*members[which]);
    rest = rest.subspan(2 + length);
  }

  std::vector<OtherSigner> signers(1);
  signers[0].name = "other";
  for (const auto& rdata : servers[0].dnskeys.rdata) {
    // One that its operator has given us; nothing is believed without it.
    if (Dnskey::parse(rdata)) signers[0].keys = {{.dnskey = rdata, .is_announced = true}};
  }
  const RolloverTimes times;
  const std::vector<std::string> wanted{"other"};
  for (size_t round = 0; round < 4; ++round) {
    GroupSighting seen{
        .now_s = now_s + round * 1'000'000, .parent = see_parent(servers), .signers = {}};
    seen.signers["other"] = see_signer(signers[0], zone, servers, seen.parent, seen.now_s);
    (void)advance(signers, {.zone = zone, .own = own, .wanted = wanted, .times = times}, seen);
    CHECK(signers[0].keys.size() <= foreign_keys_max);
    ApexAdditions additions;
    add_signers(signers, additions);
    (void)hold_for_signers(own, signers, seen.now_s, times);
  }
  const ServedKeys served = note_served({}, own, servers, now_s);
  CHECK(served.keys.size() == tags.size());
  (void)hold_for_secondaries(own, served, now_s, times);
  return 0;
}
