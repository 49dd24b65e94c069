// SPDX-License-Identifier: GPL-3.0-or-later
#include "server/query_path.h"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <new>

#include "base/test_arrival.h"
#include "server/test_zone.h"
#include "transport/socket.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HOLDFAST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HOLDFAST_SANITIZED 1
#endif
#endif

#ifndef HOLDFAST_SANITIZED
namespace {
thread_local uint64_t allocations = 0;
}
// Every way to memory of the C library counts.
extern "C" {
void* __libc_malloc(size_t);          // NOLINT
void* __libc_calloc(size_t, size_t);  // NOLINT
void* __libc_realloc(void*, size_t);  // NOLINT
void* malloc(size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void* calloc(size_t nmemb, size_t size) {
  ++allocations;
  return __libc_calloc(nmemb, size);
}
void* realloc(void* ptr, size_t size) {
  ++allocations;
  return __libc_realloc(ptr, size);
}
}
#endif

namespace holdfast::server {
namespace {

using exchange::CounterLayout;
using exchange::Drop;

class QueryPathTest : public testing::Test {
 protected:
  QueryPathTest() {
    service_.publish_zone();
    zones_ = service_.reader();
    policy_.zones_complete = true;
    Endpoint endpoint = *parse_endpoint("127.0.0.1@1", 1);
    endpoint.port = 0;
    socket_ = std::move(*transport::open_socket(endpoint, transport::SocketType::udp));
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&storage), &size);
    port_ = Endpoint::from_sockaddr(storage).port;
    client_ = UniqueFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(client_.get(), reinterpret_cast<sockaddr*>(&storage), size), 0);
    const timeval wait{.tv_sec = 20, .tv_usec = 0};
    setsockopt(client_.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    batch_.attach(socket_.get(), port_);
    path_.emplace(slot_, *service_.refusals, zones_, policy_);
    path_->begin_turn({.monotonic_ns = 5'000'000'000, .wall_ns = 1'700'000'000'000'000'000});
  }

  void send(Bytes packet) const {
    await_arrival(socket_.get(), [&] {
      ASSERT_EQ(::send(client_.get(), packet.data(), packet.size(), 0),
                static_cast<ssize_t>(packet.size()));
    });
  }
  size_t turn() { return path_->answer_datagrams(batch_); }
  [[nodiscard]] std::vector<uint8_t> receive() const {
    std::vector<uint8_t> response(4096);
    const ssize_t size = recv(client_.get(), response.data(), response.size(), 0);
    response.resize(size < 0 ? 0 : static_cast<size_t>(size));
    return response;
  }
  std::vector<uint8_t> ask(Bytes packet) {
    send(packet);
    EXPECT_EQ(turn(), 1u);
    // A byte of our own comes behind the answer, if there is one.
    sockaddr_storage client{};
    socklen_t size = sizeof client;
    getsockname(client_.get(), reinterpret_cast<sockaddr*>(&client), &size);
    EXPECT_EQ(sendto(socket_.get(), "", 1, 0, reinterpret_cast<sockaddr*>(&client), size), 1);
    std::vector<uint8_t> response = receive();
    if (response.size() <= 1) return {};
    EXPECT_EQ(receive().size(), 1u);
    return response;
  }
  [[nodiscard]] uint64_t count(size_t at) const { return slot_.counters.get(at); }
  [[nodiscard]] uint64_t drops(Drop reason) const {
    return count(CounterLayout::drops + static_cast<size_t>(reason));
  }
  [[nodiscard]] uint64_t drops_in_all() const {
    uint64_t sum = 0;
    for (size_t i = 0; i < exchange::drop_count; ++i) sum += count(CounterLayout::drops + i);
    return sum;
  }

  TestService service_;
  exchange::WorkerSlot& slot_ = service_.panel->workers[0];
  zone::MemoryReader zones_{nullptr};
  exchange::AnswerPolicy policy_;
  UniqueFd socket_;
  UniqueFd client_;
  uint16_t port_ = 0;
  transport::UdpBatch batch_{transport::UdpBatch::ReceiveMemory{
      .bytes = MutableBytes(slot_.receive.datagrams.front().data(), sizeof slot_.receive.datagrams),
      .peers = slot_.receive.datagram_peers}};
  std::optional<QueryPath> path_;
};

// What control is to answer: passed on if there is a way, declined if not.
TEST_F(QueryPathTest, PassesOnOrDeclines) {
  const auto packet = make_query("www", wire::type_axfr);
  auto response = ask(packet);
  ASSERT_GE(response.size(), 12u);
  EXPECT_EQ(response[3] & 15, wire::rcode_refused);
  policy_.passes_on = true;
  response = ask(packet);
  ASSERT_GE(response.size(), 12u);
  EXPECT_EQ(response[3] & 15, wire::rcode_servfail);
  EXPECT_EQ(count(CounterLayout::not_passed_on), 1u);

  const auto pair = exchange::HandoverPair::make();
  Endpoint endpoint = *parse_endpoint("127.0.0.1", 1);
  endpoint.port = port_;
  PassOn pass_on(pair->answer.get(),
                 std::array{PassOn::ReplySocket{.endpoint = endpoint, .udp = socket_.get()}});
  path_->pass_on_by(&pass_on);
  EXPECT_TRUE(ask(packet).empty());
  EXPECT_EQ(count(CounterLayout::passed_on), 1u);
  EXPECT_EQ(drops_in_all(), 0u);
  const auto received = exchange::HandoverReceiver().receive(pair->control.get());
  ASSERT_TRUE(received.has_value() && received->has_value());
  EXPECT_EQ((*received)->bytes, packet);
}

TEST_F(QueryPathTest, AnswersAndCounts) {
  const auto response = ask(make_query("www"));
  ASSERT_GE(response.size(), 12u);
  EXPECT_EQ(response[0], 0x12);
  EXPECT_EQ(response[7], 1) << "one answer";
  EXPECT_EQ(ask(make_query("nowhere")).at(3) & 15, 3);
  EXPECT_EQ(count(CounterLayout::queries), 2u);
  EXPECT_EQ(count(CounterLayout::opcodes), 2u);
  EXPECT_EQ(count(CounterLayout::qtypes + exchange::qtype_slot(1)), 2u);
  EXPECT_EQ(count(CounterLayout::responses), 1u);
  EXPECT_EQ(count(CounterLayout::responses + 3), 1u);
  EXPECT_EQ(count(CounterLayout::edns + static_cast<size_t>(exchange::EdnsFact::dnssec_ok)), 2u);
  EXPECT_EQ(count(CounterLayout::batches), 2u);
  EXPECT_EQ(drops_in_all(), 0u);
  EXPECT_EQ(slot_.in_flight.load(), exchange::InFlight::none);
}

// A batch is looked up together; that must not be seen in any answer.
TEST_F(QueryPathTest, AnswersInABatchAreThoseOfSingleQuestions) {
  std::vector<std::vector<uint8_t>> questions;
  for (size_t i = 0; i < transport::UdpBatch::size_max; ++i) {
    const std::array<const char*, 6> names = {"www", "nowhere", "ns1", "a.b", "long", "x.www"};
    questions.push_back(make_query(names[i % names.size()], i % 5 == 0 ? 28 : 1));
    questions.back()[1] = static_cast<uint8_t>(i);
    if (i % 7 == 0) questions.back()[2] |= 0x28;                            // another opcode
    if (i % 11 == 0) questions.back().resize(questions.back().size() - 3);  // malformed
  }
  std::vector<std::vector<uint8_t>> alone;
  for (const auto& question : questions) alone.push_back(ask(question));
  for (const auto& question : questions) send(question);
  EXPECT_EQ(turn(), questions.size());
  for (const auto& response : alone) EXPECT_EQ(receive(), response);
  EXPECT_EQ(drops_in_all(), 0u);
}

TEST_F(QueryPathTest, EverySilenceHasOneReason) {
  const std::vector<uint8_t> nothing;
  EXPECT_TRUE(ask(nothing).empty());
  const std::vector<uint8_t> half_a_header(11, 0);
  EXPECT_TRUE(ask(half_a_header).empty());
  EXPECT_EQ(drops(Drop::too_short), 2u);
  std::vector<uint8_t> response = make_query("www");
  response[2] |= 0x80;
  EXPECT_TRUE(ask(response).empty());
  EXPECT_EQ(drops(Drop::is_response), 1u);
  EXPECT_EQ(drops_in_all(), 3u);
  EXPECT_EQ(count(CounterLayout::queries), 3u);
  EXPECT_EQ(slot_.counters.responses_total(), 0u);
}

TEST_F(QueryPathTest, ASourcePortOfZeroCannotBeAnswered) {
  send(make_query("www"));
  // The kernel lets nobody send from port 0 so easily: the peer is changed where it lies.
  const size_t received = batch_.receive();
  ASSERT_EQ(received, 1u);
  sockaddr_in6 peer = batch_.peer(0);
  reinterpret_cast<sockaddr_in&>(peer).sin_port = 0;
  const std::vector<uint8_t> query = make_query("www");
  std::vector<uint8_t> out(65535);
  EXPECT_EQ(path_->on_message(query, {peer, peer}, out), 0u);
  EXPECT_EQ(drops(Drop::source_port_zero), 1u);
}

TEST_F(QueryPathTest, WhatKillsWorkersIsRefusedUntilItsTimeIsOver) {
  const std::vector<uint8_t> deadly = make_query("deadly");
  const auto likeness = shield::likeness_of(deadly, service_.refusals->key());
  service_.refusals->enter({.mark = likeness.marks[0], .until_ns = 6'000'000'000});
  EXPECT_TRUE(ask(deadly).empty());
  EXPECT_EQ(drops(Drop::query_of_death), 1u);
  EXPECT_FALSE(ask(make_query("www")).empty());
  path_->begin_turn({.monotonic_ns = 6'000'000'000, .wall_ns = 0});
  EXPECT_FALSE(ask(deadly).empty());
}

TEST_F(QueryPathTest, StreamMessagesLieInSharedMemoryWhileInHand) {
  const std::vector<uint8_t> query = make_query("www");
  sockaddr_storage storage{};
  sockaddr_in6 peer{};
  const auto size = parse_endpoint("192.0.2.9@4000", 0)->to_sockaddr(storage);
  std::memcpy(&peer, &storage, size);
  std::vector<uint8_t> out(65535);
  EXPECT_GT(path_->on_message(query, {peer, peer}, out), 12u);
  EXPECT_EQ(std::memcmp(slot_.receive.stream_message.data(), query.data(), query.size()), 0);
  EXPECT_EQ(count(CounterLayout::queries + exchange::family_count), 1u);
  EXPECT_EQ(slot_.in_flight.load(), exchange::InFlight::none);
}

TEST_F(QueryPathTest, ConnectionsAreCountedByReason) {
  path_->on_accepted();
  path_->on_accepted();
  EXPECT_EQ(count(CounterLayout::tcp_open), 2u);
  path_->on_closed(transport::CloseReason::write_timeout, 3);
  path_->on_refused(transport::RefuseReason::address_full);
  EXPECT_EQ(count(CounterLayout::tcp_open), 1u);
  EXPECT_EQ(drops(Drop::connection_closed), 3u);
  EXPECT_EQ(
      count(CounterLayout::tcp_closed + static_cast<size_t>(exchange::TcpClosed::write_timeout)),
      1u);
  EXPECT_EQ(
      count(CounterLayout::tcp_refused + static_cast<size_t>(exchange::TcpRefused::address_full)),
      1u);
}

TEST_F(QueryPathTest, SamplesOneInSoMany) {
  policy_.dnstap_sample_every = 3;
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(ask(make_query("www")).empty());
  EXPECT_EQ(count(CounterLayout::samples_written), 3u);
  std::vector<uint8_t> record(exchange::SampleRing::record_bytes_max);
  const auto sample = exchange::read_sample(slot_.samples.pop(record));
  ASSERT_TRUE(sample.has_value());
  EXPECT_EQ(sample->header.server_port, port_);
  EXPECT_EQ(sample->header.client_address[0], 127);
  EXPECT_EQ(sample->header.server_address[3], 1);
  const std::vector<uint8_t> query = make_query("www");
  EXPECT_TRUE(std::ranges::equal(sample->query, query));
  EXPECT_GT(sample->response.size(), query.size());
}

TEST_F(QueryPathTest, AFullSampleRingCostsSamplesAndNothingElse) {
  policy_.dnstap_sample_every = 1;
  const std::vector<uint8_t> query = make_query("long", 16);
  const size_t rounds = size_t{4} * 1024 * 1024 / 300;
  for (size_t i = 0; i < rounds; ++i) ASSERT_FALSE(ask(query).empty());
  EXPECT_GT(count(CounterLayout::samples_lost), 0u);
  EXPECT_EQ(drops_in_all(), 0u);
}

#ifndef HOLDFAST_SANITIZED

// Questions of all kinds, so that no kind of answer allocates.
std::vector<std::vector<uint8_t>> many_questions() {
  std::vector<std::vector<uint8_t>> questions = {make_query("www"),      make_query("nowhere"),
                                                 make_query("www", 28),  make_query("long", 16),
                                                 make_query("www", 255), make_query("a.b")};
  questions.emplace_back(40, uint8_t{0xff});
  questions.emplace_back(3, uint8_t{0});
  std::vector<uint8_t> refused = make_query("www");
  refused[18] = 'X';  // another top
  questions.push_back(refused);
  return questions;
}

TEST_F(QueryPathTest, NothingIsAllocatedOnTheWay) {
  policy_.dnstap_sample_every = 2;
  for (const auto& question : many_questions()) {
    for (int i = 0; i < 5; ++i) send(question);
  }
  const uint64_t before = allocations;
  const size_t answered = turn();
  const uint64_t after = allocations;
  EXPECT_EQ(answered, many_questions().size() * 5);
  EXPECT_EQ(after, before);
  const auto made = std::make_unique<int>(1);
  EXPECT_GT(allocations, after) << "the count counts";
}

sock_filter instruction(unsigned code, unsigned value, unsigned char if_false = 0) {
  return {.code = static_cast<unsigned short>(code), .jt = 0, .jf = if_false, .k = value};
}

// From here on any system call but those of a batch ends the process.
bool allow_only_batches() {
  std::vector<sock_filter> program = {
      instruction(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const unsigned number :
       {unsigned{SYS_recvmmsg}, unsigned{SYS_sendmmsg}, unsigned{SYS_exit_group}}) {
    program.push_back(instruction(BPF_JMP | BPF_JEQ | BPF_K, number, 1));
    program.push_back(instruction(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  program.push_back(instruction(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  const sock_fprog filter{.len = static_cast<unsigned short>(program.size()),
                          .filter = program.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

TEST_F(QueryPathTest, NoSystemCallButTheBatchsOwn) {
  policy_.dnstap_sample_every = 1;
  const pid_t child = fork();
  if (child == 0) {
    for (const auto& question : many_questions()) {
      if (::send(client_.get(), question.data(), question.size(), 0) < 0) _exit(2);
    }
    if (!allow_only_batches()) _exit(77);
    size_t answered = 0;
    while (answered < many_questions().size()) answered += turn();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "no seccomp here";
  EXPECT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

#endif

}  // namespace
}  // namespace holdfast::server
