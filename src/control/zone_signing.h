// SPDX-License-Identifier: GPL-3.0-or-later
// Signs the zones that have a policy, with the keys that it keeps in the state directory, and
// judges what it has signed before anybody serves it.
//
// Keys are made where a zone has none, and rolled by their policy (key_rolls.h); they are on disk
// before anything is signed with them. No
// other state is kept: what is served tells what must be signed again. Owner: the thread that owns
// zone memory; it uses further threads while a large zone is signed.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/hash.h"
#include "config/zone_list.h"
#include "control/key_rolls.h"
#include "control/parent_notices.h"
#include "control/secondary_watch.h"
#include "control/signer_rolls.h"
#include "control/signing_state.h"
#include "dnssec/delta_signer.h"
#include "dnssec/zone_signer.h"
#include "zone/view.h"

namespace holdfast::control {

class ZoneSigning {
 public:
  // Zones of up to so many records have every signature verified before they are served; in larger
  // ones, signatures are compared by their fields, and all else is checked.
  static constexpr size_t verified_records_max = 5000;
  // Those of more are signed on all cores.
  static constexpr size_t own_thread_records_max = 1000;

  ZoneSigning(std::string state_directory, const Clock& clock,
              GenerateKey generate = make_private_key);

  // Makes keys where the zone has none. Gives a number of its policy and of the state of its keys:
  // another one, and the zone is to be read and signed anew. 0 for a zone without a policy.
  [[nodiscard]] uint64_t prepare(const config::ZoneSource& source) const;

  // `records` as they stand in the zone's file, or as they are served. `before`: what is served, or
  // was last, signed or not. The serial is that of `records`, or the one after that of `before` if
  // something has changed and it would not rise (RFC 1982).
  [[nodiscard]] Result<dnssec::SignedZone> sign(const std::string& zone,
                                                const config::PolicySetting& policy,
                                                const zone::Contents& records,
                                                const zone::Contents* before);

  // The same for what a draft of the zone's own records changes, with the SOA that is to be served.
  // Nothing: the whole zone is to be signed.
  [[nodiscard]] Result<std::optional<dnssec::SignedDelta>> sign_change(
      const std::string& zone, const config::PolicySetting& policy, zone::Draft& draft) const;

  // When what is served must be looked at, by its signatures alone: cheap beside `sign`.
  [[nodiscard]] uint64_t refresh_time_of(const config::PolicySetting& policy,
                                         const zone::ZoneView& served);
  [[nodiscard]] KeyRolls& rolls() { return rolls_; }
  [[nodiscard]] SignerRolls& signers() { return signers_; }
  [[nodiscard]] SecondaryWatch& secondaries() { return secondaries_; }
  [[nodiscard]] const SecondaryWatch& secondaries() const { return secondaries_; }
  [[nodiscard]] ParentNotices& notices() { return notices_; }

  // None of the zone's parents has a DS of it any more. True if that is news.
  [[nodiscard]] Result<bool> on_ds_gone(const std::string& zone);
  // What other signers and the parents serve. True if the zone is to be signed anew.
  [[nodiscard]] Result<bool> on_group(const GroupAnswers& answers,
                                      const config::PolicySetting& policy);
  // What the secondaries serve: kept, for the steps that wait for it.
  [[nodiscard]] Result<void> on_secondaries(const GroupAnswers& answers,
                                            const config::PolicySetting& policy);

 private:
  // With keys, which are rolled if it is time. `before` as for `sign`.
  [[nodiscard]] Result<SigningState> roll_state(const std::string& zone, const wire::Name& apex,
                                                const config::PolicySetting& policy,
                                                const zone::Contents* before);
  [[nodiscard]] static Result<dnssec::SignedZone> leave_unsigned(const zone::Contents& records,
                                                                 const zone::Contents* before);
  // None, and none is kept, without secondaries: what was seen once says nothing of later.
  [[nodiscard]] static Result<dnssec::ServedKeys> served_keys_of(
      const std::string& folder, const config::PolicySetting& policy);
  // With times that wait for the secondaries, whether they are on disk yet or not.
  [[nodiscard]] Result<std::vector<dnssec::ZoneKey>> held_keys_of(
      wire::NameView zone, const config::PolicySetting& policy) const;
  [[nodiscard]] Result<std::vector<dnssec::ZoneKey>> keys_of(
      wire::NameView zone, const config::PolicySetting& policy) const;
  [[nodiscard]] Result<void> make_keys(wire::NameView zone, const config::PolicySetting& policy,
                                       const std::string& folder) const;

  std::string state_directory_;
  const Clock& clock_;
  GenerateKey generate_;
  HashKey jitter_key_;
  KeyRolls rolls_;
  SignerRolls signers_;
  SecondaryWatch secondaries_;
  ParentNotices notices_;
};

}  // namespace holdfast::control
