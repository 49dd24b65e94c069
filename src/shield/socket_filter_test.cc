// SPDX-License-Identifier: GPL-3.0-or-later
// The filter as the kernel runs it, on sockets of this process over loopback.
#include "shield/socket_filter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "base/test_arrival.h"

namespace holdfast::shield {
namespace {

constexpr uint32_t loopback = 0x7f000000;
constexpr uint32_t nobody = 1;  // a stranger's share of one in 65,536
constexpr int patience_ms = 60'000;
constexpr sock_filter to_first{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0};
constexpr size_t longest_choice = 131;  // of 64 processors with numbers of their own

class SocketFilterTest : public testing::Test {
 protected:
  static sockaddr_in address_of(uint32_t host, uint16_t port = 0) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(loopback | host);
    address.sin_port = htons(port);
    return address;
  }
  // Where nothing comes from tests that run beside this one and ask ports of 127.0.0.1.
  static constexpr uint32_t quiet_host = 77 << 16 | 1;
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
  static void set(AgedBuckets::Words& words, uint32_t bucket) {
    words[bucket / 32] |= 1U << (bucket % 32);
  }
  void trust(const SourcePlaces& at) {
    for (size_t i = 0; i < source_tables; ++i) set(tables_.sources.seen[i], at[i]);
  }
  void trust(uint32_t address) { trust(source_places(key_, address)); }
  void make_familiar(const std::vector<uint8_t>& message) {
    const auto at = name_places(key_, message);
    ASSERT_TRUE(at.has_value());
    for (size_t i = 0; i < name_tables; ++i) set(tables_.names.asked[i], (*at)[i]);
  }
  static std::vector<uint8_t> question(const std::string& label, size_t bytes = 40) {
    std::vector<uint8_t> message(12);
    message.push_back(static_cast<uint8_t>(label.size()));
    message.insert(message.end(), label.begin(), label.end());
    message.resize(bytes);
    return message;
  }
  // Of beginnings: for all that share the socket's address.
  void attach(const UniqueFd& socket, FilterPlan plan) {
    plan.key = key_;
    const int option =
        plan.kind == FilterKind::beginnings ? SO_ATTACH_REUSEPORT_CBPF : SO_ATTACH_FILTER;
    const auto program = filter_.build(plan, tables_);
    const sock_fprog filter{.len = static_cast<unsigned short>(program.size()),
                            .filter = const_cast<sock_filter*>(program.data())};
    ASSERT_EQ(setsockopt(socket.get(), SOL_SOCKET, option, &filter, sizeof filter), 0)
        << errno << ", " << program.size() << " instructions";
    if (plan.form == FilterForm::full) return;
    EXPECT_LE(program.size() * sizeof(uint64_t), 16U << 10) << "optmem_max may be 20 KiB";
  }
  // Two that share an address; none if there is no such family here.
  static std::vector<UniqueFd> open_listeners(int family) {
    sockaddr_in four = address_of(quiet_host);
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_addr = in6addr_loopback;
    auto* const own =
        family == AF_INET6 ? reinterpret_cast<sockaddr*>(&six) : reinterpret_cast<sockaddr*>(&four);
    auto size = static_cast<socklen_t>(family == AF_INET6 ? sizeof six : sizeof four);
    std::vector<UniqueFd> listeners;
    for (int i = 0; i < 2; ++i) {
      UniqueFd listener(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      const int on = 1;
      setsockopt(listener.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
      if (bind(listener.get(), own, size) != 0) return {};
      EXPECT_EQ(listen(listener.get(), 16), 0);
      getsockname(listener.get(), own, &size);
      listeners.push_back(std::move(listener));
    }
    return listeners;
  }
  // Which of them that one has connected to; a segment comes over, too.
  static size_t reached_from(const std::vector<UniqueFd>& listeners, const UniqueFd& client) {
    sockaddr_storage to{};
    socklen_t size = sizeof to;
    getsockname(listeners[0].get(), reinterpret_cast<sockaddr*>(&to), &size);
    (void)connect(client.get(), reinterpret_cast<const sockaddr*>(&to), size);
    std::array<pollfd, 2> events{{{.fd = listeners[0].get(), .events = POLLIN, .revents = 0},
                                  {.fd = listeners[1].get(), .events = POLLIN, .revents = 0}}};
    EXPECT_EQ(poll(events.data(), events.size(), patience_ms), 1);
    const size_t reached = (events[0].revents & POLLIN) != 0 ? 0 : 1;
    const UniqueFd accepted(accept(listeners[reached].get(), nullptr, nullptr));
    EXPECT_TRUE(accepted.valid());
    EXPECT_EQ(send(client.get(), "question", 8, 0), 8);
    pollfd event{.fd = accepted.get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&event, 1, patience_ms), 1);
    return reached;
  }
  static bool bring_up_loopback() {
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::memcpy(request.ifr_name, "lo", 3);
    request.ifr_flags = IFF_UP;
    return ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
  }
  // Whether a question from there is received.
  bool passes(uint32_t host, uint8_t flags = 0) {
    std::vector<uint8_t> message(12);
    message[2] = flags;
    return passes(host, message);
  }
  // Not by lot alone: of `nobody` one in 65,536 arrives, so it is asked twice.
  bool passes(uint32_t host, const std::vector<uint8_t>& message) {
    return arrives(host, message) && arrives(host, message);
  }
  bool arrives(uint32_t host, std::vector<uint8_t> message = std::vector<uint8_t>(12)) {
    const UniqueFd client = open_bound(SOCK_DGRAM, host);
    const sockaddr_in to = name_of(server_);
    await_arrival(server_.get(), [&] {
      EXPECT_EQ(sendto(client.get(), message.data(), message.size(), 0,
                       reinterpret_cast<const sockaddr*>(&to), sizeof to),
                static_cast<ssize_t>(message.size()));
    });
    return recv(server_.get(), message.data(), message.size(), MSG_DONTWAIT) > 0;
  }

  const BucketKey key_{
      .mix = 0x9e3779b1, .fold = 0xc2b2ae35, .tables = {0x85ebca6b, 0x27d4eb2f, 0x165667b1}};
  FilterTables tables_{};
  SocketFilter filter_;
  UniqueFd server_ = open_bound(SOCK_DGRAM, quiet_host);
};

// Three in four of each table's buckets, and those of a hundred addresses.
TEST_F(SocketFilterTest, TheTrustedPassAndStrangersDoNot) {
  std::mt19937 random(3);
  for (int i = 0; i < 100; ++i) trust(loopback | (random() & 0xffffff));
  for (auto& table : tables_.sources.seen) {
    for (auto& word : table) word |= static_cast<uint32_t>(random() | random());
  }
  for (const FilterForm form : {FilterForm::full, FilterForm::small}) {
    attach(server_, {.form = form, .strangers_share = nobody});
    int trusted = 0;
    int strangers = 0;
    for (int i = 0; i < 400; ++i) {
      const uint32_t host = (random() & 0xfffffe) | 2;
      const SourcePlaces at = source_places(key_, loopback | host);
      bool is_trusted = AgedBuckets::has(tables_.sources.seen[0], at[0]) &&
                        AgedBuckets::has(tables_.sources.seen[1], at[1]);
      if (form == FilterForm::full) is_trusted = tables_.sources.are_trusted(at);
      ASSERT_EQ(passes(host), is_trusted) << host;
      ++(is_trusted ? trusted : strangers);
    }
    EXPECT_GT(trusted, 100);
    EXPECT_GT(strangers, 100);
  }
}

TEST_F(SocketFilterTest, WhoIsFloodedIsTreatedAsAStranger) {
  trust(loopback | 9);
  trust(loopback | 10);
  set(tables_.sources.flooded, source_places(key_, loopback | 9)[0]);
  for (const FilterForm form : {FilterForm::full, FilterForm::small}) {
    attach(server_, {.form = form, .strangers_share = nobody});
    EXPECT_FALSE(passes(9));
    EXPECT_TRUE(passes(10));
  }
}

TEST_F(SocketFilterTest, OfStrangersWhoAskForFamiliarNamesAnotherSharePasses) {
  make_familiar(question("www"));
  const FilterPlan plan{.strangers_share = nobody, .telling = Telling::name};
  attach(server_, plan);
  EXPECT_TRUE(passes(9, question("www")));
  EXPECT_TRUE(passes(9, question("wWw"))) << "in any case of letters";
  EXPECT_TRUE(passes(9, question("www", 300))) << "whatever comes behind";
  EXPECT_FALSE(passes(9, question("wwx")));
  EXPECT_FALSE(passes(9, question("www", name_bytes_at + name_bytes_hashed - 1))) << "too short";
  EXPECT_TRUE(passes(9, question("www", name_bytes_at + name_bytes_hashed)));
  trust(loopback | 10);
  attach(server_, plan);
  EXPECT_TRUE(passes(10, question("wwx"))) << "trusted, whatever it asks for";
}

TEST_F(SocketFilterTest, OfNamesUnderParentsThatAreNotAttackedTheParentCounts) {
  const auto under = [](uint8_t letter, uint8_t parent) {
    std::vector<uint8_t> message = question("www");
    message[13] = letter;
    message[16] = 7;
    for (size_t at = 17; at < 24; ++at) message[at] = parent;
    return message;
  };
  const auto make_parent_familiar = [&](uint8_t parent) {
    const auto at = places_of<name_tables>(key_, *parent_mix(key_, under('w', parent)));
    for (size_t i = 0; i < name_tables; ++i) set(tables_.names.asked[i], at[i]);
  };
  make_parent_familiar('q');
  make_parent_familiar('a');  // before it was attacked
  make_familiar(under('w', 'a'));
  tables_.parents = {.mixes = {1, *parent_mix(key_, under('w', 'a')), 2}, .count = 3};
  attach(server_, {.strangers_share = nobody, .telling = Telling::name});
  const auto is_familiar = [&](const std::vector<uint8_t>& message) {
    const bool passed = passes(9, message);
    EXPECT_EQ(passed, tables_.has_name(key_, message));
    return passed;
  };
  EXPECT_TRUE(is_familiar(under('x', 'q')));
  EXPECT_TRUE(is_familiar(under('x', 'Q'))) << "in any case of letters";
  EXPECT_FALSE(is_familiar(under('x', 'u'))) << "nobody has asked for anything there";
  EXPECT_FALSE(is_familiar(under('x', 'a')));
  EXPECT_TRUE(is_familiar(under('w', 'a')));
  auto without_parent = under('x', 'q');
  without_parent[12] = 40 - 13 - parent_bytes_hashed + 1;
  EXPECT_FALSE(is_familiar(without_parent)) << "it would lie behind the end";
  without_parent[12] = 255;
  EXPECT_FALSE(is_familiar(without_parent));
}

TEST_F(SocketFilterTest, AShareOfFamiliarNamesIsByLotToo) {
  make_familiar(question("www"));
  attach(server_, {.strangers_share = nobody,
                   .telling = Telling::name,
                   .familiar_share = SHIELD_SHARE_ONE / 4});
  int passed = 0;
  for (int i = 0; i < 800; ++i) passed += arrives(9, question("www")) ? 1 : 0;
  EXPECT_GT(passed, 120);
  EXPECT_LT(passed, 290) << "a quarter";
}

// Without recursion desired and with records, as all who are known here ask.
TEST_F(SocketFilterTest, OfStrangersWhoseFormIsUsualAnotherSharePasses) {
  tables_.usual_forms = 1U << form_has_records;
  const auto message = [](bool desires_recursion, uint16_t records) {
    std::vector<uint8_t> made = question("www");
    made[flags_at] = desires_recursion ? recursion_desired : 0;
    made[record_count_at] = static_cast<uint8_t>(records >> 8);
    made[record_count_at + 1] = static_cast<uint8_t>(records);
    return made;
  };
  make_familiar(question("www"));
  for (const FilterForm form : {FilterForm::full, FilterForm::small}) {
    attach(server_, {.form = form, .strangers_share = nobody, .telling = Telling::form});
    for (const uint16_t records : std::array<uint16_t, 3>{1, 2, 256}) {
      EXPECT_TRUE(passes(9, message(false, records)));
      EXPECT_FALSE(passes(9, message(true, records)));
    }
    EXPECT_FALSE(passes(9, message(false, 0)));
    EXPECT_FALSE(passes(9, message(true, 0)));
  }
  attach(server_, {.strangers_share = nobody, .telling = Telling::both});
  EXPECT_TRUE(passes(9, message(false, 1)));
  EXPECT_FALSE(passes(9, message(false, 0)));
  auto unfamiliar = message(false, 1);
  unfamiliar[14] ^= 1;
  EXPECT_FALSE(passes(9, unfamiliar));
  tables_.usual_forms = 1;
  attach(server_, {.strangers_share = nobody, .telling = Telling::form});
  EXPECT_TRUE(passes(9, message(false, 0)));
  EXPECT_FALSE(passes(9, message(false, 1)));
}

TEST_F(SocketFilterTest, TheSmallFormSeesNoNames) {
  make_familiar(question("www"));
  attach(server_, {.form = FilterForm::small, .strangers_share = nobody, .telling = Telling::name});
  EXPECT_FALSE(passes(9, question("www")));
}

// The kernel charges the next while the one before is still there.
TEST_F(SocketFilterTest, TheFullestFilterIsTakenAndReplaced) {
  for (auto& table : tables_.sources.seen) table.fill(~0U);
  for (auto& table : tables_.names.asked) table.fill(~0U);
  tables_.parents.count = AttackedParents::told_max;
  for (const FilterKind kind : {FilterKind::datagrams, FilterKind::beginnings}) {
    const std::vector<sock_filter> choice(longest_choice, to_first);
    const FilterPlan plan{.kind = kind,
                          .is_ipv6 = true,
                          .key = key_,
                          .strangers_share = 1,
                          .telling = Telling::both,
                          .familiar_share = 2,
                          .choice = choice,
                          .sink = 64};
    EXPECT_LE(filter_.build(plan, tables_).size(), size_t{BPF_MAXINSNS});
    const auto listeners = open_listeners(AF_INET6);
    if (listeners.empty()) GTEST_SKIP() << "no IPv6 here";
    const UniqueFd datagrams = open_bound(SOCK_DGRAM, quiet_host);
    const UniqueFd& socket = kind == FilterKind::beginnings ? listeners[0] : datagrams;
    attach(socket, plan);
    attach(socket, plan);
  }
}

TEST_F(SocketFilterTest, OfStrangersAShareByLot) {
  attach(server_, {.strangers_share = SHIELD_SHARE_ONE / 4});
  int passed = 0;
  for (int i = 0; i < 800; ++i) passed += arrives(9) ? 1 : 0;
  EXPECT_GT(passed, 120);
  EXPECT_LT(passed, 290) << "a quarter";
}

TEST_F(SocketFilterTest, ResponsesPassFromNobody) {
  trust(loopback | 9);
  attach(server_, {.strangers_share = SHIELD_SHARE_ONE - 1});
  EXPECT_TRUE(arrives(9) || arrives(9));
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
    const std::vector<uint8_t> message(40);
    await_arrival(server.get(), [&] {
      EXPECT_GT(sendto(server.get(), message.data(), message.size(), 0,
                       reinterpret_cast<sockaddr*>(&name), size),
                0);
    });
    std::array<uint8_t, 64> in;
    return recv(server.get(), in.data(), in.size(), MSG_DONTWAIT) > 0;
  };
  const FilterPlan plan{.is_ipv6 = true, .strangers_share = nobody};
  attach(server, plan);
  EXPECT_FALSE(is_received());
  FilterPlan by_name = plan;
  by_name.telling = Telling::name;
  make_familiar(std::vector<uint8_t>(40));
  attach(server, by_name);
  EXPECT_TRUE(is_received()) << "for its name";
  const SourcePlaces at = source_places(key_, fold_ipv6(key_, 0, 0));
  trust(at);
  attach(server, plan);
  EXPECT_TRUE(is_received());
  set(tables_.sources.flooded, at[0]);
  attach(server, plan);
  EXPECT_FALSE(is_received());
}

// A second socket stands for the one that lets nothing in, and lets in who is sent there.
TEST_F(SocketFilterTest, BeginningsOfStrangersAreSentElsewhere) {
  trust(loopback | 9);
  set(tables_.sources.flooded, source_places(key_, loopback | 9)[0]);
  for (const FilterForm form : {FilterForm::full, FilterForm::small}) {
    const auto listeners = open_listeners(AF_INET);
    attach(listeners[0], {.kind = FilterKind::beginnings,
                          .form = form,
                          .strangers_share = nobody,
                          .choice = {&to_first, 1},
                          .sink = 1});
    EXPECT_EQ(reached_from(listeners, open_bound(SOCK_STREAM, 10)), 1u);
    EXPECT_EQ(reached_from(listeners, open_bound(SOCK_STREAM, 9)), 0u) << "questions' floods aside";
    attach(listeners[0],
           {.kind = FilterKind::beginnings, .form = form, .choice = {&to_first, 1}, .sink = 1});
    EXPECT_EQ(reached_from(listeners, open_bound(SOCK_STREAM, 10)), 0u) << "all may begin";
  }
}

TEST_F(SocketFilterTest, BeginningsOverIpv6AreJudgedByTheNetwork) {
  const auto listeners = open_listeners(AF_INET6);
  if (listeners.empty()) GTEST_SKIP() << "no IPv6 here";
  const FilterPlan plan{.kind = FilterKind::beginnings,
                        .is_ipv6 = true,
                        .strangers_share = nobody,
                        .choice = {&to_first, 1},
                        .sink = 1};
  attach(listeners[0], plan);
  EXPECT_EQ(reached_from(listeners, UniqueFd(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0))), 1u);
  trust(source_places(key_, fold_ipv6(key_, 0, 0)));
  attach(listeners[0], plan);
  EXPECT_EQ(reached_from(listeners, UniqueFd(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0))), 0u);
}

