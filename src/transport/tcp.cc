// SPDX-License-Identifier: GPL-3.0-or-later
#include "transport/tcp.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/address.h"
#include "base/check.h"
#include "base/file.h"
#include "transport/address_counts.h"
#include "transport/tcp_table.h"

namespace holdfast::transport {

namespace {

constexpr size_t length_bytes = 2;
constexpr size_t message_bytes_max = 65535;
constexpr size_t frame_bytes_max = length_bytes + message_bytes_max;
// Connections taken from a listener in one turn, so that a flood of them does not hold up
// datagrams.
constexpr int accepts_a_turn = 32;
constexpr uint64_t listener_bit = uint64_t{1} << 62;

// A listening socket and, unless it stands for several, the address that all ask who come there.
struct Listener {
  int socket = -1;
  bool is_wildcard = true;
  sockaddr_in6 local{};
};

Listener listener_of(int socket) {
  Listener listener{.socket = socket};
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return listener;
  listener.is_wildcard = Endpoint::from_sockaddr(storage).is_wildcard();
  std::memcpy(&listener.local, &storage, sizeof listener.local);
  return listener;
}

// Messages in `frames` that end after `sent` bytes: those whose answer has not left in whole.
size_t frames_after(Bytes frames, size_t sent) {
  size_t count = 0;
  for (size_t at = 0; at + length_bytes <= frames.size();) {
    at += length_bytes + load_be16(frames.data() + at);
    if (at > sent) ++count;
  }
  return count;
}

// Where the message begins in which byte `sent` lies.
size_t frame_start(Bytes frames, size_t sent) {
  size_t at = 0;
  while (true) {
    const size_t end = at + length_bytes + load_be16(frames.data() + at);
    if (end > sent) return at;
    at = end;
  }
}

}  // namespace

struct TcpServer::Impl {
  Impl(int epoll_fd, StreamHandler& stream_handler, const TcpLimits& first_limits,
       const HashKey& key)
      : epoll(epoll_fd),
        handler(stream_handler),
        limits(first_limits),
        table(first_limits.connections_max, large_buffers_max),
        counts(first_limits.connections_max, key),
        spare(open("/dev/null", O_RDONLY | O_CLOEXEC)),
        out(std::make_unique_for_overwrite<uint8_t[]>(TcpTable::large_bytes)) {}

  enum class Sent : uint8_t { all, part, closed };

  void accept_from(const Listener& listener, uint64_t now_ms);
  bool make_room(uint64_t client, RefuseReason& reason);
  // Returns its slot.
  uint32_t open_connection(int fd, const Listener& listener, const sockaddr_in6& remote,
                           uint64_t now_ms);
  void refuse_without_descriptor(int listener);
  void on_readable(uint32_t slot, uint64_t now_ms);
  void on_writable(uint32_t slot, uint64_t now_ms);
  void serve(uint32_t slot, uint64_t now_ms);
  bool answer(uint32_t slot, Bytes unread, size_t message_bytes, uint64_t now_ms);
  size_t give_away(uint32_t slot, Bytes unread, uint64_t now_ms);
  Sent flush(uint32_t slot, uint64_t now_ms);
  void keep_pending(uint32_t slot, Bytes unsent, uint64_t now_ms);
  void settle(uint32_t slot, bool progressed, uint64_t now_ms);
  void watch(uint32_t slot, uint32_t events, int operation);
  // `unsent` answers of this turn are lost with it, beside those that were pending.
  void close_connection(uint32_t slot, CloseReason reason, size_t unsent = 0);

  int epoll;
  StreamHandler& handler;
  TcpLimits limits;
  TcpTable table;
  AddressCounts counts;
  UniqueFd spare;  // given up for a moment to refuse a connection when descriptors run out
  std::vector<Listener> listeners;
  bool draining = false;
  std::unique_ptr<uint8_t[]> out;  // NOLINT: responses of one turn
  size_t out_bytes = 0;
};

TcpServer::TcpServer(int epoll, StreamHandler& handler, const TcpLimits& limits, const HashKey& key)
    : impl_(std::make_unique<Impl>(epoll, handler, limits, key)) {}

TcpServer::~TcpServer() {
  for (uint32_t slot = 0; slot < impl_->table.capacity(); ++slot) {
    if (impl_->table.at(slot).fd >= 0) impl_->close_connection(slot, CloseReason::drained);
  }
}

Result<void> TcpServer::add_listener(int socket) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = token_bit | listener_bit | impl_->listeners.size();
  if (epoll_ctl(impl_->epoll, EPOLL_CTL_ADD, socket, &event) != 0) {
    return fail_system("watch a listening socket", errno);
  }
  impl_->listeners.push_back(listener_of(socket));
  return {};
}

