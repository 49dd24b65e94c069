// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/zone_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

namespace holdfast::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Zone files, zone memory and the set over them; `restart` makes the latter two anew.
class ZoneSetOnDisk : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "holdfast-zones-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    open();
  }
  void TearDown() override {
    set_.reset();
    memory_.reset();
    std::filesystem::remove_all(directory_);
  }
  void open() {
    auto memory = zone::Memory::open({.path = directory_ + "/zones.mem",
                                      .bytes_max = uint64_t{1} << 30,
                                      .hash_key = {.low = 1, .high = 2}},
                                     epochs_);
    ASSERT_TRUE(memory) << memory.error().message;
    memory_ = std::make_unique<zone::Memory>(*std::move(memory));
    table_ = std::make_unique<ZoneTable>();
    set_ = std::make_unique<ZoneSet>(*memory_, *table_, directory_, clock_);
  }
  void restart() {
    set_.reset();
    ASSERT_TRUE(memory_->close_clean());
    memory_.reset();
    open();
  }

  config::ZoneSource source(const std::string& name) const {
    return {name, directory_ + "/" + name + "zone"};
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(source(name).file) << text;
    // Older than the margin within which a change could hide behind the clock's tick.
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
  }
  void write_good(const std::string& name, uint32_t serial) const {
    write(name, "@ 3600 IN SOA ns." + name + " root." + name + " " + std::to_string(serial) +
                    " 3600 600 86400 300\n@ 3600 IN NS ns\nns 3600 IN A 192.0.2.1\n");
  }
  void load(const std::vector<std::string>& names, Start start = Start::cold,
            ZoneSet::Unlisted unlisted = ZoneSet::Unlisted::remove) {
    set_->first_load(sources(names), {}, start, unlisted, stop_, [](size_t, size_t) {});
  }
  std::vector<config::ZoneSource> sources(const std::vector<std::string>& names) const {
    std::vector<config::ZoneSource> result;
    for (const std::string& name : names) result.push_back(source(name));
    return result;
  }
  // The whole way of a reload whose plan is good.
  ReloadResult apply(ReloadPlan plan) {
    const auto staged = set_->stage(plan);
    EXPECT_TRUE(staged) << staged.error().message;
    return *set_->show_staged(plan);
  }
  ZoneRecord record(const std::string& name) const {
    return table_->find(name).value_or(ZoneRecord{});
  }
  std::optional<zone::ZoneView> view(const std::string& name) const {
    return memory_->find(wire::Name::from_text(name).value());
  }

  EpochBoard epochs_;
  SystemClock clock_;
  std::string directory_;
  std::unique_ptr<zone::Memory> memory_;
  std::unique_ptr<ZoneTable> table_;
  std::unique_ptr<ZoneSet> set_;
  std::atomic<bool> stop_{false};
};

TEST_F(ZoneSetOnDisk, GoodBadAndMissingFiles) {
  write_good("good.", 7);
  write("bad.", "@ 3600 IN SOA this is not one\n");
  load({"good.", "bad.", "missing."});
  EXPECT_EQ(record("good.").state, ZoneState::serving);
  EXPECT_EQ(record("good.").serial, 7U);
  EXPECT_EQ(record("good.").records, 3U);
  EXPECT_NE(record("good.").loaded_unix_s, 0U);
  EXPECT_EQ(record("bad.").state, ZoneState::failed);
  EXPECT_THAT(record("bad.").findings.at(0), HasSubstr(source("bad.").file + ":1"));
  EXPECT_EQ(record("missing.").state, ZoneState::failed);
  EXPECT_THAT(record("missing.").findings.at(0), HasSubstr(source("missing.").file));
  EXPECT_NE(record("missing.").failing_since_unix_s, 0U);
  ASSERT_TRUE(view("bad."));
  EXPECT_FALSE(view("bad.")->available());
  EXPECT_EQ(table_->counts(), (std::array<uint64_t, zone_states>{0, 1, 0, 2}));
}

