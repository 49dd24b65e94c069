// SPDX-License-Identifier: GPL-3.0-or-later
// A run of RRsets on their way through the signer: laid out by one thread, signed by another, then
// added to the zone in order.
//
// RDATA refers to the zone's contents or to the batch's own arena. One thread at a time.
#pragma once

#include <span>
#include <vector>

#include "dnssec/byte_arena.h"
#include "dnssec/key_roles.h"
#include "dnssec/rrset_signer.h"
#include "zone/contents.h"

namespace holdfast::dnssec {

// `elsewhere`: its signatures are given.
enum class SignedBy : uint8_t { nobody, zone_keys, entry_keys, elsewhere };

struct BatchRrset {
  Bytes owner;
  uint16_t type = 0;
  SignedBy signed_by = SignedBy::nobody;
  uint32_t ttl = 0;
  Validity validity = {};  // of signatures that are made
  size_t rdata_begin = 0;
  size_t rdata_count = 0;
  size_t kept_begin = 0;  // in SignBatch::kept, one for each key of the role
  size_t given = 0;       // of `elsewhere`: how many from there are its signatures
  bool has_kept = false;
};

struct SignBatch {
  ByteArena arena;
  std::vector<BatchRrset> rrsets;
  std::vector<Bytes> rdata;
  std::vector<Bytes> kept;  // earlier signatures, empty where one is to be made; or those given
  // What signing gives: RDATA of RRSIGs one after another, in order of RRsets and keys; for each
  // RRset how many, then the size of each.
  std::vector<uint8_t> signatures;
  std::vector<uint32_t> signature_sizes;

  [[nodiscard]] std::span<const Bytes> rdata_of(const BatchRrset& rrset) const {
    return std::span(rdata).subspan(rrset.rdata_begin, rrset.rdata_count);
  }
  // After signing: appends all records with their signatures.
  void add_to(zone::Contents& contents) const;
};

// What one thread signs batches with.
class BatchSigner {
 public:
  [[nodiscard]] static Result<BatchSigner> make(const KeyRoles& roles);
  [[nodiscard]] Result<void> sign(SignBatch& batch);

 private:
  std::vector<RrsetSigner> for_keys_;
  std::vector<RrsetSigner> for_zone_;
};

}  // namespace holdfast::dnssec
