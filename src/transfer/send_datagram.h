// SPDX-License-Identifier: GPL-3.0-or-later
// Sends an answer from the address that was asked, which need not be the one that the kernel would
// choose.
//
// A full queue loses it, as it would lose that of an answer process. Never waits; any thread.
#pragma once

#include <netinet/in.h>

#include "base/address.h"

namespace holdfast::transfer {

// `client` may be a sockaddr_in at its start; of which family it is, `from` says.
void send_datagram(int socket, const sockaddr_in6& client, const Endpoint& from, Bytes message);

}  // namespace holdfast::transfer
