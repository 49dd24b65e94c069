// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include "base/check.h"

namespace holdfast::transfer {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Socket = asio::generic::stream_protocol::socket;

constexpr uint64_t sent_bytes_a_us = 125;  // a gigabit a second
constexpr uint64_t send_buffer_bytes_min = uint64_t{32} << 10;
// What net.core.wmem_max usually is. Asked for more, the kernel would give this much, and never
// more from then on: a client some milliseconds away would wait for it.
constexpr uint64_t send_buffer_bytes_max = uint64_t{208} << 10;

void bound_send_buffer(int descriptor) {
  tcp_info info{};
  socklen_t size = sizeof info;
  // Where the kernel does not say, it stays as it is.
  if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return;
  const std::optional<int> bytes = send_buffer_bytes(info.tcpi_rtt);
  if (!bytes) return;
  static_cast<void>(::setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &*bytes, sizeof *bytes) == 0);
}

}  // namespace

std::optional<int> send_buffer_bytes(uint32_t round_trip_us) {
  if (round_trip_us == 0) return std::nullopt;
  const uint64_t wanted = std::max(round_trip_us * sent_bytes_a_us, send_buffer_bytes_min);
  if (wanted >= send_buffer_bytes_max) return std::nullopt;
  return static_cast<int>(wanted);
}

namespace {

// Adds up processor time. What happens within a piece of work that is measured is part of it.
class Meter {
 public:
  explicit Meter(std::function<uint64_t()> clock) : clock_(std::move(clock)) {}

  void begin() {
    if (clock_ && depth_++ == 0) begun_ns_ = clock_();
  }
  void end() {
    if (clock_ && --depth_ == 0) spent_ns_ += clock_() - begun_ns_;
  }
  [[nodiscard]] uint64_t spent_ns() const {
    return depth_ == 0 ? spent_ns_ : spent_ns_ + clock_() - begun_ns_;
  }

 private:
  std::function<uint64_t()> clock_;
  uint64_t spent_ns_ = 0;
  uint64_t begun_ns_ = 0;
  unsigned depth_ = 0;
};

// The stream may end within what is measured.
class Measured {
 public:
  explicit Measured(std::shared_ptr<Meter> meter) : meter_(std::move(meter)) { meter_->begin(); }
  ~Measured() { meter_->end(); }
  Measured(const Measured&) = delete;
  Measured& operator=(const Measured&) = delete;

 private:
  std::shared_ptr<Meter> meter_;
};

// The socket below TLS. Asio's TLS works where bytes have come or gone: that is what is measured.
class MeasuredSocket {
 public:
  using lowest_layer_type = Socket::lowest_layer_type;
  using executor_type = Socket::executor_type;

  MeasuredSocket(Socket& socket, std::shared_ptr<Meter> meter)
      : socket_(socket), meter_(std::move(meter)) {}

  [[nodiscard]] lowest_layer_type& lowest_layer() { return socket_.lowest_layer(); }
  [[nodiscard]] executor_type get_executor() { return socket_.get_executor(); }
  template <typename Buffers, typename Done>
  void async_read_some(const Buffers& buffers, Done&& done) {
    socket_.async_read_some(buffers, measured(std::forward<Done>(done)));
  }
  template <typename Buffers, typename Done>
  void async_write_some(const Buffers& buffers, Done&& done) {
    socket_.async_write_some(buffers, measured(std::forward<Done>(done)));
  }

 private:
  template <typename Done>
  auto measured(Done&& done) {
    return
        [meter = meter_, done = std::forward<Done>(done)](error_code error, size_t bytes) mutable {
          const Measured span(meter);
          // What it refers to goes before the span ends.
          auto last = std::move(done);
          last(error, bytes);
        };
  }

  Socket& socket_;
  std::shared_ptr<Meter> meter_;
};

}  // namespace

struct Stream::Impl {
  Impl(asio::io_context& context, std::function<uint64_t()> processor_ns)
      : socket(context),
        meter(std::make_shared<Meter>(std::move(processor_ns))),
        below_tls(socket, meter) {}

  // Calls `use` with what carries the bytes.
  template <typename Use>
  void with_layer(Use&& use) {
    if (!tls) return use(socket);
    const Measured span(meter);
    use(*tls);
  }

  Socket socket;
  std::shared_ptr<Meter> meter;
  MeasuredSocket below_tls;
  std::optional<asio::ssl::stream<MeasuredSocket&>> tls;
};

Stream::Stream(asio::io_context& context, std::function<uint64_t()> processor_ns)
    : impl_(std::make_unique<Impl>(context, std::move(processor_ns))) {}

Stream::~Stream() = default;

void Stream::adopt(int descriptor, bool is_ipv6) {
  error_code error;
  error = impl_->socket.assign(
      asio::generic::stream_protocol(is_ipv6 ? AF_INET6 : AF_INET, IPPROTO_TCP), descriptor, error);
  // What cannot be used ends with the first read.
  if (error) {
    ::close(descriptor);
  } else {
    bound_send_buffer(descriptor);
  }
}

void Stream::connect(const Endpoint& to, Handler done) {
  sockaddr_storage storage{};
  const socklen_t size = to.to_sockaddr(storage);
  const asio::generic::stream_protocol::endpoint endpoint(&storage, size);
  impl_->socket.async_connect(endpoint,
                              [done = std::move(done)](error_code error) { done(error, 0); });
}

void Stream::start_tls(ssl_ctx_st* context, TlsSide side, const std::string& hostname,
                       Handler done) {
  // Asio's context releases what it is given; the session keeps one of its own.
  CHECK(SSL_CTX_up_ref(context) == 1);
  asio::ssl::context shared(context);
  impl_->tls.emplace(impl_->below_tls, shared);
  if (!hostname.empty()) {  // what the macro for it does, which casts as C does
    SSL_ctrl(impl_->tls->native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(hostname.c_str()));
  }
  impl_->tls->async_handshake(
      side == TlsSide::server ? asio::ssl::stream_base::server : asio::ssl::stream_base::client,
      [done = std::move(done)](error_code error) { done(error, 0); });
}

void Stream::read_some(MutableBytes into, Handler done) {
  impl_->with_layer([&](auto& layer) {
    layer.async_read_some(asio::buffer(into.data(), into.size()), std::move(done));
  });
}

void Stream::read(MutableBytes into, Handler done) {
  impl_->with_layer([&](auto& layer) {
    asio::async_read(layer, asio::buffer(into.data(), into.size()), std::move(done));
  });
}

void Stream::write(Bytes bytes, Handler done) {
  impl_->with_layer([&](auto& layer) {
    asio::async_write(layer, asio::buffer(bytes.data(), bytes.size()), std::move(done));
  });
}

void Stream::close() {
  error_code ignored;
  ignored = impl_->socket.close(ignored);
}

uint64_t Stream::spent_ns() const { return impl_->meter->spent_ns(); }

ssl_st* Stream::session() const { return impl_->tls ? impl_->tls->native_handle() : nullptr; }

bool is_end_of_stream(const error_code& error) {
  return error == asio::error::eof || error == asio::ssl::error::stream_truncated;
}

std::string stream_error_text(const error_code& error) {
  if (error.category() != asio::error::get_ssl_category()) return error.message();
  const char* reason = ::ERR_reason_error_string(static_cast<unsigned long>(error.value()));
  return reason == nullptr ? error.message() : reason;
}

}  // namespace holdfast::transfer
