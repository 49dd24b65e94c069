// SPDX-License-Identifier: GPL-3.0-or-later
// Another provider that signs a zone with keys of its own (RFC 8901, model 2): what is known of it,
// and how far it has come or gone.
//
// Kept in a file of the zone's key folder, "signer-NAME", that is replaced whole: whoever dies at
// whatever moment, the next one goes on from there. One that has left stays, so that its keys,
// which others may serve for a while, are not taken for those of somebody else. Management only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/error.h"
#include "dnssec/apex_additions.h"
#include "dnssec/zone_key.h"

namespace holdfast::dnssec {

enum class SignerPhase : uint8_t {
  keys,                  // all learn each other's keys
  ds,                    // the parent is to have a DS of its
  name_servers,          // its servers are to be in NS, here and at the parent
  joined,                // questions go to both
  leaving_name_servers,  // its servers are to be out of NS
  leaving_ds,            // its DS is to be gone
  left,
};
[[nodiscard]] std::string_view phase_text(SignerPhase phase);

struct ForeignKey {
  std::vector<uint8_t> dnskey;  // RDATA
  bool is_announced = false;    // it wants a DS
};

// A key of ours that all its servers have had since.
struct KnownKey {
  uint16_t tag = 0;
  uint64_t since_s = 0;
};

struct OtherSigner {
  std::string name;
  SignerPhase phase = SignerPhase::keys;
  uint64_t since_s = 0;  // of the phase
  uint64_t met_s = 0;    // since when what the phase waits for is there; 0: it is not
  uint32_t dnskey_ttl_s = 0;
  std::vector<Endpoint> servers = {};
  std::vector<wire::Name> name_servers = {};
  std::vector<ForeignKey> keys = {};
  std::vector<KnownKey> known = {};
  std::string waits_for = {};  // a sentence for people; empty: nothing

  // Whether questions may go to it.
  [[nodiscard]] bool is_asked() const {
    return phase == SignerPhase::name_servers || phase == SignerPhase::joined ||
           phase == SignerPhase::leaving_name_servers;
  }
  // Whether its keys are in our DNSKEY.
  [[nodiscard]] bool has_keys_here() const { return phase != SignerPhase::left; }
  // Whether its DS is to be there.
  [[nodiscard]] bool is_announced() const { return phase == SignerPhase::ds || is_asked(); }
  [[nodiscard]] bool is_in_name_servers() const {
    return phase == SignerPhase::name_servers || phase == SignerPhase::joined;
  }
  // Whether records of the zone may be signed with it: a ZSK, or a CSK.
  [[nodiscard]] bool signs_zone(const ForeignKey& key) const;
};

// A name of letters, digits, '-' and '_', at most 32 of them.
[[nodiscard]] bool is_signer_name(std::string_view text);

constexpr size_t signers_max = 16;      // of a zone; each costs DNSKEY records
constexpr size_t foreign_keys_max = 8;  // of a signer

[[nodiscard]] Result<void> save_signer(const OtherSigner& signer, const std::string& folder);
// Those of which there is a file, by name. None if there is no such folder.
[[nodiscard]] Result<std::vector<OtherSigner>> load_signers(const std::string& folder);
[[nodiscard]] Result<void> remove_signer(const std::string& name, const std::string& folder);

// What they add to the zone.
void add_signers(std::span<const OtherSigner> signers, ApexAdditions& additions);

// A public key from the .key file that all tools write. The error names the path, also if it is not
// a key of the zone, or of an algorithm that none of `own` has (RFC 8901 §4).
[[nodiscard]] Result<ForeignKey> read_foreign_key(const std::string& path, wire::NameView zone,
                                                  std::span<const ZoneKey> own);

}  // namespace holdfast::dnssec
