// SPDX-License-Identifier: GPL-3.0-or-later
// A TCP connection to or from another server, perhaps within TLS.
//
// Handlers are called once each, unless the io_context ends before; they must keep the Stream alive
// until then. After `close` they come with an error. Thread: the io_context's.
#pragma once

#include <boost/system/error_code.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/address.h"
#include "base/bytes.h"
#include "transfer/tls.h"

namespace boost::asio {
class io_context;
}

namespace holdfast::transfer {

class Stream {
 public:
  using Handler = std::function<void(boost::system::error_code error, size_t bytes)>;

  // `processor_ns`: the thread's processor time, to measure by what TLS takes; may be empty.
  explicit Stream(boost::asio::io_context& context, std::function<uint64_t()> processor_ns = {});
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Takes over a connected socket, and bounds what of ours may be on its way to a client that is
  // near.
  void adopt(int descriptor, bool is_ipv6);
  void connect(const Endpoint& to, Handler done);
  // We are the `side` of it. `hostname`: whom a client asks for; may be empty.
  void start_tls(ssl_ctx_st* context, TlsSide side, const std::string& hostname, Handler done);
  // Whatever comes first.
  void read_some(MutableBytes into, Handler done);
  // All of it.
  void read(MutableBytes into, Handler done);
  void write(Bytes bytes, Handler done);
  void close();

  // Null outside of TLS.
  [[nodiscard]] ssl_st* session() const;
  // The processor time of all that has been done within TLS, handlers included, up to this moment.
  [[nodiscard]] uint64_t spent_ns() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// What a socket to a client so far away is told to hold for it (SO_SNDBUF, of which the kernel
// makes the double). A client on this machine or the same network that takes megabytes at once has
// the kernel handle them at once, and for milliseconds its processor answers nobody. So no more is
// under way than a gigabit a second has within the round trip, and two messages at least. None: the
// kernel is left to choose; for 0 too, which is a round trip that it does not know (SYN cookies).
[[nodiscard]] std::optional<int> send_buffer_bytes(uint32_t round_trip_us);

// Whether the other side has closed the connection, or torn it.
[[nodiscard]] bool is_end_of_stream(const boost::system::error_code& error);
// What went wrong, OpenSSL's reasons as it states them.
[[nodiscard]] std::string stream_error_text(const boost::system::error_code& error);

}  // namespace holdfast::transfer
