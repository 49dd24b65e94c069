// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/out_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <map>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "exchange/handover.h"
#include "log/log.h"
#include "transfer/send_datagram.h"
#include "transfer/stream.h"

namespace holdfast::transfer {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using log::Category;

constexpr size_t length_bytes = 2;
constexpr size_t read_bytes = 4096;
constexpr uint64_t ns_per_s = 1'000'000'000;
constexpr uint64_t ns_per_ms = 1'000'000;
constexpr unsigned accept_pause_ms = 100;
constexpr uint64_t hold_ms = 20;  // until it is tried again whether there is room for a handshake

Endpoint endpoint_of(const sockaddr_in6& address) {
  sockaddr_storage storage{};
  std::memcpy(&storage, &address, sizeof address);
  return Endpoint::from_sockaddr(storage);
}

}  // namespace

struct OutServer::Impl : std::enable_shared_from_this<OutServer::Impl> {
  explicit Impl(Parts of)
      : parts(std::move(of)),
        handover(parts.context),
        tls_budget([this](Bytes address) { return parts.settings.read()->names(address); }) {
    // Without one, nothing is passed on.
    error_code error;
    if (parts.handover >= 0) error = handover.assign(::dup(parts.handover), error);
    if (error) {
      log::error(Category::transfer, "handover-failed",
                 "requests of the answer processes cannot be received: " + error.message());
    }
    for (const int listener : parts.tls_listeners) {
      listeners.emplace_back(parts.context);
      error = listeners.back().assign(::dup(listener), error);
      if (error) {
        log::error(Category::transfer, "tls-listener-failed",
                   "a socket for TLS cannot be listened on: " + error.message());
      }
    }
  }

  void wait();
  void take_all();
  void answer_datagram(exchange::Handover request);
  void wait_for_tls(size_t listener);
  void accept_tls(size_t listener);
  // Whether another connection of `client` may be; told and counted if not.
  [[nodiscard]] bool has_room(const Endpoint& client);
  // What is beyond the limit, if it is, is counted. Whether something is to be done about it.
  [[nodiscard]] bool is_held_to(TlsBudget::Limit limit, TlsLimitFate fate);
  [[nodiscard]] bool is_tls_dry_run() const {
    return parts.is_tls_dry_run && parts.is_tls_dry_run();
  }
  void adopt(exchange::Handover request);

  Parts parts;
  asio::posix::stream_descriptor handover;
  std::vector<asio::posix::stream_descriptor> listeners;
  exchange::HandoverReceiver receiver;
  size_t connections = 0;
  std::map<std::array<uint8_t, 16>, size_t> by_address;
  TlsBudget tls_budget;
};

namespace {

// One connection. Keeps itself alive by what it waits for.
template <typename Server>
class Connection : public std::enable_shared_from_this<Connection<Server>> {
 public:
  Connection(Server& server, const Endpoint& client, UniqueFd descriptor,
             std::vector<uint8_t> received)
      : server_(server.shared_from_this()),
        stream_(server.parts.context, server.parts.processor_ns),
        timer_(server.parts.context),
        client_(client),
        received_(std::move(received)) {
    stream_.adopt(descriptor.release(), client_.is_ipv6());
    ++server_->connections;
    ++server_->by_address[client_.address];
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    --server_->connections;
    if (--server_->by_address[client_.address] == 0) server_->by_address.erase(client_.address);
    if (reply_ && reply_->is_transfer()) counters().failed.fetch_add(1);
    if (!standing_) return;
    settle(reply_ && reply_->is_transfer() ? Work::of_transfer : Work::of_client);
    end_handshake();
    budget().end(*standing_);
  }

  // RFC 9103 §7: TLS from the first byte on.
  void begin_tls() {
    standing_ = budget().begin(client_, now_ns());
    held_since_ns_ = now_ns();
    shake_hands();
  }

