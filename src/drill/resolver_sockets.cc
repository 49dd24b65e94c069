// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/resolver_sockets.h"

#include <netinet/in.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <unordered_map>

#include "drill/seal.h"
#include "wire/message.h"

namespace holdfast::drill {
namespace {

constexpr uint32_t udp_sockets = 16;  // a slot's number gives its socket and id
constexpr uint32_t id_bits = 14;
static_assert(model_slots_max <= udp_sockets << id_bits);
constexpr size_t query_bytes_max = 600;
constexpr size_t datagram_bytes_max = 4096;
constexpr size_t tcp_message_bytes_max = 65535;
constexpr size_t header_bytes = 12;
constexpr size_t client_cookie_bytes = 8;
constexpr size_t cookie_bytes_max = 40;  // RFC 7873 §4
constexpr uint16_t payload_bytes = 1232;
constexpr uint16_t type_opt = 41;
constexpr uint16_t option_cookie = 10;
constexpr uint16_t rcode_nxdomain = 3;
constexpr uint16_t rcode_bad_cookie = 23;
constexpr int socket_buffer_bytes = 4 << 20;
constexpr int events_max = 64;
constexpr uint64_t ns_per_s = 1'000'000'000;
constexpr uint64_t tcp_event = 1ULL << 32;  // beside a slot; the others are numbers of sockets

struct Slot {
  uint32_t question = 0;
  uint32_t resolver = 0;
};

struct Connection {
  UniqueFd socket;
  std::vector<uint8_t> received;
  bool sent = false;
};

uint64_t nanoseconds(const timespec& time) {
  return static_cast<uint64_t>(time.tv_sec) * ns_per_s + static_cast<uint64_t>(time.tv_nsec);
}

uint64_t clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return nanoseconds(now);
}

Endpoint endpoint_of(const Prefix& address, uint16_t port) {
  return Endpoint{address.address, address.address_size, port};
}

// As if the resolver were so many hops away.
void set_hop_limit(int fd, const Resolver& resolver) {
  const int hops = resolver.hop_limit;
  if (resolver.address.is_ipv6()) {
    setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof hops);
  } else {
    setsockopt(fd, IPPROTO_IP, IP_TTL, &hops, sizeof hops);
  }
}

// Adds an item of ancillary data of `size` bytes, for which the message's control buffer has room;
// gives where its bytes go.
void* add_control(msghdr& message, int level, int type, size_t size) {
  auto* head = static_cast<cmsghdr*>(
      static_cast<void*>(static_cast<uint8_t*>(message.msg_control) + message.msg_controllen));
  head->cmsg_level = level;
  head->cmsg_type = type;
  head->cmsg_len = CMSG_LEN(size);
  message.msg_controllen += CMSG_SPACE(size);
  return CMSG_DATA(head);
}

// The answer's bytes; `at_ns` is when the kernel had it from the interface, on the monotonic clock,
// however long it lay in the socket then.
ssize_t receive_datagram(int fd, MutableBytes room, uint64_t& at_ns) {
  iovec vector{room.data(), room.size()};
  alignas(cmsghdr) std::array<uint8_t, CMSG_SPACE(sizeof(timespec))> control{};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = recvmsg(fd, &message, 0);
  if (got < 0) return got;
  at_ns = clock_ns(CLOCK_MONOTONIC);
  const cmsghdr* head = CMSG_FIRSTHDR(&message);
  if (head != nullptr && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_TIMESTAMPNS) {
    timespec stamp{};
    std::memcpy(&stamp, CMSG_DATA(head), sizeof stamp);
    const uint64_t now_ns = clock_ns(CLOCK_REALTIME);
    const uint64_t lay_ns = now_ns > nanoseconds(stamp) ? now_ns - nanoseconds(stamp) : 0;
    at_ns -= std::min(lay_ns, at_ns);
  }
  return got;
}

// IPv6 knows a range of own addresses for receiving only; sending from them has to be allowed.
void allow_any_source(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on);
}

const sockaddr* generic(const sockaddr_storage& storage) {
  return static_cast<const sockaddr*>(static_cast<const void*>(&storage));
}

// What an answer says of itself, as far as a resolver acts on it.
struct Read {
  bool is_answer = false;  // to this question
  ModelAnswer answer = ModelAnswer::refused;
  std::vector<uint8_t> cookie;  // client's and server's; empty if none came
};

