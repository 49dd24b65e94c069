// SPDX-License-Identifier: GPL-3.0-or-later
// What of the signing of a zone waits for its secondaries.
#include "control/signed_zone_set.h"
#include "control/signing_state.h"
#include "dnssec/other_signer.h"
#include "dnssec/served_keys.h"

namespace holdfast::control {
namespace {

class SigningForSecondaries : public SignedZoneSet {
 protected:
  void name_secondaries() {
    change_policy([](config::PolicySetting& policy) {
      policy.secondaries = {*parse_endpoint("192.0.2.2", 53)};
      policy.ttl_max_s = 10'000;
    });
  }
  // All of them serve these.
  void see(const std::vector<std::vector<uint8_t>>& dnskeys) {
    GroupAnswers answers{
        .zone = "example.", .parents = {}, .signers = {}, .secondaries = {{.server = "it"}}};
    answers.secondaries[0].dnskeys.rdata = dnskeys;
    set_->on_group(answers);
  }
  void pass_to(uint64_t second) {
    clock_.set_wall_s(start_s + second);
    set_->maintain();
  }
  // Another serial, and one record more or less: signed by itself.
  void change_a_record() {
    ++serial_;
    write(serial_, serial_ % 2 == 0 ? "" : "www 300 A 192.0.2.2\n");
    EXPECT_EQ(reload().updated, 1U);
  }
  // Another signer that has joined, with a CSK.
  [[nodiscard]] dnssec::ZoneKey join_other() {
    policy_->signers = {{.name = "other", .servers = {*parse_endpoint("192.0.2.3", 53)}}};
    const dnssec::ZoneKey key = make_key(dnssec::flags_ksk);
    std::filesystem::create_directories(folder());
    EXPECT_TRUE(
        dnssec::save_signer({.name = "other",
                             .phase = dnssec::SignerPhase::joined,
                             .since_s = start_s,
                             .keys = {{.dnskey = key.dnskey_rdata(), .is_announced = true}}},
                            folder()));
    return key;
  }

  // Tags of the keys whose DS the parent is asked for.
  [[nodiscard]] std::vector<uint16_t> announced() const {
    const zone::Contents contents = served();
    std::vector<uint16_t> tags;
    for (const Bytes cds : apex_rdata(&contents, wire::type_cds)) {
      tags.push_back(load_be16(cds.data()));
    }
    return tags;
  }
  [[nodiscard]] std::string waits_for() const {
    return dnssec::load_served_keys(folder()).value().waits_for;
  }
  // Of a zone with a CSK.
  [[nodiscard]] dnssec::ZoneKey begin_roll() {
    const auto make = [] {
      return dnssec::PrivateKey::generate(*dnssec::find_algorithm(uint8_t{13}));
    };
    const auto changed = dnssec::roll_entry_point(dnssec::load_keys(folder(), apex_).value(),
                                                  clock_.wall_s(), rollover_times(*policy_), make)
                             .value();
    for (const dnssec::ZoneKey& key : changed) EXPECT_TRUE(dnssec::save_key(key, folder()));
    reload();
    return changed.front();
  }

