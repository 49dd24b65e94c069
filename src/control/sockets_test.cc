// SPDX-License-Identifier: GPL-3.0-or-later
// The control socket and the HTTP server over real sockets.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "control/control_client.h"
#include "control/control_socket.h"
#include "control/http_server.h"

namespace holdfast::control {
namespace {

class Served : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "holdfast-sockets-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    path_ = control_socket_path(directory_);
    thread_ = std::thread([this] { context_.run(); });
  }
  void TearDown() override {
    context_.stop();
    thread_.join();
    std::filesystem::remove_all(directory_);
  }
  void serve_control(ControlSocket::Handler handler) {
    auto listener = ControlSocket::bind(path_);
    ASSERT_TRUE(listener) << listener.error().message;
    control_ = std::make_unique<ControlSocket>(context_, *std::move(listener), std::move(handler));
  }
  [[nodiscard]] int connect_raw() const {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }

  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_{
      context_.get_executor()};
  std::string directory_;
  std::string path_;
  std::unique_ptr<ControlSocket> control_;
  std::thread thread_;
};

void echo(std::string_view request, const ControlSocket::Done& done) {
  done({std::string(request), {}});
}

std::string read_to_end(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(fd, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<size_t>(got));
  }
  return text;
}

TEST_F(Served, ControlSocketIsForOwnerAndGroup) {
  serve_control(echo);
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0660U);
}

TEST_F(Served, RequestsFollowOneAnotherAndRepliesMayComeFromAnotherThread) {
  std::thread worker;
  serve_control([&](std::string_view request, ControlSocket::Done done) {
    if (worker.joinable()) worker.join();
    worker = std::thread(
        [line = std::string(request), done = std::move(done)] { done({"<" + line + ">", {}}); });
  });
  auto client = ControlClient::connect(path_);
  ASSERT_TRUE(client);
  EXPECT_EQ(client->request("one").value_or("none"), "<one>");
  EXPECT_EQ(client->request("two").value_or("none"), "<two>");
  worker.join();
}

TEST_F(Served, AStreamArrivesWhole) {
  constexpr int chunks = 100;
  const std::string line(10'000, 'x');
  serve_control([&](std::string_view, const ControlSocket::Done& done) {
    done({"{}", [&, left = chunks]() mutable { return left-- > 0 ? line + '\n' : std::string(); }});
  });
  auto client = ControlClient::connect(path_);
  ASSERT_TRUE(client);
  ASSERT_TRUE(client->request("stream"));
  int lines = 0;
  const auto end = client->read_stream([&](std::string_view got) { lines += got == line; });
  EXPECT_TRUE(end) << end.error().message;
  EXPECT_EQ(lines, chunks);
}

TEST_F(Served, ARequestBeyondTheBoundIsRefused) {
  serve_control(echo);
  auto client = ControlClient::connect(path_);
  ASSERT_TRUE(client);
  EXPECT_EQ(client->request(std::string(request_bytes_max + 1, 'x')).value_or("none"),
            "{\"ok\":false,\"error\":\"a request of more than 4096 bytes\"}");
}

TEST_F(Served, ClientsBeyondTheBoundAreToldAndTheOthersAreServed) {
  serve_control(echo);
  std::vector<UniqueFd> silent;
  for (size_t i = 0; i < control_clients_max - 1; ++i) silent.emplace_back(connect_raw());
  auto last = ControlClient::connect(path_);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->request("here").value_or("none"), "here");
  const UniqueFd refused(connect_raw());
  EXPECT_EQ(read_to_end(refused.get()),
            "{\"ok\":false,\"error\":\"too many clients on the control socket\"}\n");
  silent.clear();
  EXPECT_EQ(last->request("still").value_or("none"), "still");
}

class ServedHttp : public Served {
 protected:
  void serve_http() {
    http_ =
        std::make_unique<HttpServer>(context_, [this](std::string_view target, uint64_t refused) {
          refused_ = refused;
          if (target == "/metrics") return HttpReply{200, "text/plain", "metrics\n"};
          return HttpReply{404, "text/plain", "nothing here\n"};
        });
    listen_on(0);
  }
  void listen_on(uint16_t port) {
    Endpoint endpoint = *parse_url_endpoint("127.0.0.1:1");
    endpoint.port = port;
    auto listener = HttpServer::bind(endpoint);
    ASSERT_TRUE(listener) << listener.error().message;
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    ::getsockname(listener->get(), reinterpret_cast<sockaddr*>(&storage), &size);
    endpoint_ = Endpoint::from_sockaddr(storage);
    http_->serve(*std::move(listener));
  }
  [[nodiscard]] int connect_http(const Endpoint& endpoint) const {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_storage storage{};
    const socklen_t size = endpoint.to_sockaddr(storage);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&storage), size), 0);
    return fd;
  }
  std::string ask(const std::string& request) const {
    const UniqueFd fd(connect_http(endpoint_));
    EXPECT_EQ(::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    return read_to_end(fd.get());
  }

  std::unique_ptr<HttpServer> http_;
  std::atomic<uint64_t> refused_{0};
  Endpoint endpoint_;
};

TEST_F(ServedHttp, GetHeadAndOthers) {
  serve_http();
  const std::string got = ask("GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(got.starts_with("HTTP/1.1 200 OK\r\n")) << got;
  EXPECT_TRUE(got.ends_with("\r\n\r\nmetrics\n")) << got;
  const std::string head = ask("HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(head.find("Content-Length: 8\r\n"), std::string::npos) << head;
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
  EXPECT_TRUE(ask("GET /x HTTP/1.0\r\n\r\n").starts_with("HTTP/1.0 404 "));
  EXPECT_TRUE(
      ask("POST /metrics HTTP/1.0\r\nContent-Length: 0\r\n\r\n").starts_with("HTTP/1.0 405 "));
}

TEST_F(ServedHttp, HeadersBeyondTheBoundEndTheConnection) {
  serve_http();
  const std::string request =
      "GET /metrics HTTP/1.1\r\nX: " + std::string(http_header_bytes_max, 'x') + "\r\n\r\n";
  EXPECT_EQ(ask(request).find("200 OK"), std::string::npos);
}

TEST_F(ServedHttp, ConnectionsBeyondTheBoundAreClosedAndCounted) {
  serve_http();
  std::vector<UniqueFd> silent;
  for (size_t i = 0; i < http_connections_max; ++i) silent.emplace_back(connect_http(endpoint_));
  EXPECT_EQ(ask("GET /metrics HTTP/1.0\r\n\r\n"), "");
  silent.clear();
  // The ends of the silent ones may arrive after the next beginning.
  while (ask("GET /metrics HTTP/1.0\r\n\r\n").empty()) {
  }
  EXPECT_GE(refused_, 1U);
}

TEST_F(ServedHttp, APortInUseIsNamedAndANewListenerReplacesTheOld) {
  serve_http();
  const Endpoint first = endpoint_;
  const auto taken = HttpServer::bind(first);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().message,
            "metrics.listen: " + first.to_url_text() + ": Address already in use");
  listen_on(0);
  EXPECT_TRUE(ask("GET /metrics HTTP/1.0\r\n\r\n").starts_with("HTTP/1.0 200 "));
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_storage storage{};
  const socklen_t size = first.to_sockaddr(storage);
  EXPECT_NE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), size), 0);
}

}  // namespace
}  // namespace holdfast::control