void TcpServer::drain(uint64_t now_ms) {
  impl_->draining = true;
  for (const Listener& listener : impl_->listeners) {
    epoll_ctl(impl_->epoll, EPOLL_CTL_DEL, listener.socket, nullptr);
  }
  // What the clients had sent before is answered; afterwards an idle connection closes.
  for (uint32_t left = static_cast<uint32_t>(impl_->table.in_use()); left > 0; --left) {
    const uint32_t slot = impl_->table.longest(Waiting::request);
    if (slot == no_slot) break;
    impl_->table.wait_for(slot, Waiting::request, now_ms);
    impl_->on_readable(slot, now_ms);
  }
  while (impl_->table.longest(Waiting::request) != no_slot) {
    impl_->close_connection(impl_->table.longest(Waiting::request), CloseReason::drained);
  }
}

void TcpServer::set_limits(const TcpLimits& limits) {
  impl_->limits = limits;
  impl_->table.grow(limits.connections_max);
  impl_->counts.grow(limits.connections_max);
}

size_t TcpServer::open_count() const { return impl_->table.in_use(); }

void TcpServer::on_event(const epoll_event& event, uint64_t now_ms) {
  const uint64_t token = event.data.u64;
  if ((token & listener_bit) != 0) {
    if (!impl_->draining) impl_->accept_from(impl_->listeners[token & 0xffff'ffff], now_ms);
    return;
  }
  const auto slot = static_cast<uint32_t>(token);
  const Connection& connection = impl_->table.at(slot);
  // The slot may have changed hands since the kernel noted the event.
  const uint64_t generation = (token & ~token_bit) >> 32;
  if (connection.fd < 0 || (connection.generation & 0x3fff'ffff) != generation) return;
  if (connection.waiting == Waiting::reader) {
    impl_->on_writable(slot, now_ms);
  } else {
    impl_->on_readable(slot, now_ms);
  }
}

void TcpServer::on_time(uint64_t now_ms) {
  const auto close_overdue = [&](Waiting waiting, uint32_t allowed_ms, CloseReason reason) {
    while (true) {
      const uint32_t slot = impl_->table.longest(waiting);
      if (slot == no_slot || impl_->table.at(slot).since_ms + allowed_ms > now_ms) return;
      impl_->close_connection(slot, reason);
    }
  };
  close_overdue(Waiting::request, impl_->limits.idle_ms, CloseReason::idle);
  close_overdue(Waiting::rest, impl_->limits.read_ms, CloseReason::read_timeout);
  close_overdue(Waiting::rest_in_large, impl_->limits.read_ms, CloseReason::read_timeout);
  close_overdue(Waiting::reader, impl_->limits.write_ms, CloseReason::write_timeout);
}

int TcpServer::wait_ms(uint64_t now_ms, int limit_ms) const {
  auto soonest = now_ms + static_cast<uint64_t>(limit_ms);
  const auto consider = [&](Waiting waiting, uint32_t allowed_ms) {
    const uint32_t slot = impl_->table.longest(waiting);
    if (slot == no_slot) return;
    soonest = std::min(soonest, impl_->table.at(slot).since_ms + allowed_ms);
  };
  consider(Waiting::request, impl_->limits.idle_ms);
  consider(Waiting::rest, impl_->limits.read_ms);
  consider(Waiting::rest_in_large, impl_->limits.read_ms);
  consider(Waiting::reader, impl_->limits.write_ms);
  return static_cast<int>(std::max(soonest, now_ms) - now_ms);
}

void TcpServer::Impl::accept_from(const Listener& listener, uint64_t now_ms) {
  for (int i = 0; i < accepts_a_turn; ++i) {
    sockaddr_in6 remote{};
    socklen_t size = sizeof remote;
    const int fd = accept4(listener.socket, reinterpret_cast<sockaddr*>(&remote), &size,
                           SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE) refuse_without_descriptor(listener.socket);
      if (errno == ECONNABORTED || errno == EINTR) continue;
      return;
    }
    const uint64_t client = AddressCounts::client_of(remote);
    RefuseReason reason{};
    if (!make_room(client, reason)) {
      ::close(fd);
      handler.on_refused(reason);
      continue;
    }
    // Its first question is mostly there already.
    on_readable(open_connection(fd, listener, remote, now_ms), now_ms);
  }
}

bool TcpServer::Impl::make_room(uint64_t client, RefuseReason& reason) {
  if (counts.count(client) >= limits.connections_per_address_max) {
    reason = RefuseReason::address_full;
    return false;
  }
  if (table.in_use() < limits.connections_max) return true;
  const uint32_t idle = table.longest(Waiting::request);
  if (idle == no_slot) {
    reason = RefuseReason::table_full;
    return false;
  }
  close_connection(idle, CloseReason::evicted);
  return true;
}

uint32_t TcpServer::Impl::open_connection(int fd, const Listener& listener,
                                          const sockaddr_in6& remote, uint64_t now_ms) {
  const uint32_t slot = table.acquire(now_ms);
  CHECK(slot != no_slot);
  Connection& connection = table.at(slot);
  connection.fd = fd;
  connection.client = AddressCounts::client_of(remote);
  connection.remote = remote;
  connection.local = listener.local;
  if (listener.is_wildcard) {
    socklen_t size = sizeof connection.local;
    getsockname(fd, reinterpret_cast<sockaddr*>(&connection.local), &size);
  }
  counts.increment(connection.client);
  handler.on_accepted();
  watch(slot, EPOLLIN, EPOLL_CTL_ADD);
  return slot;
}

void TcpServer::Impl::refuse_without_descriptor(int listener) {
  handler.on_refused(RefuseReason::descriptors);
  spare.reset();
  const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd >= 0) ::close(fd);
  spare = UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC));
  errno = EMFILE;
}

