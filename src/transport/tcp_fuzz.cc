// SPDX-License-Identifier: GPL-3.0-or-later
// Lets the input play several clients of a TcpServer: connect, send parts of messages, read or not,
// let time pass, end. The server must keep its books: what it accepted is open or was closed once.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>

#include "base/check.h"
#include "base/file.h"
#include "transport/tcp.h"

namespace {

using namespace holdfast;
using namespace holdfast::transport;

constexpr size_t clients_max = 8;

class Books final : public StreamHandler {
 public:
  // The message says how long its answer is; 0xff at its start means none, 0xfe
  // somebody else's.
  size_t on_message(Bytes message, const TcpPeer&, MutableBytes out) override {
    CHECK(out.size() == 65535);
    if (message.empty() || message[0] == 0xff) return 0;
    if (message[0] == 0xfe) return give_away;
    size_t size = message.size();
    if (message.size() >= 3 && message[0] == 0x80) size = load_be16(message.data() + 1);
    std::fill_n(out.begin(), size, message[0]);
    return size;
  }
  size_t on_give_away(int, Bytes unread, const TcpPeer&, MutableBytes out) override {
    CHECK(unread.size() > 2 && unread[2] == 0xfe);
    if (unread.size() % 2 == 0) return 0;
    out[0] = 1;
    return 1;
  }
  void on_accepted() override { ++accepted; }
  void on_refused(RefuseReason) override {}
  void on_closed(CloseReason, size_t answers_lost) override {
    ++closed;
    CHECK(answers_lost <= size_t{2} * 65535);
  }
  size_t accepted = 0;
  size_t closed = 0;
};

class Play {
 public:
  Play() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    // Unix sockets carry the same stream, and no port is needed. An empty name: the kernel's
    // choice.
    listener_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    address_.sun_family = AF_UNIX;
    CHECK(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address_), sizeof(sa_family_t)) == 0);
    address_size_ = sizeof address_;
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address_), &address_size_);
    CHECK(listen(listener_.get(), clients_max) == 0);
  }

  void run(ByteReader input) {
    const TcpLimits limits{.connections_max = 5, .connections_per_address_max = 6};
    if (server_ == nullptr) {
      server_ = std::make_unique<TcpServer>(epoll_.get(), books_, limits, HashKey{1, 2});
      CHECK(server_->add_listener(listener_.get()).has_value());
    }
    server_->set_limits(limits);
    while (input.remaining() >= 2) {
      const uint8_t action = input.read_u8();
      UniqueFd& client = clients_[action >> 5];
      const uint8_t amount = input.read_u8();
      switch (action & 7) {
        case 0:
          connect_client(client);
          break;
        case 1:
          send_to(client, input.read_bytes(std::min<size_t>(amount, input.remaining())));
          break;
        case 2:
          send_long(client, amount);
          break;
        case 3:
          read_from(client, size_t{amount} * 1024);
          break;
        case 4:
          client.reset();
          break;
        case 5:
          if (client.valid()) shutdown(client.get(), SHUT_WR);
          break;
        case 6:
          now_ms_ += amount * size_t{50};
          server_->on_time(now_ms_);
          CHECK(server_->wait_ms(now_ms_, 1000) >= 0);
          break;
        default:
          server_->set_limits(
              {.connections_max = 1U + amount % 8U, .connections_per_address_max = 6});
      }
      turn();
    }
    const bool drains = input.remaining() == 1;
    if (drains) server_->drain(now_ms_);
    turn();
    CHECK(books_.accepted - books_.closed == server_->open_count());
    now_ms_ += 1'000'000;
    server_->on_time(now_ms_);
    CHECK(server_->open_count() == 0 && books_.accepted == books_.closed);
    for (UniqueFd& client : clients_) client.reset();
    turn();
    now_ms_ += 1'000'000;
    server_->on_time(now_ms_);
    if (drains) server_.reset();
  }

 private:
  void connect_client(UniqueFd& client) const {
    client = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int small = 4096;
    setsockopt(client.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    if (connect(client.get(), reinterpret_cast<const sockaddr*>(&address_), address_size_) != 0) {
      client.reset();
    }
  }
  static void send_to(const UniqueFd& client, Bytes bytes) {
    if (client.valid()) send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  // A whole message that asks for a long answer, or the begin of a long one.
  static void send_long(const UniqueFd& client, uint8_t amount) {
    std::array<uint8_t, 3000> message{};
    store_be16(message.data(), amount % 2 == 0 ? 3 : static_cast<uint16_t>(message.size() * 2));
    message[2] = 0x80;
    message[3] = amount;
    send_to(client, Bytes(message).first(amount % 2 == 0 ? 5 : message.size()));
  }
  static void read_from(const UniqueFd& client, size_t bytes) {
    std::array<uint8_t, 65536> buffer;
    while (client.valid() && bytes > 0) {
      const ssize_t count =
          recv(client.get(), buffer.data(), std::min(bytes, buffer.size()), MSG_DONTWAIT);
      if (count <= 0) return;
      bytes -= static_cast<size_t>(count);
    }
  }
  void turn() {
    std::array<epoll_event, 16> events;
    for (int round = 0; round < 8; ++round) {
      const int count = epoll_wait(epoll_.get(), events.data(), events.size(), 0);
      if (count <= 0) return;
      for (int i = 0; i < count; ++i) server_->on_event(events[static_cast<size_t>(i)], now_ms_);
    }
  }

  Books books_;
  UniqueFd epoll_;
  UniqueFd listener_;
  sockaddr_un address_{};
  socklen_t address_size_ = 0;
  std::unique_ptr<TcpServer> server_;
  std::array<UniqueFd, clients_max> clients_;
  uint64_t now_ms_ = 1000;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Play
      play;  // the server's buffers are dear to make; each input leaves it without connections
  play.run(ByteReader({data, size}));
  return 0;
}
