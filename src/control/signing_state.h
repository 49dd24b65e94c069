// SPDX-License-Identifier: GPL-3.0-or-later
// What lies in a zone's key folder: its keys, the other signers, and how far it has gone to be
// unsigned; and what of it joins the zone beside the keys.
//
// Management only.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "dnssec/apex_additions.h"
#include "dnssec/other_signer.h"
#include "dnssec/parting.h"
#include "dnssec/signed_keys.h"
#include "dnssec/version_hold.h"
#include "zone/contents.h"
#include "zone/view.h"

namespace holdfast::control {

struct SigningState {
  std::string folder;
  std::vector<dnssec::ZoneKey> keys = {};
  std::vector<dnssec::OtherSigner> signers = {};
  dnssec::Parting parting = {};                 // of a policy with `unsign` alone
  std::vector<dnssec::KeyPeriod> periods = {};  // of one with `offline_ksk` alone

  [[nodiscard]] bool is_unsigned_at(const config::PolicySetting& policy, uint64_t now_s) const;
  // When what is served changes by the last two; UINT64_MAX: never.
  [[nodiscard]] uint64_t next_time(const config::PolicySetting& policy, uint64_t now_s) const;
};

// All but the keys; makes files of what the policy adds.
[[nodiscard]] Result<SigningState> read_signing_state(const std::string& folder,
                                                      wire::NameView zone,
                                                      const config::PolicySetting& policy,
                                                      uint64_t now_s);

// But for CSYNC. An error if the KSK is offline and nothing is there that it has signed for now.
[[nodiscard]] Result<dnssec::ApexAdditions> additions_of(const SigningState& state,
                                                         const config::PolicySetting& policy,
                                                         uint64_t now_s);
// The CSYNC to be served with `records`: that of `before` while NS stays as it is, or one with the
// serial that is to come.
[[nodiscard]] std::vector<uint8_t> csync_for(const zone::Contents& records,
                                             const zone::Contents* before,
                                             const dnssec::ApexAdditions& additions,
                                             uint32_t serial);
// The one that is served, if any.
[[nodiscard]] std::optional<std::vector<uint8_t>> csync_of(const zone::ZoneView& served);

// Of what is served, or was last, at the apex; refers to it. None if there is none.
[[nodiscard]] std::vector<Bytes> apex_rdata(const zone::Contents* served, uint16_t type);
// Views into `served`.
[[nodiscard]] dnssec::VersionKeys version_keys(const zone::Contents* served);
// Whether it was signed by us.
[[nodiscard]] bool is_signed_with(std::span<const dnssec::ZoneKey> keys,
                                  const zone::Contents* served);

// The zone without what a signer makes, under that serial if one is given.
[[nodiscard]] Result<zone::Contents> without_signing(const zone::Contents& records,
                                                     std::optional<uint32_t> serial);
// Whether both hold the same records, the serial of the SOA apart.
[[nodiscard]] bool has_same_records(const zone::Contents& a, const zone::Contents& b);

}  // namespace holdfast::control
