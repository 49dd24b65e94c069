// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/death_watch.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>

namespace holdfast::shield {
namespace {

constexpr uint64_t second_ns = 1'000'000'000;

class DeathWatchTest : public testing::Test {
 protected:
  DeathWatchTest() {
    std::string pattern = testing::TempDir() + "deathsXXXXXX";
    directory_ = mkdtemp(pattern.data());
    watch_ = std::make_unique<DeathWatch>(*refusals_, directory_ + "/deaths");
  }
  ~DeathWatchTest() override { std::filesystem::remove_all(directory_); }

  // A header, the name "bad.", type A, class IN.
  std::vector<uint8_t> packet_ = {0x12, 0x34, 0,   0,   0,   1, 0, 0, 0, 0, 0,
                                  0,    3,    'b', 'a', 'd', 0, 0, 1, 0, 1};

  void take_in_hand(size_t index, size_t batch) {
    std::ranges::copy(packet_, slot_->receive.datagrams[index].begin());
    sockaddr_storage storage{};
    parse_endpoint("192.0.2.7@4711", 0)->to_sockaddr(storage);
    std::memcpy(&slot_->receive.datagram_peers[index], &storage, sizeof(sockaddr_in6));
    slot_->in_flight = exchange::InFlight{.protocol = exchange::Protocol::udp,
                                          .index = static_cast<uint8_t>(index),
                                          .batch = static_cast<uint8_t>(batch),
                                          .bytes = static_cast<uint32_t>(packet_.size())}
                           .encode();
  }
  void die(int signal, int own_fault, bool hung = false) {
    slot_->own_fault = static_cast<uint32_t>(own_fault);
    watch_->on_death({.worker = 3, .pid = ++pid_, .signal = signal, .hung = hung}, *slot_, now_ns_,
                     1'700'000'000);
  }
  uint64_t lost() const {
    return slot_->counters.get(exchange::CounterLayout::drops +
                               static_cast<size_t>(exchange::Drop::crash));
  }

  std::string directory_;
  std::unique_ptr<RefusalTable> refusals_ = std::make_unique<RefusalTable>();
  std::unique_ptr<exchange::WorkerSlot> slot_ = std::make_unique<exchange::WorkerSlot>();
  std::unique_ptr<DeathWatch> watch_;
  uint64_t now_ns_ = 5 * second_ns;
  int pid_ = 99;
};

TEST_F(DeathWatchTest, KeepsTheMessageAndRefusesItsLikeAfterTheSecondDeath) {
  take_in_hand(5, 9);
  die(SIGSEGV, SIGSEGV);
  EXPECT_TRUE(refusals_->empty());
  EXPECT_EQ(lost(), 9u);
  EXPECT_EQ(slot_->in_flight.load(), exchange::InFlight::none);
  packet_[0] = 0x99;  // another id
  take_in_hand(0, 1);
  die(SIGSEGV, SIGSEGV);
  EXPECT_TRUE(refusals_->refuses(packet_, now_ns_));
  const auto sentences = watch_->write_evidence();
  ASSERT_EQ(sentences.size(), 2u);
  EXPECT_NE(sentences[0].find("UDP from 192.0.2.7@4711 killed worker 3"), std::string::npos);
  EXPECT_EQ(sentences[0].find("refused"), std::string::npos);
  EXPECT_NE(sentences[1].find("refused for 300 s"), std::string::npos);
  EXPECT_TRUE(watch_->write_evidence().empty());
  size_t packets = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory_ + "/deaths")) {
    if (file.path().extension() != ".packet") continue;
    ++packets;
    EXPECT_EQ(file.file_size(), packet_.size());
  }
  EXPECT_EQ(packets, 2u);
  watch_->expire(now_ns_ + 301 * second_ns);
  EXPECT_TRUE(refusals_->empty());
}

TEST_F(DeathWatchTest, ASignalThatSomebodySentSaysNothingOfTheMessage) {
  for (int i = 0; i < 10; ++i) {
    take_in_hand(1, 1);
    die(SIGSEGV, 0);
    take_in_hand(1, 1);
    die(SIGKILL, 0);
  }
  EXPECT_TRUE(refusals_->empty());
  EXPECT_TRUE(watch_->write_evidence().empty());
  EXPECT_EQ(lost(), 20u);
}

TEST_F(DeathWatchTest, AMessageThatHangsAWorkerIsLikeOneThatKillsIt) {
  for (int i = 0; i < 2; ++i) {
    take_in_hand(2, 1);
    die(SIGABRT, 0, true);
  }
  EXPECT_FALSE(refusals_->empty());
}

TEST_F(DeathWatchTest, NothingInHandNothingToJudge) {
  die(SIGSEGV, SIGSEGV);
  EXPECT_EQ(lost(), 0u);
  EXPECT_TRUE(watch_->write_evidence().empty());
}

TEST_F(DeathWatchTest, DamagedWordsStayWithinTheArea) {
  slot_->in_flight = ~uint64_t{0};
  die(SIGSEGV, SIGSEGV);
  slot_->in_flight = ~uint64_t{0} & ~(uint64_t{1} << 48);
  die(SIGSEGV, SIGSEGV);
  EXPECT_EQ(watch_->write_evidence().size(), 2u);
}

}  // namespace
}  // namespace holdfast::shield
