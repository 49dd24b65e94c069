// SPDX-License-Identifier: GPL-3.0-or-later
// The signed version before this one, walked in step with the new one, and which of its signatures
// still serve.
//
// A signature is kept if the RRset is the same to the byte, if a key that signs now made it, and if
// it holds for longer than the policy's refresh time. It is not verified: it was when it was made.
// Refers to contents and roles, which outlive it. One thread.
#pragma once

#include <span>
#include <vector>

#include "dnssec/key_roles.h"
#include "dnssec/signing_policy.h"
#include "zone/contents.h"

namespace holdfast::dnssec {

class OldVersion {
 public:
  // `contents` may be null: there is none.
  OldVersion(const zone::Contents* contents, const SigningPolicy& policy, uint64_t now_s);

  // Moves to a name that comes after the one before, in the order of Contents::Cursor.
  void seek(wire::NameView owner, bool is_nsec3);
  // Null if it is not there.
  [[nodiscard]] const zone::StagedRrset* find(uint16_t type) const;

  // Keys that the DNSKEY records of the old version hold: only their signatures are kept.
  [[nodiscard]] bool has_key(const ZoneKey& key) const;
  // The signature of `old` by `key` that may stand for the new RRset, or nothing.
  [[nodiscard]] Bytes usable_signature(const zone::StagedRrset& old, wire::NameView owner,
                                       const ZoneKey& key) const;

  [[nodiscard]] static bool is_same(const zone::StagedRrset& old, uint32_t ttl,
                                    std::span<const Bytes> rdata);

 private:
  bool step();

  const SigningPolicy& policy_;
  uint64_t now_s_;
  std::optional<zone::Contents::Cursor> cursor_;
  const zone::StagedNode* node_ = nullptr;
  bool is_at_owner_ = false;
  std::vector<std::vector<uint8_t>> keys_;  // RDATA
};

}  // namespace holdfast::dnssec