void TcpServer::Impl::on_readable(uint32_t slot, uint64_t now_ms) {
  Connection& connection = table.at(slot);
  MutableBytes room = MutableBytes(connection.own).subspan(connection.filled);
  if (connection.large != no_slot) {
    // Not a byte more than this message, so that the buffer goes back when it is answered.
    const MutableBytes large = table.large(connection);
    const size_t whole = length_bytes + load_be16(large.data());
    room = large.subspan(connection.filled, whole - connection.filled);
  }
  const ssize_t count = recv(connection.fd, room.data(), room.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    close_connection(slot, count == 0 ? CloseReason::by_client : CloseReason::error);
    return;
  }
  connection.filled += static_cast<uint32_t>(count);
  serve(slot, now_ms);
}

// Answers the whole messages that the connection's buffer holds, unless an answer gets stuck.
void TcpServer::Impl::serve(uint32_t slot, uint64_t now_ms) {
  Connection& connection = table.at(slot);
  const bool in_large = connection.large != no_slot;
  const MutableBytes buffer = in_large ? table.large(connection) : MutableBytes(connection.own);
  size_t at = 0;
  Sent sent = Sent::all;
  while (sent == Sent::all && connection.filled - at >= length_bytes) {
    const size_t size = load_be16(buffer.data() + at);
    if (connection.filled - at < length_bytes + size) break;
    const Bytes unread = Bytes(buffer).subspan(at, connection.filled - at);
    if (!answer(slot, unread, size, now_ms)) return;
    at += length_bytes + size;
    if (out_bytes > frame_bytes_max) sent = flush(slot, now_ms);
  }
  if (sent == Sent::closed) return;
  connection.filled -= static_cast<uint32_t>(at);
  if (in_large && at > 0) {
    table.return_large(connection);
  } else if (at > 0) {
    std::memmove(buffer.data(), buffer.data() + at, connection.filled);
  }
  if (sent == Sent::all) sent = flush(slot, now_ms);
  if (sent == Sent::all) settle(slot, at > 0, now_ms);
}

// Appends the answer to the first message of `unread` to what this turn sends. False if there is
// none: the connection is closed.
bool TcpServer::Impl::answer(uint32_t slot, Bytes unread, size_t message_bytes, uint64_t now_ms) {
  const Connection& connection = table.at(slot);
  size_t size = handler.on_message(unread.subspan(length_bytes, message_bytes),
                                   {connection.remote, connection.local},
                                   {out.get() + out_bytes + length_bytes, message_bytes_max});
  if (size == StreamHandler::give_away) {
    size = give_away(slot, unread, now_ms);
    if (size == 0) return false;
  }
  uint8_t* frame = out.get() + out_bytes;
  if (size == 0) {
    if (flush(slot, connection.since_ms) != Sent::closed) {
      close_connection(slot, CloseReason::bad_framing);
    }
    return false;
  }
  CHECK(size <= message_bytes_max);
  store_be16(frame, static_cast<uint16_t>(size));
  out_bytes += length_bytes + size;
  return true;
}

// Returns 0 if the connection is closed here, which is so unless there is a response in its place.
size_t TcpServer::Impl::give_away(uint32_t slot, Bytes unread, uint64_t now_ms) {
  const Sent sent = flush(slot, now_ms);
  if (sent == Sent::closed) return 0;
  if (sent == Sent::part) {
    // A client that asks on without taking answers: nobody else should have to send them.
    close_connection(slot, CloseReason::error);
    return 0;
  }
  const Connection& connection = table.at(slot);
  const size_t size =
      handler.on_give_away(connection.fd, unread, {connection.remote, connection.local},
                           {out.get() + length_bytes, message_bytes_max});
  if (size != 0) return size;
  // The new owner's duplicate would keep the connection in our epoll for ever.
  epoll_ctl(epoll, EPOLL_CTL_DEL, connection.fd, nullptr);
  close_connection(slot, CloseReason::given_away);
  return 0;
}