TEST_F(ZoneSetOnDisk, ARestartReadsOnlyWhatChanged) {
  write_good("same.", 1);
  write_good("changed.", 1);
  load({"same.", "changed."});
  const uint64_t loaded = record("same.").loaded_unix_s;
  write_good("changed.", 2);
  restart();
  load({"same.", "changed."});
  EXPECT_EQ(record("same.").state, ZoneState::serving);
  EXPECT_EQ(record("same.").generation, 1U);
  EXPECT_EQ(record("same.").loaded_unix_s, loaded);
  EXPECT_EQ(record("changed.").serial, 2U);
  EXPECT_EQ(record("changed.").generation, 2U);
}

TEST_F(ZoneSetOnDisk, ARestartWithABrokenFileServesTheLastGood) {
  write_good("zone.", 1);
  load({"zone."});
  write("zone.", "broken\n");
  restart();
  load({"zone."});
  EXPECT_EQ(record("zone.").state, ZoneState::stale);
  EXPECT_EQ(record("zone.").serial, 1U);
  EXPECT_TRUE(view("zone.")->available());
  // And again: what is wrong is still told.
  restart();
  load({"zone."});
  EXPECT_EQ(record("zone.").state, ZoneState::stale);
  EXPECT_FALSE(record("zone.").findings.empty());
  write_good("zone.", 2);
  restart();
  load({"zone."});
  EXPECT_EQ(record("zone.").state, ZoneState::serving);
  EXPECT_EQ(record("zone.").serial, 2U);
}

TEST_F(ZoneSetOnDisk, ARespawnLeavesWhatIsServedAsItIs) {
  write_good("zone.", 1);
  load({"zone."});
  write_good("zone.", 2);
  restart();
  load({"zone."}, Start::respawn, ZoneSet::Unlisted::keep);
  EXPECT_EQ(record("zone.").state, ZoneState::serving);
  EXPECT_EQ(record("zone.").serial, 1U);
  // The reload that follows sees the change.
  const ReloadPlan plan = set_->plan_all(sources({"zone."}), {}, stop_);
  EXPECT_EQ(plan.updates.size(), 1U);
}

TEST_F(ZoneSetOnDisk, ZonesThatAreNoLongerConfiguredGo) {
  write_good("stays.", 1);
  write_good("goes.", 1);
  load({"stays.", "goes."});
  restart();
  load({"stays."}, Start::cold, ZoneSet::Unlisted::keep);
  EXPECT_TRUE(view("goes."));
  restart();
  load({"stays."});
  EXPECT_FALSE(view("goes."));
  EXPECT_TRUE(view("stays."));
}

TEST_F(ZoneSetOnDisk, LostZoneMemoryComesBackFromFilesAndWhereTheyAreBadFromTheJournal) {
  write_good("fine.", 1);
  write_good("breaks.", 1);
  write_good("missing.", 1);
  write_good("gone.", 1);
  load({"fine.", "breaks.", "missing.", "gone."});
  write_good("breaks.", 2);
  ASSERT_EQ(apply(set_->plan_all(sources({"fine.", "breaks.", "missing."}), {}, stop_)).updated,
            1U);
  write("breaks.", "broken\n");
  std::filesystem::remove(source("missing.").file);
  std::filesystem::remove(directory_ + "/zones.mem");
  set_.reset();
  memory_.reset();
  open();
  load({"fine.", "breaks.", "missing.", "gone.", "never."});
  EXPECT_EQ(record("fine.").state, ZoneState::serving);
  EXPECT_EQ(record("breaks.").state, ZoneState::stale);
  EXPECT_EQ(record("breaks.").serial, 2U);
  EXPECT_EQ(record("breaks.").records, 3U);
  EXPECT_EQ(record("missing.").state, ZoneState::stale);
  EXPECT_EQ(record("missing.").serial, 1U);
  EXPECT_EQ(record("gone.").state, ZoneState::serving) << "its file is good, so it is read";
  EXPECT_EQ(record("never.").state, ZoneState::failed);
}