std::vector<uint8_t> find_cookie(Bytes options) {
  ByteReader reader(options);
  while (reader.remaining() >= 4) {
    const uint16_t code = reader.read_u16();
    const Bytes value = reader.read_bytes(reader.read_u16());
    if (reader.failed()) return {};
    if (code == option_cookie && value.size() <= cookie_bytes_max)
      return {value.begin(), value.end()};
  }
  return {};
}

Read read_answer(Bytes message, Bytes question, bool exists) {
  Read read;
  if (message.size() < header_bytes + question.size() || (message[2] & 0x80) == 0) return read;
  if (std::memcmp(message.data() + header_bytes, question.data(), question.size()) != 0) {
    return read;
  }
  read.is_answer = true;
  std::array<uint8_t, wire::rdata_bytes_max> scratch;
  wire::MessageReader reader(message, scratch);
  unsigned rcode = reader.header().rcode();
  wire::MessageRecord record;
  while (reader.next_record(record) == wire::MessageReader::Step::item) {
    if (record.type != type_opt) continue;
    rcode |= record.ttl >> 24 << 4;
    read.cookie = find_cookie(record.rdata);
  }
  const bool truncated = (message[2] & 0x02) != 0;
  if (rcode == rcode_bad_cookie) {
    read.answer = ModelAnswer::bad_cookie;
  } else if (truncated) {
    read.answer = ModelAnswer::truncated;
  } else if (rcode == rcode_nxdomain && exists) {
    read.answer = ModelAnswer::wrong;
  } else if (rcode == 0 || rcode == rcode_nxdomain) {
    read.answer = ModelAnswer::answered;
  }
  return read;
}

}  // namespace

struct ResolverSockets::State {
  State(const Population& given, const QuestionList& asked, AddressFamily used, const Prefix& at,
        uint16_t port)
      : population(given),
        questions(asked),
        family(used),
        server(endpoint_of(at, port)),
        cookies(given.resolvers.size()) {}

  Result<void> open_sockets();
  size_t write_query(const ModelSend& send, MutableBytes room);
  void send_udp(const ModelSend& send);
  void send_tcp(const ModelSend& send);
  void receive_udp(int socket, ResolverModel& model, std::vector<ModelSend>& sends);
  void go_on_tcp(uint32_t slot, ResolverModel& model, std::vector<ModelSend>& sends);
  void take(uint32_t slot, Bytes message, uint64_t at_ns, ResolverModel& model,
            std::vector<ModelSend>& sends);

  const Population& population;
  const QuestionList& questions;
  AddressFamily family;
  Endpoint server;
  std::vector<std::vector<uint8_t>> cookies;  // by resolver, once the server has given one
  std::vector<bool> exists;                   // by question; empty: not known
  std::vector<Slot> slots;
  UniqueFd epoll;
  std::array<UniqueFd, udp_sockets> udp;
  std::unordered_map<uint32_t, Connection> tcp;  // by slot
  std::array<uint8_t, datagram_bytes_max> buffer{};
};

