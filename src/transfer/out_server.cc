// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/out_server.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <map>

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "exchange/handover.h"
#include "log/log.h"

namespace holdfast::transfer {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using log::Category;

constexpr size_t length_bytes = 2;
constexpr size_t read_bytes = 4096;

Endpoint endpoint_of(const sockaddr_in6& address) {
  sockaddr_storage storage{};
  std::memcpy(&storage, &address, sizeof address);
  return Endpoint::from_sockaddr(storage);
}

// From the address that was asked, which need not be the one that the kernel would choose.
void send_datagram(int socket, const sockaddr_in6& client, const Endpoint& from, Bytes message) {
  union {
    cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(in6_pktinfo))];
  } room{};
  iovec part{.iov_base = const_cast<uint8_t*>(message.data()), .iov_len = message.size()};
  msghdr header{};
  sockaddr_in6 to = client;
  header.msg_name = &to;
  header.msg_namelen = from.is_ipv6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = room.bytes;
  header.msg_controllen = sizeof room.bytes;
  cmsghdr* control = CMSG_FIRSTHDR(&header);
  if (from.is_ipv6()) {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, from.address.data(), sizeof info.ipi6_addr);
    control->cmsg_level = IPPROTO_IPV6;
    control->cmsg_type = IPV6_PKTINFO;
    control->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(control), &info, sizeof info);
  } else {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, from.address.data(), sizeof info.ipi_spec_dst);
    control->cmsg_level = IPPROTO_IP;
    control->cmsg_type = IP_PKTINFO;
    control->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(control), &info, sizeof info);
    header.msg_controllen = CMSG_SPACE(sizeof info);
  }
  // A full queue loses the answer, as it would lose that of an answer process.
  (void)::sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace

struct OutServer::Impl : std::enable_shared_from_this<OutServer::Impl> {
  Impl(asio::io_context& context, int handover_socket, Answerer& answerer_of, OutCounters& counts,
       const Clock& clock_of)
      : io(context), handover(context), answerer(answerer_of), counters(counts), clock(clock_of) {
    // Without one, nothing is passed on.
    error_code error;
    if (handover_socket >= 0) error = handover.assign(::dup(handover_socket), error);
    if (error) {
      log::error(Category::transfer, "handover-failed",
                 "requests of the answer processes cannot be received: " + error.message());
    }
  }

  void wait();
  void take_all();
  void answer_datagram(const exchange::Handover& request);
  void adopt(exchange::Handover request);

  asio::io_context& io;
  asio::posix::stream_descriptor handover;
  exchange::HandoverReceiver receiver;
  Answerer& answerer;
  OutCounters& counters;
  const Clock& clock;
  size_t connections = 0;
  std::map<std::array<uint8_t, 16>, size_t> by_address;
};

namespace {

// One connection. Keeps itself alive by what it waits for.
template <typename Server>
class Connection : public std::enable_shared_from_this<Connection<Server>> {
 public:
  Connection(Server& server, exchange::Handover request)
      : server_(server.shared_from_this()),
        socket_(server.io),
        timer_(server.io),
        client_(endpoint_of(request.header.client)),
        received_(std::move(request.bytes)) {
    const int family = client_.is_ipv6() ? AF_INET6 : AF_INET;
    error_code error;
    error = socket_.assign(asio::generic::stream_protocol(family, IPPROTO_TCP),
                           request.descriptor.release(), error);
    ++server_->connections;
    ++server_->by_address[client_.address];
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    --server_->connections;
    if (--server_->by_address[client_.address] == 0) server_->by_address.erase(client_.address);
    if (reply_ && reply_->is_transfer()) server_->counters.failed.fetch_add(1);
  }

  // Answers the first whole message of what has been received, or reads on.
  void serve() {
    if (received_.size() >= length_bytes) {
      const size_t size = load_be16(received_.data());
      if (received_.size() >= length_bytes + size) return answer(size);
    }
    read();
  }

 private:
  void answer(size_t size) {
    const auto begin = received_.begin() + length_bytes;
    const auto end = begin + static_cast<ptrdiff_t>(size);
    Request request{
        .message = {begin, end}, .protocol = exchange::Protocol::tcp, .client = client_};
    received_.erase(received_.begin(), end);
    reply_ = server_->answerer.answer(std::move(request));
    if (!reply_) return;  // nothing that could be answered: the connection ends
    if (reply_->is_transfer()) server_->counters.begun.fetch_add(1);
    write_next();
  }

