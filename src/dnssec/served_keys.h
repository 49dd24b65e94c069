// SPDX-License-Identifier: GPL-3.0-or-later
// What the secondaries of a zone serve of its keys, and what of a rollover, or of a zone's first
// CDS, waits for that.
//
// One that is cut off serves an older version. A resolver that has DNSKEY from there and data from
// elsewhere must be able to validate, so a step that takes for granted that a key is known, or that
// its signatures are gone, waits until all secondaries were seen to have come so far, and then for
// what caches may hold (RFC 7583 §3.2 and §3.3). What was seen once is kept, in the file
// "secondaries" of the zone's key folder, and stands: one that is away later holds nothing up.
//
// Answers are not verified: whoever forges them makes a step come as early as it would without
// them. Management only.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "dnssec/rollover.h"
#include "dnssec/signer_sighting.h"

namespace holdfast::dnssec {

// A key of ours, by its tag; 0 where it has not been seen yet.
struct ServedKey {
  uint16_t tag = 0;
  uint64_t served_s = 0;  // since when all have it in DNSKEY
  uint64_t unused_s = 0;  // since it signs no more: since when none has a SOA signed by it
  bool is_first = false;  // the zone becomes signed with it: no CDS of it has been out yet
  friend bool operator==(const ServedKey&, const ServedKey&) = default;
};

struct ServedKeys {
  std::vector<ServedKey> keys = {};
  std::string waits_for = {};  // a sentence for people; empty: nothing
  friend bool operator==(const ServedKeys&, const ServedKeys&) = default;
};

// None if there is no such file.
[[nodiscard]] Result<ServedKeys> load_served_keys(const std::string& folder);
[[nodiscard]] Result<void> save_served_keys(const ServedKeys& served, const std::string& folder);
[[nodiscard]] Result<void> remove_served_keys(const std::string& folder);

// A zone that nobody has seen signed becomes so. A parent with a DS makes it bogus wherever it is
// served without keys, so the first CDS of each of its KSKs and CSKs waits for all secondaries.
[[nodiscard]] ServedKeys begin_signed(const ServedKeys& served, std::span<const ZoneKey> own);
// A zone whose DNSKEY records for CDS were served as `cdnskeys`: what its parent was told of a key
// that takes over is never taken back, whatever is known of secondaries, or of a later TTL.
[[nodiscard]] ServedKeys with_told(const ServedKeys& served, std::span<const ZoneKey> own,
                                   std::span<const Bytes> cdnskeys, uint64_t now_s);
// A zone that goes unsigned asks for no DS of its keys.
enum class FirstCds : uint8_t { awaited, given_up };
// Whether keys wait for something that the secondaries have not been seen to serve.
[[nodiscard]] bool waits_for_secondaries(std::span<const ZoneKey> own, const ServedKeys& served,
                                         uint64_t now_s, FirstCds first = FirstCds::awaited);
// What is known once all `servers` were asked for DNSKEY and SOA.
[[nodiscard]] ServedKeys note_served(const ServedKeys& before, std::span<const ZoneKey> own,
                                     std::span<const SeenServer> servers, uint64_t now_s,
                                     FirstCds first = FirstCds::awaited);
// What is known of the keys that are followed: of those that are held until nobody uses them, even
// if nobody has been asked yet; of none that has gone, which never comes back. One whose CDS is out
// is a first one no more.
[[nodiscard]] ServedKeys followed(const ServedKeys& served, std::span<const ZoneKey> held,
                                  uint64_t now_s);
// Keys whose times would let them go on too early, with later ones. To be saved in this order.
[[nodiscard]] std::vector<ZoneKey> hold_for_secondaries(std::span<const ZoneKey> own,
                                                        const ServedKeys& served, uint64_t now_s,
                                                        const RolloverTimes& times);

}  // namespace holdfast::dnssec