TEST_F(ZoneSetOnDisk, AJournalThatWasLostIsWrittenAgain) {
  write_good("zone.", 1);
  load({"zone."});
  std::filesystem::remove(directory_ + "/zones.journal");
  restart();
  load({"zone."});
  EXPECT_EQ(record("zone.").state, ZoneState::serving);
  std::filesystem::remove(directory_ + "/zones.mem");
  write("zone.", "broken\n");
  set_.reset();
  memory_.reset();
  open();
  load({"zone."});
  EXPECT_EQ(record("zone.").state, ZoneState::stale);
  EXPECT_EQ(record("zone.").serial, 1U);
}

TEST_F(ZoneSetOnDisk, AReloadTouchesOnlyWhatChanged) {
  write_good("same.", 1);
  write_good("changed.", 1);
  write_good("removed.", 1);
  load({"same.", "changed.", "removed."});
  write_good("changed.", 2);
  write_good("added.", 5);
  ReloadPlan plan = set_->plan_all(sources({"same.", "changed.", "added."}), {}, stop_);
  EXPECT_THAT(plan.findings, IsEmpty());
  EXPECT_EQ(plan.updates.size(), 2U);
  EXPECT_EQ(record("changed.").serial, 1U) << "a plan changes nothing";
  const ReloadResult result = apply(std::move(plan));
  EXPECT_EQ(result.updated, 1U);
  EXPECT_EQ(result.added, 1U);
  EXPECT_EQ(result.removed, 1U);
  EXPECT_EQ(record("same.").generation, 1U);
  EXPECT_EQ(record("changed.").serial, 2U);
  EXPECT_EQ(record("added.").serial, 5U);
  EXPECT_FALSE(view("removed."));
  EXPECT_EQ(table_->size(), 3U);
}

TEST_F(ZoneSetOnDisk, AReloadThatIsDroppedChangesNothing) {
  write_good("changed.", 1);
  write_good("removed.", 1);
  load({"changed.", "removed."});
  write_good("changed.", 2);
  write_good("added.", 5);
  const ReloadPlan plan = set_->plan_all(sources({"changed.", "added."}), {}, stop_);
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(set_->stage(plan));
    set_->drop_staged();
    EXPECT_EQ(record("changed.").serial, 1U);
    EXPECT_EQ(view("changed.")->serial(), 1U);
    EXPECT_FALSE(view("added."));
    EXPECT_TRUE(view("removed."));
    EXPECT_EQ(table_->size(), 2U);
  }
  const ReloadResult result = apply(set_->plan_all(sources({"changed.", "added."}), {}, stop_));
  EXPECT_EQ(result.updated + result.added + result.removed, 3U);
  EXPECT_EQ(view("changed.")->serial(), 2U);
  EXPECT_EQ(view("added.")->serial(), 5U);
}

TEST_F(ZoneSetOnDisk, WhatMakesAFileBadIsToldFirst) {
  write("bad.",
        "@ 3600 IN SOA ns root 1 3600 600 86400 300\n@ 3600 IN NS ns\n"
        "a 3600 IN A 192.0.2.1\na 3600 IN A 192.0.2.1\na 3600 IN CNAME b\n");
  load({"bad."});
  ASSERT_GE(record("bad.").findings.size(), 2U);
  EXPECT_THAT(record("bad.").findings.front(), Not(HasSubstr("warning")));
}

TEST_F(ZoneSetOnDisk, AReloadWithABadZoneChangesNothing) {
  write_good("good.", 1);
  write_good("breaks.", 1);
  load({"good.", "breaks."});
  write_good("good.", 2);
  write("breaks.", "@ 3600 IN A not-an-address\n");
  const ReloadPlan plan = set_->plan_all(sources({"good.", "breaks."}), {}, stop_);
  ASSERT_FALSE(plan.findings.empty());
  EXPECT_THAT(plan.findings[0], HasSubstr(source("breaks.").file + ":1"));
  EXPECT_EQ(record("good.").serial, 1U);
  EXPECT_EQ(record("breaks.").state, ZoneState::serving);
}

