// SPDX-License-Identifier: GPL-3.0-or-later
// What an answer process sees of zone memory: zones, nodes and RRsets as views into the mapping.
//
// Views hold references into the mapping and are valid until the reader leaves its epoch
// (base/epoch.h). Nothing here allocates, locks or throws. Thread: any; the memory is read-only.
// A ZoneView fixes one version of its zone: all look-ups through it see that version whole,
// whatever the writer publishes meanwhile.
#pragma once

#include <optional>

#include "wire/name.h"
#include "wire/name_hash.h"
#include "wire/types.h"
#include "zone/contents.h"
#include "zone/layout.h"

namespace holdfast::zone {

// Records as they stand in an answer: each record is  C0 0C | type | class IN | ttl | rdlength |
// rdata, the owner being a pointer to the question, which the writer of a message replaces where
// the owner is another name. Names in rdata are uncompressed, in the case of the zone file.
struct RrsetView {
  uint16_t type = 0;
  uint32_t ttl = 0;
  uint16_t count = 0;            // records in `records`
  uint16_t signature_count = 0;  // RRSIG records in `signatures`
  Bytes records;
  Bytes signatures;  // RRSIGs that cover this RRset, same form
};

class NodeView {
 public:
  [[nodiscard]] bool has(NodeFlag flag) const { return (node()->flags & flag) != 0; }
  // The labels of the owner below the apex, without a root label; empty at the apex.
  [[nodiscard]] Bytes relative_owner() const { return layout::owner_of(node()); }
  [[nodiscard]] std::optional<RrsetView> find(uint16_t type) const;
  [[nodiscard]] size_t rrset_count() const { return node()->rrset_count; }
  [[nodiscard]] RrsetView rrset_at(size_t index) const;  // ascending by type
  // Of a cut: the newest node of the name of its server `index`, as it stands in its NS RRset. 0:
  // it is not said here.
  [[nodiscard]] layout::Ref glue_place(size_t index) const;

  // Asks for the node's first 64 bytes ahead of their use: header, owner, directory, and often all.
  // One line or two (zone/allocator.h); of a node within one line it is that one.
  void prefetch() const {
    const auto* start = static_cast<const uint8_t*>(static_cast<const void*>(node()));
    __builtin_prefetch(start);
    __builtin_prefetch(start + 63);
  }
  // Reads the directory and asks for what of its records lies beyond these.
  void prefetch_rest() const;

  // For the layout.
  NodeView(const uint8_t* base, layout::Ref reference) : base_(base), reference_(reference) {}
  [[nodiscard]] layout::Ref reference() const { return reference_; }

 private:
  [[nodiscard]] const layout::Node* node() const {
    return layout::at<layout::Node>(base_, reference_);
  }

  const uint8_t* base_;
  layout::Ref reference_;
};

enum class Denial : uint8_t { none, nsec, nsec3 };  // how the zone proves what does not exist

struct Nsec3Parameters {
  uint8_t algorithm = 0;
  uint16_t iterations = 0;
  Bytes salt;
};

class ZoneView {
 public:
  [[nodiscard]] wire::NameView apex() const { return wire::NameView(layout::apex_of(zone())); }
  [[nodiscard]] size_t apex_label_count() const { return zone()->apex_labels; }
  // False for a zone that is configured but could never be loaded: it has no nodes, and what lies
  // in it is answered with SERVFAIL rather than as if it were not ours.
  [[nodiscard]] bool available() const { return version()->apex_node != 0; }
  [[nodiscard]] uint32_t serial() const { return version()->serial; }  // of the SOA
  // Counts publications of this zone, from 1.
  [[nodiscard]] uint32_t generation() const { return version()->generation; }
  [[nodiscard]] Denial denial() const { return static_cast<Denial>(version()->denial); }
  [[nodiscard]] Nsec3Parameters nsec3_parameters() const;  // if denial() is nsec3
  [[nodiscard]] size_t node_count() const;
  [[nodiscard]] size_t record_count() const { return version()->records; }
  // At least that of the deepest node; NSEC3 owners are not counted.
  [[nodiscard]] size_t labels_below_apex_max() const { return version()->labels_below_apex_max; }
  // A hint: what is asked for here is most likely at or below a cut directly below the apex.
  [[nodiscard]] bool mostly_delegates() const { return version()->mostly_delegates != 0; }

  [[nodiscard]] NodeView apex_node() const { return {base_, version()->apex_node}; }
  // The node at the last `labels` labels of `name`, whose hashes are given. NSEC3 owners are not
  // found by this. Occluded nodes are.
  [[nodiscard]] std::optional<NodeView> find(wire::NameView name, const wire::SuffixHashes& hashes,
                                             size_t labels) const;
  // The same for the child of `parent`, which is the last `labels` labels of the hashed name.
  [[nodiscard]] std::optional<NodeView> find_child(const NodeView& parent, uint64_t parent_hash,
                                                   Bytes label, const HashKey& key) const;
  // The node of a server below the cut, which is `index` in its NS RRset.
  [[nodiscard]] std::optional<NodeView> find_glue(const NodeView& cut, size_t index,
                                                  wire::NameView server, const HashKey& key) const;
  // Asks for the nodes of the servers below the cut, as far as it says where they are. False if of
  // some it does not.
  [[nodiscard]] bool prefetch_glue(const NodeView& cut) const;
  // Asks for the place where a name of that hash is looked up; then for what lies there.
  void prefetch_place(uint64_t suffix_hash) const;
  void prefetch_node(uint64_t suffix_hash) const;

