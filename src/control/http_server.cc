// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/http_server.h"

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace holdfast::control {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr int listen_backlog = 64;
constexpr uint64_t body_bytes_max = 1024;  // of a request that nobody needs to send
constexpr auto accept_retry = std::chrono::milliseconds(200);  // when descriptors ran out

HttpReply refuse_method() { return {405, "text/plain", "GET or HEAD only\n"}; }

// What sessions share with the server; it lives as long as the last of them.
struct Shared {
  HttpServer::Handler handler;
  size_t open = 0;
  uint64_t refused = 0;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, std::shared_ptr<Shared> shared)
      : stream_(std::move(socket)), shared_(std::move(shared)) {
    ++shared_->open;
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { --shared_->open; }

  void read() {
    parser_.emplace();
    parser_->header_limit(http_header_bytes_max);
    parser_->body_limit(body_bytes_max);
    stream_.expires_after(std::chrono::seconds(http_timeout_s));
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](error_code error, size_t) {
                       if (!error) self->reply();
                     });
  }

 private:
  void reply() {
    const auto& request = parser_->get();
    const bool is_head = request.method() == http::verb::head;
    const bool allowed = is_head || request.method() == http::verb::get;
    const std::string target(request.target().substr(0, request.target().find('?')));
    HttpReply reply = allowed ? shared_->handler(target, shared_->refused) : refuse_method();
    response_ = {};
    response_.version(request.version());
    response_.result(reply.status);
    response_.set(http::field::content_type, reply.content_type);
    response_.set(http::field::cache_control, "no-store");
    if (!allowed) response_.set(http::field::allow, "GET, HEAD");
    response_.keep_alive(request.keep_alive());
    response_.body() = std::move(reply.body);
    response_.prepare_payload();
    if (is_head) response_.body().clear();
    serializer_.emplace(response_);
    if (is_head) serializer_->split(true);
    stream_.expires_after(std::chrono::seconds(http_timeout_s));
    auto written = [self = shared_from_this()](error_code error, size_t) {
      if (!error) self->reply_sent();
    };
    if (is_head) {
      http::async_write_header(stream_, *serializer_, std::move(written));
    } else {
      http::async_write(stream_, *serializer_, std::move(written));
    }
  }

  void reply_sent() {
    if (response_.keep_alive()) return read();
    error_code ignored;
    ignored = stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
  }

  beast::tcp_stream stream_;
  std::shared_ptr<Shared> shared_;
  beast::flat_buffer buffer_{http_header_bytes_max + body_bytes_max};
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
};

}  // namespace

struct HttpServer::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::io_context& io, Handler request_handler)
      : context(io),
        shared(std::make_shared<Shared>(std::move(request_handler))),
        acceptor(io),
        retry(io) {}

  void replace(UniqueFd listener, bool is_ipv6) {
    error_code ignored;
    ignored = acceptor.close(ignored);
    retry.cancel();
    if (!listener.valid()) return;
    ignored = acceptor.assign(is_ipv6 ? tcp::v6() : tcp::v4(), listener.release(), ignored);
    accept();
  }

  void accept() {
    acceptor.async_accept([self = shared_from_this()](error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) return self->accept_later();
      if (self->shared->open < http_connections_max) {
        std::make_shared<Session>(std::move(socket), self->shared)->read();
      } else {
        ++self->shared->refused;
      }
      self->accept();
    });
  }

  void accept_later() {
    retry.expires_after(accept_retry);
    retry.async_wait([self = shared_from_this()](error_code error) {
      if (!error && self->acceptor.is_open()) self->accept();
    });
  }

  asio::io_context& context;
  const std::shared_ptr<Shared> shared;
  tcp::acceptor acceptor;
  asio::steady_timer retry;
  std::atomic<bool> serving{false};
};

HttpServer::HttpServer(asio::io_context& context, Handler handler)
    : impl_(std::make_shared<Impl>(context, std::move(handler))) {}

HttpServer::~HttpServer() = default;

Result<UniqueFd> HttpServer::bind(const Endpoint& endpoint) {
  const std::string what = "metrics.listen: " + endpoint.to_url_text();
  const int family = endpoint.is_ipv6() ? AF_INET6 : AF_INET;
  UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return fail_system(what, errno);
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage storage{};
  const socklen_t size = endpoint.to_sockaddr(storage);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0 ||
      ::listen(socket.get(), listen_backlog) != 0) {
    return fail_system(what, errno);
  }
  return socket;
}

void HttpServer::serve(UniqueFd listener) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const bool is_ipv6 =
      listener.valid() &&
      ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
      address.ss_family == AF_INET6;
  impl_->serving = listener.valid();
  asio::post(impl_->context, [impl = impl_, fd = listener.release(), is_ipv6] {
    impl->replace(UniqueFd(fd), is_ipv6);
  });
}

bool HttpServer::is_serving() const { return impl_->serving; }

}  // namespace holdfast::control
