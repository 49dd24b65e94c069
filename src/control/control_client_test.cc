// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/control_client.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

namespace holdfast::control {
namespace {

class Socket : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "holdfast-client-" + std::to_string(::getpid());
    std::filesystem::create_directories(directory_);
    path_ = control_socket_path(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // Accepts one client, reads a line and sends `reply`.
  std::thread serve_once(std::string reply) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    listener_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
    return std::thread([this, reply = std::move(reply)] {
      const UniqueFd client(::accept(listener_.get(), nullptr, nullptr));
      char byte = 0;
      while (::read(client.get(), &byte, 1) == 1 && byte != '\n') request_ += byte;
      EXPECT_TRUE(write_all(client.get(),
                            {reinterpret_cast<const uint8_t*>(reply.data()), reply.size()}, path_));
    });
  }

  std::string directory_;
  std::string path_;
  std::string request_;
  UniqueFd listener_;
};

TEST_F(Socket, NobodyListeningIsSaidPlainly) {
  const auto client = ControlClient::connect(path_);
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().message,
            path_ + ": no holdfast server is running with this state directory");
}

TEST_F(Socket, RequestReplyAndStream) {
  std::thread server = serve_once("{\"ok\":true,\"stream\":true}\none\ntwo\n\n");
  auto client = ControlClient::connect(path_);
  ASSERT_TRUE(client) << client.error().message;
  const auto reply = client->request(R"({"command":"zone-list"})");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(*reply, "{\"ok\":true,\"stream\":true}");
  std::vector<std::string> lines;
  EXPECT_TRUE(client->read_stream([&](std::string_view line) { lines.emplace_back(line); }));
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "two"}));
  server.join();
  EXPECT_EQ(request_, R"({"command":"zone-list"})");
}

TEST_F(Socket, AStreamCutShortIsAnError) {
  std::thread server = serve_once("{\"ok\":true,\"stream\":true}\none\ntw");
  auto client = ControlClient::connect(path_);
  ASSERT_TRUE(client);
  ASSERT_TRUE(client->request("{}"));
  const auto stream = client->read_stream([](std::string_view) {});
  ASSERT_FALSE(stream);
  EXPECT_NE(stream.error().message.find("closed the connection before"), std::string::npos);
  server.join();
}

TEST_F(Socket, ASilentServerIsLeft) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.data(), path_.size());
  listener_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener_.get(), 1), 0);
  auto client = ControlClient::connect(path_, 50);
  ASSERT_TRUE(client);
  const auto reply = client->request("{}");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().message, path_ + ": no reply within the time allowed");
}

TEST_F(Socket, APathTooLongForASocketIsNamed) {
  const auto client = ControlClient::connect("/" + std::string(200, 'x'));
  ASSERT_FALSE(client);
  EXPECT_NE(client.error().message.find("longer than the 107 bytes"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::control
