// SPDX-License-Identifier: GPL-3.0-or-later
// The kernel's links, addresses, routes and neighbours of one network namespace, over rtnetlink.
//
// A Netlink speaks of the namespace that the calling thread was in when it was opened. Each call is
// one request and waits for its answer. Errors say what was asked and what the kernel said.
#pragma once

#include <sys/types.h>

#include <optional>
#include <vector>

#include "base/file.h"
#include "drill/prefix.h"

namespace holdfast::drill {

using MacAddress = std::array<uint8_t, 6>;

struct Link {
  unsigned index = 0;
  std::string name;
  std::string kind;   // "veth"; empty for what has none, such as lo
  std::string alias;  // what its maker wrote on it
  MacAddress mac{};
  unsigned peer_index = 0;  // of a veth: its other end, numbered in that end's namespace
  int peer_namespace = -1;  // the kernel's id here for the namespace of that end; -1: this one
  bool is_loopback = false;
};

// One end of a veth pair to be.
struct VethEnd {
  std::string name;
  MacAddress mac{};
};

struct Route {
  Prefix to;
  unsigned interface_index = 0;
};

class Netlink {
 public:
  [[nodiscard]] static Result<Netlink> open();

  // `here` stays in this namespace, `there` is born in that of process `peer_pid`; one queue each.
  [[nodiscard]] Result<void> create_veth(const VethEnd& here, const VethEnd& there, pid_t peer_pid);
  [[nodiscard]] Result<void> set_alias(unsigned interface_index, std::string_view alias);
  [[nodiscard]] Result<void> set_up(unsigned interface_index);
  // `prefix` is the address with the length of its network; usable at once (no detection of
  // duplicates).
  [[nodiscard]] Result<void> add_address(unsigned interface_index, const Prefix& prefix);
  [[nodiscard]] Result<void> add_route(unsigned interface_index, const Prefix& to,
                                       const Prefix& gateway);
  // All addresses of the range become the namespace's own.
  [[nodiscard]] Result<void> add_local_range(unsigned interface_index, const Prefix& range);
  // For ever, so that nothing has to be asked.
  [[nodiscard]] Result<void> add_neighbour(unsigned interface_index, const Prefix& address,
                                           const MacAddress& mac);

  // The kernel's id here for the namespace behind the descriptor; -1 if it has none.
  [[nodiscard]] Result<int> namespace_id(int namespace_fd);

  [[nodiscard]] Result<std::vector<Link>> links();
  [[nodiscard]] Result<std::vector<Prefix>> addresses();
  // Of every table and kind, except what the kernel adds for its own addresses.
  [[nodiscard]] Result<std::vector<Route>> routes();

 private:
  class Request;

  explicit Netlink(UniqueFd socket) : socket_(std::move(socket)) {}
  [[nodiscard]] Result<void> carry_out(Request& request, const std::string& what);
  template <class Each>
  [[nodiscard]] Result<void> list(Request& request, const std::string& what, Each each);

  UniqueFd socket_;
  uint32_t sequence_ = 0;
};

// The link of that name among `links`, or none.
[[nodiscard]] std::optional<Link> find_link(const std::vector<Link>& links, std::string_view name);

}  // namespace holdfast::drill