  void write_next() {
    auto message = reply_->next(server_->clock.wall_s());
    if (!message) {
      log::error(Category::transfer, "transfer-failed", message.error().message);
      return;
    }
    if (!*message) {
      if (reply_->is_transfer()) server_->counters.completed.fetch_add(1);
      reply_.reset();
      return serve();
    }
    outgoing_ = std::move(**message);
    store_be16(length_.data(), static_cast<uint16_t>(outgoing_.size()));
    const std::array<asio::const_buffer, 2> frame{asio::buffer(length_), asio::buffer(outgoing_)};
    end_after(write_ms);
    asio::async_write(socket_, frame,
                      [self = this->shared_from_this()](error_code error, size_t bytes) {
                        self->timer_.cancel();
                        if (error) return;
                        self->server_->counters.bytes.fetch_add(bytes);
                        self->write_next();
                      });
  }

  void read() {
    end_after(idle_ms);
    socket_.async_read_some(asio::buffer(incoming_), [self = this->shared_from_this()](
                                                         error_code error, size_t bytes) {
      self->timer_.cancel();
      if (error) return;
      const auto begin = self->incoming_.begin();
      self->received_.insert(self->received_.end(), begin, begin + static_cast<ptrdiff_t>(bytes));
      self->serve();
    });
  }

  void end_after(unsigned milliseconds) {
    timer_.expires_after(std::chrono::milliseconds(milliseconds));
    timer_.async_wait([weak = this->weak_from_this()](error_code error) {
      const auto self = weak.lock();
      if (error || !self) return;
      error_code ignored;
      self->socket_.close(ignored);
    });
  }

  static constexpr unsigned idle_ms = OutServer::idle_ms;
  static constexpr unsigned write_ms = OutServer::write_ms;

  std::shared_ptr<Server> server_;
  asio::generic::stream_protocol::socket socket_;
  asio::steady_timer timer_;
  Endpoint client_;
  std::vector<uint8_t> received_;
  std::array<uint8_t, read_bytes> incoming_;
  std::optional<Reply> reply_;
  std::array<uint8_t, length_bytes> length_{};
  std::vector<uint8_t> outgoing_;
};

}  // namespace

OutServer::OutServer(asio::io_context& context, int handover, Answerer& answerer,
                     OutCounters& counters, const Clock& clock)
    : impl_(std::make_shared<Impl>(context, handover, answerer, counters, clock)) {
  impl_->wait();
}

OutServer::~OutServer() {
  error_code ignored;
  ignored = impl_->handover.close(ignored);
}

void OutServer::Impl::wait() {
  if (!handover.is_open()) return;
  handover.async_wait(asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this()](error_code error) {
                        if (error) return;
                        self->take_all();
                        self->wait();
                      });
}

// A bounded number in a row, so that connections have their turn.
void OutServer::Impl::take_all() {
  constexpr int in_a_row_max = 64;
  for (int i = 0; i < in_a_row_max; ++i) {
    auto request = receiver.receive(handover.native_handle());
    if (!request) {
      log::error(Category::transfer, "handover-failed", request.error().message);
      return;
    }
    if (!*request) return;
    if ((*request)->header.protocol == exchange::Protocol::udp) {
      answer_datagram(**request);
    } else {
      adopt(*std::move(*request));
    }
  }
}

void OutServer::Impl::answer_datagram(const exchange::Handover& request) {
  auto reply = answerer.answer({.message = request.bytes,
                                .protocol = exchange::Protocol::udp,
                                .client = endpoint_of(request.header.client)});
  if (!reply) return;
  const auto message = reply->next(clock.wall_s());
  if (!message || !*message) return;
  send_datagram(request.descriptor.get(), request.header.client, request.header.server, **message);
}

void OutServer::Impl::adopt(exchange::Handover request) {
  const Endpoint client = endpoint_of(request.header.client);
  const auto known = by_address.find(client.address);
  const size_t of_client = known == by_address.end() ? 0 : known->second;
  if (connections == connections_max || of_client == connections_per_address_max) {
    counters.refused.fetch_add(1);
    log::warning(Category::transfer, "too-many-connections",
                 "a connection of " + client.to_text() +
                     " was closed: " + std::to_string(of_client) + " of its address and " +
                     std::to_string(connections) + " in all are open already");
    return;
  }
  std::make_shared<Connection<Impl>>(*this, std::move(request))->serve();
}

}  // namespace holdfast::transfer
