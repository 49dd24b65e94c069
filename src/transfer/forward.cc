// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/forward.h"

#include <array>
#include <chrono>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/bytes.h"
#include "log/log.h"
#include "transfer/stream.h"

namespace holdfast::transfer {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr size_t length_bytes = 2;

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
      const std::vector<config::Remote>& to, std::shared_ptr<const TlsCredentials> tls,
      Forwarder::Done done)
      : owner_(std::move(owner)),
        timer_(owner_->io),
        frame_(length_bytes),
        to_(to),
        tls_(std::move(tls)),
        done_(std::move(done)) {
    store_be16(frame_.data(), static_cast<uint16_t>(message.size()));
    frame_.insert(frame_.end(), message.begin(), message.end());
    ++owner_->forwards;
  }
  Way(const Way&) = delete;
  Way& operator=(const Way&) = delete;
  ~Way() { --owner_->forwards; }

  void ask_next() {
    if (next_ == to_.size()) return finish({});
    const config::Remote& server = to_[next_++];
    stream_ = std::make_shared<Stream>(owner_->io);
    timer_.expires_after(std::chrono::milliseconds(Forwarder::forward_ms));
    timer_.async_wait([weak = std::weak_ptr(stream_)](error_code error) {
      const auto stream = weak.lock();
      if (!error && stream) stream->close();
    });
    stream_->connect(server.endpoint, then([this, &server] {
                       if (!server.tls.required) return send();
                       begin_tls(server);
                     }));
  }

 private:
  // What is done next, or the next server if this one fails. A stream lives until its handlers have
  // been called.
  template <typename Step>
  Stream::Handler then(Step step) {
    return [self = this->shared_from_this(), stream = stream_, step = std::move(step)](
               error_code error, size_t) { error ? self->ask_next() : step(); };
  }

  // What must go within TLS does not go any other way, nor to another than is named.
  void begin_tls(const config::Remote& server) {
    if (tls_ == nullptr) return ask_next();
    stream_->start_tls(
        tls_->client(), TlsSide::client, tls_->hostname_of(server.tls.peer), then([this, &server] {
          const auto proved = tls_->prove_server(stream_->session(), server.tls.peer);
          if (proved) return send();
          log::warning(log::Category::transfer, "update-not-forwarded",
                       "an update is not passed on to " + server.endpoint.to_text() +
                           ": TLS: " + proved.error().message);
          ask_next();
        }));
  }

  void send() {
    stream_->write(frame_, then([this] { receive(); }));
  }

  void receive() {
    stream_->read(answer_length_, then([this] {
                    response_.resize(load_be16(answer_length_.data()));
                    stream_->read(response_, then([this] {
                                    if (!is_answer()) return ask_next();
                                    finish(std::move(response_));
                                  }));
                  }));
  }

  // To this request: same ID, a response.
  [[nodiscard]] bool is_answer() const {
    constexpr size_t header_bytes = 12;
    return response_.size() >= header_bytes && response_[0] == frame_[length_bytes] &&
           response_[1] == frame_[length_bytes + 1] && (response_[2] & 0x80) != 0;
  }

  void finish(std::vector<uint8_t> response) {
    timer_.cancel();
    if (stream_) stream_->close();
    done_(std::move(response));
  }

  std::shared_ptr<Owner> owner_;
  std::shared_ptr<Stream> stream_;  // to the server that is being asked
  asio::steady_timer timer_;
  std::vector<uint8_t> frame_;
  std::vector<config::Remote> to_;
  std::shared_ptr<const TlsCredentials> tls_;
  Forwarder::Done done_;
  size_t next_ = 0;
  std::array<uint8_t, length_bytes> answer_length_{};
  std::vector<uint8_t> response_;
};

}  // namespace

Forwarder::Forwarder(asio::io_context& context) : impl_(std::make_shared<Impl>(context)) {}
Forwarder::~Forwarder() = default;

void Forwarder::forward(std::vector<uint8_t> message, const std::vector<config::Remote>& to,
                        std::shared_ptr<const TlsCredentials> tls, Done done) {
  if (impl_->forwards == forwards_max) {
    return asio::post(impl_->io, [done = std::move(done)] { done({}); });
  }
  std::make_shared<Way<Impl>>(impl_, std::move(message), to, std::move(tls), std::move(done))
      ->ask_next();
}

}  // namespace holdfast::transfer
