// SPDX-License-Identifier: GPL-3.0-or-later
#include "asker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <deque>

namespace holdfast::interop {
namespace {

constexpr size_t udp_window = 48;  // fits any server's default socket buffer
constexpr size_t tcp_window = 32;  // queries written ahead never fill a socket buffer
constexpr int timeout_ms = 1500;
constexpr unsigned attempts_max = 10;  // of a busy machine

std::vector<uint8_t> build_query(const Question& question, uint16_t id) {
  std::vector<uint8_t> packet(12);
  store_be16(packet.data(), id);
  store_be16(packet.data() + 4, 1);
  const std::vector<uint8_t> name = name_from_text(question.name);
  packet.insert(packet.end(), name.begin(), name.end());
  const auto append_u16 = [&packet](uint16_t value) {
    packet.push_back(static_cast<uint8_t>(value >> 8));
    packet.push_back(static_cast<uint8_t>(value));
  };
  append_u16(question.type);
  append_u16(1);
  if (question.edns != EdnsMode::none) {
    store_be16(packet.data() + 10, 1);
    packet.push_back(0);
    append_u16(41);
    append_u16(1232);
    append_u16(0);
    append_u16(question.edns == EdnsMode::dnssec_ok ? 0x8000 : 0);
    append_u16(0);
  }
  return packet;
}

int connect_to(const Server& server, int type) {
  const int descriptor = socket(AF_INET, type, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port);
  inet_pton(AF_INET, server.address.c_str(), &address.sin_addr);
  sockaddr generic{};
  std::memcpy(&generic, &address, sizeof generic);
  if (connect(descriptor, &generic, sizeof address) != 0) {
    close(descriptor);
    return -1;
  }
  const int on = 1;
  if (type == SOCK_STREAM) setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return descriptor;
}

bool wait_readable(int descriptor) {
  pollfd entry{descriptor, POLLIN, 0};
  return poll(&entry, 1, timeout_ms) > 0;
}

// What is still to be sent and what is under way; ids are positions in `indexes`.
class Flight {
 public:
  explicit Flight(size_t count) : attempts_(count, 0), open_(count, false) {
    for (size_t id = 0; id < count; ++id) waiting_.push_back(static_cast<uint16_t>(id));
  }

  [[nodiscard]] bool done() const { return waiting_.empty() && in_flight_ == 0; }
  [[nodiscard]] bool may_send(size_t window) const {
    return !waiting_.empty() && in_flight_ < window;
  }
  uint16_t take() {
    const uint16_t id = waiting_.front();
    waiting_.pop_front();
    open_[id] = true;
    ++attempts_[id];
    ++in_flight_;
    return id;
  }
  // False if `id` was not asked or is answered already.
  bool answered(uint16_t id) {
    if (id >= open_.size() || !open_[id]) return false;
    open_[id] = false;
    --in_flight_;
    return true;
  }
  // Puts what is under way back in line; ids that had their attempts are given to `lost`.
  template <class Lost>
  void again(Lost lost) {
    for (size_t id = 0; id < open_.size(); ++id) {
      if (!open_[id]) continue;
      open_[id] = false;
      if (attempts_[id] < attempts_max) {
        waiting_.push_back(static_cast<uint16_t>(id));
      } else {
        lost(static_cast<uint16_t>(id));
      }
    }
    in_flight_ = 0;
  }

 private:
  std::vector<uint8_t> attempts_;
  std::vector<bool> open_;
  std::deque<uint16_t> waiting_;
  size_t in_flight_ = 0;
};

}  // namespace

void ask_udp(const Server& server, const std::vector<Question>& questions,
             const std::vector<uint32_t>& indexes, std::vector<Reply>& replies) {
  const int descriptor = connect_to(server, SOCK_DGRAM);
  Flight flight(indexes.size());
  std::array<uint8_t, 65536> buffer{};
  while (!flight.done()) {
    while (flight.may_send(udp_window)) {
      const uint16_t id = flight.take();
      const std::vector<uint8_t> packet = build_query(questions[indexes[id]], id);
      (void)!send(descriptor, packet.data(), packet.size(), 0);
    }
    if (!wait_readable(descriptor)) {
      flight.again([&](uint16_t id) { replies[indexes[id]].problem = "timeout"; });
      continue;
    }
    const ssize_t size = recv(descriptor, buffer.data(), buffer.size(), 0);
    if (size < 2 || !flight.answered(load_be16(buffer.data()))) continue;
    replies[indexes[load_be16(buffer.data())]] =
        read_reply(Bytes(buffer.data(), static_cast<size_t>(size)));
  }
  close(descriptor);
}

void ask_tcp(const Server& server, const std::vector<Question>& questions,
             const std::vector<uint32_t>& indexes, std::vector<Reply>& replies) {
  Flight flight(indexes.size());
  std::vector<uint8_t> received;
  std::array<uint8_t, 65536> buffer{};
  int descriptor = connect_to(server, SOCK_STREAM);
  while (!flight.done()) {
    while (flight.may_send(tcp_window)) {
      const uint16_t id = flight.take();
      std::vector<uint8_t> packet = build_query(questions[indexes[id]], id);
      const auto size = static_cast<uint16_t>(packet.size());
      packet.insert(packet.begin(), {static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(size)});
      (void)!send(descriptor, packet.data(), packet.size(), MSG_NOSIGNAL);
    }
    const ssize_t size =
        wait_readable(descriptor) ? recv(descriptor, buffer.data(), buffer.size(), 0) : -1;
    if (size <= 0) {  // closed or silent: what is under way goes over a new connection
      close(descriptor);
      descriptor = connect_to(server, SOCK_STREAM);
      received.clear();
      flight.again([&](uint16_t id) { replies[indexes[id]].problem = "closed"; });
      continue;
    }
    received.insert(received.end(), buffer.begin(), buffer.begin() + size);
    size_t start = 0;
    while (received.size() - start >= 2) {
      const size_t length = load_be16(received.data() + start);
      if (received.size() - start < 2 + length) break;
      const Bytes message(received.data() + start + 2, length);
      if (length >= 2 && flight.answered(load_be16(message.data()))) {
        replies[indexes[load_be16(message.data())]] = read_reply(message);
      }
      start += 2 + length;
    }
    received.erase(received.begin(), received.begin() + static_cast<std::ptrdiff_t>(start));
  }
  close(descriptor);
}

}  // namespace holdfast::interop
