// SPDX-License-Identifier: GPL-3.0-or-later
// The floors: servers that return each question as its answer and do nothing else, one for each way
// that packets can take. No server on the same way can need less.
//
// Each runs in the calling thread, in its network namespace, until `stop` is set.
#pragma once

#include <string>

#include "base/address.h"

namespace holdfast::bench {

struct EchoCounts {
  uint64_t received = 0;
  uint64_t sent = 0;
  uint64_t batches = 0;
};

// recvmmsg and sendmmsg in batches of 64. Answers of `answer_bytes`, or if 0, as questions are.
[[nodiscard]] Result<EchoCounts> echo_over_sockets(const Endpoint& address, size_t answer_bytes);

enum class WakeUp : uint8_t {
  when_needed,  // the kernel's thread receives; this one sleeps when there is nothing
  busy_poll     // this thread receives, in the kernel, whenever it asks
};

// One AF_XDP socket in copy mode on the interface's first queue, answering in place.
[[nodiscard]] Result<EchoCounts> echo_over_af_xdp(const std::string& interface_name, uint16_t port,
                                                  size_t answer_bytes, WakeUp wake_up);

enum class KernelFloor : uint8_t { drop, transmit };

// Without leaving the kernel's receive path.
[[nodiscard]] Result<EchoCounts> run_kernel_floor(const std::string& interface_name, uint16_t port,
                                                  KernelFloor kind);

// The server's own XDP program under orders of the shield by which nobody is let through: what
// a flood costs at most.
enum class GateOrder : uint8_t { drop, truncate };
[[nodiscard]] Result<EchoCounts> run_gate(const std::string& interface_name,
                                          const Endpoint& address, GateOrder order);
// A trial rather than a floor (docs/decisions/0007): the questions of a file get one address each
// from a table in the kernel, others are passed on.
[[nodiscard]] Result<EchoCounts> answer_in_kernel(const std::string& interface_name, uint16_t port,
                                                  const std::string& questions_path);

}  // namespace holdfast::bench
