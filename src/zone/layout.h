// SPDX-License-Identifier: GPL-3.0-or-later
// The bytes of zone memory: what lies in the mapped file and where.
//
// One writer, many readers, in different processes. Everything is found by a reference, a 32-bit
// number of 16-byte units from the start of the file; 0 is none. What is reachable never changes,
// except for the words that are named "shared" here: those are single aligned stores, so that
// neither a reader nor the next writer after a crash ever meets half of one. Little-endian machines
// only; the file does not travel.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/hash.h"
#include "wire/case_fold.h"
#include "zone/contents.h"

namespace holdfast::zone::layout {

using Ref = uint32_t;

constexpr size_t unit_bytes = 16;
constexpr size_t file_header_bytes = 4096;
constexpr uint64_t file_bytes_limit = uint64_t{1} << 36;  // what a Ref can reach
constexpr uint32_t format_version = 4;
constexpr std::array<char, 8> file_magic{'H', 'f', 'Z', 'o', 'n', 'e', 's', '\n'};

// Unwritten: in use, and the kernel could not write some of it to disk; which, nobody knows.
enum FileState : uint32_t { state_in_use = 1, state_closed_clean = 2, state_unwritten = 3 };

struct FileHeader {
  std::array<char, 8> magic;
  uint32_t format;
  uint32_t state;  // shared: FileState
  uint32_t reserved;
  uint32_t zone_count;  // shared
  uint64_t instance;    // random; another file, another number
  HashKey hash_key;
  std::array<char, 40> boot_id;
  uint64_t zone_table;             // shared: TableRoot
  uint64_t name_table;             // shared: TableRoot
  std::array<uint64_t, 2> depths;  // shared: bit n is set if an apex has n labels
};
static_assert(sizeof(FileHeader) <= file_header_bytes);

// The zone's name; found through the zone table.
struct Zone {
  Ref version;  // shared
  uint8_t apex_labels;
  uint8_t apex_bytes;
  uint16_t reserved;
  uint64_t salt;  // of this zone's keys in the name table
  // The apex in wire form follows.
};
static_assert(sizeof(Zone) == 16);

// One part of a version's ordered index.
struct Section {
  Ref top;  // TopEntry[chunks]
  uint32_t chunks;
  uint32_t nodes;
  uint32_t usable;  // nodes that carry the zone's denial records
};

// A published state of a zone.
struct Version {
  Ref zone;
  uint32_t generation;
  uint32_t serial;
  Ref apex_node;  // 0: nothing could be loaded yet
  uint64_t records;
  uint8_t denial;
  uint8_t labels_below_apex_max;
  uint16_t nsec3_iterations;
  uint8_t nsec3_algorithm;
  uint8_t nsec3_salt_bytes;
  uint8_t mostly_delegates;  // 1: most of its names are cuts directly below the apex, by a sample
  uint8_t reserved;
  Section named;
  Section nsec3;
  // The NSEC3 salt follows.
};
static_assert(sizeof(Version) == 64);

constexpr size_t chunk_nodes_max = 256;

// A chunk's place among the chunks of a section.
struct TopEntry {
  uint64_t key;  // the first eight bytes of the first node's OrderKey, as a number
  Ref chunk;
  Ref first_node;
  uint32_t first_position;
  uint32_t usable_before;  // the last chunk before this one with a usable node, from 1; 0: none
};
static_assert(sizeof(TopEntry) == 24);

// References to at most chunk_nodes_max nodes in canonical order. A keyed chunk, of a section that
// is searched, holds: header, a bit a node that is set if the node is usable, references, and the
// four bytes of each node's OrderKey that follow those that all nodes of the chunk have in common.
// Any other holds header and references.
struct Chunk {
  uint16_t nodes;
  uint16_t common;  // bytes
  uint16_t usable;
  uint16_t keyed;
};
static_assert(sizeof(Chunk) == 8);
using UsableBits = std::array<uint64_t, chunk_nodes_max / 64>;

struct Node {
  Ref zone;
  Ref older;      // shared: this name in an earlier version, while a reader may still want it
  uint32_t born;  // the generation that it came with
  uint16_t flags;
  uint8_t rrset_count;
  uint8_t owner_bytes;
  // The labels of the owner below the apex, RrsetEntry[rrset_count] and the records follow.
};
static_assert(sizeof(Node) == 16);

// A node with node_glue_places has before its records, from the next multiple of four bytes, a
// shared word for each of its NS records, up to so many: the newest node of that server's name, as
// in the name table, or 0, and then the name is to be looked up there. In the first line of most
// cuts, so that glue is asked for as soon as that is there.
constexpr size_t glue_places_max = 16;

// Unaligned in the file: read field by field, written by memcpy.
struct RrsetEntry {
  uint16_t type;
  uint16_t count;
  uint16_t signature_count;
  uint16_t record_bytes;
  uint16_t signature_bytes;
};
static_assert(sizeof(RrsetEntry) == 10);

// Before the rdata of each record: C00C, type, class, TTL, rdlength.
constexpr size_t record_header_bytes = 12;
constexpr size_t record_ttl_offset = 6;
constexpr size_t record_length_offset = 10;

template <typename T>
[[nodiscard]] const T* at(const uint8_t* base, Ref ref) {
  return static_cast<const T*>(static_cast<const void*>(base + ref * unit_bytes));
}
template <typename T>
[[nodiscard]] T* at(uint8_t* base, Ref ref) {
  return static_cast<T*>(static_cast<void*>(base + ref * unit_bytes));
}
template <typename T>
[[nodiscard]] const uint8_t* after(const T* object) {
  return static_cast<const uint8_t*>(static_cast<const void*>(object + 1));
}
[[nodiscard]] inline const FileHeader* file_header(const uint8_t* base) {
  return at<FileHeader>(base, 0);
}

[[nodiscard]] constexpr uint32_t units_of(uint64_t bytes) {
  return static_cast<uint32_t>((bytes + unit_bytes - 1) / unit_bytes);
}

// The shared words.
template <typename Word>
[[nodiscard]] Word load_shared(const Word& word) {
  return std::atomic_ref<Word>(const_cast<Word&>(word)).load(std::memory_order_acquire);
}
template <typename Word>
void store_shared(Word& word, Word value) {
  std::atomic_ref<Word>(word).store(value, std::memory_order_release);
}
static_assert(std::atomic_ref<uint64_t>::is_always_lock_free, "shared between processes");
static_assert(std::atomic_ref<uint32_t>::is_always_lock_free, "shared between processes");

// Calls visit(labels) for each number of labels below `end` that an apex has, the highest first,
// until it returns false.
template <typename Visit>
void for_each_apex_depth(const FileHeader* header, size_t end, Visit&& visit) {
  for (size_t word = header->depths.size(); word-- > 0;) {
    uint64_t depths = load_shared(header->depths[word]);
    if (end <= word * 64) continue;
    const size_t below = end - word * 64;
    if (below < 64) depths &= (uint64_t{1} << below) - 1;
    while (depths != 0) {
      const size_t bit = 63 - static_cast<size_t>(std::countl_zero(depths));
      depths ^= uint64_t{1} << bit;
      if (!visit(word * 64 + bit)) return;
    }
  }
}

[[nodiscard]] inline Bytes owner_of(const Node* node) { return {after(node), node->owner_bytes}; }
[[nodiscard]] inline Bytes apex_of(const Zone* zone) { return {after(zone), zone->apex_bytes}; }
[[nodiscard]] inline RrsetEntry rrset_entry(const Node* node, size_t index) {
  const uint8_t* at = after(node) + node->owner_bytes + index * sizeof(RrsetEntry);
  const auto field = [at](size_t offset) {
    return static_cast<uint16_t>(wire::load_part<uint16_t>(at + offset));
  };
  return {field(offsetof(RrsetEntry, type)), field(offsetof(RrsetEntry, count)),
          field(offsetof(RrsetEntry, signature_count)), field(offsetof(RrsetEntry, record_bytes)),
          field(offsetof(RrsetEntry, signature_bytes))};
}
// Where owner and directory end.
[[nodiscard]] inline size_t directory_end(const Node* node) {
  return sizeof(Node) + node->owner_bytes + node->rrset_count * sizeof(RrsetEntry);
}
// Where the words for glue are, if there are any.
[[nodiscard]] constexpr size_t glue_places_at(size_t directory_end) {
  return (directory_end + 3) & ~3U;
}
[[nodiscard]] inline const Ref* glue_places(const Node* node) {
  const auto* start = static_cast<const uint8_t*>(static_cast<const void*>(node));
  return static_cast<const Ref*>(
      static_cast<const void*>(start + glue_places_at(directory_end(node))));
}
[[nodiscard]] inline Ref* glue_places(Node* node) {
  return const_cast<Ref*>(glue_places(static_cast<const Node*>(node)));
}
[[nodiscard]] size_t glue_place_count(const Node* node);
[[nodiscard]] size_t records_begin_behind_glue_places(const Node* node);
[[nodiscard]] inline size_t records_begin(const Node* node) {
  if ((node->flags & node_glue_places) != 0) return records_begin_behind_glue_places(node);
  return directory_end(node);
}
[[nodiscard]] inline const uint8_t* first_record(const Node* node) {
  return static_cast<const uint8_t*>(static_cast<const void*>(node)) + records_begin(node);
}
[[nodiscard]] size_t node_bytes(const Node* node);
[[nodiscard]] size_t node_records(const Node* node);  // RRSIGs included
[[nodiscard]] bool node_has_type(const Node* node, uint16_t type);

[[nodiscard]] inline const Ref* chunk_nodes(const Chunk* chunk) {
  const size_t skip = chunk->keyed != 0 ? sizeof(UsableBits) : 0;
  return static_cast<const Ref*>(static_cast<const void*>(after(chunk) + skip));
}
[[nodiscard]] inline const UsableBits* chunk_usable(const Chunk* chunk) {
  return static_cast<const UsableBits*>(static_cast<const void*>(chunk + 1));
}
[[nodiscard]] inline const uint32_t* chunk_keys(const Chunk* chunk) {
  return chunk_nodes(chunk) + chunk->nodes;
}
[[nodiscard]] constexpr size_t chunk_bytes(size_t nodes, bool keyed) {
  return sizeof(Chunk) + (keyed ? sizeof(UsableBits) + nodes * 8 : nodes * 4);
}

// True if `a` and `b` are the same labels, ASCII case aside.
[[nodiscard]] inline bool same_labels(Bytes a, Bytes b) {
  return a.size() == b.size() && wire::equal_folded(a.data(), b.data(), a.size());
}

// What the name table is searched by: the suffix's hash, different for every zone. Its upper half
// chooses the bucket and is kept as the tag.
[[nodiscard]] inline uint32_t name_tag(uint64_t suffix_hash, uint64_t salt) {
  return static_cast<uint32_t>(hash_mix(suffix_hash ^ salt, 0x9E3779B97F4A7C15ULL) >> 32);
}
[[nodiscard]] inline uint32_t zone_tag(uint64_t suffix_hash) {
  return static_cast<uint32_t>(hash_mix(suffix_hash, 0xD6E8FEB86659FD93ULL) >> 32);
}

}  // namespace holdfast::zone::layout