  uint32_t serial_ = 10;
};

TEST_F(SigningForSecondaries, TheFirstCdsWaitsForTheSecondaries) {
  policy_->secondaries = {*parse_endpoint("192.0.2.2", 53)};
  policy_->ttl_max_s = 10'000;
  write(10);
  load();
  const dnssec::ZoneKey key = dnssec::load_keys(folder(), apex_)->at(0);
  GroupAnswers answers{
      .zone = "example.", .parents = {}, .signers = {}, .secondaries = {{.server = "it"}}};
  for (uint64_t s = 1; s <= 50'001; s += 5'000) {  // it serves the zone without keys
    clock_.set_wall_s(start_s + s);
    set_->maintain();
    EXPECT_EQ(set_->take_group_questions().size(), 1U) << s;
    set_->on_group(answers);
    EXPECT_EQ(count_of(wire::type_cds), 0U) << s;
    if (s > 20'000) restart();
    if (s > 20'000) load(Start::respawn);
  }
  answers.secondaries[0].dnskeys.rdata = {key.dnskey_rdata()};
  set_->on_group(answers);
  EXPECT_EQ(count_of(wire::type_cds), 0U);
  clock_.set_wall_s(start_s + 60'000);
  set_->maintain();
  EXPECT_EQ(count_of(wire::type_cds), 0U);
  clock_.set_wall_s(start_s + 70'000);
  set_->maintain();
  EXPECT_EQ(count_of(wire::type_cds), 1U);
  EXPECT_EQ(count_of(wire::type_cdnskey), 1U);
  EXPECT_EQ(set_->take_group_questions().size(), 0U);
  // What is out stays, whatever a later configuration says.
  change_policy([](config::PolicySetting& policy) { policy.ttl_max_s = 500'000; });
  reload();
  EXPECT_EQ(count_of(wire::type_cds), 1U);
}

// RFC 7344 §4.1: what CDS lacks is to have no DS, and ours may have one.
TEST_F(SigningForSecondaries, NoCdsOfAnotherSignerIsOutWhileOursWaits) {
  const dnssec::ZoneKey other = join_other();
  name_secondaries();
  write(serial_);
  load();
  const dnssec::ZoneKey ours = dnssec::load_keys(folder(), apex_)->at(0);
  for (uint64_t s = 5'000; s <= 30'000; s += 5'000) {
    EXPECT_EQ(dnskey_count(), 2U);
    EXPECT_EQ(count_of(wire::type_cds), 0U) << s;
    EXPECT_EQ(count_of(wire::type_cdnskey), 0U) << s;
    pass_to(s);
    see({other.dnskey_rdata()});
    change_a_record();
  }
  see({other.dnskey_rdata(), ours.dnskey_rdata()});
  pass_to(39'999);
  EXPECT_EQ(count_of(wire::type_cds), 0U);
  pass_to(50'000);
  EXPECT_EQ(count_of(wire::type_cds), 2U);
  EXPECT_EQ(count_of(wire::type_cdnskey), 2U);
}

TEST_F(SigningForSecondaries, NorIsItOnceThereAreNoSecondariesAndOursIsYetToCome) {
  (void)join_other();
  name_secondaries();
  write(serial_);
  load();
  change_policy([](config::PolicySetting& policy) { policy.secondaries.clear(); });
  reload();
  EXPECT_EQ(count_of(wire::type_cds), 0U);
  pass_to(20'000);
  EXPECT_EQ(count_of(wire::type_cds), 2U);
}

TEST_F(SigningForSecondaries, AZoneThatWasServedUnsignedWaitsForTheSecondariesToo) {
  const auto policy = std::exchange(policy_, nullptr);
  write(10);
  load();
  policy_ = policy;
  policy_->secondaries = {*parse_endpoint("192.0.2.2", 53)};
  reload();
  EXPECT_EQ(dnskey_count(), 1U);
  EXPECT_EQ(count_of(wire::type_cds), 0U);
}

TEST_F(SigningForSecondaries, SecondariesThatAreNamedLaterTakeNoCdsAway) {
  write(10);
  load();
  EXPECT_EQ(count_of(wire::type_cds), 1U);
  change_policy([](config::PolicySetting& policy) {
    policy.secondaries = {*parse_endpoint("192.0.2.2", 53)};
  });
  reload();
  EXPECT_EQ(count_of(wire::type_cds), 1U);
}

TEST_F(SigningForSecondaries, NamedInMidRollTheyTakeNoCdsBack) {
  write(serial_);
  load();
  const auto old = testing::ElementsAre(dnssec::load_keys(folder(), apex_)->at(0).tag());
  const auto next = testing::ElementsAre(begin_roll().tag());
  EXPECT_THAT(announced(), old);
  pass_to(100'000);
  EXPECT_THAT(announced(), next);
  name_secondaries();
  change_a_record();
  EXPECT_THAT(announced(), next);
  for (uint64_t s = 105'000; s <= 150'000; s += 5'000) {
    see({});
    pass_to(s);
    EXPECT_THAT(announced(), next);
  }
  change_policy([](config::PolicySetting& policy) { policy.secondaries.clear(); });
  reload();
  name_secondaries();
  reload();
  EXPECT_THAT(announced(), next);
  change_policy([](config::PolicySetting& policy) { policy.ttl_max_s = 500'000; });
  reload();
  EXPECT_THAT(announced(), next);
  EXPECT_EQ(set_->take_group_questions().size(), 0U);
}

TEST_F(SigningForSecondaries, ARollWhoseTimeCameWhileNobodySignedWaitsForThemStill) {
  name_secondaries();
  write(serial_);
  load();
  const dnssec::ZoneKey key = dnssec::load_keys(folder(), apex_)->at(0);
  see({key.dnskey_rdata()});
  pass_to(20'000);
  const auto old = testing::ElementsAre(key.tag());
  EXPECT_THAT(announced(), old);
  const dnssec::ZoneKey next = begin_roll();
  see({key.dnskey_rdata()});  // it is cut off
  restart();
  clock_.set_wall_s(start_s + 200'000);
  load(Start::respawn);
  set_->maintain();
  EXPECT_THAT(announced(), old);
  see({key.dnskey_rdata(), next.dnskey_rdata()});
  pass_to(220'000);
  EXPECT_THAT(announced(), testing::ElementsAre(next.tag()));
}

// Keys from a backup: who serves the zone signed, and with which, is not known.
TEST_F(SigningForSecondaries, AZoneThatBeginsInMidRollHasNoCdsUntilAllServeItsKeys) {
  std::filesystem::create_directories(folder());
  std::vector<std::vector<uint8_t>> dnskeys;
  uint16_t next = 0;
  for (const bool is_next : {false, true}) {
    dnssec::ZoneKey key = make_key(dnssec::flags_ksk);
    key.times.created = key.times.publish = key.times.activate =
        start_s - (is_next ? 90'000U : 900'000U);
    key.times.sync_publish = start_s - (is_next ? 100U : 900'000U);
    if (!is_next) key.times.sync_remove = start_s - 100;
    ASSERT_TRUE(dnssec::save_key(key, folder()));
    dnskeys.push_back(key.dnskey_rdata());
    next = key.tag();
  }
  name_secondaries();
  write(serial_);
  load();
  for (uint64_t s = 5'000; s <= 30'000; s += 5'000) {
    EXPECT_EQ(dnskey_count(), 2U);
    EXPECT_THAT(announced(), testing::IsEmpty()) << s;
    clock_.set_wall_s(start_s + s);
    change_a_record();  // also at the very second at which it is looked at again
    EXPECT_THAT(announced(), testing::IsEmpty()) << s;
    set_->maintain();
    see({});
  }
  see(dnskeys);
  pass_to(50'000);
  EXPECT_THAT(announced(), testing::ElementsAre(next));
}

TEST_F(SigningForSecondaries, AKeyThatHasGoneDoesNotComeBackWithTheSecondaries) {
  policy_->keys = config::SigningKeys::ksk_and_zsk;
  policy_->secondaries = {*parse_endpoint("192.0.2.2", 53)};
  write(10);
  load();
  // It went while nobody looked.
  const dnssec::ZoneKey old = save_zsk({.created = start_s - 20'000,
                                        .publish = start_s - 20'000,
                                        .activate = start_s - 20'000,
                                        .inactive = start_s - 10'000,
                                        .remove = start_s - 100});
  const dnssec::ServedKeys seen{.keys = {{.tag = old.tag(), .served_s = start_s - 15'000}},
                                .waits_for = "192.0.2.2@53 to answer"};
  ASSERT_TRUE(dnssec::save_served_keys(seen, folder()));
  change_policy([](config::PolicySetting& policy) { policy.secondaries.clear(); });
  reload();
  EXPECT_EQ(dnskey_count(), 2U);
  EXPECT_EQ(dnssec::load_served_keys(folder()).value(), dnssec::ServedKeys());
  change_policy([](config::PolicySetting& policy) {
    policy.secondaries = {*parse_endpoint("192.0.2.2", 53)};
  });
  reload();
  EXPECT_EQ(dnskey_count(), 2U);
}

TEST_F(SigningForSecondaries, AKeyThatHasGoneDoesNotComeBackWithALongerTtl) {
  policy_->keys = config::SigningKeys::ksk_and_zsk;
  policy_->secondaries = {*parse_endpoint("192.0.2.2", 53)};
  policy_->ttl_max_s = 1000;
  write(10);
  load();
  const dnssec::ZoneKey old = save_zsk({.created = start_s - 20'000,
                                        .publish = start_s - 20'000,
                                        .activate = start_s - 20'000,
                                        .inactive = start_s - 10'000,
                                        .remove = start_s + 100});
  const dnssec::ServedKeys seen{
      .keys = {{.tag = old.tag(), .served_s = start_s - 15'000, .unused_s = start_s - 900}}};
  ASSERT_TRUE(dnssec::save_served_keys(seen, folder()));
  reload();
  EXPECT_EQ(dnskey_count(), 3U);
  clock_.set_wall_s(start_s + 100);
  set_->maintain();
  EXPECT_EQ(dnskey_count(), 2U);
  change_policy([](config::PolicySetting& policy) { policy.ttl_max_s = 86'400; });
  reload();
  EXPECT_EQ(dnskey_count(), 2U);
}

TEST_F(SigningForSecondaries, ARollWaitsForTheSecondariesWhileTheZoneGoesUnsigned) {
  policy_->keys = config::SigningKeys::ksk_and_zsk;
  policy_->secondaries = {*parse_endpoint("192.0.2.2", 53)};
  write(10);
  load();
  dnssec::ZoneKey old = zsk();
  old.times.inactive = start_s + 10;
  old.times.remove = start_s + 100'000;
  ASSERT_TRUE(dnssec::save_key(old, folder()));
  (void)save_zsk({.created = start_s, .publish = start_s, .activate = start_s + 10});
  change_policy([](config::PolicySetting& policy) { policy.unsign = true; });
  clock_.set_wall_s(start_s + 20);
  reload();
  EXPECT_EQ(dnskey_count(), 3U);
  EXPECT_THAT(signers(), testing::ElementsAre(old.tag()));
  clock_.set_wall_s(start_s + 25);
  EXPECT_EQ(set_->take_group_questions().size(), 1U);
}

TEST_F(SigningForSecondaries, NobodyWaitsForTheFirstCdsOfAZoneThatGoesUnsigned) {
  name_secondaries();
  write(serial_);
  load();
  see({});
  EXPECT_NE(waits_for(), "");
  EXPECT_EQ(set_->zones_awaiting_secondaries(), 1U);
  change_policy([](config::PolicySetting& policy) { policy.unsign = true; });
  reload();
  EXPECT_EQ(count_of(wire::type_cds), 1U);  // "0 0 0 00"
  EXPECT_EQ(waits_for(), "");
  EXPECT_EQ(set_->zones_awaiting_secondaries(), 0U);
  see({});  // who was asked before
  EXPECT_EQ(waits_for(), "");
  EXPECT_EQ(set_->zones_awaiting_secondaries(), 0U);
  pass_to(50'000);
  // It stays signed after all.
  change_policy([](config::PolicySetting& policy) { policy.unsign = false; });
  reload();
  EXPECT_EQ(count_of(wire::type_cds), 0U);
  EXPECT_EQ(set_->zones_awaiting_secondaries(), 1U);
}

TEST_F(SigningForSecondaries, NobodyIsAskedOfAZoneThatIsUnsigned) {
  policy_->keys = config::SigningKeys::ksk_and_zsk;
  name_secondaries();
  write(serial_);
  load();
  dnssec::ZoneKey old = zsk();
  old.times.inactive = start_s + 10;
  old.times.remove = start_s + 500'000;
  ASSERT_TRUE(dnssec::save_key(old, folder()));
  change_policy([](config::PolicySetting& policy) { policy.unsign = true; });
  (void)save_zsk({.created = start_s, .publish = start_s, .activate = start_s + 10});
  reload();
  EXPECT_EQ(set_->zones_awaiting_secondaries(), 1U);
  set_->on_ds("example.", 0);
  pass_to(100'000);
  EXPECT_EQ(dnskey_count(), 0U);
  EXPECT_EQ(set_->zones_awaiting_secondaries(), 0U);
  see({});
  EXPECT_EQ(waits_for(), "");
  EXPECT_EQ(set_->zones_awaiting_secondaries(), 0U);
}

}  // namespace
}  // namespace holdfast::control