// With cookies at all times the kernel asks again when the client has answered. In a network of
// this thread's own.
TEST_F(SocketFilterTest, WhoHasAnsweredACookieBeginsNothing) {
  bool is_possible = false;
  std::thread([&] {
    if (unshare(CLONE_NEWNET) != 0 || !bring_up_loopback()) return;
    const UniqueFd cookies(open("/proc/sys/net/ipv4/tcp_syncookies", O_WRONLY | O_CLOEXEC));
    if (write(cookies.get(), "2", 1) != 1) return;
    is_possible = true;
    const auto listeners = open_listeners(AF_INET);
    attach(listeners[0], {.kind = FilterKind::beginnings,
                          .strangers_share = nobody,
                          .choice = {&to_first, 1},
                          .sink = 1});
    EXPECT_EQ(reached_from(listeners, open_bound(SOCK_STREAM, 10)), 0u);
  }).join();
  if (!is_possible) GTEST_SKIP() << "no right to a network of its own";
}

TEST(TrustedBuckets, AreThoseOfTheAddress) {
  const std::array<__u64, 4> words{1, 0x1234567812345678, 0x5555555566666666, 0x8765432187654321};
  const BucketKey key = BucketKey::of(words.data());
  EXPECT_EQ(key.mix & key.fold & key.tables[0] & key.tables[1] & key.tables[2] & 1, 1u);
  std::array<__u32, 4> four{0, 0, htonl(0xffff), htonl(0xc0000207)};
  EXPECT_EQ(source_places_of(key, shield_source_word(four.data())), source_places(key, 0xc0000207));
  std::array<__u32, 4> six{htonl(0x20010db8), htonl(0x00010002), 5, 6};
  EXPECT_EQ(source_places_of(key, shield_source_word(six.data())),
            source_places(key, fold_ipv6(key, 0x20010db8, 0x00010002)));
}

