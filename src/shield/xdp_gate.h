// SPDX-License-Identifier: GPL-3.0-or-later
// The XDP program of one interface: loaded, filled, attached, and gone when its owner is.
//
// Hands plain questions for the destinations to AF_XDP sockets and leaves the rest to the kernel
// (xdp_gate.bpf.c says which). `load`, `set_socket` and `attach` need CAP_BPF and CAP_NET_ADMIN;
// everything else is memory that this maps, so it goes on working when rights have been dropped.
// The program is attached by a bpf_link: it leaves the interface when the link is closed, however
// its owner ends. Owner: the supervisor, one thread. Errors are sentences for the operator.
#pragma once

#include <array>
#include <memory>
#include <span>

#include "base/address.h"
#include "base/error.h"
#include "base/file.h"
#include "shield/xdp_gate_layout.h"

struct bpf_object;

namespace holdfast::shield {

using HardwareAddress = std::array<uint8_t, 6>;

class XdpGate {
 public:
  [[nodiscard]] static Result<XdpGate> load();
  XdpGate(XdpGate&&) noexcept = default;
  XdpGate& operator=(XdpGate&&) noexcept = default;
  ~XdpGate() = default;

  // Where what this queue receives goes to.
  [[nodiscard]] Result<void> set_socket(size_t queue, XdpGateLane lane, int socket);
  // To the interface, in its driver ("native" mode); fails if another program is there.
  [[nodiscard]] Result<void> attach(unsigned interface);

  // Frames to other hardware addresses are left to the kernel.
  void set_hardware_address(const HardwareAddress& address);
  // All destinations from now on, at once; no wildcards. Returns how many found no place: what is
  // sent to those goes through the kernel's sockets.
  size_t set_destinations(std::span<const Endpoint> destinations);
  // A closed queue's packets are left to the kernel. All are closed at first.
  void set_open(size_t queue, bool open);
  // The lane of what nothing classifies.
  void set_lane(XdpGateLane lane);
  [[nodiscard]] uint64_t count(size_t queue, XdpGateReason reason) const;

  [[nodiscard]] int program() const;  // descriptor, for tests

 private:
  struct CloseObject {
    void operator()(bpf_object* object) const;
  };
  struct Unmap {
    void operator()(XdpGateState* state) const;
    void operator()(XdpGateCounters* counters) const;
  };
  using Object = std::unique_ptr<bpf_object, CloseObject>;

  explicit XdpGate(Object object) : object_(std::move(object)) {}
  template <typename T>
  [[nodiscard]] Result<std::unique_ptr<T, Unmap>> map_data(const char* name) const;

  Object object_;
  std::unique_ptr<XdpGateState, Unmap> state_;
  std::unique_ptr<XdpGateCounters, Unmap> counters_;
  UniqueFd link_;
};

}  // namespace holdfast::shield
