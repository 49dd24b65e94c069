// SPDX-License-Identifier: GPL-3.0-or-later
// The filter as the kernel runs it, on sockets of this process over loopback.
#include "shield/socket_filter.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <random>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"

namespace holdfast::shield {
namespace {

constexpr uint32_t loopback = 0x7f000000;
constexpr uint32_t nobody = 1;  // a stranger's share of one in 65,536

class SocketFilterTest : public testing::Test {
 protected:
  static sockaddr_in address_of(uint32_t host, uint16_t port = 0) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(loopback | host);
    address.sin_port = htons(port);
    return address;
  }
  static UniqueFd open_bound(int kind, uint32_t host) {
    UniqueFd socket(::socket(AF_INET, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_in own = address_of(host);
    EXPECT_EQ(bind(socket.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);
    return socket;
  }
  static sockaddr_in name_of(const UniqueFd& socket) {
    sockaddr_in name{};
    socklen_t size = sizeof name;
    getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &size);
    return name;
  }
  void trust(uint32_t address) {
    const uint32_t bucket = trusted_bucket(key_, address);
    trusted_[bucket / 32] |= 1U << (bucket % 32);
  }
  void attach(const UniqueFd& socket, FilterPlan plan) {
    plan.key = key_;
    const auto program = filter_.build(plan, trusted_);
    const sock_fprog filter{.len = static_cast<unsigned short>(program.size()),
                            .filter = const_cast<sock_filter*>(program.data())};
    ASSERT_EQ(setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter), 0)
        << errno << ", " << program.size() << " instructions";
    EXPECT_LE(program.size() * sizeof(uint64_t), 16U << 10) << "optmem_max is 20 KiB";
  }
  // Whether a question from there is received; over loopback that is decided when it is sent.
  bool passes(uint32_t host, uint8_t flags = 0) {
    const UniqueFd client = open_bound(SOCK_DGRAM, host);
    const sockaddr_in to = name_of(server_);
    std::vector<uint8_t> message(12);
    message[2] = flags;
    EXPECT_EQ(sendto(client.get(), message.data(), message.size(), 0,
                     reinterpret_cast<const sockaddr*>(&to), sizeof to),
              static_cast<ssize_t>(message.size()));
    return recv(server_.get(), message.data(), message.size(), MSG_DONTWAIT) > 0;
  }

  const BucketKey key_{.first = 0x9e3779b1, .second = 0x85ebca6b, .third = 0xc2b2ae35};
  TrustedBuckets::Words trusted_{};
  SocketFilter filter_;
  UniqueFd server_ = open_bound(SOCK_DGRAM, 1);
};

TEST_F(SocketFilterTest, TheTrustedPassAndStrangersDoNot) {
  std::mt19937 random(3);
  for (int i = 0; i < 100; ++i) trust(loopback | (random() & 0xffffff));
  for (auto& word : trusted_) word |= static_cast<uint32_t>(random() & random() & random());
  attach(server_, {.strangers_share = nobody});
  int trusted = 0;
  int strangers = 0;
  for (int i = 0; i < 400; ++i) {
    const uint32_t host = (random() & 0xfffffe) | 2;
    const uint32_t bucket = trusted_bucket(key_, loopback | host);
    const bool is_trusted = (trusted_[bucket / 32] >> (bucket % 32) & 1) != 0;
    ASSERT_EQ(passes(host), is_trusted) << host << " in bucket " << bucket;
    ++(is_trusted ? trusted : strangers);
  }
  EXPECT_GT(trusted, 20);
  EXPECT_GT(strangers, 200);
}

TEST_F(SocketFilterTest, OfStrangersAShareByLot) {
  attach(server_, {.strangers_share = SHIELD_SHARE_ONE / 4});
  int passed = 0;
  for (int i = 0; i < 800; ++i) passed += passes(9) ? 1 : 0;
  EXPECT_GT(passed, 120);
  EXPECT_LT(passed, 290) << "a quarter";
}

TEST_F(SocketFilterTest, ResponsesPassFromNobody) {
  trust(loopback | 9);
  attach(server_, {.strangers_share = SHIELD_SHARE_ONE - 1});
  EXPECT_TRUE(passes(9));
  EXPECT_FALSE(passes(9, 0x80));
}

TEST_F(SocketFilterTest, OverIpv6TheNetworkCounts) {
  const UniqueFd server(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 name{};
  name.sin6_family = AF_INET6;
  name.sin6_addr = in6addr_loopback;
  socklen_t size = sizeof name;
  if (bind(server.get(), reinterpret_cast<sockaddr*>(&name), size) != 0) {
    GTEST_SKIP() << "no IPv6 here";
  }
  getsockname(server.get(), reinterpret_cast<sockaddr*>(&name), &size);
  const auto is_received = [&] {
    const std::vector<uint8_t> message(12);
    EXPECT_GT(sendto(server.get(), message.data(), message.size(), 0,
                     reinterpret_cast<sockaddr*>(&name), size),
              0);
    std::array<uint8_t, 64> in;
    return recv(server.get(), in.data(), in.size(), MSG_DONTWAIT) > 0;
  };
  attach(server, {.is_ipv6 = true, .strangers_share = nobody});
  EXPECT_FALSE(is_received());
  const uint32_t bucket = trusted_bucket(key_, fold_ipv6(key_, 0, 0));
  trusted_[bucket / 32] |= 1U << (bucket % 32);
  attach(server, {.is_ipv6 = true, .strangers_share = nobody});
  EXPECT_TRUE(is_received());
}

TEST_F(SocketFilterTest, OfConnectionsOnlyTheBeginningsAreJudged) {
  const UniqueFd listener = open_bound(SOCK_STREAM, 1);
  ASSERT_EQ(listen(listener.get(), 16), 0);
  trust(loopback | 9);
  attach(listener, {.kind = FilterKind::beginnings, .strangers_share = nobody});
  const sockaddr_in to = name_of(listener);
  const auto connects = [&](const UniqueFd& client, int wait_ms) {
    (void)connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
    pollfd event{.fd = client.get(), .events = POLLOUT, .revents = 0};
    return poll(&event, 1, wait_ms) == 1;
  };
  const UniqueFd stranger = open_bound(SOCK_STREAM, 10);
  EXPECT_FALSE(connects(stranger, 50));
  const UniqueFd known = open_bound(SOCK_STREAM, 9);
  ASSERT_TRUE(connects(known, 5'000));
  const UniqueFd accepted(accept(listener.get(), nullptr, nullptr));
  ASSERT_TRUE(accepted.valid());
  EXPECT_EQ(send(known.get(), "question", 8, 0), 8);
  pollfd event{.fd = accepted.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&event, 1, 5'000), 1) << "it inherits the filter, which judges nothing of this";
}

TEST(TrustedBuckets, AreThoseOfTheAddress) {
  const std::array<__u64, 4> words{1, 0x1234567812345678, 3, 0x8765432187654321};
  const BucketKey key = BucketKey::of(words.data());
  EXPECT_EQ(key.first & key.second & key.third & 1, 1u);
  std::array<__u32, 4> four{0, 0, htonl(0xffff), htonl(0xc0000207)};
  EXPECT_EQ(trusted_bucket_of(key, shield_source_word(four.data())),
            trusted_bucket(key, 0xc0000207));
  std::array<__u32, 4> six{htonl(0x20010db8), htonl(0x00010002), 5, 6};
  EXPECT_EQ(trusted_bucket_of(key, shield_source_word(six.data())),
            trusted_bucket(key, fold_ipv6(key, 0x20010db8, 0x00010002)));
}

TEST(TrustedBuckets, ForgetWhoHasNotBeenSeenForLong) {
  const auto buckets = std::make_unique<TrustedBuckets>();
  TrustedBuckets::Words words;
  buckets->mark(33, 250);
  buckets->mark(64, 300);
  buckets->write(300, words);
  EXPECT_EQ(words[1], 2u);
  EXPECT_EQ(words[2], 1u);
  buckets->write(250 + TrustedBuckets::slots_kept + 1, words);
  EXPECT_EQ(words[1], 0u);
  EXPECT_EQ(words[2], 1u);
}

}  // namespace
}  // namespace holdfast::shield