TEST(TrustedBuckets, ForgetWhoHasNotBeenSeenForLong) {
  const auto buckets = std::make_unique<TrustedBuckets>();
  TrustedBuckets::Words words;
  const SourcePlaces early{33, 34, 35};
  const SourcePlaces late{64, 65, 66};
  buckets->mark(early, 250);
  buckets->mark(late, 300);
  buckets->write(300, 0, words);
  EXPECT_TRUE(words.are_trusted(early));
  EXPECT_TRUE(words.are_trusted(late));
  EXPECT_FALSE(words.are_trusted({33, 34, 67})) << "in all tables alone";
  const uint32_t slot = 250 + TrustedBuckets::slots_kept + 1;
  buckets->write(slot, 0, words);
  EXPECT_FALSE(words.are_trusted(early));
  EXPECT_TRUE(words.are_trusted(late));
  buckets->forget_old(slot, 0);
  buckets->write(250, 0, words);
  EXPECT_FALSE(words.are_trusted(early)) << "for good";
}

TEST(TrustedBuckets, AFloodIsForgottenSoon) {
  const auto buckets = std::make_unique<TrustedBuckets>();
  TrustedBuckets::Words words;
  const SourcePlaces at{1, 2, 3};
  buckets->mark(at, 7);
  buckets->mark_flooded(at, 1'000);
  EXPECT_TRUE(buckets->is_flooded(at));
  buckets->write(7, 1'000 + TrustedBuckets::flooded_s, words);
  EXPECT_FALSE(words.are_trusted(at));
  buckets->forget_old(7, 1'001 + TrustedBuckets::flooded_s);
  EXPECT_FALSE(buckets->is_flooded(at));
  buckets->mark_flooded(at, 1'020);
  buckets->forget_floods();
  EXPECT_FALSE(buckets->is_flooded(at));
}

}  // namespace
}  // namespace holdfast::shield
