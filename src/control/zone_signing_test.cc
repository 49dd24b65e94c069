// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/zone_signing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "base/epoch.h"
#include "control/zone_set.h"
#include "dnssec/equal_tags.h"
#include "dnssec/key_file.h"
#include "dnssec/key_folder.h"
#include "dnssec/rrsig.h"
#include "dnssec/served_keys.h"
#include "dnssec/zone_verifier.h"

namespace holdfast::control {
namespace {

using testing::HasSubstr;

constexpr uint64_t start_s = 1'800'000'000;

// A zone file, and the set that signs it by a clock that stands where the test puts it.
class SignedZoneSet : public testing::Test {
 protected:
  SignedZoneSet() {
    std::string pattern = testing::TempDir() + "holdfast-signed-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    policy_->name = "p";
    clock_.set_wall_s(start_s);
    open();
  }
  ~SignedZoneSet() override {
    set_.reset();
    memory_.reset();
    std::filesystem::remove_all(directory_);
  }
  void open() {
    memory_ = std::make_unique<zone::Memory>(zone::Memory::open({.path = directory_ + "/zones.mem",
                                                                 .bytes_max = uint64_t{1} << 30,
                                                                 .hash_key = {.low = 1, .high = 2}},
                                                                epochs_)
                                                 .value());
    table_ = std::make_unique<ZoneTable>();
    set_ = std::make_unique<ZoneSet>(*memory_, *table_, directory_, clock_);
  }
  void restart(bool loses_memory = false) {
    set_.reset();
    ASSERT_TRUE(memory_->close_clean());
    memory_.reset();
    if (loses_memory) std::filesystem::remove(directory_ + "/zones.mem");
    open();
  }
  [[nodiscard]] config::ZoneSource source() const {
    return {"example.", directory_ + "/example.zone", policy_};
  }
  void write(uint32_t serial, const std::string& more = "") const {
    std::ofstream(source().file) << "@ 300 SOA ns root " << serial
                                 << " 3600 600 86400 60\n@ 300 NS ns\nns 300 A 192.0.2.1\n"
                                 << more;
    std::this_thread::sleep_for(std::chrono::milliseconds(30));  // see zone_set_test.cc
  }
  void load(Start start = Start::cold) {
    const auto wanted = source();
    set_->first_load({&wanted, 1}, options(), start, ZoneSet::Unlisted::remove, stop_,
                     [](size_t, size_t) {});
  }
  ReloadResult reload() {
    const auto wanted = source();
    ReloadPlan plan = set_->plan_all({&wanted, 1}, options(), stop_);
    EXPECT_THAT(plan.findings, testing::IsEmpty());
    EXPECT_TRUE(set_->stage(plan));
    return set_->show_staged(plan).value();
  }
  [[nodiscard]] zone::LoadOptions options() const { return {.now_s = clock_.wall_s()}; }
  [[nodiscard]] ZoneRecord record() const { return table_->find("example.").value(); }
  [[nodiscard]] zone::Contents served() const {
    return contents_of(*memory_->find(wire::Name::from_text("example").value())).value();
  }
  // At the apex.
  [[nodiscard]] size_t count_of(uint16_t type) const {
    const zone::Contents contents = served();
    zone::Contents::Cursor cursor(contents);
    for (const zone::StagedRrset& rrset : cursor.next()->rrsets) {
      if (rrset.type == type) return rrset.rdata.size();
    }
    return 0;
  }
  [[nodiscard]] size_t dnskey_count() const { return count_of(wire::type_dnskey); }
  // Tags of the keys that sign the SOA.
  [[nodiscard]] std::vector<uint16_t> signers() const {
    const zone::Contents contents = served();
    std::vector<uint16_t> tags;
    zone::Contents::Cursor cursor(contents);
    for (const zone::StagedRrset& rrset : cursor.next()->rrsets) {
      if (rrset.type != wire::type_soa) continue;
      for (const Bytes rrsig : rrset.signatures) {
        tags.push_back(load_be16(rrsig.data() + dnssec::rrsig_tag_at));
      }
    }
    return tags;
  }
  [[nodiscard]] std::string folder() const { return dnssec::key_folder(directory_, apex_); }
  dnssec::ZoneKey save_zsk(const dnssec::KeyTimes& times) const {
    dnssec::ZoneKey key(apex_, dnssec::flags_zsk,
                        dnssec::PrivateKey::generate(*dnssec::find_algorithm(uint8_t{13})).value());
    key.times = times;
    EXPECT_TRUE(dnssec::save_key(key, folder()));
    return key;
  }
  // Of a zone with KSK and ZSK.
  [[nodiscard]] dnssec::ZoneKey zsk() const {
    const auto keys = dnssec::load_keys(folder(), apex_).value();
    return *std::ranges::find_if(keys, [](const auto& key) { return !key.is_entry_point(); });
  }
  void change_policy(const std::function<void(config::PolicySetting&)>& change) {
    policy_ = std::make_shared<config::PolicySetting>(*policy_);
    change(*policy_);
  }
  void expect_good() const {
    EXPECT_THAT(dnssec::verify_zone(served(), {.now_s = clock_.wall_s()}).faults,
                testing::IsEmpty());
  }