TcpServer::Impl::Sent TcpServer::Impl::flush(uint32_t slot, uint64_t now_ms) {
  Connection& connection = table.at(slot);
  const Bytes frames(out.get(), out_bytes);
  size_t sent = 0;
  out_bytes = 0;
  while (sent < frames.size()) {
    const ssize_t count = send(connection.fd, frames.data() + sent, frames.size() - sent,
                               MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) {
      sent += static_cast<size_t>(count);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      close_connection(slot, CloseReason::error, frames_after(frames, sent));
      return Sent::closed;
    }
  }
  if (sent == frames.size()) return Sent::all;
  const size_t start = frame_start(frames, sent);
  keep_pending(slot, frames.subspan(start), now_ms);
  connection.sent = static_cast<uint32_t>(sent - start);
  return Sent::part;
}

// Keeps what the client does not take now. If no buffer is left, the one that has been slow for
// longest pays for it.
void TcpServer::Impl::keep_pending(uint32_t slot, Bytes unsent, uint64_t now_ms) {
  Connection& connection = table.at(slot);
  if (!table.borrow_large(connection)) {
    const uint32_t slow = table.longest(Waiting::reader);
    close_connection(slow != no_slot ? slow : table.longest(Waiting::rest_in_large),
                     CloseReason::buffers);
    CHECK(table.borrow_large(connection));
  }
  std::memcpy(table.large(connection).data(), unsent.data(), unsent.size());
  connection.pending = static_cast<uint32_t>(unsent.size());
  table.wait_for(slot, Waiting::reader, now_ms);
  watch(slot, EPOLLOUT, EPOLL_CTL_MOD);
}

void TcpServer::Impl::on_writable(uint32_t slot, uint64_t now_ms) {
  Connection& connection = table.at(slot);
  const Bytes frames = Bytes(table.large(connection)).first(connection.pending);
  const ssize_t count = send(connection.fd, frames.data() + connection.sent,
                             frames.size() - connection.sent, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count < 0) {
    if (errno != EAGAIN && errno != EINTR) close_connection(slot, CloseReason::error);
    return;
  }
  connection.sent += static_cast<uint32_t>(count);
  if (connection.sent < connection.pending) return;
  connection.pending = connection.sent = 0;
  table.return_large(connection);
  table.wait_for(slot, Waiting::request, now_ms);
  watch(slot, EPOLLIN, EPOLL_CTL_MOD);
  serve(slot, now_ms);
}

// All answers have left: what does the connection wait for now?
void TcpServer::Impl::settle(uint32_t slot, bool progressed, uint64_t now_ms) {
  Connection& connection = table.at(slot);
  if (connection.filled == 0) {
    if (draining) {
      close_connection(slot, CloseReason::drained);
    } else {
      table.wait_for(slot, Waiting::request, now_ms);
    }
    return;
  }
  const bool begun_now = progressed || connection.waiting == Waiting::request;
  const uint64_t begun_ms = begun_now ? now_ms : connection.since_ms;
  const bool large = connection.large == no_slot && connection.filled >= length_bytes &&
                     length_bytes + load_be16(connection.own.data()) > connection.own.size();
  if (large) {
    if (!table.borrow_large(connection)) {
      close_connection(slot, CloseReason::buffers);
      return;
    }
    std::memcpy(table.large(connection).data(), connection.own.data(), connection.filled);
    table.wait_for(slot, Waiting::rest_in_large, begun_ms);
  } else if (begun_now) {
    table.wait_for(slot, Waiting::rest, begun_ms);
  }
}

void TcpServer::Impl::watch(uint32_t slot, uint32_t events, int operation) {
  const Connection& connection = table.at(slot);
  epoll_event event{};
  event.events = events;
  event.data.u64 = token_bit | uint64_t{connection.generation & 0x3fff'ffff} << 32 | slot;
  // Fails only without kernel memory: then the connection ends by its timeout.
  epoll_ctl(epoll, operation, connection.fd, &event);
}

void TcpServer::Impl::close_connection(uint32_t slot, CloseReason reason, size_t unsent) {
  Connection& connection = table.at(slot);
  size_t lost = unsent;
  if (connection.pending > 0) {
    lost += frames_after(Bytes(table.large(connection)).first(connection.pending), connection.sent);
  }
  ::close(connection.fd);
  counts.decrement(connection.client);
  table.release(slot);
  handler.on_closed(reason, lost);
}

}  // namespace holdfast::transport
