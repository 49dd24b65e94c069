// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/notifier.h"

#include <sys/random.h>

#include <array>
#include <chrono>
#include <deque>
#include <unordered_map>
#include <unordered_set>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/check.h"
#include "log/log.h"
#include "wire/query.h"

namespace holdfast::transfer {

namespace {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;
using log::Category;

constexpr uint64_t ns_per_s = 1'000'000'000;
constexpr size_t datagram_bytes_max = 4096;

udp::endpoint to_asio(const Endpoint& endpoint) {
  if (endpoint.is_ipv6()) return {asio::ip::address_v6(endpoint.address), endpoint.port};
  asio::ip::address_v4::bytes_type bytes{};
  std::copy_n(endpoint.address.begin(), bytes.size(), bytes.begin());
  return {asio::ip::address_v4(bytes), endpoint.port};
}

struct Notice {
  wire::Name apex;
  uint16_t type = wire::type_soa;
  std::vector<uint8_t> soa;  // of type SOA alone
  config::Remote to;
  std::shared_ptr<const TsigKey> key;
  uint16_t id = 0;
  TsigChain tsig;
  unsigned attempts = 0;
  uint64_t due_ns = 0;
  Notifier::Done done = {};
};

void put_u16(std::vector<uint8_t>& to, unsigned value) {
  to.push_back(static_cast<uint8_t>(value >> 8));
  to.push_back(static_cast<uint8_t>(value));
}
void put_bytes(std::vector<uint8_t>& to, Bytes bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

// RFC 1996 §3.7: with the new SOA as a hint.
std::vector<uint8_t> make_message(const Notice& notice) {
  std::vector<uint8_t> message;
  put_u16(message, notice.id);
  put_u16(message, wire::opcode_notify << 11 | wire::flag_aa);
  const bool has_soa = notice.type == wire::type_soa;
  for (const unsigned count : {1U, has_soa ? 1U : 0U, 0U, 0U}) put_u16(message, count);
  put_bytes(message, notice.apex.view().bytes());
  put_u16(message, notice.type);
  put_u16(message, wire::class_in);
  if (!has_soa) return message;
  put_u16(message, 0xC000 | wire::header_bytes);
  put_u16(message, wire::type_soa);
  put_u16(message, wire::class_in);
  put_u16(message, 0);
  put_u16(message, 0);
  put_u16(message, static_cast<unsigned>(notice.soa.size()));
  put_bytes(message, notice.soa);
  return message;
}

std::string key_of(wire::NameView apex, uint16_t type, const config::Remote& to) {
  wire::Name folded(apex);
  folded.fold_case();
  return to.to_text() + " " + folded.view().to_text() + " " + std::to_string(type);
}

}  // namespace

struct Notifier::Impl : std::enable_shared_from_this<Notifier::Impl> {
  Impl(asio::io_context& context, const Clock& clock_of, NotifyCounters& counts)
      : clock(clock_of),
        counters(counts),
        timer(context),
        sockets{udp::socket(context), udp::socket(context)} {}

  void put(Notice next);
  void open();
  void receive(size_t family);
  void on_datagram(Bytes datagram, const udp::endpoint& from);
  void wait();
  void send_first(const std::string& name, Notice& notice);
  void send_due();
  void send_again(const std::string& name, Notice& notice, uint64_t now_ns);
  void send(const std::string& name, Notice& notice);
  void forget(std::unordered_map<std::string, Notice>::iterator notice, bool is_acknowledged);
  void forget_id(uint16_t id, const std::string& name);