  // Once there is room for another handshake.
  void shake_hands() {
    budget().renew(*standing_, client_, now_ns());
    const auto limit = budget().judge_handshake(client_, *standing_, now_ns());
    if (has_to_wait(limit)) {
      if (now_ns() - held_since_ns_ < uint64_t{handshake_ms} * ns_per_ms) {
        return wait(hold_ms * ns_per_ms, &Connection::shake_hands);
      }
      (void)server_->is_held_to(limit, TlsLimitFate::refused);
      return;
    }
    const auto settings = server_->parts.settings.read();
    ssl_ctx_st* context = settings->tls() == nullptr ? nullptr : settings->tls()->server();
    if (context == nullptr) return;
    budget().begin_handshake(*standing_);
    is_shaking_hands_ = true;
    is_limit_told_ = false;
    end_after(handshake_ms, counters().tls_failed);
    stream_.start_tls(context, TlsSide::server, {},
                      [self = this->shared_from_this()](error_code error, size_t) {
                        self->timer_.cancel();
                        self->end_handshake();
                        if (error) return self->fail_handshake(stream_error_text(error));
                        self->counters().tls_begun.fetch_add(1);
                        self->serve();
                      });
  }

  // Answers the first whole message of what has been received, or reads on; within TLS once there
  // is time for it.
  void serve() {
    if (has_to_wait()) return wait(TlsBudget::wait_ns(now_ns()), &Connection::serve);
    if (received_.size() >= length_bytes) {
      const size_t size = load_be16(received_.data());
      if (received_.size() >= length_bytes + size) return answer(size);
    }
    read();
  }

 private:
  // Within TLS, the client or all strangers have had their time of this second.
  [[nodiscard]] bool has_to_wait() {
    if (!standing_) return false;
    settle(Work::of_client);
    budget().renew(*standing_, client_, now_ns());
    return has_to_wait(budget().judge_request(client_, now_ns()));
  }
  // Counted once for a handshake, and for each request, however it comes and however long it waits.
  [[nodiscard]] bool has_to_wait(TlsBudget::Limit limit) {
    if (limit == TlsBudget::Limit::none) return false;
    if (std::exchange(is_limit_told_, true)) return !server_->is_tls_dry_run();
    return server_->is_held_to(limit, TlsLimitFate::waited);
  }
  void wait(uint64_t for_ns, void (Connection::*then)()) {
    timer_.expires_after(std::chrono::nanoseconds(for_ns));
    timer_.async_wait([self = this->shared_from_this(), then](error_code error) {
      if (!error) (self.get()->*then)();
    });
  }

  // What has been done since the last time is laid to the client, or to its transfer.
  enum class Work : uint8_t { of_client, of_transfer };
  void settle(Work work) {
    if (!standing_) return;
    const uint64_t spent_ns = stream_.spent_ns();
    const uint64_t newly_ns = spent_ns - std::exchange(settled_ns_, spent_ns);
    counters().tls_spent_ns.fetch_add(newly_ns, std::memory_order_relaxed);
    if (work == Work::of_client) budget().charge(client_, newly_ns, now_ns());
  }
  void take_note_of(const Reply& reply) {
    if (!standing_) return;
    if (!reply.is_transfer() && !reply.is_to_signed()) {
      return budget().note_seen(client_, now_ns());
    }
    budget().prove(client_, now_ns());
  }
  void end_handshake() {
    if (std::exchange(is_shaking_hands_, false)) budget().end_handshake(*standing_);
  }

  void answer(size_t size) {
    const auto begin = received_.begin() + length_bytes;
    const auto end = begin + static_cast<ptrdiff_t>(size);
    Request request{.message = {begin, end},
                    .protocol = exchange::Protocol::tcp,
                    .client = client_,
                    .tls = stream_.session()};
    received_.erase(received_.begin(), end);
    request_began_ns_.reset();
    is_limit_told_ = false;
    began_ns_ = now_ns();  // also of a reply that comes later
    auto answer = server_->parts.answerer.answer(std::move(request),
                                                 [self = this->shared_from_this()](Reply reply) {
                                                   self->reply_ = std::move(reply);
                                                   self->take_note_of(*self->reply_);
                                                   self->write_next();
                                                 });
    if (answer.comes_later) return;
    reply_ = std::move(answer.reply);
    if (!reply_) return;  // nothing that could be answered: the connection ends
    take_note_of(*reply_);
    if (reply_->is_transfer()) counters().begun.fetch_add(1);
    write_next();
  }

