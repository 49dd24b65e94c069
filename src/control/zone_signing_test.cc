// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/zone_signing.h"

#include "control/signed_zone_set.h"
#include "dnssec/equal_tags.h"

namespace holdfast::control {
namespace {

using testing::HasSubstr;

TEST_F(SignedZoneSet, IsSignedAsItIsLoaded) {
  write(10);
  load();
  expect_good();
  EXPECT_EQ(record().serial, 10U);
  EXPECT_GT(record().refresh_unix_s, start_s + policy_->signature_validity_s -
                                         policy_->signature_refresh_s -
                                         policy_->signature_jitter_s - 1);
}

TEST_F(SignedZoneSet, TheFirstKeysHaveDifferentTags) {
  const auto equal = dnssec::find_equal_tags(dnssec::flags_zsk, dnssec::flags_ksk);
  const auto free = dnssec::make_unlike(equal);
  const std::vector<dnssec::PrivateKey> keys{equal.first, equal.second, free};
  size_t made = 0;
  ZoneSigning signing(directory_, clock_,
                      [&](const std::string&, const config::PolicySetting&, uint8_t) {
                        return Result<dnssec::PrivateKey>(keys.at(made++));
                      });
  policy_->keys = config::SigningKeys::ksk_and_zsk;
  (void)signing.prepare(source());
  EXPECT_EQ(made, 3U);
  const auto saved = dnssec::load_keys(folder(), apex_).value();
  ASSERT_EQ(saved.size(), 2U);
  EXPECT_NE(saved[0].tag(), saved[1].tag());
  for (const dnssec::ZoneKey& key : saved) {
    EXPECT_EQ(key.key().public_key(), (key.is_entry_point() ? free : equal.first).public_key());
  }
}

TEST_F(SignedZoneSet, SerialRisesWithWhatChanges) {
  write(10);
  load();
  write(10, "www 300 A 192.0.2.2\n");
  EXPECT_EQ(reload().updated, 1U);
  EXPECT_EQ(record().serial, 11U);
  write(10, "www 300 A 192.0.2.2\n");  // written again, and the same
  EXPECT_EQ(reload().updated, 0U);
  EXPECT_EQ(record().serial, 11U);
  write(9, "www 300 A 192.0.2.3\n");
  EXPECT_EQ(reload().updated, 1U);
  EXPECT_EQ(record().serial, 12U);
  write(100);
  reload();
  EXPECT_EQ(record().serial, 100U);
  expect_good();
}

TEST_F(SignedZoneSet, IsSignedAgainWhenItsTimeComes) {
  write(10);
  load();
  for (uint32_t round = 1; round <= 20; ++round) {
    const uint64_t due_s = record().refresh_unix_s;
    clock_.set_wall_s(due_s - 1);
    set_->maintain();
    EXPECT_EQ(record().serial, 9 + round);
    clock_.set_wall_s(due_s);
    set_->maintain();
    EXPECT_EQ(record().serial, 10 + round);
    expect_good();
  }
}

TEST_F(SignedZoneSet, IsSignedAgainAfterARestartThatCameLate) {
  write(10);
  load();
  const uint64_t due_s = record().refresh_unix_s;
  restart();
  load();  // the file is as it was
  EXPECT_EQ(record().serial, 10U);
  EXPECT_EQ(record().refresh_unix_s, due_s);
  restart();
  clock_.set_wall_s(due_s + 5);
  load();
  EXPECT_EQ(record().serial, 11U);
  expect_good();
}

TEST_F(SignedZoneSet, SerialsGoOnWhenZoneMemoryWasLost) {
  write(10);
  load();
  write(10, "www 300 A 192.0.2.2\n");
  reload();
  const std::string keys = dnssec::key_folder(directory_, wire::Name::from_text("example").value());
  const auto before = dnssec::load_keys(keys, wire::Name::from_text("example").value()).value();
  restart(true);
  load();
  EXPECT_EQ(record().serial, 11U);
  const auto after = dnssec::load_keys(keys, wire::Name::from_text("example").value()).value();
  ASSERT_EQ(after.size(), 1U);
  EXPECT_EQ(after[0].dnskey_rdata(), before[0].dnskey_rdata());
  expect_good();
}

TEST_F(SignedZoneSet, AnotherPolicyOrKeySignsAnewWithoutAnotherFile) {
  write(10);
  load();
  policy_ = std::make_shared<config::PolicySetting>(*policy_);
  policy_->denial = config::SigningDenial::nsec3;
  EXPECT_EQ(reload().updated, 1U);
  EXPECT_EQ(memory_->find(wire::Name::from_text("example").value())->denial(), zone::Denial::nsec3);
  expect_good();
  EXPECT_EQ(reload().updated, 0U);

  save_zsk({.publish = start_s, .activate = start_s + 1000});
  EXPECT_EQ(reload().updated, 1U);  // published
  EXPECT_EQ(record().refresh_unix_s, start_s + 1000);
  clock_.set_wall_s(start_s + 1000);
  set_->maintain();  // and it signs
  const dnssec::Verification verified = dnssec::verify_zone(served(), {.now_s = clock_.wall_s()});
  EXPECT_TRUE(verified.holds());
  expect_good();
}

TEST_F(SignedZoneSet, AKeyThatWasKeptRightBeforeTheEndComesIntoTheZoneAfterIt) {
  write(10);
  load();
  save_zsk({.publish = start_s, .activate = start_s + 1000});
  restart();
  load(Start::respawn);
  set_->maintain();
  EXPECT_EQ(record().serial, 11U);
  EXPECT_EQ(record().refresh_unix_s, start_s + 1000);
  expect_good();
}

TEST_F(SignedZoneSet, AKeyWhoseTimeCameWhileNobodySignedSignsAfterwards) {
  write(10);
  load();
  const dnssec::ZoneKey next = save_zsk({.publish = start_s, .activate = start_s + 1000});
  EXPECT_EQ(reload().updated, 1U);
  EXPECT_THAT(signers(), testing::Not(testing::Contains(next.tag())));
  for (const Start start : {Start::respawn, Start::cold}) {
    restart();
    if (start == Start::respawn) clock_.set_wall_s(start_s + 1001);
    load(start);
    set_->maintain();
    EXPECT_EQ(record().serial, 12U);
    EXPECT_THAT(signers(), testing::ElementsAre(next.tag()));
  }
  expect_good();
}

TEST_F(SignedZoneSet, AZskWhoseTimesAllCameWhileNobodySignedStaysForWhatCachesHold) {
  write(10);
  load();
  dnssec::ZoneKey old = save_zsk({.publish = start_s, .activate = start_s});
  reload();
  const dnssec::ZoneKey next = save_zsk({.publish = start_s, .activate = start_s + 1000});
  old.times.inactive = start_s + 1000;
  old.times.remove = start_s + 1500;
  ASSERT_TRUE(dnssec::save_key(old, folder()));
  reload();
  EXPECT_THAT(signers(), testing::ElementsAre(old.tag()));
  restart();
  clock_.set_wall_s(start_s + 5000);
  load(Start::respawn);
  set_->maintain();
  EXPECT_THAT(signers(), testing::ElementsAre(next.tag()));
  EXPECT_EQ(count_of(wire::type_dnskey), 3U);
  EXPECT_EQ(record().refresh_unix_s, start_s + 5500);  // as far apart as they were to be
  expect_good();
  clock_.set_wall_s(start_s + 5500);
  set_->maintain();
  EXPECT_EQ(count_of(wire::type_dnskey), 2U);
}

TEST_F(SignedZoneSet, ACdsWhoseTimeCameWhileNobodySignedComesAfterwards) {
  write(10);
  load();
  dnssec::ZoneKey key = dnssec::load_keys(folder(), apex_)->at(0);
  key.times.sync_publish = start_s + 1000;
  ASSERT_TRUE(dnssec::save_key(key, folder()));
  reload();
  EXPECT_EQ(count_of(wire::type_cds), 0U);
  restart();
  clock_.set_wall_s(start_s + 1001);
  load(Start::respawn);
  set_->maintain();
  EXPECT_EQ(count_of(wire::type_cds), 1U);
}

TEST_F(SignedZoneSet, AKeyThatCannotBeUsedLeavesWhatIsServed) {
  write(10);
  load();
  const std::string folder =
      dnssec::key_folder(directory_, wire::Name::from_text("example").value());
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".private") std::ofstream(entry.path()) << "broken";
  }
  write(11);
  const auto wanted = source();
  const ReloadPlan plan = set_->plan_all({&wanted, 1}, options(), stop_);
  ASSERT_EQ(plan.findings.size(), 1U);
  EXPECT_THAT(plan.findings[0], HasSubstr(".private"));
  EXPECT_EQ(record().serial, 10U);
  // The refresh fails, too, and is tried again later; what is served stays.
  clock_.set_wall_s(record().refresh_unix_s);
  set_->maintain();
  EXPECT_EQ(record().serial, 10U);
}

}  // namespace
}  // namespace holdfast::control
