// SPDX-License-Identifier: GPL-3.0-or-later
// A sealed laboratory: two network namespaces joined by one veth pair, and no way out of either.
//
//   load namespace                         server namespace
//   load_interface  fd00:.., 198.18.0.2 == server_interface  fd00:.., 198.18.0.1
//
// Each end receives through NAPI in a kernel thread pinned to its own processor, so that the server
// pays for what it receives and the load for what it gets back. A process of each side holds its
// namespace; they die with the process that made the laboratory, and with them everything in it, so
// a crash leaves nothing behind. Owner: one thread. Needs CAP_SYS_ADMIN and CAP_NET_ADMIN.
#pragma once

#include <sys/types.h>

#include <optional>

#include "drill/netlink.h"
#include "drill/network_namespace.h"

namespace holdfast::drill {

// How the kernel thread that receives for the server shares its processor with the server.
enum class NapiScheduling : uint8_t {
  fair,        // as any other thread: it waits while the server uses up its slice
  short_slice  // runs soon after a packet arrives, as an interrupt would, yet shares fairly
};

struct LaboratoryConfig {
  unsigned server_cpu = 1;
  unsigned load_cpu = 0;
  NapiScheduling server_napi = NapiScheduling::short_slice;
};

struct LaboratorySide {
  pid_t holder = 0;  // a process that is in the namespace as long as the laboratory stands
  std::string interface_name;
  unsigned interface_index = 0;
  MacAddress mac{};
  Prefix ipv4;  // the address, with all its bits
  Prefix ipv6;
  std::vector<pid_t> napi_threads;
};

// Where the addresses of simulated clients come from; the server's routes lead there.
[[nodiscard]] Prefix client_range_ipv4();
[[nodiscard]] Prefix wide_range_ipv4();  // room for millions
[[nodiscard]] Prefix client_range_ipv6();

// What is written on both interfaces; traffic is made on no other.
constexpr std::string_view laboratory_alias = "holdfast laboratory";

class Laboratory {
 public:
  [[nodiscard]] static Result<Laboratory> make(const LaboratoryConfig& config);
  Laboratory(Laboratory&& other) noexcept = default;
  Laboratory& operator=(Laboratory&&) = delete;
  Laboratory(const Laboratory&) = delete;
  Laboratory& operator=(const Laboratory&) = delete;
  // Ends the holders. Processes that others started in the namespaces keep them until they end.
  ~Laboratory();

  [[nodiscard]] const LaboratorySide& server() const { return server_; }
  [[nodiscard]] const LaboratorySide& load() const { return load_; }

 private:
  Laboratory() = default;

  LaboratorySide server_;
  LaboratorySide load_;
  UniqueFd server_lease_;  // a holder lives as long as its lease is open
  UniqueFd load_lease_;
};

}  // namespace holdfast::drill
