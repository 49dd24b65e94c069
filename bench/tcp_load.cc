// SPDX-License-Identifier: GPL-3.0-or-later
//
// Asks one server over TCP as fast as it answers, and prints what came back as one JSON object.
//
//   bench_tcp_load --address A --port P --questions FILE --connections N --seconds S
//                  --depth N (pipelined, so many open at a time) | --single (a connection each)
//
// A closed loop: it shows what the server can do for so many clients, not how long they wait.
// One thread, bounded by --seconds and --connections. Lines of FILE are "qname qtype".
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <span>
#include <sstream>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t connections_max = 10000;
constexpr std::size_t read_bytes = 65536;
constexpr std::size_t header_bytes = 12;

struct Options {
  sockaddr_in server = {};
  std::vector<Bytes> questions;  // each with its length before it
  std::size_t connections = 50;
  std::size_t depth = 1;
  bool single = false;
  double seconds = 1;
};

struct Totals {
  std::uint64_t answers = 0;
  std::uint64_t wrong = 0;  // neither NOERROR nor NXDOMAIN, or no response at all
  std::uint64_t bytes = 0;
  std::uint64_t connected = 0;
  std::uint64_t closed_early = 0;
};

// One TCP connection: what is still to be sent, and how far the answer being read has come.
struct Connection {
  int fd = -1;
  Bytes unsent;
  std::size_t open = 0;       // questions without an answer
  std::size_t have = 0;       // of the length and header of the answer being read
  std::size_t remaining = 0;  // of its bytes, once the length is known
  std::array<std::uint8_t, 2 + header_bytes> head = {};
};

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "bench_tcp_load: %s\n", what.c_str());
  std::exit(1);
}

void put16(Bytes& to, std::size_t value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8));
  to.push_back(static_cast<std::uint8_t>(value));
}

Bytes encode(const std::string& name, const std::string& type) {
  static const std::map<std::string, std::uint16_t> types = {
      {"A", 1}, {"NS", 2}, {"SOA", 6}, {"MX", 15}, {"TXT", 16}, {"AAAA", 28}, {"HTTPS", 65}};
  const auto found = types.find(type);
  if (found == types.end()) fail("unknown type " + type);
  Bytes message = {0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  std::istringstream labels(name);
  for (std::string label; std::getline(labels, label, '.');) {
    if (label.empty() || label.size() > 63) fail("bad name " + name);
    message.push_back(static_cast<std::uint8_t>(label.size()));
    message.insert(message.end(), label.begin(), label.end());
  }
  message.push_back(0);
  put16(message, found->second);
  put16(message, 1);
  Bytes framed;
  put16(framed, message.size());
  framed.insert(framed.end(), message.begin(), message.end());
  return framed;
}

std::vector<Bytes> read_questions(const std::string& path) {
  std::ifstream file(path);
  std::vector<Bytes> questions;
  for (std::string name, type; file >> name >> type;) questions.push_back(encode(name, type));
  if (questions.empty()) fail("no question in " + path);
  return questions;
}

Options parse(std::span<char*> words) {
  Options options;
  options.server.sin_family = AF_INET;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string word = words[i];
    if (word == "--single") {
      options.single = true;
      continue;
    }
    if (i + 1 == words.size()) fail(word + " needs a value");
    const std::string value = words[++i];
    if (word == "--address") {
      if (inet_pton(AF_INET, value.c_str(), &options.server.sin_addr) != 1) fail("bad address");
    } else if (word == "--port") {
      options.server.sin_port = htons(static_cast<std::uint16_t>(std::stoul(value)));
    } else if (word == "--questions") {
      options.questions = read_questions(value);
    } else if (word == "--connections") {
      options.connections = std::stoul(value);
    } else if (word == "--depth") {
      options.depth = std::stoul(value);
    } else if (word == "--seconds") {
      options.seconds = std::stod(value);
    } else {
      fail("unknown option " + word);
    }
  }
  if (options.questions.empty()) fail("--questions is needed");
  if (options.connections == 0 || options.connections > connections_max) fail("--connections");
  if (options.single) options.depth = 1;
  return options;
}

class Load {
 public:
  explicit Load(const Options& options)
      : options_(options), connections_(options.connections), buffer_(read_bytes) {
    poll_ = epoll_create1(EPOLL_CLOEXEC);
    if (poll_ < 0) fail("epoll");
  }

  Totals run() {
    for (std::size_t i = 0; i < connections_.size(); ++i) open(i);
    const auto end = Clock::now() + std::chrono::duration<double>(options_.seconds);
    std::array<epoll_event, 256> events = {};
    while (Clock::now() < end) {
      const int count = epoll_wait(poll_, events.data(), events.size(), 10);
      for (int i = 0; i < count; ++i) turn(events[static_cast<std::size_t>(i)]);
    }
    return totals_;
  }

