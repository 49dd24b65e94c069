// SPDX-License-Identifier: GPL-3.0-or-later
// The management process as a child of the test, which plays the supervisor.
#include "control/control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include <boost/json.hpp>

#include "base/shared_memory.h"
#include "config/load.h"
#include "control/control_client.h"
#include "exchange/handover.h"
#include "zone/layout.h"
#include "zone/memory.h"

namespace holdfast::control {
namespace {

namespace json = boost::json;
using exchange::Message;
using exchange::MessageKind;
using testing::HasSubstr;

// A port of the test's own: as long as this is there and does not listen, the kernel gives it to
// nobody else, and whoever says as this does that it may be shared can listen at it.
class OwnPort {
 public:
  OwnPort() {
    const int on = 1;
    EXPECT_EQ(::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    number_ = ntohs(address.sin_port);
  }
  [[nodiscard]] uint16_t number() const { return number_; }

 private:
  UniqueFd socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  uint16_t number_ = 0;
};

class ControlProcess : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "holdfast-control-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    state_ = directory_ + "/state";
    ASSERT_TRUE(make_directories(state_, 0750));
    port_ = own_port_.number();
    write_zone(1);
    write_config();
    panel_->worker_count = 1;
    panel_->workers[0].state = exchange::WorkerState::answering;
    panel_->workers[0].counters.count_query(exchange::Protocol::udp, exchange::Family::ipv4, 40);
    start();
  }
  void TearDown() override {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
    std::filesystem::remove_all(directory_);
  }

  void write_zone(int serial) const {
    std::ofstream(directory_ + "/one.example.zone")
        << "@ 3600 IN SOA ns root " << serial << " 3600 600 86400 300\n@ 3600 IN NS ns.other.\n";
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
  }
  void write_config(const std::string& server = "", const std::string& rest = "") const {
    std::ofstream(config_file()) << "[server]\nlisten = ['127.0.0.1@5353']\nstate = 'state'\n"
                                 << server << "\n[metrics]\nlisten = '127.0.0.1:" << port_
                                 << "'\n[[zones]]\ndirectory = '.'\n"
                                 << rest;
  }
  std::string config_file() const { return directory_ + "/holdfast.toml"; }