  // The node with an NSEC record whose owner is `name` or the last before it (RFC 4034 §6.1), and
  // the last of the zone if there is none. `name` is in the zone. Nothing unless denial() is nsec.
  [[nodiscard]] std::optional<NodeView> nsec_at_or_before(wire::NameView name) const;
  struct Nsec3Match {
    NodeView node;
    bool exact;  // the hash is the owner's; otherwise the node's record covers the hash
  };
  // The NSEC3 that matches or covers a 20-byte SHA-1 hash (RFC 5155 §7.1).
  [[nodiscard]] std::optional<Nsec3Match> nsec3_match_or_cover(Bytes hash) const;

  // All nodes of this version in canonical order, NSEC3 owners last in hash order.
  // Calls `visit(NodeView)`.
  template <typename Visit>
  void for_each_node(Visit&& visit) const {
    constexpr size_t ahead = 8;
    for (const layout::Section* section : {&version()->named, &version()->nsec3}) {
      const auto* top = layout::at<layout::TopEntry>(base_, section->top);
      for (size_t i = 0; i < section->chunks; ++i) {
        const auto* chunk = layout::at<layout::Chunk>(base_, top[i].chunk);
        const layout::Ref* nodes = layout::chunk_nodes(chunk);
        for (size_t at = 0; at < chunk->nodes; ++at) {
          if (at + ahead < chunk->nodes) NodeView(base_, nodes[at + ahead]).prefetch();
          visit(NodeView(base_, nodes[at]));
        }
      }
    }
  }
  [[nodiscard]] size_t index_size() const;
  // Positions below this are those of ordinary nodes, the others of NSEC3 owners.
  [[nodiscard]] size_t index_ordinary_size() const { return version()->named.nodes; }
  // The position of the first node of its kind at or after the owner whose labels below the apex
  // are given, or the end of its kind.
  [[nodiscard]] size_t position_of(Bytes relative_owner) const;
  [[nodiscard]] size_t position_of_nsec3(Bytes relative_owner) const;
  [[nodiscard]] NodeView index_at(size_t position) const;

  // For the layout. The node that `candidate` is or replaced, if it is the one at the last `labels`
  // labels of the name.
  [[nodiscard]] std::optional<NodeView> read(layout::Ref candidate, wire::NameView name,
                                             const wire::SuffixHashes& hashes, size_t labels) const;
  ZoneView(const uint8_t* base, layout::Ref zone, layout::Ref version)
      : base_(base), zone_(zone), version_(version) {}
  [[nodiscard]] uint64_t salt() const { return zone()->salt; }

 private:
  [[nodiscard]] const layout::Zone* zone() const { return layout::at<layout::Zone>(base_, zone_); }
  [[nodiscard]] const layout::Version* version() const {
    return layout::at<layout::Version>(base_, version_);
  }
  [[nodiscard]] layout::Ref find_newest(uint64_t suffix_hash, Bytes relative_owner) const;
  [[nodiscard]] std::optional<NodeView> of_this_version(layout::Ref newest) const;

  const uint8_t* base_;
  layout::Ref zone_;
  layout::Ref version_;
};

// Reads zone memory that one writer in another process fills.
class MemoryReader {
 public:
  // `base` is the start of the mapping, mapped read-only; it outlives the reader.
  explicit MemoryReader(const uint8_t* base) : base_(base) {}

  // The key for SuffixHashes of names that are looked up here.
  [[nodiscard]] HashKey hash_key() const { return layout::file_header(base_)->hash_key; }
  enum class Search : uint8_t {
    at_or_above,     // the deepest zone whose apex is `name` or above it
    strictly_above,  // for DS at an apex: the parent's side (RFC 4035 §3.1.4.1)
  };
  [[nodiscard]] std::optional<ZoneView> find_zone(wire::NameView name,
                                                  const wire::SuffixHashes& hashes,
                                                  Search search) const;
  // Of the same search, the zone that encloses `zone`'s apex is found with strictly_above.
  [[nodiscard]] size_t zone_count() const;
  // So few that the caches hold their table and what each look-up reads of them.
  [[nodiscard]] bool has_few_zones() const {
    constexpr uint32_t few = 64;
    return layout::load_shared(layout::file_header(base_)->zone_count) <= few;
  }

  // A random number of the file: another one for another file.
  [[nodiscard]] uint64_t instance() const;

  // For the layout.
  [[nodiscard]] const uint8_t* base() const { return base_; }

 private:
  const uint8_t* base_;
};

}  // namespace holdfast::zone
