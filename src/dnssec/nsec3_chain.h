// SPDX-License-Identifier: GPL-3.0-or-later
// Collects the names of a zone by their hashes and makes the chain of NSEC3 records (RFC 5155
// §7.1), with no extra iterations and no salt (RFC 9276 §3.1).
//
// Names come in canonical order. 40 bytes a name beside its bitmap. One thread.
#pragma once

#include <vector>

#include "dnssec/byte_arena.h"
#include "dnssec/nsec3_hash.h"
#include "dnssec/signing_policy.h"

namespace holdfast::dnssec {

class Nsec3Chain {
 public:
  Nsec3Chain(wire::NameView apex, OptOut opt_out) : apex_(apex), opt_out_(opt_out) {}

  // A name with records, or a delegation. `types` are those of the bitmap; sorted by this.
  void add(wire::NameView owner, std::vector<uint16_t>& types);
  // An empty non-terminal. It counts only if a name below it does.
  void add_empty(wire::NameView owner);

  // Sorts; then the records in order. False if two names have one hash.
  [[nodiscard]] bool finish();
  [[nodiscard]] size_t size() const { return entries_.size(); }
  void read(size_t index, wire::Name& owner, std::vector<uint8_t>& rdata) const;

  // RDATA of the NSEC3PARAM at the apex.
  [[nodiscard]] static std::vector<uint8_t> parameters();

 private:
  struct Entry {
    Nsec3Hash hash;
    Bytes bitmap;
  };

  wire::Name apex_;
  OptOut opt_out_;
  ByteArena bitmaps_;
  std::vector<Entry> entries_;
  std::vector<wire::Name> waiting_;  // empty non-terminals, each below the one before
  std::vector<uint8_t> scratch_;
};

}  // namespace holdfast::dnssec
