// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/fetch.h"

#include <sys/random.h>

#include <chrono>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/check.h"
#include "transfer/stream.h"
#include "wire/query.h"

namespace holdfast::transfer {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;

constexpr size_t length_bytes = 2;

uint16_t random_id() {
  uint16_t id = 0;
  CHECK(::getrandom(&id, sizeof id, 0) == sizeof id);
  return id;
}

void put_u16(std::vector<uint8_t>& to, unsigned value) {
  to.push_back(static_cast<uint8_t>(value >> 8));
  to.push_back(static_cast<uint8_t>(value));
}
void put_bytes(std::vector<uint8_t>& to, Bytes bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

// RFC 7314 §3: an empty option asks how long the zone holds. Within TLS the request is as long as a
// block, and asks for answers that are (RFC 7830 §4, RFC 8467 §4.1).
void append_opt(std::vector<uint8_t>& message, const FetchRequest& request) {
  constexpr unsigned payload_bytes = 1232;
  constexpr size_t head_bytes = 11;
  constexpr size_t option_bytes = 4;
  constexpr size_t block_bytes = 128;
  const bool pads = request.from.tls.required;
  const size_t unpadded = message.size() + head_bytes + 2 * option_bytes +
                          (request.key ? TsigChain::request_bytes(*request.key) : 0);
  const size_t zeros = (block_bytes - unpadded % block_bytes) % block_bytes;
  message.push_back(0);
  for (const unsigned word : {unsigned{wire::type_opt}, payload_bytes, 0U, 0U}) {
    put_u16(message, word);
  }
  put_u16(message, static_cast<unsigned>(option_bytes + (pads ? option_bytes + zeros : 0)));
  put_u16(message, wire::option_expire);
  put_u16(message, 0);
  if (!pads) return;
  put_u16(message, wire::option_padding);
  put_u16(message, static_cast<unsigned>(zeros));
  message.resize(message.size() + zeros);
}

std::vector<uint8_t> make_request(const FetchRequest& request, uint16_t id) {
  const bool is_ixfr = request.serial.has_value();
  std::vector<uint8_t> message;
  put_u16(message, id);
  put_u16(message, 0);
  for (const unsigned count : {1U, 0U, is_ixfr ? 1U : 0U, request.with_edns ? 1U : 0U}) {
    put_u16(message, count);
  }
  put_bytes(message, request.apex.view().bytes());
  put_u16(message, is_ixfr ? wire::type_ixfr : wire::type_axfr);
  put_u16(message, wire::class_in);
  if (is_ixfr) {  // RFC 1995 §3
    put_u16(message, 0xC000 | wire::header_bytes);
    put_u16(message, wire::type_soa);
    put_u16(message, wire::class_in);
    put_u16(message, 0);
    put_u16(message, 0);
    put_u16(message, static_cast<unsigned>(request.soa.size()));
    put_bytes(message, request.soa);
  }
  if (request.with_edns) append_opt(message, request);
  return message;
}

class Fetch : public std::enable_shared_from_this<Fetch> {
 public:
  Fetch(asio::io_context& context, const Clock& clock, FetchRequest request,
        std::function<void(FetchResult)> done)
      : stream_(context),
        deadline_(context),
        total_(context),
        clock_(clock),
        request_(std::move(request)),
        done_(std::move(done)),
        id_(random_id()),
        inbound_(std::make_unique<Inbound>(InboundRequest{.apex = request_.apex,
                                                          .id = id_,
                                                          .serial = request_.serial,
                                                          .bytes_max = request_.bytes_max})) {}

  void start() {
    fail_after(total_, request_.limits.total_ms, "the end of the transfer does not come");
    fail_after(deadline_, request_.limits.connect_ms, "no connection comes about");
    stream_.connect(request_.from.endpoint, [self = shared_from_this()](error_code error, size_t) {
      if (error) return self->fail_with("connect: " + error.message());
      if (self->request_.from.tls.required) return self->begin_tls();
      self->send();
    });
  }

 private:
  void begin_tls() {
    if (request_.tls == nullptr) return fail_with("TLS is not set up");
    fail_after(deadline_, request_.limits.connect_ms, "no TLS handshake comes about");
    stream_.start_tls(request_.tls->client(), TlsSide::client,
                      request_.tls->hostname_of(request_.from.tls.peer),
                      [self = shared_from_this()](error_code error, size_t) {
                        if (error) return self->fail_with("TLS: " + stream_error_text(error));
                        self->judge_server();
                      });
  }

  void judge_server() {
    const std::string& peer = request_.from.tls.peer;
    const auto proved = request_.tls->prove_server(stream_.session(), peer);
    if (!proved) return fail_with("TLS: " + proved.error().message);
    send();
  }

  void send() {
    outgoing_ = make_request(request_, id_);
    if (request_.key) tsig_.sign_request(request_.key, outgoing_, clock_.wall_s());
    std::vector<uint8_t> length;
    put_u16(length, static_cast<unsigned>(outgoing_.size()));
    outgoing_.insert(outgoing_.begin(), length.begin(), length.end());
    fail_after(deadline_, request_.limits.message_ms, "no answer");
    stream_.write(outgoing_, [self = shared_from_this()](error_code error, size_t) {
      if (error) return self->fail_with("send: " + stream_error_text(error));
      self->read_length();
    });
  }

  // The deadline of a message begins with the end of the one before, so that one who sends a byte
  // now and then is not waited for.
  void read_length() {
    stream_.read(length_, [self = shared_from_this()](error_code error, size_t) {
      if (error) return self->fail_at_end(error);
      self->read_message(load_be16(self->length_.data()));
    });
  }

  void read_message(size_t size) {
    message_.resize(size);
    stream_.read(message_, [self = shared_from_this()](error_code error, size_t) {
      if (error) return self->fail_at_end(error);
      self->take();
    });
  }

  void take() {
    if (message_.size() < wire::header_bytes) return fail_with("a message is malformed");
    if (request_.key) {
      const auto verified = tsig_.verify_response(message_, clock_.wall_s());
      if (!verified) return fail_with(verified.error().message);
    }
    const auto step = inbound_->take(message_);
    if (!step) return fail_with(step.error().message);
    if (*step == Inbound::Step::more) {
      fail_after(deadline_, request_.limits.message_ms, "no further message");
      return read_length();
    }
    if (request_.key && !tsig_.ends_signed()) return fail_with("the last message is not signed");
    finish({.answer = std::move(inbound_), .refusal = {}});
  }

  void fail_at_end(error_code error) {
    fail_with(is_end_of_stream(error) ? "the server closed the connection before the end"
                                      : "receive: " + stream_error_text(error));
  }

  void fail_with(const std::string& sentence) {
    if (!done_) return;  // the socket was closed by what was told already
    finish({.answer = fail(sentence), .refusal = inbound_->refusal()});
  }

  void fail_after(asio::steady_timer& timer, unsigned after_ms, const char* what) {
    timer.expires_after(milliseconds(after_ms));
    timer.async_wait([weak = weak_from_this(), after_ms, what](error_code error) {
      const auto self = weak.lock();
      if (error || !self) return;
      constexpr unsigned ms_per_s = 1000;
      self->fail_with(std::string(what) + " within " + std::to_string(after_ms / ms_per_s) +
                      " seconds");
    });
  }

  void finish(FetchResult result) {
    stream_.close();
    deadline_.cancel();
    total_.cancel();
    const auto done = std::exchange(done_, {});
    done(std::move(result));
  }

  Stream stream_;
  asio::steady_timer deadline_;
  asio::steady_timer total_;
  const Clock& clock_;
  FetchRequest request_;
  std::function<void(FetchResult)> done_;
  uint16_t id_;
  std::unique_ptr<Inbound> inbound_;
  TsigChain tsig_;
  std::vector<uint8_t> outgoing_;
  std::array<uint8_t, length_bytes> length_{};
  std::vector<uint8_t> message_;
};

}  // namespace

void fetch(asio::io_context& context, const Clock& clock, FetchRequest request,
           std::function<void(FetchResult)> done) {
  std::make_shared<Fetch>(context, clock, std::move(request), std::move(done))->start();
}

}  // namespace holdfast::transfer