Result<void> ResolverSockets::State::open_sockets() {
  epoll = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return fail_system("epoll", errno);
  sockaddr_storage to{};
  const socklen_t to_size = server.to_sockaddr(to);
  for (uint32_t index = 0; index < udp_sockets; ++index) {
    udp[index] = UniqueFd(socket(to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int fd = udp[index].get();
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &socket_buffer_bytes, sizeof socket_buffer_bytes);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    allow_any_source(fd);
    sockaddr_storage any{};
    any.ss_family = to.ss_family;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = index;
    if (fd < 0 || bind(fd, generic(any), to_size) != 0 ||
        epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
      return fail_system("cannot open a resolver's socket", errno);
    }
  }
  return {};
}

// Header, question, OPT; with a cookie if the resolver sends them: its own half is its number.
size_t ResolverSockets::State::write_query(const ModelSend& send, MutableBytes room) {
  const Resolver& resolver = population.resolvers[send.resolver];
  std::array<uint8_t, client_cookie_bytes> own{};
  store_be32(own.data(), send.resolver);
  const std::vector<uint8_t>& known = cookies[send.resolver];
  const Bytes cookie = known.empty() ? Bytes(own) : Bytes(known);
  ByteWriter writer(room);
  writer.write_u16(static_cast<uint16_t>(send.slot / udp_sockets));
  constexpr std::array<uint16_t, 5> flags_and_counts{0, 1, 0, 0, 1};
  for (const uint16_t word : flags_and_counts) writer.write_u16(word);
  writer.write_bytes(questions.at(send.question));
  writer.write_u8(0);
  writer.write_u16(type_opt);
  writer.write_u16(payload_bytes);
  writer.write_u32(0);
  writer.write_u16(static_cast<uint16_t>(resolver.sends_cookies ? 4 + cookie.size() : 0));
  if (resolver.sends_cookies) {
    writer.write_u16(option_cookie);
    writer.write_u16(static_cast<uint16_t>(cookie.size()));
    writer.write_bytes(cookie);
  }
  return writer.size();
}

void ResolverSockets::State::send_udp(const ModelSend& send) {
  std::array<uint8_t, query_bytes_max> query;
  iovec vector{query.data(), write_query(send, query)};
  sockaddr_storage to{};
  alignas(cmsghdr) std::array<uint8_t, CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(int))>
      control{};
  msghdr message{};
  message.msg_name = &to;
  message.msg_namelen = server.to_sockaddr(to);
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = 0;
  const Resolver& resolver = population.resolvers[send.resolver];
  const Prefix& from = resolver.address;
  const bool is_ipv6 = from.is_ipv6();
  void* info = is_ipv6 ? add_control(message, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(in6_pktinfo))
                       : add_control(message, IPPROTO_IP, IP_PKTINFO, sizeof(in_pktinfo));
  const size_t address_at =
      is_ipv6 ? offsetof(in6_pktinfo, ipi6_addr) : offsetof(in_pktinfo, ipi_spec_dst);
  std::memcpy(static_cast<uint8_t*>(info) + address_at, from.address.data(), from.address_size);
  const int hops = resolver.hop_limit;
  void* hop_limit = is_ipv6 ? add_control(message, IPPROTO_IPV6, IPV6_HOPLIMIT, sizeof hops)
                            : add_control(message, IPPROTO_IP, IP_TTL, sizeof hops);
  std::memcpy(hop_limit, &hops, sizeof hops);
  // What does not go out is lost like what is lost on the way: the resolver asks again.
  sendmsg(udp[send.slot % udp_sockets].get(), &message, 0);
}

void ResolverSockets::State::send_tcp(const ModelSend& send) {
  if (tcp.size() >= tcp_connections_max) return;
  sockaddr_storage to{};
  const socklen_t size = server.to_sockaddr(to);
  sockaddr_storage from{};
  endpoint_of(population.resolvers[send.resolver].address, 0).to_sockaddr(from);
  UniqueFd socket(::socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(socket.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  allow_any_source(socket.get());
  set_hop_limit(socket.get(), population.resolvers[send.resolver]);
  if (!socket.valid() || bind(socket.get(), generic(from), size) != 0) return;
  if (connect(socket.get(), generic(to), size) != 0 && errno != EINPROGRESS) return;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT;
  event.data.u64 = tcp_event | send.slot;
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, socket.get(), &event) != 0) return;
  tcp.insert_or_assign(send.slot, Connection{std::move(socket), {}, false});
}

void ResolverSockets::State::take(uint32_t slot, Bytes message, uint64_t at_ns,
                                  ResolverModel& model, std::vector<ModelSend>& sends) {
  if (slot >= slots.size()) return;
  const uint32_t question = slots[slot].question;
  const bool must_exist = question < exists.size() && exists[question];
  const Read read = read_answer(message, questions.at(question), must_exist);
  if (!read.is_answer) return;
  if (read.cookie.size() > client_cookie_bytes) cookies[slots[slot].resolver] = read.cookie;
  model.take_answer(slot, read.answer, at_ns, sends);
}

void ResolverSockets::State::receive_udp(int socket, ResolverModel& model,
                                         std::vector<ModelSend>& sends) {
  uint32_t index = 0;
  while (index < udp_sockets && udp[index].get() != socket) ++index;
  for (;;) {
    uint64_t at_ns = 0;
    const ssize_t got = receive_datagram(socket, buffer, at_ns);
    if (got < 0) return;
    const Bytes message = Bytes(buffer).first(static_cast<size_t>(got));
    if (message.size() < header_bytes) continue;
    take(load_be16(message.data()) * udp_sockets + index, message, at_ns, model, sends);
  }
}

