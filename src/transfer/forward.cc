// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/forward.h"

#include <array>
#include <chrono>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "base/bytes.h"

namespace holdfast::transfer {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

tcp::endpoint to_asio(const Endpoint& endpoint) {
  if (endpoint.is_ipv6()) return {asio::ip::address_v6(endpoint.address), endpoint.port};
  asio::ip::address_v4::bytes_type bytes{};
  std::copy_n(endpoint.address.begin(), bytes.size(), bytes.begin());
  return {asio::ip::address_v4(bytes), endpoint.port};
}

// What must go within TLS does not go any other way.
std::vector<config::Remote> in_the_clear(std::vector<config::Remote> servers) {
  std::erase_if(servers, [](const config::Remote& server) { return server.tls.required; });
  return servers;
}

}  // namespace

struct Forwarder::Impl {
  explicit Impl(asio::io_context& context) : io(context) {}
  asio::io_context& io;
  size_t forwards = 0;
};

namespace {

// One request on its way. Keeps itself alive by what it waits for.
template <typename Owner>
class Way : public std::enable_shared_from_this<Way<Owner>> {
 public:
  Way(std::shared_ptr<Owner> owner, std::vector<uint8_t> message,
      const std::vector<config::Remote>& to, Forwarder::Done done)
      : owner_(std::move(owner)),
        socket_(owner_->io),
        timer_(owner_->io),
        message_(std::move(message)),
        to_(in_the_clear(to)),
        done_(std::move(done)) {
    store_be16(length_.data(), static_cast<uint16_t>(message_.size()));
    ++owner_->forwards;
  }
  Way(const Way&) = delete;
  Way& operator=(const Way&) = delete;
  ~Way() { --owner_->forwards; }

  void ask_next() {
    if (next_ == to_.size()) return finish({});
    error_code ignored;
    ignored = socket_.close(ignored);
    timer_.expires_after(std::chrono::milliseconds(Forwarder::forward_ms));
    timer_.async_wait([weak = this->weak_from_this()](error_code error) {
      const auto self = weak.lock();
      if (error || !self) return;
      error_code closed;
      closed = self->socket_.close(closed);
    });
    const auto self = this->shared_from_this();
    socket_.async_connect(to_asio(to_[next_++].endpoint),
                          [self](error_code error) { error ? self->ask_next() : self->send(); });
  }

 private:
  void send() {
    const std::array<asio::const_buffer, 2> frame{asio::buffer(length_), asio::buffer(message_)};
    const auto self = this->shared_from_this();
    asio::async_write(socket_, frame, [self](error_code error, size_t) {
      error ? self->ask_next() : self->receive();
    });
  }

  void receive() {
    const auto self = this->shared_from_this();
    asio::async_read(socket_, asio::buffer(answer_length_), [self](error_code error, size_t) {
      if (error) return self->ask_next();
      self->response_.resize(load_be16(self->answer_length_.data()));
      asio::async_read(self->socket_, asio::buffer(self->response_),
                       [self](error_code failed, size_t) {
                         if (failed || !self->is_answer()) return self->ask_next();
                         self->finish(std::move(self->response_));
                       });
    });
  }

  // To this request: same ID, a response.
  [[nodiscard]] bool is_answer() const {
    constexpr size_t header_bytes = 12;
    return response_.size() >= header_bytes && response_[0] == message_[0] &&
           response_[1] == message_[1] && (response_[2] & 0x80) != 0;
  }

  void finish(std::vector<uint8_t> response) {
    timer_.cancel();
    done_(std::move(response));
  }

  std::shared_ptr<Owner> owner_;
  tcp::socket socket_;
  asio::steady_timer timer_;
  std::vector<uint8_t> message_;
  std::vector<config::Remote> to_;
  Forwarder::Done done_;
  size_t next_ = 0;
  std::array<uint8_t, 2> length_{};
  std::array<uint8_t, 2> answer_length_{};
  std::vector<uint8_t> response_;
};

}  // namespace

Forwarder::Forwarder(asio::io_context& context) : impl_(std::make_shared<Impl>(context)) {}
Forwarder::~Forwarder() = default;

void Forwarder::forward(std::vector<uint8_t> message, const std::vector<config::Remote>& to,
                        Done done) {
  if (impl_->forwards == forwards_max) {
    return asio::post(impl_->io, [done = std::move(done)] { done({}); });
  }
  std::make_shared<Way<Impl>>(impl_, std::move(message), to, std::move(done))->ask_next();
}

}  // namespace holdfast::transfer
