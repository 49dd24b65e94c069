// SPDX-License-Identifier: GPL-3.0-or-later
// The XDP program of one interface: loaded, filled, attached, and gone when its owner is.
//
// Hands plain questions for the destinations to AF_XDP sockets, sheds what the shield orders to
// shed, and leaves the rest to the kernel (xdp_gate.bpf.c says which). Orders come to it through
// memory that it shares with whoever gives them (shield/program_memory.h).
// `load`, `set_socket` and `attach` need CAP_BPF and CAP_NET_ADMIN; everything else is memory that
// this maps, so it goes on working when rights have been dropped.
// The program is attached by a bpf_link: it leaves the interface when the link is closed, however
// its owner ends. Owner: the supervisor, one thread. Errors are sentences for the operator.
#pragma once

#include <array>
#include <memory>
#include <span>

#include "base/address.h"
#include "base/error.h"
#include "base/file.h"
#include "shield/source_block.h"
#include "shield/xdp_gate_layout.h"

struct bpf_object;

namespace holdfast::shield {

using HardwareAddress = std::array<uint8_t, 6>;

// What the program reads of the shield: descriptors of maps; -1: the program has one of its own,
// in which no order is ever given.
struct XdpGateMaps {
  int sources = -1;  // of a ShieldSources
  int names = -1;    // of a NameFilter
};

class XdpGate {
 public:
  // For an interface with so many queues; each takes 1 MiB.
  [[nodiscard]] static Result<XdpGate> load(const XdpGateMaps& maps, size_t queues);
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
  // All are closed at first.
  void set_door(size_t queue, XdpGateDoor door);
  // The worker whose orders hold for a queue, and which part of what they admit a second is its.
  void set_worker(size_t queue, size_t worker, double share);
  // Whether TC and BADCOOKIE may be sent from the program. Not at first.
  void set_replies(bool allowed);
  // The lane of what nothing classifies.
  void set_lane(XdpGateLane lane);
  // Of whom there is something worth to be looked up: reads a part of the table, and after the last
  // shows what it has found. Call ten times a second; each takes a tenth of a millisecond.
  void note_some_known(const ShieldSources& sources);
  // All of it at once.
  void note_known(const ShieldSources& sources);
  [[nodiscard]] uint64_t count(size_t queue, XdpGateReason reason) const;
  // What would have become of packets that a dry run let through.
  [[nodiscard]] uint64_t count_dry(size_t queue, XdpGateReason reason) const;

  // For whoever counts in another process: mapped until the last one ends that has it from a fork.
  [[nodiscard]] const XdpGateCounters& counters() const { return *counters_; }

  [[nodiscard]] int program() const;  // descriptor, for tests

 private:
  struct CloseObject {
    void operator()(bpf_object* object) const;
  };
  struct Unmap {
    void operator()(XdpGateState* state) const;
    void operator()(XdpGateCounters* counters) const;
    void operator()(XdpGateKnown* known) const;
  };
  using Object = std::unique_ptr<bpf_object, CloseObject>;

  explicit XdpGate(Object object) : object_(std::move(object)) {}
  template <typename T>
  [[nodiscard]] Result<std::unique_ptr<T, Unmap>> map_data(const char* name) const;

  Object object_;
  std::unique_ptr<XdpGateState, Unmap> state_;
  std::unique_ptr<XdpGateCounters, Unmap> counters_;
  std::unique_ptr<XdpGateKnown, Unmap> known_;
  std::unique_ptr<XdpGateKnown> known_next_ = std::make_unique<XdpGateKnown>();
  uint32_t known_part_ = 0;  // that is read next
  UniqueFd link_;
};

}  // namespace holdfast::shield
