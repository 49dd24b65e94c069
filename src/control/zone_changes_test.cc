// SPDX-License-Identifier: GPL-3.0-or-later
// Changes of signed zones name by name: reloads, rollbacks, differences from primaries.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "control/zone_set.h"
#include "dnssec/zone_verifier.h"
#include "transfer/apply_differences.h"

namespace holdfast::control {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* zone_name = "example.test.";

class ZoneChanges : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "holdfast-changes-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    auto memory = zone::Memory::open({.path = directory_ + "/zones.mem",
                                      .bytes_max = uint64_t{1} << 30,
                                      .hash_key = {.low = 1, .high = 2}},
                                     epochs_);
    ASSERT_TRUE(memory) << memory.error().message;
    memory_ = std::make_unique<zone::Memory>(*std::move(memory));
    set_ = std::make_unique<ZoneSet>(*memory_, table_, directory_, clock_);
    set_->when_published([this](wire::NameView) { ++told_; });
  }
  void TearDown() override {
    set_.reset();
    memory_.reset();
    std::filesystem::remove_all(directory_);
  }

  config::ZoneSource source() const { return {zone_name, directory_ + "/zone", policy_, nullptr}; }
  void write(uint32_t serial, const std::string& records) const {
    std::ofstream(directory_ + "/zone")
        << "$TTL 300\n@ SOA ns root " << serial << " 3600 600 86400 300\n@ NS ns\n"
        << "ns A 192.0.2.1\n"
        << records;
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
  }
  void load() {
    const std::vector<config::ZoneSource> sources{source()};
    set_->first_load(sources, {}, Start::cold, ZoneSet::Unlisted::remove, stop_,
                     [](size_t, size_t) {});
  }
  // Whether a change alone was signed.
  bool reload() {
    ReloadPlan plan = set_->plan_one(source(), {});
    EXPECT_THAT(plan.findings, IsEmpty());
    const bool is_change = plan.updates.at(0).change.has_value();
    EXPECT_TRUE(set_->stage(plan));
    EXPECT_TRUE(set_->show_staged(plan));
    return is_change;
  }
  zone::ZoneView view() const { return *memory_->find(wire::Name::from_text(zone_name).value()); }
  bool has(const std::string& name) const {
    const wire::Name owner = wire::Name::from_text(name).value();
    const wire::SuffixHashes hashes(owner, memory_->reader().hash_key());
    return view().find(owner, hashes, owner.view().label_count()).has_value();
  }
  void expect_holds() const {
    const auto contents = contents_of(view());
    ASSERT_TRUE(contents);
    const auto verified = dnssec::verify_zone(*contents, {.now_s = clock_.wall_s()});
    EXPECT_THAT(verified.faults, IsEmpty());
    EXPECT_GT(verified.signatures, 5U);
  }

  std::string directory_;
  EpochBoard epochs_;
  SystemClock clock_;
  std::atomic<bool> stop_{false};
  ZoneTable table_;
  std::unique_ptr<zone::Memory> memory_;
  std::unique_ptr<ZoneSet> set_;
  std::shared_ptr<const config::PolicySetting> policy_ =
      std::make_shared<const config::PolicySetting>(config::PolicySetting{.name = "default"});
  int told_ = 0;
};

TEST_F(ZoneChanges, AReloadSignsWhatHasChanged) {
  for (const auto denial : {config::SigningDenial::nsec, config::SigningDenial::nsec3}) {
    config::PolicySetting policy{.name = "p"};
    policy.denial = denial;
    policy_ = std::make_shared<const config::PolicySetting>(policy);
    write(1, "www A 192.0.2.2\na.b A 192.0.2.3\nsub NS ns.other.test.\n");
    load();
    expect_holds();
    const uint32_t before = view().serial();
    write(1, "www A 192.0.2.9\nc.b A 192.0.2.3\nsub NS ns.other.test.\n");
    EXPECT_TRUE(reload());
    EXPECT_EQ(view().serial(), before + 1);  // the file's own did not rise
    EXPECT_TRUE(has("c.b.example.test"));
    EXPECT_FALSE(has("a.b.example.test"));
    expect_holds();
    const uint32_t generation = view().generation();
    EXPECT_TRUE(reload());
    EXPECT_EQ(view().generation(), generation);  // nothing had changed
    write(100, "www A 192.0.2.9\nc.b A 192.0.2.3\nsub NS ns.other.test.\n");
    EXPECT_TRUE(reload());
    EXPECT_EQ(view().serial(), 100U);
    expect_holds();
    set_->first_load({}, {}, Start::cold, ZoneSet::Unlisted::remove, stop_, [](size_t, size_t) {});
  }
}

TEST_F(ZoneChanges, WhereMuchChangesAllIsSigned) {
  write(1, "www A 192.0.2.2\n");
  load();
  std::string records;
  for (int i = 0; i < 50; ++i) records += "h" + std::to_string(i) + " A 192.0.2.3\n";
  write(2, records);
  EXPECT_FALSE(reload());
  expect_holds();
}

TEST_F(ZoneChanges, ASignedZoneGoesBackToWhatItWas) {
  write(1, "www A 192.0.2.2\nold A 192.0.2.3\n");
  load();
  write(2, "www A 192.0.2.9\nnew A 192.0.2.3\n");
  EXPECT_TRUE(reload());
  write(3, "www A 192.0.2.10\nnewer A 192.0.2.3\n");
  EXPECT_TRUE(reload());
  const auto back = set_->roll_back(zone_name, 1);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_THAT(*back, HasSubstr("as it was at serial 1"));
  EXPECT_EQ(view().serial(), 4U);
  EXPECT_TRUE(has("old.example.test"));
  EXPECT_FALSE(has("newer.example.test"));
  expect_holds();
  EXPECT_EQ(set_->history().list(view().apex()).back().to, 4U);
  const auto forth = set_->roll_back(zone_name, 3);
  ASSERT_TRUE(forth) << forth.error().message;
  EXPECT_TRUE(has("newer.example.test"));
  expect_holds();
}

TEST_F(ZoneChanges, DifferencesFromAPrimaryAreAppliedOrRefusedWhole) {
  policy_ = nullptr;
  write(1, "www A 192.0.2.2\n");
  load();
  write(2, "www A 192.0.2.9\nmail A 192.0.2.3\n");
  EXPECT_FALSE(reload());
  const wire::Name apex(view().apex());
  const std::vector<transfer::Difference> forth = set_->history().chain(apex, 1, 2);
  ASSERT_EQ(forth.size(), 1U);
  // The same zone as a secondary one, at the first version.
  write(1, "www A 192.0.2.2\n");
  set_->first_load({}, {}, Start::cold, ZoneSet::Unlisted::remove, stop_, [](size_t, size_t) {});
  load();
  EXPECT_FALSE(set_->amend_received(apex, forth, "test").has_value());  // it has a file
  ZoneRecord record = *table_.find(zone_name);
  record.file.clear();
  table_.put(zone_name, record);
  told_ = 0;
  ASSERT_TRUE(set_->amend_received(apex, forth, "IXFR from a test").has_value());
  EXPECT_EQ(view().serial(), 2U);
  EXPECT_TRUE(has("mail.example.test"));
  EXPECT_EQ(told_, 1);
  EXPECT_EQ(table_.find(zone_name)->serial, 2U);
  EXPECT_EQ(set_->history().list(apex).back().source, "IXFR from a test");
  const auto again = set_->amend_received(apex, forth, "test");
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("no longer"));
}

}  // namespace
}  // namespace holdfast::control