// Sends the query once connected; reads until the answer is whole. Any fault ends it: the question
// then times out.
void ResolverSockets::State::go_on_tcp(uint32_t slot, ResolverModel& model,
                                       std::vector<ModelSend>& sends) {
  const auto found = tcp.find(slot);
  if (found == tcp.end()) return;
  Connection& connection = found->second;
  const int fd = connection.socket.get();
  if (!connection.sent) {
    std::array<uint8_t, query_bytes_max> framed;
    const Slot& asked = slots[slot];
    const size_t size =
        write_query({slot, asked.resolver, asked.question, true}, MutableBytes(framed).subspan(2));
    store_be16(framed.data(), static_cast<uint16_t>(size));
    if (::send(fd, framed.data(), size + 2, MSG_NOSIGNAL) != static_cast<ssize_t>(size + 2)) {
      tcp.erase(found);
      return;
    }
    connection.sent = true;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = tcp_event | slot;
    epoll_ctl(epoll.get(), EPOLL_CTL_MOD, fd, &event);
    return;
  }
  const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
  if (got < 0 && errno == EAGAIN) return;
  std::vector<uint8_t>& received = connection.received;
  if (got > 0) received.insert(received.end(), buffer.begin(), buffer.begin() + got);
  const bool whole = received.size() >= 2 && received.size() - 2 >= load_be16(received.data());
  if (whole) {
    const Bytes message = Bytes(received).subspan(2, load_be16(received.data()));
    take(slot, message, clock_ns(CLOCK_MONOTONIC), model, sends);
  }
  if (whole || got <= 0 || received.size() > tcp_message_bytes_max) tcp.erase(slot);
}

ResolverSockets::ResolverSockets(std::unique_ptr<State> state) : state_(std::move(state)) {}
ResolverSockets::ResolverSockets(ResolverSockets&& other) noexcept = default;
ResolverSockets::~ResolverSockets() = default;

Result<ResolverSockets> ResolverSockets::open(const SealedSurroundings& surroundings,
                                              const Population& population,
                                              const QuestionList& questions, AddressFamily family,
                                              uint16_t server_port) {
  TRY(check_sealed(surroundings.load, surroundings.server));
  if (questions.has_opt() || questions.has_random_label()) {
    return fail("resolvers ask a list of questions, with EDNS of their own");
  }
  const auto visit = TRY(NamespaceVisit::to(surroundings.load));
  const Prefix& server =
      family == AddressFamily::ipv6 ? surroundings.server_ipv6 : surroundings.server_ipv4;
  auto state = std::make_unique<State>(population, questions, family, server, server_port);
  TRY(state->open_sockets());
  return ResolverSockets(std::move(state));
}

void ResolverSockets::expect_existing(std::vector<bool> exists) {
  state_->exists = std::move(exists);
}

void ResolverSockets::send(const std::vector<ModelSend>& sends) {
  for (const ModelSend& send : sends) {
    if (send.slot >= state_->slots.size()) state_->slots.resize(send.slot + 1);
    state_->slots[send.slot] = {send.question, send.resolver};
    if (send.over_tcp) {
      state_->send_tcp(send);
    } else {
      state_->tcp.erase(send.slot);
      state_->send_udp(send);
    }
  }
}

void ResolverSockets::receive(uint64_t timeout_ns, ResolverModel& model,
                              std::vector<ModelSend>& sends) {
  std::array<epoll_event, events_max> events;
  // By the nanosecond: rounded down to milliseconds, most waits would be none at all.
  const timespec timeout{static_cast<time_t>(timeout_ns / ns_per_s),
                         static_cast<long>(timeout_ns % ns_per_s)};
  const int count = epoll_pwait2(state_->epoll.get(), events.data(), events_max, &timeout, nullptr);
  for (int at = 0; at < count; ++at) {
    const uint64_t what = events[static_cast<size_t>(at)].data.u64;
    if ((what & tcp_event) != 0) {
      state_->go_on_tcp(static_cast<uint32_t>(what), model, sends);
    } else {
      state_->receive_udp(state_->udp[what].get(), model, sends);
    }
  }
}

}  // namespace holdfast::drill
