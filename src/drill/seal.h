// SPDX-License-Identifier: GPL-3.0-or-later
// Whether two network namespaces are a laboratory without a way out. Whatever makes traffic asks
// this first, and makes none unless the answer is yes.
#pragma once

#include "drill/netlink.h"
#include "drill/network_namespace.h"

namespace holdfast::drill {

struct SealedLinks {
  Link load;    // numbered in the load's namespace
  Link server;  // numbered in the server's
};

// An error that says what is wrong unless, in each of the two namespaces:
//   - it is another than the other one, and than process 1's, the one the machine started with, if
//     that can be seen
//   - besides loopback there is one interface: a veth with a laboratory's mark, whose other end is
//     the one in the other namespace
//   - every address and route lies within the ranges of laboratories or never leaves the link, so
//     there is no default route
[[nodiscard]] Result<SealedLinks> check_sealed(const NetworkNamespace& load,
                                               const NetworkNamespace& server);

}  // namespace holdfast::drill
