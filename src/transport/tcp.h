// SPDX-License-Identifier: GPL-3.0-or-later
// Many TCP connections that carry messages with a two-byte length (RFC 1035 §4.2.2), in one thread.
//
// Requests on a connection may be pipelined (RFC 7766 §6.2.1.1); each is answered when it is whole,
// in the order of arrival, and no connection delays another: a turn reads once and never waits.
// A connection whose response is not taken is not read from until it is. Nothing allocates but the
// constructor and set_limits. Bounds: connections, connections a client, large buffers, and three
// times (TcpLimits); when the table is full, the longest idle connection makes room.
// The caller owns the epoll descriptor and passes events on. Thread: the owner's.
#pragma once

#include <netinet/in.h>
#include <sys/epoll.h>

#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"

namespace holdfast::transport {

enum class RefuseReason : uint8_t { table_full, address_full, descriptors };
enum class CloseReason : uint8_t {
  by_client,
  idle,
  read_timeout,
  write_timeout,
  evicted,
  buffers,
  bad_framing,
  error,
  drained,
  given_away,
};

struct TcpPeer {
  const sockaddr_in6& remote;  // a sockaddr_in if so its family
  const sockaddr_in6& local;
};

// What the server above does with messages and events. Called within TcpServer's calls; must not
// call back.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  // Writes the response into `out` (65,535 bytes) and returns its size; 0 closes the connection.
  virtual size_t on_message(Bytes message, const TcpPeer& peer, MutableBytes out) = 0;
  // What on_message returns for a message that somebody else is to answer, with all that follows on
  // the connection. Once the answers before it have left, on_give_away is called.
  static constexpr size_t give_away = ~size_t{0};
  // `unread` is what has been read, from the message's length on. Returns 0 if the connection
  // (`socket`, duplicated) is somebody else's now; else the size of a response in `out`.
  virtual size_t on_give_away(int socket, Bytes unread, const TcpPeer& peer, MutableBytes out) = 0;
  virtual void on_accepted() = 0;
  virtual void on_refused(RefuseReason reason) = 0;
  // `answers_lost` whole or partial responses never left.
  virtual void on_closed(CloseReason reason, size_t answers_lost) = 0;
};

struct TcpLimits {
  uint32_t connections_max = 1024;
  uint32_t connections_per_address_max = 64;
  uint32_t idle_ms = 10'000;
  uint32_t read_ms = 5'000;
  uint32_t write_ms = 5'000;
};

class TcpServer {
 public:
  // A message or pending response that outgrows a connection's own buffer borrows a large one. All
  // together bound what strangers can make this process hold.
  static constexpr size_t large_buffers_max = 128;

  TcpServer(int epoll, StreamHandler& handler, const TcpLimits& limits, const HashKey& key);
  ~TcpServer();
  TcpServer(const TcpServer&) = delete;
  TcpServer& operator=(const TcpServer&) = delete;

  // Of connections and listeners; all tokens of the epoll descriptor that have this bit are ours.
  static constexpr uint64_t token_bit = uint64_t{1} << 63;

  // Begins to accept from a listening socket, which stays the caller's.
  [[nodiscard]] Result<void> add_listener(int socket);
  // No further connections; those that are idle close, the others when they are through.
  void drain(uint64_t now_ms);

  // May allocate; between batches only. Lower limits close nothing that is open.
  void set_limits(const TcpLimits& limits);

  void on_event(const epoll_event& event, uint64_t now_ms);
  // Closes what is overdue.
  void on_time(uint64_t now_ms);
  // Milliseconds until something is overdue, at most `limit_ms`.
  [[nodiscard]] int wait_ms(uint64_t now_ms, int limit_ms) const;
  [[nodiscard]] size_t open_count() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::transport