  void write_next() {
    auto message = reply_->next(server_->parts.clock.wall_s());
    if (!message) {
      log::error(Category::transfer, "transfer-failed", message.error().message);
      return;
    }
    if (!*message) {
      settle(reply_->is_transfer() ? Work::of_transfer : Work::of_client);
      if (reply_->is_transfer()) counters().completed.fetch_add(1);
      reply_.reset();
      return serve();
    }
    if (now_ns() - began_ns_ > uint64_t{transfer_s_max} * ns_per_s) {
      counters().slow.fetch_add(1);
      return;
    }
    outgoing_.resize(length_bytes);
    store_be16(outgoing_.data(), static_cast<uint16_t>((*message)->size()));
    outgoing_.insert(outgoing_.end(), (*message)->begin(), (*message)->end());
    end_after(write_ms, counters().slow);
    stream_.write(outgoing_, [self = this->shared_from_this()](error_code error, size_t bytes) {
      self->timer_.cancel();
      if (error) return;
      self->counters().bytes.fetch_add(bytes);
      self->write_next();
    });
  }

  void read() {
    // One that is silent between requests does no harm; one that keeps a request back does, though
    // something of it comes now and then.
    if (received_.empty()) {
      end_after(idle_ms, counters().idle);
    } else {
      if (!request_began_ns_) request_began_ns_ = now_ns();
      const uint64_t taken_ms = (now_ns() - *request_began_ns_) / ns_per_ms;
      if (taken_ms >= request_ms) {
        counters().slow.fetch_add(1);
        return;
      }
      end_after(std::min(idle_ms, request_ms - static_cast<unsigned>(taken_ms)), counters().slow);
    }
    stream_.read_some(incoming_, [self = this->shared_from_this()](error_code error, size_t bytes) {
      self->timer_.cancel();
      if (error) return;
      const auto begin = self->incoming_.begin();
      self->received_.insert(self->received_.end(), begin, begin + static_cast<ptrdiff_t>(bytes));
      self->serve();
    });
  }

  void fail_handshake(const std::string& reason) {
    if (ended_) return;  // by its time, and counted
    counters().tls_failed.fetch_add(1);
    log::warning(Category::transfer, "tls-refused",
                 "a connection of " + client_.to_text() + " could not be encrypted: " + reason);
  }

  void end_after(unsigned milliseconds, std::atomic<uint64_t>& counter) {
    timer_.expires_after(std::chrono::milliseconds(milliseconds));
    timer_.async_wait([weak = this->weak_from_this(), &counter](error_code error) {
      const auto self = weak.lock();
      if (error || !self) return;
      counter.fetch_add(1);
      self->ended_ = true;
      self->stream_.close();
    });
  }

  [[nodiscard]] OutCounters& counters() const { return server_->parts.counters; }
  [[nodiscard]] TlsBudget& budget() const { return server_->tls_budget; }
  [[nodiscard]] uint64_t now_ns() const { return server_->parts.clock.monotonic_ns(); }

  static constexpr unsigned idle_ms = OutServer::idle_ms;
  static constexpr unsigned request_ms = OutServer::request_ms;
  static constexpr unsigned write_ms = OutServer::write_ms;
  static constexpr unsigned handshake_ms = OutServer::handshake_ms;
  static constexpr unsigned transfer_s_max = OutServer::transfer_s_max;

  std::shared_ptr<Server> server_;
  Stream stream_;
  asio::steady_timer timer_;
  Endpoint client_;
  std::vector<uint8_t> received_;
  // Since when more is waited for of the request that has begun to come.
  std::optional<uint64_t> request_began_ns_;
  std::array<uint8_t, read_bytes> incoming_;
  std::optional<Reply> reply_;
  uint64_t began_ns_ = 0;
  bool ended_ = false;
  std::vector<uint8_t> outgoing_;
  std::optional<TlsBudget::Standing> standing_;  // within TLS
  uint64_t held_since_ns_ = 0;                   // before the handshake
  bool is_shaking_hands_ = false;
  uint64_t settled_ns_ = 0;     // of the stream's
  bool is_limit_told_ = false;  // of the request that comes
};

}  // namespace

OutServer::OutServer(Parts parts) : impl_(std::make_shared<Impl>(std::move(parts))) {
  impl_->wait();
  for (size_t i = 0; i < impl_->listeners.size(); ++i) impl_->wait_for_tls(i);
}

OutServer::~OutServer() {
  error_code ignored;
  ignored = impl_->handover.close(ignored);
  for (auto& listener : impl_->listeners) ignored = listener.close(ignored);
}