 private:
  void open(std::size_t index) {
    Connection& connection = connections_[index];
    connection = Connection{};
    connection.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const auto* address = reinterpret_cast<const sockaddr*>(&options_.server);
    if (connect(connection.fd, address, sizeof options_.server) != 0 && errno != EINPROGRESS) {
      fail(std::string("connect: ") + std::strerror(errno));
    }
    watch(index, EPOLLIN | EPOLLOUT, EPOLL_CTL_ADD);
    ++totals_.connected;
    ask(connection);
  }

  void watch(std::size_t index, std::uint32_t wanted, int operation) {
    epoll_event event = {.events = wanted, .data = {.u64 = index}};
    epoll_ctl(poll_, operation, connections_[index].fd, &event);
  }

  // Keeps the connection full: half of its questions go at a time, so that sends are few.
  void ask(Connection& connection) {
    if (connection.open * 2 > options_.depth) return;
    while (connection.open < options_.depth) {
      const Bytes& question = options_.questions[next_++ % options_.questions.size()];
      connection.unsent.insert(connection.unsent.end(), question.begin(), question.end());
      ++connection.open;
    }
  }

  void turn(const epoll_event& event) {
    const auto index = static_cast<std::size_t>(event.data.u64);
    Connection& connection = connections_[index];
    if ((event.events & (EPOLLERR | EPOLLHUP)) != 0) return renew(index, true);
    if ((event.events & EPOLLIN) != 0) {
      const ssize_t got = recv(connection.fd, buffer_.data(), buffer_.size(), 0);
      if (got == 0 || (got < 0 && errno != EAGAIN)) return renew(index, true);
      if (got > 0) take(connection, std::span(buffer_).first(static_cast<std::size_t>(got)));
      if (options_.single && connection.open == 0) return renew(index, false);
      if (!options_.single) ask(connection);
    }
    if (!flush(connection)) return renew(index, true);
    const bool more = !connection.unsent.empty();
    watch(index, more ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
  }

  void renew(std::size_t index, bool early) {
    totals_.closed_early += early ? 1 : 0;
    close(connections_[index].fd);
    open(index);
  }

  static bool flush(Connection& connection) {
    if (connection.unsent.empty()) return true;
    const ssize_t sent =
        send(connection.fd, connection.unsent.data(), connection.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    connection.unsent.erase(connection.unsent.begin(), connection.unsent.begin() + sent);
    return true;
  }

  void take(Connection& connection, std::span<const std::uint8_t> bytes) {
    totals_.bytes += bytes.size();
    while (!bytes.empty()) {
      if (connection.have < connection.head.size()) {
        connection.head[connection.have++] = bytes[0];
        bytes = bytes.subspan(1);
        if (connection.have < connection.head.size()) continue;
        const std::size_t length = connection.head[0] * 256U + connection.head[1];
        connection.remaining = length > header_bytes ? length - header_bytes : 0;
      }
      const std::size_t step = std::min(connection.remaining, bytes.size());
      connection.remaining -= step;
      bytes = bytes.subspan(step);
      if (connection.remaining == 0) finish(connection);
    }
  }

  void finish(Connection& connection) {
    const unsigned code = connection.head[5] & 15U;
    const bool right = (connection.head[4] & 0x80U) != 0 && (code == 0 || code == 3);
    totals_.wrong += right ? 0 : 1;
    ++totals_.answers;
    connection.have = 0;
    if (connection.open > 0) --connection.open;
  }

  const Options& options_;
  std::vector<Connection> connections_;
  Bytes buffer_;
  Totals totals_;
  std::size_t next_ = 0;
  int poll_ = -1;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(std::span(argv, static_cast<std::size_t>(argc)));
  const auto began = Clock::now();
  const Totals totals = Load(options).run();
  const std::chrono::duration<double> took = Clock::now() - began;
  std::printf(
      "{\"answers\": %ju, \"answers_per_s\": %.1f, \"wrong\": %ju, \"bytes\": %ju,"
      " \"connections\": %ju, \"closed_early\": %ju, \"duration\": %.3f}\n",
      std::uintmax_t{totals.answers}, static_cast<double>(totals.answers) / took.count(),
      std::uintmax_t{totals.wrong}, std::uintmax_t{totals.bytes}, std::uintmax_t{totals.connected},
      std::uintmax_t{totals.closed_early}, took.count());
  return 0;
}