TEST_F(ZoneSetOnDisk, AZoneThatIsStillBadKeepsRefusingReloadsWithItsFindings) {
  write("bad.", "broken\n");
  load({"bad."});
  const ReloadPlan plan = set_->plan_all(sources({"bad."}), {}, stop_);
  EXPECT_EQ(plan.findings, record("bad.").findings);
  write_good("bad.", 3);
  ReloadPlan mended = set_->plan_one(source("bad."), {});
  EXPECT_THAT(mended.findings, IsEmpty());
  EXPECT_THAT(apply(std::move(mended)).changes,
              ElementsAre("zone bad.: added with serial 3 and 3 records"));
  EXPECT_EQ(record("bad.").state, ZoneState::serving);
  EXPECT_EQ(record("bad.").failing_since_unix_s, 0U);
}

TEST_F(ZoneSetOnDisk, OtherLoadSettingsReadEverythingAgain) {
  write_good("zone.", 1);
  load({"zone."});
  zone::LoadOptions options;
  EXPECT_TRUE(set_->plan_all(sources({"zone."}), options, stop_).updates.empty());
  options.default_ttl = 60;
  EXPECT_EQ(set_->plan_all(sources({"zone."}), options, stop_).updates.size(), 1U);
}

TEST_F(ZoneSetOnDisk, ManyZonesPassThroughTheBoundedQueue) {
  std::vector<std::string> names;
  for (int i = 0; i < 500; ++i) {
    names.push_back("z" + std::to_string(i) + ".");
    std::ofstream(source(names.back()).file)
        << "@ 3600 IN SOA ns root " << i << " 3600 600 86400 300\n@ 3600 IN NS ns.example.\n";
  }
  size_t last = 0;
  set_->first_load(sources(names), {}, Start::cold, ZoneSet::Unlisted::remove, stop_,
                   [&](size_t done, size_t total) {
                     EXPECT_GE(done, last);
                     EXPECT_EQ(total, 500U);
                     last = done;
                   });
  EXPECT_EQ(last, 500U);
  EXPECT_EQ(table_->counts()[static_cast<size_t>(ZoneState::serving)], 500U);
  EXPECT_EQ(record("z499.").serial, 499U);
}

TEST_F(ZoneSetOnDisk, TransferSettingsAreThoseOfTheConfiguration) {
  write_good("own.", 1);
  const auto sources_with = [&](uint32_t receive_mebibytes_max) {
    const auto transfer = std::make_shared<config::TransferSetting>();
    transfer->receive_mebibytes_max = receive_mebibytes_max;
    std::vector<config::ZoneSource> all{source("own."), {"secondary.", ""}};
    for (config::ZoneSource& of : all) of.transfer = transfer;
    return all;
  };
  const auto expect = [&](uint32_t receive_mebibytes_max) {
    for (const std::string zone : {"own.", "secondary."}) {
      ASSERT_NE(record(zone).transfer, nullptr) << zone;
      EXPECT_EQ(record(zone).transfer->receive_mebibytes_max, receive_mebibytes_max) << zone;
    }
  };
  set_->first_load(sources_with(1), {}, Start::cold, ZoneSet::Unlisted::remove, stop_,
                   [](size_t, size_t) {});
  expect(1);
  ReloadPlan plan = set_->plan_all(sources_with(2), {}, stop_);
  EXPECT_THAT(plan.updates, IsEmpty());
  expect(1);
  apply(std::move(plan));
  expect(2);
  EXPECT_THAT(set_->plan_all(sources_with(2), {}, stop_).transfers, IsEmpty());
}

}  // namespace
}  // namespace holdfast::control
