// SPDX-License-Identifier: GPL-3.0-or-later
// What the next start finds: after a clean end, a killed writer, a restart of the machine, damage,
// a full disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "base/test_full_disk.h"
#include "zone/layout.h"
#include "zone/memory_model.h"

namespace holdfast::zone {
namespace {

using testing::HasSubstr;
using Origin = Memory::Origin;

constexpr uint32_t model_zones = 12;

ModelZone model(uint32_t index) {
  return {"zone" + std::to_string(index) + ".example.", 1 + index * index};
}

class MemoryCrashTest : public testing::Test {
 protected:
  [[nodiscard]] Memory open() {
    auto memory = Memory::open(sample_options(folder_.file()), epochs_);
    EXPECT_TRUE(memory.has_value()) << (memory ? "" : memory.error().message);
    CHECK(memory.has_value());
    return std::move(*memory);
  }
  static void publish(Memory& memory, const ModelZone& zone, uint32_t serial) {
    SampleZone version = zone.version(serial);
    const auto published = memory.publish(version.finish(), nullptr);
    ASSERT_TRUE(published.has_value()) << published.error().message;
  }
  void overwrite(uint64_t offset, const std::vector<char>& bytes) {
    std::fstream file(folder_.file(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    CHECK(file.good());
  }
  [[nodiscard]] bool has_bad_file() const {
    return std::filesystem::exists(folder_.file() + ".bad");
  }

  SampleFolder folder_;
  EpochBoard epochs_;
};

// Every zone is whole; the highest serial there is.
uint32_t check_all(const Memory& memory) {
  uint32_t highest = 0;
  const MemoryReader reader = memory.reader();
  memory.for_each_zone([&](const ZoneView& zone) {
    if (!zone.available()) return;
    const std::string apex = zone.apex().to_text();
    const auto index = static_cast<uint32_t>(std::stoul(apex.substr(4)));
    EXPECT_EQ(model(index).trouble_with(reader, zone), "");
    highest = std::max(highest, zone.serial());
  });
  return highest;
}

// Some zones at once, shown or dropped.
bool change_together(Memory& memory, std::mt19937& random, uint32_t serial) {
  for (uint32_t index = 0; index < model_zones; ++index) {
    if (random() % 3 != 0) continue;
    SampleZone version = model(index).version(serial);
    if (!memory.stage(version.finish(), nullptr)) return false;
  }
  if (random() % 4 != 0) return memory.show_staged().has_value();
  memory.drop_staged();
  return true;
}

[[noreturn]] void change_until_killed(Memory memory, uint32_t serial) {
  std::mt19937 random(serial);
  while (true) {
    const ModelZone zone = model(static_cast<uint32_t>(random() % model_zones));
    if (random() % 16 == 0) {
      memory.remove(sample_name(zone.apex()));
    } else if (random() % 8 == 0) {
      if (!change_together(memory, random, ++serial)) ::_exit(1);
    } else {
      SampleZone version = zone.version(++serial);
      if (!memory.publish(version.finish(), nullptr)) ::_exit(1);
    }
    if (random() % 2 == 0) memory.reclaim();
    if (!memory.grow_ahead()) ::_exit(1);
  }
}

TEST_F(MemoryCrashTest, EveryZoneIsWholeAfterTheWriterWasKilled) {
  constexpr int rounds = 150;
  std::mt19937 random(1);
  uint32_t serial = 1;
  uint64_t bytes_before = 0;
  for (int round = 0; round < rounds; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      MemoryOptions options = sample_options(folder_.file());
      options.growth_ahead = {.slots_min = 16, .step_bytes = 256};
      auto memory = Memory::open(options, epochs_);
      if (!memory || memory->origin() == Origin::discarded) ::_exit(2);
      change_until_killed(std::move(*memory), serial);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(500 + random() % 12000));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "round " << round << " ended by itself: " << status;
    if (!std::filesystem::exists(folder_.file())) continue;  // killed before it was made
    Memory memory = open();
    ASSERT_EQ(memory.origin(), Origin::kept_after_crash) << memory.discard_reason();
    serial = std::max(serial, check_all(memory)) + 1;
    // What was put in order can be changed, and nothing is lost for good.
    publish(memory, model(static_cast<uint32_t>(round) % model_zones), ++serial);
    ASSERT_EQ(check_all(memory), serial);
    memory.reclaim();
    ASSERT_EQ(memory.use().retired_bytes, 0U);
    if (round == rounds / 2) bytes_before = memory.use().file_bytes;
    if (HasFailure()) return;
  }
  Memory memory = open();
  EXPECT_GT(serial, 100U);
  EXPECT_LE(memory.use().file_bytes, bytes_before + (1 << 20));
  for (uint32_t i = 0; i < model_zones; ++i) memory.remove(sample_name(model(i).apex()));
  memory.reclaim();
  memory.reclaim();
  EXPECT_EQ(memory.use().nodes, 0U);
  EXPECT_LT(memory.use().live_bytes, 100000U);
}

TEST_F(MemoryCrashTest, CleanEndIsKept) {
  {
    Memory memory = open();
    EXPECT_EQ(memory.origin(), Origin::made_new);
    for (uint32_t i = 0; i < model_zones; ++i) publish(memory, model(i), 5 + i);
    ASSERT_TRUE(memory.publish_unavailable(sample_name("empty.example")).has_value());
    ASSERT_TRUE(memory.close_clean().has_value());
  }
  Memory memory = open();
  EXPECT_EQ(memory.origin(), Origin::kept_after_clean_end);
  EXPECT_EQ(memory.use().zones, model_zones + 1);
  EXPECT_EQ(check_all(memory), 5 + model_zones - 1);
  EXPECT_FALSE(memory.find(sample_name("empty.example"))->available());
}

// As if the machine had restarted: the file carries another boot id.
TEST_F(MemoryCrashTest, RestartOfTheMachineKeepsOnlyACleanEnd) {
  constexpr uint64_t boot_id = offsetof(layout::FileHeader, boot_id);
  {
    Memory memory = open();
    publish(memory, model(3), 1);
    ASSERT_TRUE(memory.close_clean().has_value());
  }
  overwrite(boot_id, std::vector<char>(40, 'x'));
  {
    Memory memory = open();
    EXPECT_EQ(memory.origin(), Origin::kept_after_clean_end);
    EXPECT_EQ(check_all(memory), 1U);
    publish(memory, model(3), 2);
  }
  overwrite(boot_id, std::vector<char>(40, 'y'));
  Memory memory = open();
  EXPECT_EQ(memory.origin(), Origin::discarded);
  EXPECT_THAT(memory.discard_reason(), HasSubstr("not closed before the machine restarted"));
  EXPECT_EQ(memory.use().zones, 0U);
  EXPECT_FALSE(has_bad_file());
}

TEST_F(MemoryCrashTest, ChangesAfterACleanCloseTakeTheMarkAway) {
  {
    Memory memory = open();
    publish(memory, model(3), 1);
    ASSERT_TRUE(memory.close_clean().has_value());
    publish(memory, model(3), 2);
  }
  EXPECT_EQ(open().origin(), Origin::kept_after_crash);
}

TEST_F(MemoryCrashTest, ForeignFileIsKeptAside) {
  std::ofstream(folder_.file()) << "something else";
  {
    Memory memory = open();
    EXPECT_EQ(memory.origin(), Origin::discarded);
    EXPECT_THAT(memory.discard_reason(), HasSubstr("not zone memory of format"));
    EXPECT_TRUE(has_bad_file());
    publish(memory, model(2), 1);
  }
  EXPECT_EQ(open().origin(), Origin::kept_after_crash);
}

TEST_F(MemoryCrashTest, OnlyOneWriter) {
  const Memory memory = open();
  const auto second = Memory::open(sample_options(folder_.file()), epochs_);
  ASSERT_FALSE(second.has_value());
  EXPECT_THAT(second.error().message, HasSubstr("another process has it open"));
}

TEST_F(MemoryCrashTest, TheNextWriterWaitsForTheEndOfTheOneBefore) {
  std::optional<Memory> first = open();
  publish(*first, model(3), 1);
  std::thread ending([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    first.reset();
  });
  MemoryOptions options = sample_options(folder_.file());
  options.lock_wait_ms = 60'000;
  const auto second = Memory::open(options, epochs_);
  ending.join();
  ASSERT_TRUE(second.has_value()) << second.error().message;
  EXPECT_EQ(second->origin(), Origin::kept_after_crash);
}

// Damage is found, or does no harm: what was kept can be read to the end.
TEST_F(MemoryCrashTest, DamageIsFoundOrHarmless) {
  {
    Memory memory = open();
    for (uint32_t i = 0; i < model_zones; ++i) publish(memory, model(i), i + 1);
  }
  std::filesystem::copy_file(folder_.file(), folder_.file() + ".good");
  std::mt19937 random(5);
  uint64_t live = open().use().live_bytes;
  int discarded = 0;
  for (int round = 0; round < 150; ++round) {
    std::filesystem::copy_file(folder_.file() + ".good", folder_.file(),
                               std::filesystem::copy_options::overwrite_existing);
    for (auto count = 1 + random() % 4; count > 0; --count) {
      const uint64_t offset = layout::file_header_bytes + random() % live;
      overwrite(offset, {static_cast<char>(random())});
    }
    Memory memory = open();
    if (memory.origin() == Origin::discarded) ++discarded;
    size_t bytes = 0;
    memory.for_each_zone([&](const ZoneView& zone) {
      bytes += zone.nsec_at_or_before(zone.apex()).has_value() ? 1U : 0U;
      zone.for_each_node([&](const NodeView& node) {
        for (size_t i = 0; i < node.rrset_count(); ++i) {
          for (const uint8_t byte : node.rrset_at(i).records) bytes += byte;
        }
      });
    });
    publish(memory, model(1), 1000);
  }
  EXPECT_GT(discarded, 20);
  EXPECT_LT(discarded, 150);
}

TEST_F(MemoryCrashTest, ReadersOfADamagedFileKeepItBesideTheNewOne) {
  {
    Memory memory = open();
    publish(memory, model(4), 1);
  }
  const auto old_base = map_memory_for_reading(folder_.file(), uint64_t{4} << 30);
  ASSERT_TRUE(old_base.has_value());
  const MemoryReader old_reader(*old_base);
  const uint64_t zone_table_word = offsetof(layout::FileHeader, zone_table);
  overwrite(zone_table_word, {1, 2, 3, 4, 5, 6, 7, 8});
  Memory memory = open();
  ASSERT_EQ(memory.origin(), Origin::discarded);
  EXPECT_TRUE(has_bad_file());
  publish(memory, model(4), 2);
  const auto new_base = map_memory_for_reading(folder_.file(), uint64_t{4} << 30);
  ASSERT_TRUE(new_base.has_value());
  EXPECT_NE(MemoryReader(*new_base).instance(), old_reader.instance());
  EXPECT_EQ(MemoryReader(*new_base).zone_count(), 1U);
}

// A reader that began before the writer died keeps its version while the next writer works.
TEST_F(MemoryCrashTest, ReadersOutliveTheWriter) {
  const ModelZone zone = model(7);
  {
    Memory memory = open();
    publish(memory, zone, 1);
  }
  const auto base = map_memory_for_reading(folder_.file(), uint64_t{4} << 30);
  ASSERT_TRUE(base.has_value());
  const MemoryReader reader(*base);
  const wire::Name apex = sample_name(zone.apex());
  const wire::SuffixHashes hashes(apex, reader.hash_key());
  epochs_.enter(9);
  const auto first = reader.find_zone(apex, hashes, MemoryReader::Search::at_or_above);
  for (uint32_t serial = 2; serial < 40; ++serial) {
    Memory memory = open();
    ASSERT_EQ(memory.origin(), Origin::kept_after_crash);
    if (serial % 10 == 0) {
      memory.remove(apex);
    } else {
      publish(memory, zone, serial);
    }
    ASSERT_EQ(zone.trouble_with(reader, *first), "");
    ASSERT_EQ(first->serial(), 1U);
  }
  epochs_.leave(9);
  Memory memory = open();
  EXPECT_EQ(memory.use().retired_bytes, 0U);
  EXPECT_EQ(check_all(memory), 39U);
}

TEST_F(MemoryCrashTest, FullDiskLeavesTheOldVersion) {
  Memory memory = open();
  publish(memory, model(5), 1);
  std::optional<FullDisk> full(std::in_place, memory.use().file_bytes);
  const ModelZone large("zone5.example.", 40000);
  SampleZone version = large.version(2);
  const auto refused = memory.publish(version.finish(), nullptr);
  SampleZone unknown("zone9.example.");
  for (uint32_t i = 0; i < 40000; ++i) unknown.a(std::to_string(i) + ".zone9.example", i);
  const auto refused_new = memory.publish(unknown.finish(), nullptr);
  full.reset();
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr(folder_.file() + ": cannot grow from"));
  EXPECT_FALSE(refused_new.has_value());
  EXPECT_FALSE(memory.find(sample_name("zone9.example")).has_value());
  EXPECT_EQ(check_all(memory), 1U);
  publish(memory, model(5), 3);
  EXPECT_EQ(check_all(memory), 3U);
  publish(memory, large, 4);
  EXPECT_EQ(large.trouble_with(memory.reader(), *memory.find(sample_name("zone5.example"))), "");
}

// Runs into the file's limit again and again, at ever other places.
TEST_F(MemoryCrashTest, LimitIsMetWithoutHarm) {
  MemoryOptions options = sample_options(folder_.file());
  options.bytes_max = 1536 * 1024;
  Memory memory = std::move(*Memory::open(options, epochs_));
  std::mt19937 random(2);
  int refused = 0;
  std::array<uint32_t, model_zones> serials{};
  for (uint32_t serial = 1; serial < 300; ++serial) {
    const auto index = static_cast<uint32_t>(random() % model_zones);
    const ModelZone filler("filler.example.", static_cast<uint32_t>(random() % 12000));
    SampleZone filling = filler.version(serial);
    if (random() % 4 == 0 && !memory.publish(filling.finish(), nullptr)) ++refused;
    SampleZone version = model(index).version(serial);
    if (memory.publish(version.finish(), nullptr)) {
      serials[index] = serial;
    } else {
      ++refused;
    }
    if (random() % 8 == 0) memory.remove(sample_name("filler.example"));
    for (uint32_t i = 0; i < model_zones; ++i) {
      const auto zone = memory.find(sample_name(model(i).apex()));
      ASSERT_EQ(zone.has_value(), serials[i] != 0);
      if (!zone) continue;
      ASSERT_EQ(zone->serial(), serials[i]);
      if (i != index) continue;
      ASSERT_EQ(model(i).trouble_with(memory.reader(), *zone), "");
    }
  }
  EXPECT_GT(refused, 10);
  memory.remove(sample_name("filler.example"));
  for (uint32_t i = 0; i < model_zones; ++i) memory.remove(sample_name(model(i).apex()));
  memory.reclaim();
  EXPECT_EQ(memory.use().retired_bytes, 0U);
  EXPECT_EQ(memory.use().nodes, 0U);
  EXPECT_LT(memory.use().live_bytes, 400000U);  // tables for as many names as there were
}

// New zones until there is no room, with the limit falling on every kind of growth in turn.
TEST_F(MemoryCrashTest, RefusedNewZoneLeavesNothingBehind) {
  MemoryOptions options = sample_options(folder_.file());
  options.bytes_max = 1 << 20;
  Memory memory = std::move(*Memory::open(options, epochs_));
  uint64_t live_bytes = 0;
  for (uint32_t round = 0; round < 60; ++round) {
    const ModelZone filler("filler.example.", 3000 + 17 * round);
    SampleZone filling = filler.version(1);
    ASSERT_TRUE(memory.publish(filling.finish(), nullptr).has_value());
    uint32_t zones = 0;
    const auto publish_next = [&] {
      const std::string apex = "new" + std::to_string(zones) + ".example.";
      SampleZone zone(apex);
      zone.soa(1);
      if (zones % 3 == 0) zone.a("www." + apex, 1);
      return memory.publish(zone.finish(), nullptr).has_value();
    };
    while (publish_next()) ++zones;
    ASSERT_GT(zones, 10U);
    ASSERT_FALSE(memory.find(sample_name("new" + std::to_string(zones) + ".example")));
    ASSERT_EQ(memory.use().zones, zones + 1);
    memory.remove(sample_name("filler.example"));
    memory.reclaim();
    ASSERT_TRUE(publish_next());
    for (uint32_t i = 0; i <= zones; ++i) {
      ASSERT_TRUE(memory.remove(sample_name("new" + std::to_string(i) + ".example")));
    }
    memory.reclaim();
    ASSERT_EQ(memory.use().nodes, 0U);
    ASSERT_EQ(memory.use().retired_bytes, 0U);
    if (round == 10) live_bytes = memory.use().live_bytes;
  }
  EXPECT_LE(memory.use().live_bytes, live_bytes + 100000);  // the tables may have grown
}

}  // namespace
}  // namespace holdfast::zone
