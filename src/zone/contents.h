// SPDX-License-Identifier: GPL-3.0-or-later
// One version of a zone on the heap, between reading it (file, transfer) and compiling it into
// zone memory.
//
// Records are added in any order, then `finish()` sorts them into canonical order (RFC 4034 §6.1),
// groups them into RRsets, drops copies, attaches RRSIGs to what they cover, and adds the empty
// non-terminals. `Cursor` then walks the nodes in that order, one at a time, so that a zone of
// millions of names needs no object a node. Owner: management; one thread.
#pragma once

#include <memory>
#include <vector>

#include "base/error.h"
#include "wire/name.h"

namespace holdfast::zone {

struct StagedRrset {
  uint16_t type = 0;
  uint32_t ttl = 0;               // the lowest of its records' (RFC 2181 §5.2)
  std::vector<Bytes> rdata;       // uncompressed wire form, in canonical order, no copies
  std::vector<Bytes> signatures;  // RDATA of the RRSIGs that cover it
  uint32_t signature_ttl = 0;
};

// What the name is to a question; several may hold at once.
enum NodeFlag : uint16_t {
  node_apex = 1 << 0,
  node_cut = 1 << 1,           // NS below the apex: a delegation
  node_occluded = 1 << 2,      // below a cut or a DNAME: glue or hidden, never an answer
  node_dname = 1 << 3,         // owns a DNAME
  node_empty = 1 << 4,         // empty non-terminal
  node_has_wildcard = 1 << 5,  // "*.<this name>" exists and is not occluded
  node_nsec3 = 1 << 6,    // owner of an NSEC3, outside the ordinary name space (RFC 5155 §7.2.8)
  node_removed = 1 << 7,  // zone memory only: the name is gone since this version
};

struct StagedNode {
  wire::NameView owner;  // absolute, in the case in which it was first written
  uint16_t flags = 0;
  std::vector<StagedRrset> rrsets;  // ascending by type; RRSIG only for types that are not here
};

class Contents {
 public:
  explicit Contents(wire::NameView apex);
  Contents(Contents&&) noexcept;
  Contents& operator=(Contents&&) noexcept;
  ~Contents();

  [[nodiscard]] wire::NameView apex() const;

  // `rdata` is uncompressed wire form and well formed for its type. Owners outside the zone and
  // classes other than IN are the caller's to refuse. Before `finish()` only.
  void add(wire::NameView owner, uint16_t type, uint32_t ttl, Bytes rdata);

  // Sorts and groups. Fails if a bound is passed: an RRset that no message can carry (65,535
  // bytes), more than `types_per_name_max` types at a name.
  [[nodiscard]] Result<void> finish();

  // After `finish()`:
  [[nodiscard]] size_t record_count() const;
  [[nodiscard]] size_t node_count() const;  // with empty non-terminals and NSEC3 owners
  [[nodiscard]] size_t dropped_copies() const;

  static constexpr size_t types_per_name_max = 128;

  // Walks the nodes in canonical order; an empty non-terminal comes before its first descendant.
  // The node is valid until the next call.
  class Cursor {
   public:
    explicit Cursor(const Contents& contents);
    ~Cursor();
    [[nodiscard]] const StagedNode* next();  // null at the end

   private:
    struct State;
    std::unique_ptr<State> state_;
  };

 private:
  friend class Cursor;
  struct Storage;
  std::unique_ptr<Storage> storage_;
};

}  // namespace holdfast::zone
