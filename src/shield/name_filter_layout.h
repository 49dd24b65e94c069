// SPDX-License-Identifier: GPL-3.0-or-later
// Which names exist in the zones under attack, as the XDP program asks: a few zones, and a Bloom
// filter in lines of one cache line each.
//
// A node of the zone is entered by the hash of its name. What stands for all below it (a cut, a
// DNAME, the parent of a wildcard) is entered as a cover instead, and the zone says at which depths
// it has such. A name is held to exist if it, or a cover at or above it, is there. So no name that
// exists is ever missed; of those that do not, about one in a hundred is taken to exist.
// With a zone goes the record that denies its names: the program may do so where it can be sure.
// One writer fills the table that is not `current`, then switches, and leaves the other alone until
// no reader can be at it any more. Read by C and by C++.
#pragma once

#include <linux/types.h>

#ifdef __cplusplus
#define NAME_FILTER_ASSERT(condition) static_assert(condition)
#else
#define NAME_FILTER_ASSERT(condition) _Static_assert(condition, #condition)
#endif

#define NAME_FILTER_ZONES_MAX 8
// Labels of a name that is judged; names with more are nobody's.
#define NAME_FILTER_LABELS_MAX 64
// A probe for each: covers that lie deeper are entered at the deepest of these.
#define NAME_FILTER_COVER_DEPTHS_MAX 4
#define NAME_FILTER_LINE_WORDS 8
// 4 MiB: three million names at ten bits each.
#define NAME_FILTER_LINES_MAX (1 << 16)
#define NAME_FILTER_PROBES 7

struct NameFilterKey {
  __u64 start;
  __u64 multiplier;                      // odd
  __u64 cover;                           // tells a cover from a name
  __u64 powers[NAME_FILTER_LABELS_MAX];  // of the multiplier, from the zeroth
};

struct NameFilterZone {
  __u64 suffix;        // hash of the apex
  __u32 first_line;    // of the zone's own ones
  __u32 lines;         // 0: all of its names are taken to exist
  __u32 labels;        // of the apex
  __u32 cover_depths;  // bit d: covers lie d labels below the apex
  __u32 covers;        // the same depths, one more than each in a byte of its own
  __u32 unused;
};
NAME_FILTER_ASSERT(sizeof(struct NameFilterZone) == 32);

// The zone's SOA record as the authority section has it (RFC 2308 §3): its owner is a pointer of
// two bytes, which is filled in.
#define NAME_FILTER_DENIAL_WORDS 31
struct NameFilterDenial {
  __u16 bytes;      // of the record; 0: this zone's names are not denied
  __u8 apex_bytes;  // of the zone's name
  __u8 is_signed;   // not for who wants proof
  __u32 unused;
  __u64 record[NAME_FILTER_DENIAL_WORDS];
};
NAME_FILTER_ASSERT(sizeof(struct NameFilterDenial) == 256);

struct NameFilterTable {
  __u32 zone_count;
  __u32 unused[15];
  struct NameFilterZone zones[NAME_FILTER_ZONES_MAX];
  struct NameFilterDenial denials[NAME_FILTER_ZONES_MAX];
  __u64 lines[NAME_FILTER_LINES_MAX][NAME_FILTER_LINE_WORDS];
};
NAME_FILTER_ASSERT(sizeof(struct NameFilterTable) == 2368 + NAME_FILTER_LINES_MAX * 64);

struct NameFilter {
  struct NameFilterKey key;  // random; set once, before any name is hashed
  __u32 current;
  __u32 unused[9];
  struct NameFilterTable tables[2];
};
NAME_FILTER_ASSERT(sizeof(struct NameFilter) == 576 + 2 * (2368 + NAME_FILTER_LINES_MAX * 64));

#define NAME_FILTER_INLINE static inline __attribute__((always_inline))