void OutServer::tidy() {
  const uint64_t now_ns = impl_->parts.clock.monotonic_ns();
  impl_->parts.counters.tls_proved.store(impl_->tls_budget.proved_count(now_ns),
                                         std::memory_order_relaxed);
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
      answer_datagram(*std::move(*request));
    } else {
      adopt(*std::move(*request));
    }
  }
}

void OutServer::Impl::answer_datagram(exchange::Handover request) {
  // The socket's descriptor stays open until the answer has left.
  const auto kept = std::make_shared<exchange::Handover>(std::move(request));
  const auto send = [this, self = shared_from_this(), kept](Reply reply) {
    const auto message = reply.next(parts.clock.wall_s());
    if (!message || !*message) return;
    send_datagram(kept->descriptor.get(), kept->header.client, kept->header.server, **message);
  };
  auto answer = parts.answerer.answer({.message = kept->bytes,
                                       .protocol = exchange::Protocol::udp,
                                       .client = endpoint_of(kept->header.client),
                                       .tls = nullptr},
                                      send);
  if (answer.reply) send(*std::move(answer.reply));
}

bool OutServer::Impl::has_room(const Endpoint& client) {
  const auto known = by_address.find(client.address);
  const size_t of_client = known == by_address.end() ? 0 : known->second;
  if (connections < connections_max && of_client < connections_per_address_max) return true;
  parts.counters.refused.fetch_add(1);
  log::warning(Category::transfer, "too-many-connections",
               "a connection of " + client.to_text() + " was closed: " + std::to_string(of_client) +
                   " of its address and " + std::to_string(connections) +
                   " in all are open already");
  return false;
}

bool OutServer::Impl::is_held_to(TlsBudget::Limit limit, TlsLimitFate fate) {
  if (limit == TlsBudget::Limit::none) return false;
  const bool is_dry = is_tls_dry_run();
  const TlsLimitFate told = is_dry ? TlsLimitFate::dry_run : fate;
  parts.counters.tls_limited[static_cast<size_t>(limit) - 1][static_cast<size_t>(told)].fetch_add(
      1);
  log::warning(Category::transfer, "tls-limited",
               std::string("clients within TLS ask for too much: ") + TlsBudget::text(limit) +
                   (is_dry ? "; a dry run: nothing is done about it" : ""));
  return !is_dry;
}

void OutServer::Impl::adopt(exchange::Handover request) {
  const Endpoint client = endpoint_of(request.header.client);
  if (!has_room(client)) return;
  std::make_shared<Connection<Impl>>(*this, client, std::move(request.descriptor),
                                     std::move(request.bytes))
      ->serve();
}

void OutServer::Impl::wait_for_tls(size_t listener) {
  if (!listeners[listener].is_open()) return;
  listeners[listener].async_wait(asio::posix::stream_descriptor::wait_read,
                                 [self = shared_from_this(), listener](error_code error) {
                                   if (!error) self->accept_tls(listener);
                                 });
}

// A few in a row, and then the others have their turn.
void OutServer::Impl::accept_tls(size_t listener) {
  constexpr int in_a_row_max = 16;
  for (int i = 0; i < in_a_row_max; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    UniqueFd descriptor(::accept4(listeners[listener].native_handle(),
                                  reinterpret_cast<sockaddr*>(&from), &size,
                                  SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!descriptor.valid()) {
      if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) break;
      // Without descriptors the listener stays readable: wait for some to come back.
      log::warning(Category::transfer, "tls-accept-failed",
                   "a connection for TLS cannot be accepted: " + std::string(strerror(errno)));
      auto pause = std::make_shared<asio::steady_timer>(parts.context);
      pause->expires_after(std::chrono::milliseconds(accept_pause_ms));
      pause->async_wait([self = shared_from_this(), listener, pause](error_code error) {
        if (!error) self->wait_for_tls(listener);
      });
      return;
    }
    const Endpoint client = Endpoint::from_sockaddr(from);
    if (!has_room(client)) continue;
    const auto limit = tls_budget.judge_connection(client, parts.clock.monotonic_ns());
    if (is_held_to(limit, TlsLimitFate::refused)) continue;
    std::make_shared<Connection<Impl>>(*this, client, std::move(descriptor), std::vector<uint8_t>{})
        ->begin_tls();
  }
  wait_for_tls(listener);
}

}  // namespace holdfast::transfer
