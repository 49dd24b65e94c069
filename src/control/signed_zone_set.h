// SPDX-License-Identifier: GPL-3.0-or-later
// A zone file, and the set that signs it by a clock that stands where the test puts it. For tests.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "base/epoch.h"
#include "control/zone_set.h"
#include "dnssec/key_file.h"
#include "dnssec/key_folder.h"
#include "dnssec/new_key.h"
#include "dnssec/rrsig.h"
#include "dnssec/zone_verifier.h"

namespace holdfast::control {

inline constexpr uint64_t start_s = 1'800'000'000;

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
  // With another tag than those that are there.
  [[nodiscard]] dnssec::ZoneKey make_key(uint16_t flags) const {
    const auto there = dnssec::load_keys(folder(), apex_).value();
    const auto make = [] {
      return dnssec::PrivateKey::generate(*dnssec::find_algorithm(uint8_t{13}));
    };
    return dnssec::make_new_key(apex_, flags, dnssec::TakenTags(there), make).value();
  }
  dnssec::ZoneKey save_zsk(const dnssec::KeyTimes& times) const {
    dnssec::ZoneKey key = make_key(dnssec::flags_zsk);
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

}  // namespace holdfast::control
