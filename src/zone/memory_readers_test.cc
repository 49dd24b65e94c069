// SPDX-License-Identifier: GPL-3.0-or-later
// Readers beside the writer, in a thread and in another process: each version is seen whole.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "zone/memory_model.h"

namespace holdfast::zone {
namespace {

// What writer and readers share: lies in memory that a forked process keeps sharing.
struct Board {
  EpochBoard epochs;
  std::atomic<bool> stop{false};
  std::atomic<uint32_t> checks{0};
  std::atomic<uint32_t> versions{0};  // different serials that a reader saw
};

// Tables of a test's size grow ahead, in small steps.
Memory open_memory(const SampleFolder& folder, EpochBoard& epochs) {
  MemoryOptions options = sample_options(folder.file());
  options.growth_ahead = {.slots_min = 16, .step_bytes = 512};
  return std::move(*Memory::open(options, epochs));
}

class SharedBoard {
 public:
  SharedBoard() {
    void* address =
        ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(address != MAP_FAILED);
    board_ = new (address) Board();
  }
  SharedBoard(const SharedBoard&) = delete;
  SharedBoard& operator=(const SharedBoard&) = delete;
  ~SharedBoard() { ::munmap(board_, sizeof(Board)); }
  Board* operator->() const { return board_; }
  [[nodiscard]] Board& get() const { return *board_; }

 private:
  Board* board_;
};

const ModelZone& model() {
  static const ModelZone zone("model.example.", 40);
  return zone;
}

// Reads until it is told to stop; what it found wrong, or nothing.
std::string read_on(const MemoryReader& reader, Board& board, uint32_t slot) {
  const wire::Name apex = sample_name(model().apex());
  const wire::SuffixHashes hashes(apex, reader.hash_key());
  uint32_t last_serial = 0;
  std::string trouble;
  while (!board.stop.load() && trouble.empty()) {
    board.epochs.enter(slot);
    const auto zone = reader.find_zone(apex, hashes, MemoryReader::Search::at_or_above);
    if (zone && zone->available()) {
      trouble = model().trouble_with(reader, *zone);
      if (zone->serial() < last_serial) trouble = "an older version than before";
      if (zone->serial() != last_serial) board.versions.fetch_add(1);
      last_serial = zone->serial();
    }
    board.epochs.leave(slot);
    board.checks.fetch_add(1);
  }
  return trouble;
}

// Publishes version after version, removing the zone now and then: for a while, and until enough
// was published and seen on a machine that has other things to do.
void write_on(Memory& memory, const Board& board) {
  using std::chrono::steady_clock;
  const auto begin = steady_clock::now();
  uint32_t serial = 0;
  const auto goes_on = [&] {
    const auto passed = steady_clock::now() - begin;
    const bool is_enough = serial > 20 && board.checks.load() >= 10 && board.versions.load() > 5 &&
                           memory.use().tables_grown_ahead > 0;
    return passed < std::chrono::seconds(is_enough ? 1 : 60);
  };
  while (goes_on()) {
    SampleZone zone = model().version(++serial);
    ASSERT_TRUE(memory.publish(zone.finish(), nullptr).has_value());
    if (serial % 8 == 0) {
      // A table that grows, too.
      SampleZone other("other" + std::to_string(serial) + ".example.");
      other.soa(serial);
      ASSERT_TRUE(memory.publish(other.finish(), nullptr).has_value());
    }
    if (serial % 64 == 0) {
      ASSERT_TRUE(memory.remove(sample_name(model().apex())));
    }
    memory.reclaim();
    ASSERT_TRUE(memory.grow_ahead().has_value());
  }
  ASSERT_GT(serial, 20U);
  ASSERT_GT(memory.use().tables_grown_ahead, 0U);
}

TEST(MemoryReadersTest, AThreadSeesEachVersionWhole) {
  const SampleFolder folder;
  SharedBoard board;
  Memory memory = open_memory(folder, board->epochs);
  std::string trouble;
  std::thread reader([&] { trouble = read_on(memory.reader(), board.get(), 3); });
  write_on(memory, board.get());
  board->stop.store(true);
  reader.join();
  EXPECT_EQ(trouble, "");
  EXPECT_GT(board->versions.load(), 5U);
  memory.reclaim();
  EXPECT_EQ(memory.use().retired_bytes, 0U);
}

TEST(MemoryReadersTest, AnotherProcessSeesEachVersionWhole) {
  const SampleFolder folder;
  SharedBoard board;
  Memory memory = open_memory(folder, board->epochs);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto base = map_memory_for_reading(folder.file(), uint64_t{4} << 30);
    if (!base) ::_exit(2);
    const std::string trouble = read_on(MemoryReader(*base), board.get(), 5);
    if (!trouble.empty()) std::fprintf(stderr, "%s\n", trouble.c_str());
    ::_exit(trouble.empty() ? 0 : 1);
  }
  write_on(memory, board.get());
  board->stop.store(true);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_GT(board->versions.load(), 5U);
}

}  // namespace
}  // namespace holdfast::zone