  void start() {
    auto loaded = config::load_config(config_file());
    ASSERT_TRUE(loaded.config) << loaded.problems.to_text();
    auto pair = exchange::Channel::make_pair();
    ASSERT_TRUE(pair);
    pair_ = std::make_unique<exchange::Channel::Pair>(*std::move(pair));
    auto handover = exchange::HandoverPair::make();
    ASSERT_TRUE(handover);
    handover_ = *std::move(handover);
    pid_ = ::fork();
    if (pid_ == 0) run_as_child(*loaded.config);
    await(MessageKind::ready);
  }
  // What is thrown ends the child: it must not go on as a second copy of the tests.
  [[noreturn]] void run_as_child(const config::Config& config) noexcept {
    std::_Exit(run({.config_file = config_file(),
                    .config = config,
                    .panel = *panel_,
                    .shield = *shield_,
                    .names = *names_,
                    .channel = pair_->control,
                    .handover = handover_.control.get()}));
  }
  int end(int signal) {
    ::kill(pid_, signal);
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  // The next message of this kind, others being passed over.
  Message await(MessageKind kind) {
    for (int tries = 0; tries < 600; ++tries) {
      pollfd entry{.fd = pair_->supervisor.fd(), .events = POLLIN, .revents = 0};
      ::poll(&entry, 1, 100);
      auto message = pair_->supervisor.receive();
      if (message && *message && (*message)->kind == kind) return **message;
    }
    ADD_FAILURE() << "no message of kind " << static_cast<int>(kind);
    return {};
  }
  void tell(MessageKind kind, std::string text = "") {
    EXPECT_TRUE(pair_->supervisor.send(
        {.kind = kind, .text = std::move(text), .workers = 0, .listen = {}}));
  }

  json::object ask(const std::string& request) const {
    auto client = ControlClient::connect(control_socket_path(state_), 20'000);
    EXPECT_TRUE(client) << client.error().message;
    const auto reply = client ? client->request(request) : Result<std::string>(fail(""));
    EXPECT_TRUE(reply) << reply.error().message;
    return reply ? json::parse(*reply).as_object() : json::object();
  }
  std::string get(const std::string& target) const {
    const UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return "";
    const std::string request = "GET " + target + " HTTP/1.0\r\n\r\n";
    EXPECT_EQ(::send(fd.get(), request.data(), request.size(), 0),
              static_cast<ssize_t>(request.size()));
    std::string text;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(fd.get(), buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<size_t>(got));
    }
    return text;
  }
  uint64_t serial() const {
    return ask(R"({"command":"zone-status","zone":"ONE.example"})")
        .at("serial")
        .to_number<uint64_t>();
  }

  SharedObject<exchange::Panel> panel_ = SharedObject<exchange::Panel>::create("panel").value();
  SharedObject<shield::ShieldMemory> shield_ =
      *SharedObject<shield::ShieldMemory>::create("the test's shield");
  SharedObject<NameFilter> names_ = *SharedObject<NameFilter>::create("the test's names");
  std::unique_ptr<exchange::Channel::Pair> pair_;
  exchange::HandoverPair handover_;
  std::string directory_;
  std::string state_;
  OwnPort own_port_;
  uint16_t port_ = 0;
  pid_t pid_ = -1;
};

TEST_F(ControlProcess, PublishesZonesPolicyAndMemory) {
  exchange::AnswerPolicy policy;
  EXPECT_NE(panel_->policy.read(policy), 0U);
  EXPECT_TRUE(policy.zones_complete);
  EXPECT_NE(policy.cookie_active, exchange::CookieSecret{});
  exchange::MemoryLocation location;
  EXPECT_NE(panel_->memory.read(location), 0U);
  EXPECT_EQ(location.path.view(), zone_memory_path(state_));
  EXPECT_EQ(serial(), 1U);
}

TEST_F(ControlProcess, StatusMetricsAndReadiness) {
  const json::object status = ask(R"({"command":"status"})");
  EXPECT_TRUE(status.at("ok").as_bool());
  EXPECT_TRUE(status.at("ready").as_bool());
  EXPECT_EQ(status.at("zones").at("serving").to_number<int>(), 1);
  EXPECT_EQ(status.at("control").at("pid").to_number<int>(), pid_);
  const std::string metrics = get("/metrics");
  EXPECT_THAT(metrics, HasSubstr("HTTP/1.0 200 OK"));
  EXPECT_THAT(metrics, HasSubstr("\nholdfast_queries_total{protocol=\"udp\",family=\"ipv4\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("\nholdfast_zones{state=\"serving\"} 1\n"));
  EXPECT_THAT(get("/health"), HasSubstr(" 200 OK"));
  EXPECT_THAT(get("/ready"), HasSubstr(" 200 OK"));
  panel_->workers[0].state = exchange::WorkerState::stopped;
  EXPECT_THAT(get("/ready"), HasSubstr(" 503 "));
  EXPECT_THAT(get("/ready"), HasSubstr("no worker answers"));
  EXPECT_THAT(get("/other"), HasSubstr(" 404 "));
}

TEST_F(ControlProcess, BadRequestsAreAnsweredWithASentence) {
  EXPECT_FALSE(ask("not json").at("ok").as_bool());
  EXPECT_EQ(ask(R"({"command":"dance"})").at("error"), "unknown command \"dance\"");
  EXPECT_EQ(ask(R"({"command":"status","zones":1})").at("error"),
            "unknown member \"zones\": expected \"command\" and perhaps \"zone\"");
  EXPECT_EQ(ask(R"({"command":"zone-print"})").at("error"), "zone-print needs a \"zone\"");
  EXPECT_EQ(ask(R"({"command":"zone-status","zone":"x"})").at("error"),
            "zone x. is not configured");
}

TEST_F(ControlProcess, ListsAndPrintsZones) {
  auto client = ControlClient::connect(control_socket_path(state_), 20'000);
  ASSERT_TRUE(client);
  std::vector<std::string> lines;
  const auto collect = [&](std::string_view line) { lines.emplace_back(line); };
  ASSERT_TRUE(client->request(R"({"command":"zone-list"})"));
  ASSERT_TRUE(client->read_stream(collect));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(json::parse(lines[0]).at("zone"), "one.example.");
  lines.clear();
  ASSERT_TRUE(client->request(R"({"command":"zone-print","zone":"one.example"})"));
  ASSERT_TRUE(client->read_stream(collect));
  EXPECT_THAT(lines, testing::ElementsAre(
                         "one.example. 3600 IN SOA ns.one.example. root.one.example. 1 3600 600 "
                         "86400 300",
                         "one.example. 3600 IN NS ns.other."));
}

TEST_F(ControlProcess, AReloadAppliesZonesAndSettings) {
  write_zone(2);
  write_config("nsid = 'edge-7'");
  const json::object reply = ask(R"({"command":"reload"})");
  EXPECT_TRUE(reply.at("ok").as_bool()) << reply;
  EXPECT_EQ(reply.at("changes").as_array().size(), 2U) << reply;
  EXPECT_EQ(serial(), 2U);
  exchange::AnswerPolicy policy;
  panel_->policy.read(policy);
  EXPECT_EQ(policy.nsid.view(), "edge-7");
  EXPECT_TRUE(policy.zones_complete);
  await(MessageKind::reloading);
  await(MessageKind::ready);
}

TEST_F(ControlProcess, ABadReloadSaysWhereAndChangesNothing) {
  write_zone(2);
  write_config("nsid = 'edge-7'\nworker = 3");
  const json::object reply = ask(R"({"command":"reload"})");
  EXPECT_FALSE(reply.at("ok").as_bool());
  EXPECT_THAT(std::string(reply.at("findings").at(0).as_string()), HasSubstr(config_file() + ":5"));
  EXPECT_EQ(serial(), 1U);
  write_config("nsid = 'edge-7'\nuser = 'other'");
  EXPECT_THAT(std::string(ask(R"({"command":"reload"})").at("findings").at(0).as_string()),
              HasSubstr("server.user was changed, which needs a restart"));
  EXPECT_EQ(serial(), 1U);
  const json::object status = ask(R"({"command":"status"})");
  EXPECT_EQ(status.at("reload").at("failed").to_number<int>(), 2);
  // The zone alone is good, and can be reloaded alone.
  EXPECT_TRUE(ask(R"({"command":"reload","zone":"one.example"})").at("ok").as_bool());
  EXPECT_EQ(serial(), 2U);
}

TEST_F(ControlProcess, ListenAddressesChangeInTwoSteps) {
  write_zone(2);
  write_config("workers = 3");
  std::thread supervisor([this] {
    EXPECT_EQ(await(MessageKind::prepare).workers, 3U);
    EXPECT_EQ(panel_->memory.generation(), 1U);
    tell(MessageKind::prepared);
    await(MessageKind::commit);
    tell(MessageKind::committed);
  });
  const json::object reply = ask(R"({"command":"reload"})");
  supervisor.join();
  EXPECT_TRUE(reply.at("ok").as_bool()) << reply;
  EXPECT_EQ(reply.at("changes").at(0), "server.workers: 0 to 3");
  EXPECT_EQ(serial(), 2U);
}

TEST_F(ControlProcess, WhatTheSupervisorCannotOpenRefusesTheReload) {
  write_zone(2);
  write_config("workers = 3");
  std::thread supervisor([this] {
    await(MessageKind::prepare);
    tell(MessageKind::failed, "127.0.0.1@53: Permission denied");
    await(MessageKind::abort);
  });
  const json::object reply = ask(R"({"command":"reload"})");
  supervisor.join();
  EXPECT_EQ(reply.at("error"), "nothing was changed: 127.0.0.1@53: Permission denied");
  EXPECT_EQ(serial(), 1U);
}

TEST_F(ControlProcess, SighupReloadsThroughTheSupervisor) {
  write_zone(2);
  tell(MessageKind::reload);
  await(MessageKind::reloading);
  await(MessageKind::ready);
  EXPECT_EQ(serial(), 2U);
}

TEST_F(ControlProcess, KilledAndStartedAgainItChangesNothing) {
  write_config("nsid = 'edge-7'");
  ASSERT_TRUE(ask(R"({"command":"reload"})").at("ok").as_bool());
  // What is written now is for the next reload, not for a process that was started again.
  write_zone(2);
  write_config("nsid = 'edge-8'");
  EXPECT_EQ(end(SIGKILL), -1);
  panel_->control_restarts = 1;
  start();
  EXPECT_EQ(serial(), 1U);
  exchange::AnswerPolicy policy;
  panel_->policy.read(policy);
  EXPECT_EQ(policy.nsid.view(), "edge-7");
  EXPECT_TRUE(policy.zones_complete);
  EXPECT_EQ(panel_->memory.generation(), 1U);
  ASSERT_TRUE(ask(R"({"command":"reload"})").at("ok").as_bool());
  EXPECT_EQ(serial(), 2U);
}

// Answer processes go on with the file that they have until the new one holds all zones.
TEST_F(ControlProcess, ZoneMemoryThatHadToBeReplacedIsShownOnceItIsFilled) {
  EXPECT_EQ(end(SIGKILL), -1);
  {
    std::fstream file(zone_memory_path(state_), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offsetof(zone::layout::FileHeader, zone_table)));
    file.write("\1\2\3\4\5\6\7\10", 8);
  }
  // A process, as the workers are; control is forked from this one, which must have no threads.
  const pid_t worker = ::fork();
  if (worker == 0) {
    for (int tries = 0; tries < 600'000 && panel_->memory.generation() < 2; ++tries) {
      ::usleep(100);
    }
    const auto base = zone::map_memory_for_reading(zone_memory_path(state_), zone_memory_bytes_max);
    std::_Exit(base ? static_cast<int>(zone::MemoryReader(*base).zone_count()) : 99);
  }
  panel_->control_restarts = 1;
  start();
  int status = 0;
  ASSERT_EQ(::waitpid(worker, &status, 0), worker);
  EXPECT_EQ(panel_->memory.generation(), 2U);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_EQ(serial(), 1U);
}

TEST_F(ControlProcess, EndsInOrderOnSigtermAndIgnoresOthers) {
  ::kill(pid_, SIGHUP);
  ::kill(pid_, SIGINT);
  EXPECT_EQ(serial(), 1U);
  EXPECT_EQ(end(SIGTERM), 0);
}

TEST_F(ControlProcess, AMetricsPortInUseRefusesAReload) {
  const UniqueFd taken(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(taken.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(taken.get(), 1), 0);
  ASSERT_EQ(::getsockname(taken.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const uint16_t before = std::exchange(port_, ntohs(address.sin_port));
  write_config();
  const json::object reply = ask(R"({"command":"reload"})");
  EXPECT_THAT(std::string(reply.at("error").as_string()), HasSubstr("Address already in use"));
  port_ = before;
  EXPECT_THAT(get("/health"), HasSubstr(" 200 OK"));
  // To another port that is free.
  const OwnPort other;
  port_ = other.number();
  write_config();
  EXPECT_TRUE(ask(R"({"command":"reload"})").at("ok").as_bool());
  EXPECT_THAT(get("/health"), HasSubstr(" 200 OK"));
}

}  // namespace
}  // namespace holdfast::control
