// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/control_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "base/check.h"

namespace holdfast::control {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Protocol = asio::local::stream_protocol;

constexpr auto accept_retry = std::chrono::milliseconds(200);  // when descriptors ran out

// What sessions share with the server; it lives as long as the last of them.
struct Shared {
  ControlSocket::Handler handler;
  size_t open = 0;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Protocol::socket socket, std::shared_ptr<Shared> shared)
      : socket_(std::move(socket)), deadline_(socket_.get_executor()), shared_(std::move(shared)) {
    ++shared_->open;
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { --shared_->open; }

  void read() {
    expire_after(std::chrono::seconds(request_timeout_s));
    asio::async_read_until(socket_, asio::dynamic_buffer(input_, request_bytes_max), '\n',
                           [self = shared_from_this()](error_code error, size_t size) {
                             self->deadline_.cancel();
                             if (!error) return self->handle(size);
                             if (error == asio::error::not_found) self->refuse_size();
                           });
  }

  // For a client beyond the bound: a reply, then the end.
  void refuse(std::string line) {
    is_last_ = true;
    send({std::move(line), {}});
  }

 private:
  void handle(size_t size) {
    const std::string request = input_.substr(0, size - 1);
    input_.erase(0, size);
    // The thread that replies must not be the one that ends this: all copies give it away at once.
    const auto held = std::make_shared<std::shared_ptr<Session>>(shared_from_this());
    shared_->handler(request, [held](ControlReply reply) {
      auto self = std::exchange(*held, nullptr);
      CHECK(self != nullptr);
      const auto executor = self->socket_.get_executor();
      asio::post(executor, [self = std::move(self), reply = std::move(reply)]() mutable {
        self->send(std::move(reply));
      });
    });
  }

  void refuse_size() {
    refuse("{\"ok\":false,\"error\":\"a request of more than " + std::to_string(request_bytes_max) +
           " bytes\"}");
  }

  void send(ControlReply reply) {
    next_chunk_ = std::move(reply.next_chunk);
    stream_end_ = std::chrono::steady_clock::now() + std::chrono::seconds(stream_timeout_s);
    output_ = std::move(reply.line);
    output_ += '\n';
    write();
  }

  void write() {
    expire_after(std::chrono::seconds(write_timeout_s));
    asio::async_write(socket_, asio::buffer(output_),
                      [self = shared_from_this()](error_code error, size_t) {
                        self->deadline_.cancel();
                        if (!error) self->written();
                      });
  }

  void written() {
    if (!next_chunk_) {
      if (!is_last_) read();
      return;
    }
    if (std::chrono::steady_clock::now() > stream_end_) return;
    output_ = next_chunk_();
    if (output_.empty()) {
      next_chunk_ = nullptr;
      output_ = "\n";
    }
    write();
  }

  void expire_after(std::chrono::seconds time) {
    deadline_.expires_after(time);
    deadline_.async_wait([weak = weak_from_this()](error_code error) {
      const auto self = weak.lock();
      if (error || !self) return;
      error_code ignored;
      ignored = self->socket_.close(ignored);
    });
  }

  Protocol::socket socket_;
  asio::steady_timer deadline_;
  std::shared_ptr<Shared> shared_;
  std::string input_;
  std::string output_;
  std::function<std::string()> next_chunk_;
  std::chrono::steady_clock::time_point stream_end_;
  bool is_last_ = false;
};

}  // namespace

struct ControlSocket::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::io_context& context, int listener, Handler request_handler)
      : shared(std::make_shared<Shared>(std::move(request_handler))),
        acceptor(context, Protocol(), listener),
        retry(context) {}

  void accept() {
    acceptor.async_accept([self = shared_from_this()](error_code error, Protocol::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) return self->accept_later();
      const bool has_room = self->shared->open < control_clients_max;
      // One more is told so; what comes beyond while it is being told is closed.
      if (self->shared->open <= control_clients_max) {
        auto session = std::make_shared<Session>(std::move(socket), self->shared);
        if (has_room) {
          session->read();
        } else {
          session->refuse("{\"ok\":false,\"error\":\"too many clients on the control socket\"}");
        }
      }
      self->accept();
    });
  }

  void accept_later() {
    retry.expires_after(accept_retry);
    retry.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->accept();
    });
  }

  const std::shared_ptr<Shared> shared;
  Protocol::acceptor acceptor;
  asio::steady_timer retry;
};

Result<UniqueFd> ControlSocket::bind(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(path + ": longer than the " + std::to_string(sizeof address.sun_path - 1) +
                " bytes that a socket's path may have; choose a shorter server.state");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return fail_system(path, errno);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_system(path, errno);
  // Nobody can connect before `listen`, so the mode is right from the first moment.
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), 0660) != 0 ||
      ::listen(socket.get(), static_cast<int>(control_clients_max)) != 0) {
    return fail_system(path, errno);
  }
  return socket;
}

ControlSocket::ControlSocket(asio::io_context& context, UniqueFd listener, Handler handler)
    : impl_(std::make_shared<Impl>(context, listener.release(), std::move(handler))) {
  impl_->accept();
}

ControlSocket::~ControlSocket() = default;

}  // namespace holdfast::control