// Twice: the highest bit of a word passes one multiplication by an odd number as it is, whatever
// the number, and the next word could take it back.
NAME_FILTER_INLINE __u64 name_filter_mix(const struct NameFilterKey* key, __u64 state, __u64 word) {
  state = (state ^ word) * key->multiplier;
  return (state ^ state >> 32) * key->multiplier;
}

// Letters without their case (RFC 4343), in three operations: bit 5 of every byte of 64 or more is
// set. That makes one of `_` and DEL, too, of five more such pairs, and of bytes above 191 in
// pairs: a name may be taken for one that exists, if it differs from it in such bytes alone. Length
// bytes are below 64.
NAME_FILTER_INLINE __u64 name_filter_fold(__u64 word) {
  return word | (word & 0x4040404040404040ULL) >> 1;
}

// A label with its length byte is hashed eight bytes a step. The last step takes 1 to 8 bytes, the
// `left` ones in a word that they end; what stands before them is shifted out.
NAME_FILTER_INLINE __u64 name_filter_step(const struct NameFilterKey* key, __u64 state,
                                          __u64 word) {
  return name_filter_mix(key, state, name_filter_fold(word));
}
NAME_FILTER_INLINE __u64 name_filter_last_step(const struct NameFilterKey* key, __u64 state,
                                               __u64 word, __u32 left) {
  const __u32 others = (64 - 8 * left) & 63;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  return name_filter_step(key, state, word >> others);
#else
  return name_filter_step(key, state, word << others);
#endif
}

// Of a name: a polynomial in the multiplier, whose coefficients are the hashes of its labels, which
// are mixed. It grows from the left, so that it is there with the last label; that of what the name
// ends in follows from it and from that of what stands before, whichever labels these are.
NAME_FILTER_INLINE __u64 name_filter_append(const struct NameFilterKey* key, __u64 name,
                                            __u64 label) {
  return name * key->multiplier + label;
}
// Of the last `labels` of a name, fewer than NAME_FILTER_LABELS_MAX.
NAME_FILTER_INLINE __u64 name_filter_suffix(const struct NameFilterKey* key, __u64 name,
                                            __u64 before, __u32 labels) {
  return name - before * key->powers[labels & (NAME_FILTER_LABELS_MAX - 1)];
}

NAME_FILTER_INLINE __u64 name_filter_cover(const struct NameFilterKey* key, __u64 name) {
  return name_filter_mix(key, name + 0x9e3779b97f4a7c15ULL, key->cover);
}

NAME_FILTER_INLINE __u32 name_filter_line(const struct NameFilterZone* zone, __u64 name) {
  return (zone->first_line + ((name >> 32) * zone->lines >> 32)) & (NAME_FILTER_LINES_MAX - 1);
}

// Nine bits of it for each probe: word and bit of the line.
NAME_FILTER_INLINE __u64 name_filter_bits(__u64 name) {
  const __u64 bits = (name << 32 | name >> 32) * 0x94d049bb133111ebULL;
  return bits ^ bits >> 32;
}

NAME_FILTER_INLINE int name_filter_line_has(const __u64* line, __u64 name) {
  __u64 bits = name_filter_bits(name);
#ifdef __clang__
#pragma unroll
#endif
  for (int i = 0; i < NAME_FILTER_PROBES; ++i, bits >>= 9) {
    if (!(line[bits >> 6 & 7] >> (bits & 63) & 1)) return 0;
  }
  return 1;
}

// Whether a name has been entered, and whether a cover at it has: in the same line of memory, as
// most names are looked for at a depth where there are covers too.
NAME_FILTER_INLINE int name_filter_has(const struct NameFilterTable* table,
                                       const struct NameFilterZone* zone, __u64 name) {
  return name_filter_line_has(table->lines[name_filter_line(zone, name)], name);
}
NAME_FILTER_INLINE int name_filter_has_cover(const struct NameFilterKey* key,
                                             const struct NameFilterTable* table,
                                             const struct NameFilterZone* zone, __u64 name) {
  return name_filter_line_has(table->lines[name_filter_line(zone, name)],
                              name_filter_cover(key, name));
}
