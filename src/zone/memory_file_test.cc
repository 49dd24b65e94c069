// SPDX-License-Identifier: GPL-3.0-or-later
// File systems whose reserved blocks have no place after all (btrfs, ZFS).
#include "zone/memory_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "zone/memory_samples.h"

namespace holdfast::zone {
namespace {

using testing::HasSubstr;

constexpr uint64_t mebibyte = uint64_t{1} << 20;

// While it lives, a writer gets no page of the file beyond so many bytes, though its blocks can be
// reserved. There its address space shows an empty file, and the kernel refuses in the same way.
class NoMorePages {
 public:
  NoMorePages(const uint8_t* base, uint64_t file_bytes, std::string path)
      : offset_((file_bytes + page_bytes() - 1) / page_bytes() * page_bytes()),
        first_(const_cast<uint8_t*>(base) + offset_),
        path_(std::move(path)) {
    const UniqueFd empty(::memfd_create("empty", MFD_CLOEXEC));
    CHECK(empty.valid());
    show(empty.get(), 0);
  }
  NoMorePages(const NoMorePages&) = delete;
  NoMorePages& operator=(const NoMorePages&) = delete;
  ~NoMorePages() {
    const UniqueFd file(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
    CHECK(file.valid());
    show(file.get(), static_cast<off_t>(offset_));
  }

 private:
  static uint64_t page_bytes() { return static_cast<uint64_t>(::getpagesize()); }
  static constexpr uint64_t hidden_bytes = 64 * mebibyte;

  void show(int fd, off_t offset) {
    CHECK(::mmap(first_, hidden_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
                 offset) == first_);
  }

  uint64_t offset_;
  uint8_t* first_;
  std::string path_;
};

class MemoryFileTest : public testing::TestWithParam<uint64_t> {
 protected:
  SampleFolder folder_;
};

// Also where it ends within a page, part of which is there already.
INSTANTIATE_TEST_SUITE_P(Ends, MemoryFileTest, testing::Values(mebibyte, mebibyte + 1000));

TEST_P(MemoryFileTest, DoesNotGrowByWhatItGetsNoPagesFor) {
  MemoryFile file = std::move(*MemoryFile::make(folder_.file(), 256 * mebibyte, {}));
  ASSERT_TRUE(file.put_in_place().has_value());
  ASSERT_TRUE(file.grow_to(GetParam(), Pages::filled).has_value());
  std::memset(file.base() + layout::file_header_bytes, 7, GetParam() - layout::file_header_bytes);
  {
    const NoMorePages no_more(file.base(), file.bytes(), folder_.file());
    const auto grown = file.grow_to(3 * mebibyte, Pages::filled);
    ASSERT_FALSE(grown.has_value());
    EXPECT_THAT(grown.error().message, HasSubstr(folder_.file() + ": cannot grow from " +
                                                 std::to_string(GetParam()) + " to 3145728 bytes"));
    EXPECT_THAT(grown.error().message, HasSubstr("cannot make pages"));
    EXPECT_EQ(file.bytes(), GetParam());
    EXPECT_EQ(std::filesystem::file_size(folder_.file()), GetParam()) << "blocks are given back";
  }
  ASSERT_TRUE(file.grow_to(3 * mebibyte, Pages::filled).has_value());
  std::memset(file.base() + GetParam(), 9, 3 * mebibyte - GetParam());
  EXPECT_EQ(std::count(file.base() + layout::file_header_bytes, file.base() + GetParam(), 7),
            static_cast<ptrdiff_t>(GetParam() - layout::file_header_bytes));
}

TEST(MemoryWithoutPages, AChangeThatGetsNoneIsRefusedAndTheOldVersionStays) {
  constexpr const char* apex = "example.";
  const SampleFolder folder;
  EpochBoard epochs;
  Memory memory = std::move(*Memory::open(sample_options(folder.file()), epochs));
  const auto version = [&](uint32_t names, uint32_t address) {
    SampleZone zone(apex);
    zone.soa(address);
    for (uint32_t i = 0; i < names; ++i) zone.a("n" + std::to_string(i) + "." + apex, address);
    return memory.publish(zone.finish(), nullptr);
  };
  ASSERT_TRUE(version(10, 1).has_value());
  const MemoryUse before = memory.use();
  {
    const NoMorePages no_more(memory.reader().base(), before.file_bytes, folder.file());
    const auto refused = version(50'000, 2);
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().message, HasSubstr("cannot make pages"));
    EXPECT_EQ(memory.use().file_bytes, before.file_bytes);
    EXPECT_EQ(address_of(memory, apex, "n3.example."), 1U);
    EXPECT_EQ(memory.find(sample_name(apex))->node_count(), 11U);
    EXPECT_TRUE(version(10, 3).has_value()) << "what needs no more is made";
    EXPECT_EQ(address_of(memory, apex, "n3.example."), 3U);
  }
  ASSERT_TRUE(version(50'000, 4).has_value());
  EXPECT_EQ(address_of(memory, apex, "n49999.example."), 4U);
}

}  // namespace
}  // namespace holdfast::zone