  wire::Name apex_ = wire::Name::from_text("example").value();
  EpochBoard epochs_;
  ManualClock clock_;
  std::string directory_;
  std::shared_ptr<config::PolicySetting> policy_ = std::make_shared<config::PolicySetting>();
  std::atomic<bool> stop_{false};
  std::unique_ptr<zone::Memory> memory_;
  std::unique_ptr<ZoneTable> table_;
  std::unique_ptr<ZoneSet> set_;
};

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
  const auto free = dnssec::PrivateKey::generate(*dnssec::find_algorithm(dnssec::ed25519)).value();
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

  const wire::Name apex = wire::Name::from_text("example").value();
  dnssec::ZoneKey key(apex, dnssec::flags_zsk,
                      dnssec::PrivateKey::generate(*dnssec::find_algorithm(uint8_t{13})).value());
  key.times.publish = start_s;
  key.times.activate = start_s + 1000;
  ASSERT_TRUE(dnssec::save_key(key, dnssec::key_folder(directory_, apex)));
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
  const wire::Name apex = wire::Name::from_text("example").value();
  dnssec::ZoneKey key(apex, dnssec::flags_zsk,
                      dnssec::PrivateKey::generate(*dnssec::find_algorithm(uint8_t{13})).value());
  key.times.publish = start_s;
  key.times.activate = start_s + 1000;
  ASSERT_TRUE(dnssec::save_key(key, dnssec::key_folder(directory_, apex)));
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

TEST_F(SignedZoneSet, TheFirstCdsWaitsForTheSecondaries) {
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

TEST_F(SignedZoneSet, AZoneThatWasServedUnsignedWaitsForTheSecondariesToo) {
  const auto policy = std::exchange(policy_, nullptr);
  write(10);
  load();
  policy_ = policy;
  policy_->secondaries = {*parse_endpoint("192.0.2.2", 53)};
  reload();
  EXPECT_EQ(dnskey_count(), 1U);
  EXPECT_EQ(count_of(wire::type_cds), 0U);
}

TEST_F(SignedZoneSet, SecondariesThatAreNamedLaterTakeNoCdsAway) {
  write(10);
  load();
  EXPECT_EQ(count_of(wire::type_cds), 1U);
  change_policy([](config::PolicySetting& policy) {
    policy.secondaries = {*parse_endpoint("192.0.2.2", 53)};
  });
  reload();
  EXPECT_EQ(count_of(wire::type_cds), 1U);
}

TEST_F(SignedZoneSet, AKeyThatHasGoneDoesNotComeBackWithTheSecondaries) {
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

TEST_F(SignedZoneSet, AKeyThatHasGoneDoesNotComeBackWithALongerTtl) {
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

TEST_F(SignedZoneSet, ARollWaitsForTheSecondariesWhileTheZoneGoesUnsigned) {
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
