// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/zone_printer.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "zone/loader.h"
#include "zone/memory.h"

namespace holdfast::control {
namespace {

constexpr std::string_view zone_text =
    "$ORIGIN example.com.\n"
    "@ 3600 IN NS ns\n"
    "@ 3600 IN SOA ns root 5 3600 600 86400 300\n"
    "ns 60 IN A 192.0.2.1\n"
    "a.Deep 60 IN TXT \"x\"\n";

class ZonePrinting : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "holdfast-print-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    auto memory = zone::Memory::open({.path = directory_ + "/zones.mem",
                                      .bytes_max = uint64_t{1} << 30,
                                      .hash_key = {.low = 1, .high = 2}},
                                     epochs_);
    ASSERT_TRUE(memory) << memory.error().message;
    memory_ = std::make_unique<zone::Memory>(*std::move(memory));
    const auto loaded = zone::load_zone_text(zone_text, "test", apex_, {});
    ASSERT_TRUE(loaded.contents);
    ASSERT_TRUE(memory_->publish(*loaded.contents, {}));
    printers_ = std::make_unique<ZonePrinters>(memory_->reader(), epochs_);
  }
  void TearDown() override {
    memory_.reset();
    std::filesystem::remove_all(directory_);
  }

  EpochBoard epochs_;
  wire::Name apex_ = wire::Name::from_text("example.com.").value();
  std::string directory_;
  std::unique_ptr<zone::Memory> memory_;
  std::unique_ptr<ZonePrinters> printers_;
};

TEST_F(ZonePrinting, GivesTheZoneFileWithItsSoaFirst) {
  const auto printer = printers_->begin(apex_);
  ASSERT_TRUE(printer) << printer.error().message;
  EXPECT_EQ((*printer)->next_chunk(),
            "example.com. 3600 IN SOA ns.example.com. root.example.com. 5 3600 600 86400 300\n"
            "example.com. 3600 IN NS ns.example.com.\n"
            "a.Deep.example.com. 60 IN TXT \"x\"\n"
            "ns.example.com. 60 IN A 192.0.2.1\n");
  EXPECT_EQ((*printer)->next_chunk(), "");
}

TEST_F(ZonePrinting, AZoneThatIsNotThereIsAnError) {
  EXPECT_FALSE(printers_->begin(wire::Name::from_text("sub.example.com.").value()));
  EXPECT_FALSE(printers_->begin(wire::Name::from_text("other.").value()));
  const auto empty = wire::Name::from_text("empty.").value();
  ASSERT_TRUE(memory_->publish_unavailable(empty));
  EXPECT_FALSE(printers_->begin(empty));
}

TEST_F(ZonePrinting, PrintersAreBoundedAndPinTheEpochWhileTheyLive) {
  std::vector<std::shared_ptr<ZonePrinter>> printers;
  for (size_t i = 0; i < exchange::control_readers; ++i) {
    auto printer = printers_->begin(apex_);
    ASSERT_TRUE(printer);
    printers.push_back(*std::move(printer));
  }
  EXPECT_FALSE(printers_->begin(apex_));
  const uint64_t epoch = epochs_.advance();
  EXPECT_FALSE(epochs_.all_readers_beyond(epoch));
  printers.clear();
  EXPECT_TRUE(epochs_.all_readers_beyond(epoch));
  EXPECT_TRUE(printers_->begin(apex_));
}

}  // namespace
}  // namespace holdfast::control
