// SPDX-License-Identifier: GPL-3.0-or-later
// Other name servers from Debian in the place of ours: their settings for a drill, each on one
// core, with the zones' own files.
//
// The settings are those of bench/peers, with more room for TCP as an operator would give; "+rrl"
// adds response rate limiting as each one's documentation advises.
#pragma once

#include "drill/server_process.h"
#include "drill/zone_set.h"

namespace holdfast::drill {

struct PeerSurroundings {
  std::string directory;       // empty, and its own
  std::string address;         // of the server's side
  std::string interface_name;  // of the server's side
  uint16_t port = 53;
};

// "knot", "knot+rrl", …
[[nodiscard]] const std::vector<std::string>& peer_names();

// Writes the peer's configuration. An error if the name is none of the above, or its program is not
// installed.
[[nodiscard]] Result<ServerPlan> plan_peer(const std::string& name, const ZoneSet& zones,
                                           const PeerSurroundings& surroundings);

}  // namespace holdfast::drill