  const Clock& clock;
  NotifyCounters& counters;
  asio::steady_timer timer;
  std::array<udp::socket, 2> sockets;  // IPv4, IPv6
  std::array<std::array<uint8_t, datagram_bytes_max>, 2> buffers{};
  std::array<udp::endpoint, 2> senders;
  std::unordered_map<std::string, Notice> waiting;
  std::unordered_map<uint16_t, std::vector<std::string>> by_id;  // keys of `waiting`
  std::deque<std::string> queue;  // keys of `waiting`, in the order in which they are looked at
  std::unordered_set<std::string> sent;  // since the last tick
  bool is_ticking = false;
};

Notifier::Notifier(asio::io_context& context, const Clock& clock, NotifyCounters& counters)
    : impl_(std::make_shared<Impl>(context, clock, counters)) {
  impl_->open();
}

Notifier::~Notifier() {
  error_code ignored;
  for (udp::socket& socket : impl_->sockets) ignored = socket.close(ignored);
  impl_->timer.cancel();
}

void Notifier::notify(wire::NameView apex, Bytes soa, const config::Remote& to,
                      std::shared_ptr<const TsigKey> key) {
  impl_->put({.apex = wire::Name(apex),
              .soa = {soa.begin(), soa.end()},
              .to = to,
              .key = std::move(key),
              .tsig = {}});
}

void Notifier::notify_parent(wire::NameView child, uint16_t type, const Endpoint& to, Done done) {
  impl_->put({.apex = wire::Name(child),
              .type = type,
              .soa = {},
              .to = {.endpoint = to, .key = {}, .tls = {}},
              .key = nullptr,
              .tsig = {},
              .done = std::move(done)});
}

void Notifier::Impl::put(Notice next) {
  if (waiting.size() >= waiting_max) {
    log::warning(
        Category::transfer, "notify-lost",
        "too many notices wait already, so one of zone " + next.apex.view().to_text() + " is lost");
    return;
  }
  const std::string name = key_of(next.apex, next.type, next.to);
  const auto [found, is_new] = waiting.try_emplace(name);
  // An answer to what was sent before says nothing of this version.
  if (!is_new) forget_id(found->second.id, name);
  found->second = std::move(next);
  if (is_new) queue.push_back(name);
  send_first(name, found->second);
}

void Notifier::Impl::open() {
  const std::array protocols{udp::v4(), udp::v6()};
  for (size_t i = 0; i < sockets.size(); ++i) {
    error_code error;
    error = sockets[i].open(protocols[i], error);
    if (!error) error = sockets[i].bind(udp::endpoint(protocols[i], 0), error);
    // A machine without IPv6 has no secondaries there.
    if (!error) receive(i);
  }
}

void Notifier::Impl::receive(size_t family) {
  sockets[family].async_receive_from(
      asio::buffer(buffers[family]), senders[family],
      [self = shared_from_this(), family](error_code error, size_t size) {
        if (error == asio::error::operation_aborted) return;
        // Other errors tell of a server that does not listen: its notice is sent again.
        if (!error)
          self->on_datagram(Bytes(self->buffers[family]).first(size), self->senders[family]);
        self->receive(family);
      });
}

void Notifier::Impl::on_datagram(Bytes datagram, const udp::endpoint& from) {
  wire::Name apex;
  size_t position = wire::header_bytes;
  if (datagram.size() < wire::header_bytes || load_be16(datagram.data() + 4) != 1 ||
      wire::read_name(datagram, position, apex) != wire::NameError::none) {
    return;
  }
  const uint16_t flags = load_be16(datagram.data() + 2);
  if ((flags & wire::flag_qr) == 0 || (flags >> 11 & 15) != wire::opcode_notify) return;
  const auto asked = by_id.find(load_be16(datagram.data()));
  if (asked == by_id.end()) return;
  for (const std::string& name : asked->second) {
    const auto found = waiting.find(name);
    if (found == waiting.end()) continue;
    Notice& notice = found->second;
    if (to_asio(notice.to.endpoint) != from || !(notice.apex.view() == apex.view())) continue;
    std::vector<uint8_t> message(datagram.begin(), datagram.end());
    if (notice.key && !notice.tsig.verify_response(message, clock.wall_s())) return;
    const auto rcode = static_cast<uint16_t>(flags & 15);
    if (rcode == wire::rcode_noerror) {
      counters.acknowledged.fetch_add(1);
    } else {
      counters.refused.fetch_add(1);
      log::warning(Category::transfer, "notify-refused",
                   "server " + notice.to.endpoint.to_text() + " answers " +
                       wire::rcode_to_text(rcode) + " to a NOTIFY of zone " +
                       apex.view().to_text());
    }
    forget(found, rcode == wire::rcode_noerror);
    return;
  }
}

void Notifier::Impl::forget(std::unordered_map<std::string, Notice>::iterator notice,
                            bool is_acknowledged) {
  forget_id(notice->second.id, notice->first);
  const Done done = std::move(notice->second.done);
  waiting.erase(notice);
  if (done) done(is_acknowledged);
}

void Notifier::Impl::forget_id(uint16_t id, const std::string& name) {
  const auto known = by_id.find(id);
  if (known == by_id.end()) return;
  std::erase(known->second, name);
  if (known->second.empty()) by_id.erase(known);
}

void Notifier::Impl::wait() {
  is_ticking = true;
  timer.expires_after(std::chrono::milliseconds(tick_ms));
  timer.async_wait([self = shared_from_this()](error_code error) {
    if (!error) self->send_due();
  });
}

// At once, unless much goes out or the same has just been said: then with the tick.
void Notifier::Impl::send_first(const std::string& name, Notice& notice) {
  if (!is_ticking) sent.clear();
  if (sent.size() < sends_a_tick && !sent.contains(name)) {
    send_again(name, notice, clock.monotonic_ns());
  }
  if (!is_ticking) wait();
}

void Notifier::Impl::send_again(const std::string& name, Notice& notice, uint64_t now_ns) {
  send(name, notice);
  notice.due_ns = now_ns + (ns_per_s << notice.attempts);
  ++notice.attempts;
  sent.insert(name);
}

void Notifier::Impl::send_due() {
  is_ticking = false;
  sent.clear();
  const uint64_t now_ns = clock.monotonic_ns();
  std::unordered_set<std::string> looked_at;  // a name may have come again since it was answered
  for (size_t left = std::min(queue.size(), looks_a_tick); left > 0 && sent.size() < sends_a_tick;
       --left) {
    std::string name = std::move(queue.front());
    queue.pop_front();
    const auto found = waiting.find(name);
    if (found == waiting.end()) continue;  // acknowledged
    if (!looked_at.insert(name).second) continue;
    Notice& notice = found->second;
    if (notice.due_ns <= now_ns) {
      if (notice.attempts == attempts_max) {
        counters.unanswered.fetch_add(1);
        log::warning(Category::transfer, "notify-unanswered",
                     "server " + notice.to.endpoint.to_text() +
                         " does not answer NOTIFY, of zone " + notice.apex.view().to_text() +
                         " last");
        forget(found, false);
        continue;
      }
      send_again(name, notice, now_ns);
    }
    queue.push_back(std::move(name));
  }
  if (!queue.empty()) wait();
}

void Notifier::Impl::send(const std::string& name, Notice& notice) {
  forget_id(notice.id, name);
  CHECK(::getrandom(&notice.id, sizeof notice.id, 0) == sizeof notice.id);
  by_id[notice.id].push_back(name);
  std::vector<uint8_t> message = make_message(notice);
  if (notice.key) {
    notice.tsig = {};
    notice.tsig.sign_request(notice.key, message, clock.wall_s());
  }
  error_code ignored;  // what is not sent now is sent again
  sockets[notice.to.endpoint.is_ipv6() ? 1 : 0].send_to(asio::buffer(message),
                                                        to_asio(notice.to.endpoint), 0, ignored);
  counters.sent.fetch_add(1);
}

}  // namespace holdfast::transfer
