// SPDX-License-Identifier: GPL-3.0-or-later
// What a laboratory sets on the ends of its veth pair, and the counters it reads from them.
//
// All act in the calling thread's network namespace.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/error.h"

namespace holdfast::drill {

// Generic receive offload. On a veth this is also what makes the end receive through NAPI, and
// what lets frames be redirected to it.
[[nodiscard]] Result<void> set_receive_offload_on(const std::string& interface_name);

// Checksums of what is sent from sockets here are written whole. A veth by itself leaves them to
// hardware that never comes, which XDP at the other end would take for what they are not.
[[nodiscard]] Result<void> set_checksum_offload_off(const std::string& interface_name);

// NAPI in a kernel thread of its own, which can be pinned and whose time is seen. The interface
// must be up, with receive offload on.
[[nodiscard]] Result<void> set_threaded_napi_on(const std::string& interface_name);

// Lets a socket that busy polls keep the interface's NAPI to itself: what arrives does not wake the
// kernel's thread while the socket asks often enough.
[[nodiscard]] Result<void> set_busy_polling_on(const std::string& interface_name);

// The driver's counters by their names, as `ethtool -S` prints them.
[[nodiscard]] Result<std::map<std::string, uint64_t>> read_driver_counters(
    const std::string& interface_name);

}  // namespace holdfast::drill
