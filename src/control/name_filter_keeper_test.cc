// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/name_filter_keeper.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

#include "zone/loader.h"

namespace holdfast::control {
namespace {

using Verdict = shield::NameFilterWriter::Verdict;

constexpr std::string_view zone_text =
    "$TTL 300\n"
    "@ IN SOA ns root 5 3600 600 86400 300\n"
    "@ IN NS ns\n"
    "ns IN A 192.0.2.1\n"
    "a.b.Deep IN TXT \"x\"\n"
    "child IN NS ns.child\n"
    "ns.child IN A 192.0.2.2\n"
    "*.wild IN A 192.0.2.3\n"
    "there.wild IN A 192.0.2.4\n"
    "moved IN DNAME example.net.\n";

class NameFilterKeeping : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "holdfast-names-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    auto memory = zone::Memory::open({.path = directory_ + "/zones.mem",
                                      .bytes_max = uint64_t{1} << 30,
                                      .hash_key = {.low = 1, .high = 2}},
                                     epochs_);
    ASSERT_TRUE(memory) << memory.error().message;
    memory_ = std::make_unique<zone::Memory>(*std::move(memory));
    publish(apex_, std::string(zone_text));
    shield::NameFilterWriter::set_key(*filter_, {0x6a09e667f3bcc908, 0xbb67ae8584caa73b});
    clock_.advance_ms(5000);
    keeper_ = std::make_unique<NameFilterKeeper>(*filter_, *memory_, clock_);
  }
  void TearDown() override {
    memory_.reset();
    std::filesystem::remove_all(directory_);
  }

  void publish(const wire::Name& apex, const std::string& text) {
    const auto loaded = zone::load_zone_text(text, "test", apex, {});
    ASSERT_TRUE(loaded.contents);
    ASSERT_TRUE(memory_->publish(*loaded.contents, {}));
  }
  void follow(const std::vector<wire::Name>& attacked) {
    clock_.advance_ms(NameFilterKeeper::pause_ms);
    keeper_->follow(attacked);
  }
  [[nodiscard]] Verdict judge(const std::string& name) const {
    return shield::NameFilterWriter::judge(*filter_, *wire::Name::from_text(name));
  }

  EpochBoard epochs_;
  ManualClock clock_;
  wire::Name apex_ = wire::Name::from_text("example.com.").value();
  std::string directory_;
  std::unique_ptr<zone::Memory> memory_;
  std::unique_ptr<NameFilter> filter_ = std::make_unique<NameFilter>();
  std::unique_ptr<NameFilterKeeper> keeper_;
};

TEST_F(NameFilterKeeping, EveryNameThatHasAnAnswerExists) {
  EXPECT_EQ(judge("random.example.com."), Verdict::elsewhere);
  follow({apex_});
  for (const char* name :
       {"example.com.", "NS.example.com.", "deep.example.com.", "b.deep.example.com.",
        "a.b.deep.example.com.", "child.example.com.", "x.y.child.example.com.",
        "ns.child.example.com.", "wild.example.com.", "anything.wild.example.com.",
        "there.wild.example.com.", "x.y.z.wild.example.com.", "*.wild.example.com.",
        "moved.example.com.", "x.y.moved.example.com."}) {
    EXPECT_EQ(judge(name), Verdict::exists) << name;
  }
  for (const char* name : {"random.example.com.", "x.ns.example.com.", "c.b.deep.example.com.",
                           "x.a.b.deep.example.com."}) {
    EXPECT_EQ(judge(name), Verdict::absent) << name;
  }
  follow({});
  EXPECT_EQ(judge("random.example.com."), Verdict::elsewhere);
}

TEST_F(NameFilterKeeping, ANewNameIsNeverMissed) {
  follow({apex_});
  EXPECT_EQ(judge("new.example.com."), Verdict::absent);
  keeper_->suspend();
  EXPECT_EQ(judge("new.example.com."), Verdict::elsewhere);
  publish(apex_, std::string(zone_text) + "new IN A 192.0.2.9\n");
  keeper_->follow({{apex_}});
  EXPECT_EQ(judge("random.example.com."), Verdict::elsewhere) << "not twice in a second";
  follow({apex_});
  EXPECT_EQ(judge("new.example.com."), Verdict::exists);
  EXPECT_EQ(judge("random.example.com."), Verdict::absent);
}

TEST_F(NameFilterKeeping, ZonesComeAndGo) {
  const auto other = wire::Name::from_text("example.org.").value();
  publish(other, std::string(zone_text));
  const auto unknown = wire::Name::from_text("example.net.").value();
  follow({other, apex_, unknown});
  EXPECT_EQ(judge("random.example.com."), Verdict::absent);
  EXPECT_EQ(judge("random.example.org."), Verdict::absent);
  EXPECT_EQ(judge("random.example.net."), Verdict::elsewhere) << "no zone of ours";
  follow({other});
  EXPECT_EQ(judge("random.example.com."), Verdict::elsewhere);
  EXPECT_EQ(judge("random.example.org."), Verdict::absent);
}

TEST_F(NameFilterKeeping, AZoneBelowHasNamesOfItsOwn) {
  publish(wire::Name::from_text("Sub.example.com.").value(), std::string(zone_text));
  follow({apex_});
  EXPECT_EQ(judge("x.sub.example.com."), Verdict::exists) << "which nothing delegates to";
  EXPECT_EQ(judge("x.other.example.com."), Verdict::absent);
}

TEST_F(NameFilterKeeping, WhatDeniesAName) {
  follow({apex_});
  const auto& denial = filter_->tables[filter_->current & 1].denials[0];
  EXPECT_EQ(denial.apex_bytes, 13);
  EXPECT_EQ(denial.is_signed, 0);
  const auto* record = reinterpret_cast<const uint8_t*>(denial.record);
  // RFC 1035 §3.3.13: two names, which are whole here, and five numbers.
  const size_t rdata_bytes = 3 + 13 + 5 + 13 + 20;
  ASSERT_EQ(denial.bytes, 12 + rdata_bytes);
  EXPECT_EQ(load_be16(record + 2), wire::type_soa);
  EXPECT_EQ(load_be16(record + 4), 1);
  EXPECT_EQ(load_be32(record + 6), 300U);
  EXPECT_EQ(load_be16(record + 10), rdata_bytes);
  EXPECT_EQ(load_be32(record + denial.bytes - 20), 5U) << "the serial";
  publish(apex_, "$TTL 90\n" + std::string(zone_text).substr(9));
  follow({apex_});
  const auto& again = filter_->tables[filter_->current & 1].denials[0];
  EXPECT_EQ(load_be32(reinterpret_cast<const uint8_t*>(again.record) + 6), 90U);
}

TEST_F(NameFilterKeeping, AWildcardAtTheApexLeavesTheZoneAlone) {
  publish(apex_, std::string(zone_text) + "* IN A 192.0.2.9\n");
  follow({apex_});
  EXPECT_EQ(judge("random.example.com."), Verdict::exists);
}

}  // namespace
}  // namespace holdfast::control
