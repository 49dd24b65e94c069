// SPDX-License-Identifier: GPL-3.0-or-later
// Rolls the keys of signed zones when their policy says so (dnssec/key_schedule.h), and tells which
// of them wait for the parent.
//
// What rolls is written into the key files before it is used; nothing else is kept. Owner: the
// thread that owns zone memory.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/config.h"
#include "control/signing_algorithm.h"
#include "dnssec/key_schedule.h"
#include "dnssec/served_keys.h"
#include "dnssec/signer_group.h"
#include "dnssec/version_hold.h"

namespace holdfast::control {

// A KSK or CSK whose DS the parent is to have; or that it is to have none.
struct WaitingKey {
  uint16_t tag = 0;
  std::vector<uint8_t> dnskey = {};               // RDATA; none: the parent is to have no DS
  std::vector<std::vector<uint8_t>> others = {};  // of other signers, whose DS may be there too
  std::vector<Endpoint> parents = {};
  uint64_t due_unix_s = 0;  // when they are asked next
  uint64_t interval_s = 0;  // since they were asked before
};

class KeyRolls {
 public:
  // How often the parent is asked for the DS that is waited for.
  static constexpr uint64_t ask_s_max = 300;

  explicit KeyRolls(GenerateKey generate = make_private_key) : generate_(std::move(generate)) {}

  // Does what is due and saves it to `folder`; `keys` are then those to sign with.
  [[nodiscard]] Result<void> roll(const std::string& zone, const config::PolicySetting& policy,
                                  const std::string& folder, uint64_t now_s,
                                  std::vector<dnssec::ZoneKey>& keys,
                                  std::span<const dnssec::OtherSigner> signers = {},
                                  const dnssec::ServedKeys& served = {});
  // Times that no version of the zone went with in time are put off, and saved to `folder`.
  [[nodiscard]] static Result<void> hold(const config::PolicySetting& policy,
                                         const std::string& folder,
                                         const dnssec::VersionKeys& version, uint64_t now_s,
                                         std::vector<dnssec::ZoneKey>& keys);
  // Notes what of these waits for the parent.
  void note(const std::string& zone, const config::PolicySetting& policy, uint64_t now_s,
            std::span<const dnssec::ZoneKey> keys,
            std::span<const dnssec::OtherSigner> signers = {});
  // The parent is waited for to have no DS any more.
  void note_parting(const std::string& zone, const config::PolicySetting& policy);
  // When `roll` has something to do at the latest.
  [[nodiscard]] static uint64_t next_time(const config::PolicySetting& policy,
                                          std::span<const dnssec::ZoneKey> keys);

  // All of the zone's parents have the DS of this key, and no other of ours.
  void on_ds(const std::string& zone, uint16_t tag) { seen_[zone] = tag; }
  // Those whose parents are to be asked now; they are due again later.
  [[nodiscard]] std::vector<std::pair<std::string, WaitingKey>> take_due(uint64_t now_s);
  void forget(const std::string& zone);

 private:
  GenerateKey generate_;
  std::map<std::string, WaitingKey> waiting_;
  std::map<std::string, uint16_t> seen_;
};

}  // namespace holdfast::control
