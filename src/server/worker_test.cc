// SPDX-License-Identifier: GPL-3.0-or-later
#include "server/worker.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "server/test_zone.h"
#include "transport/socket_sets.h"

namespace holdfast::server {
namespace {

using exchange::WorkerState;

class WorkerTest : public testing::Test {
 protected:
  // A free UDP port need not be free for TCP.
  void SetUp() override {
    for (int attempt = 0; attempt < 50 && sockets_.workers().empty(); ++attempt) {
      endpoint_ = free_udp_endpoint();
      const std::array listen = {endpoint_};
      if (sockets_.prepare(listen, 1)) sockets_.commit();
    }
    ASSERT_EQ(sockets_.workers().size(), 1u);
  }
  ~WorkerTest() override {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }

  static Endpoint free_udp_endpoint() {
    Endpoint endpoint = *parse_endpoint("127.0.0.1@1", 1);
    endpoint.port = 0;
    const UniqueFd probe(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_storage storage{};
    socklen_t size = endpoint.to_sockaddr(storage);
    EXPECT_EQ(bind(probe.get(), reinterpret_cast<sockaddr*>(&storage), size), 0);
    size = sizeof storage;
    getsockname(probe.get(), reinterpret_cast<sockaddr*>(&storage), &size);
    return Endpoint::from_sockaddr(storage);
  }
  [[nodiscard]] UniqueFd open_client() const {
    UniqueFd client(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_storage storage{};
    const socklen_t size = endpoint_.to_sockaddr(storage);
    EXPECT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&storage), size), 0);
    const timeval wait{.tv_sec = 60, .tv_usec = 0};
    setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    return client;
  }

  void start() {
    pid_ = fork();
    if (pid_ != 0) return;
    WorkerSetup setup{
        .number = 0, .panel = *service_.panel, .refusals = *service_.refusals, .listeners = {}};
    const auto& sockets = sockets_.workers()[0][0];
    setup.listeners.push_back(
        {.endpoint = endpoint_, .udp = sockets->udp.get(), .tcp = sockets->tcp.get()});
    _exit(run_worker(setup));
  }
  int end() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return status;
  }
  // The RCODE of the answer, or -1 for none.
  [[nodiscard]] int ask(const std::string& label) const {
    const UniqueFd client = open_client();
    const std::vector<uint8_t> query = make_query(label);
    send(client.get(), query.data(), query.size(), 0);
    std::array<uint8_t, 4096> response;
    return recv(client.get(), response.data(), response.size(), 0) < 12 ? -1 : response[3] & 15;
  }
  [[nodiscard]] static bool wait_until(const std::function<bool()>& condition) {
    for (int i = 0; i < 12'000; ++i) {
      if (condition()) return true;
      usleep(5'000);
    }
    return false;
  }

  TestService service_;
  exchange::WorkerSlot& slot_ = service_.panel->workers[0];
  Endpoint endpoint_;
  transport::SocketSets sockets_;
  pid_t pid_ = 0;
};

TEST_F(WorkerTest, WaitsForZoneMemoryThenAnswersWhatHasQueued) {
  start();
  EXPECT_TRUE(wait_until([&] { return slot_.heartbeat_ns.load() != 0; }));
  EXPECT_EQ(slot_.state.load(), WorkerState::starting);
  const UniqueFd client = open_client();
  const std::vector<uint8_t> query = make_query("www");
  send(client.get(), query.data(), query.size(), 0);
  service_.publish_zone();
  std::array<uint8_t, 4096> response;
  EXPECT_GT(recv(client.get(), response.data(), response.size(), 0), 12);
  EXPECT_EQ(slot_.state.load(), WorkerState::answering);
}

TEST_F(WorkerTest, TheFirstQuestionAfterANewPolicyMeetsIt) {
  service_.publish_zone();
  start();
  EXPECT_EQ(ask("www"), 0);
  exchange::AnswerPolicy policy;
  for (uint64_t i = 1; i <= 10; ++i) {
    policy.zones_complete = true;
    service_.panel->policy.publish(policy);
    EXPECT_EQ(ask("www"), 0);
    EXPECT_EQ(slot_.policy_generation.load(), i);
  }
}

TEST_F(WorkerTest, EndsInOrderAtSigterm) {
  service_.publish_zone();
  start();
  EXPECT_EQ(ask("www"), 0);
  kill(pid_, SIGTERM);
  const int status = end();
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(slot_.state.load(), WorkerState::stopped);
}

TEST_F(WorkerTest, ASuccessorAnswersWhatTheDeadOneLeftInTheQueue) {
  service_.publish_zone();
  start();
  EXPECT_EQ(ask("www"), 0);
  kill(pid_, SIGKILL);
  end();
  const UniqueFd client = open_client();
  const std::vector<uint8_t> query = make_query("www");
  for (int i = 0; i < 100; ++i) send(client.get(), query.data(), query.size(), 0);
  start();
  for (int i = 0; i < 100; ++i) {
    std::array<uint8_t, 4096> response;
    ASSERT_GT(recv(client.get(), response.data(), response.size(), 0), 12);
  }
}

TEST_F(WorkerTest, AFaultFromOutsideIsNotItsOwn) {
  service_.publish_zone();
  start();
  EXPECT_EQ(ask("www"), 0);
  kill(pid_, SIGSEGV);
  const int status = end();
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGSEGV);
  EXPECT_EQ(slot_.own_fault.load(), 0u);
}

}  // namespace
}  // namespace holdfast::server
