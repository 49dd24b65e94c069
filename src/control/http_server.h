// SPDX-License-Identifier: GPL-3.0-or-later
// A small HTTP/1.1 server for metrics and health: GET and HEAD of a few fixed targets.
//
// Bounds: http_connections_max clients, http_header_bytes_max a request, http_timeout_s for a
// request to come, a reply to be taken and an idle connection. A client beyond the first bound is
// closed at once. Thread: the io_context's; `serve` from any.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/file.h"

namespace boost::asio {
class io_context;
}

namespace holdfast::control {

// A handful of scrapers and probes; each costs a few kB.
constexpr size_t http_connections_max = 64;
constexpr uint32_t http_header_bytes_max = 8192;
constexpr unsigned http_timeout_s = 30;

struct HttpReply {
  unsigned status = 200;
  std::string content_type;
  std::string body;
};

class HttpServer {
 public:
  // Runs for each request on the io_context's thread. `target` is without a query part;
  // `refused_connections` counts those beyond the bound.
  using Handler = std::function<HttpReply(std::string_view target, uint64_t refused_connections)>;
  HttpServer(boost::asio::io_context& context, Handler handler);
  ~HttpServer();

  // A socket that listens on `endpoint`; errors name `metrics.listen`.
  [[nodiscard]] static Result<UniqueFd> bind(const Endpoint& endpoint);
  // Accepts on `listener` from now on instead of on the one before; an invalid one: on none.
  void serve(UniqueFd listener);

  [[nodiscard]] bool is_serving() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::control
