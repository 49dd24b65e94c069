// SPDX-License-Identifier: GPL-3.0-or-later
// One version of a zone on the heap, between reading it (file, transfer) and compiling it into
// zone memory.
//
// Records are added in any order, then `finish()` sorts them into canonical order (RFC 4034 §6.1),
// groups them into RRsets, drops copies, attaches RRSIGs to what they cover, and adds the empty
// non-terminals. `Cursor` then walks the nodes in that order, one at a time, so that a zone of
// millions of names needs no object a node. Owner: management; one thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/error.h"
#include "wire/name.h"

namespace holdfast::zone {

// Where a record was written; line 0 if that is not known. The reader numbers its files.
struct Place {
  uint32_t line = 0;
  uint16_t file = 0;
};

struct StagedRrset {
  uint16_t type = 0;
  uint32_t ttl = 0;               // the lowest of its records' (RFC 2181 §5.2)
  uint32_t ttl_highest = 0;       // differs from `ttl` only in a zone file with a mistake
  std::vector<Bytes> rdata;       // uncompressed wire form, in canonical order, no copies
  std::vector<Bytes> signatures;  // RDATA of the RRSIGs that cover it, in canonical order
  uint32_t signature_ttl = 0;     // the lowest of theirs
  size_t dropped_copies = 0;
  Place place;  // of the record that came first
};

// What the name is to a question; several may hold at once. Cut and DNAME hold only where the name
// is not itself occluded; NSEC3 owners have no other flag.
enum NodeFlag : uint16_t {
  node_apex = 1 << 0,
  node_cut = 1 << 1,           // NS below the apex: a delegation
  node_occluded = 1 << 2,      // below a cut or a DNAME: glue or hidden, never an answer
  node_dname = 1 << 3,         // owns a DNAME
  node_empty = 1 << 4,         // empty non-terminal
  node_has_wildcard = 1 << 5,  // "*.<this name>" exists and is not occluded
  node_nsec3 = 1 << 6,  // owner of an NSEC3, outside the ordinary name space (RFC 5155 §7.2.8)
  // Zone memory only:
  node_removed = 1 << 7,      // the name is gone since this version
  node_glue_places = 1 << 8,  // a cut that says where its glue is (zone/layout.h)
};

struct StagedNode {
  // Absolute: the labels below the apex in the case in which they were first written.
  wire::NameView owner;
  uint16_t flags = 0;
  std::vector<StagedRrset> rrsets;  // ascending by type; RRSIG only for types that are not here
  Place place;                      // of the record that came first
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
  // The cost is 16 bytes for each owner that differs from the one before, and 10 for each record,
  // beside their wire form.
  void add(wire::NameView owner, uint16_t type, uint32_t ttl, Bytes rdata, Place place = {});

  // The same for all that `part` of the same zone holds, without a copy; `lines_before` is added to
  // its lines. Both before `finish()`. False if the parts are too many or too large; then nothing
  // is changed.
  [[nodiscard]] bool append(Contents&& part, uint32_t lines_before);

  // Sorts and groups. Fails if a bound is passed: an RRset that no message can carry with its
  // RRSIGs (65,535 bytes), more than `types_per_name_max` types at a name, 16 GiB of records.
  // Calls `visit`, if set, for each node as a Cursor does, but without node_has_wildcard.
  using NodeVisitor = std::function<void(const StagedNode&)>;
  [[nodiscard]] Result<void> finish(const NodeVisitor& visit = {});

  // After `finish()`:
  [[nodiscard]] size_t record_count() const;
  [[nodiscard]] size_t node_count() const;  // with empty non-terminals and NSEC3 owners
  [[nodiscard]] size_t dropped_copies() const;

  // The types of records at a name of the zone (NSEC3 owners apart), in no order, each perhaps
  // more than once. None: the name does not exist. By binary search.
  [[nodiscard]] std::optional<std::vector<uint16_t>> types_at(wire::NameView owner) const;

  static constexpr size_t types_per_name_max = 128;

  // Walks the nodes in canonical order, the apex first; an empty non-terminal comes before its
  // first descendant; NSEC3 owners come last, in hash order. The apex is there even without
  // records. The node is valid until the next call; its bytes are, as long as the contents.
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
