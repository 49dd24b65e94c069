// SPDX-License-Identifier: GPL-3.0-or-later
// What is remembered of those who ask, as the XDP program and user space both read it.
//
// Read by C for the kernel and by C++. Only keyed hashes of addresses are kept, IPv4 as
// ::ffff:a.b.c.d and IPv6 by its /64; nobody can read an address out of these tables. All accesses
// are relaxed and of 8 bytes: an update that two writers lose to each other costs one observation.
// The tables are plain memory that somebody else allocates, zeroed. Every size is asserted.
// Functions here are loop-free or unrolled, and divide nothing, so that the verifier passes them.
#pragma once

#include <linux/types.h>

#ifdef __cplusplus
#define HOLDFAST_SHIELD_ASSERT(condition) static_assert(condition)
#else
#define HOLDFAST_SHIELD_ASSERT(condition) _Static_assert(condition, #condition)
#endif

// In the order in which they are served.
enum ShieldClass {
  shield_proved = 0,    // a valid cookie or a TCP connection, at a modest rate
  shield_known,         // has asked in quiet times; usual hop count, within its own usual rate
  shield_known_odd,     // known, but from another distance or above its own rate
  shield_unknown_slow,  // never seen, or too seldom
  shield_absent_name,   // a name that does not exist in a zone under random-subdomain attack
  shield_unknown_fast,  // never seen, and alone or with its prefix above the limit for such
  shield_classes,
};

// ---- Known sources: 2^16 lines of 8 entries, 4 MiB. Line and tag come from the source's hash.
#define SHIELD_HISTORY_LINES (1u << 16)
#define SHIELD_LINE_ENTRIES 8

struct ShieldHistoryLine {
  __u64 entries[SHIELD_LINE_ENTRIES];  // 0: empty
};
HOLDFAST_SHIELD_ASSERT(sizeof(struct ShieldHistoryLine) == 64);

// An entry's fields, from its lowest bit.
#define SHIELD_TAG_BITS 24
#define SHIELD_HOP_SHIFT 24        // 8 bits: TTL or hop limit as it arrives
#define SHIELD_SLOT_SHIFT 32       // 8 bits: the slot of time in which it was last seen, modulo 256
#define SHIELD_RATE_SHIFT 40       // 7 bits: log2 of its highest rate in quiet times, rounded up
#define SHIELD_HOP_SEEN_SHIFT 47   // 1 bit: it came from its usual distance in the slot last seen
#define SHIELD_SCORE_SHIFT 48      // 8 bits: distinct slots in which it was seen, up to 255
#define SHIELD_FLAGS_SHIFT 56      // 8 bits, below
#define SHIELD_FLAG_HOP_ODD 0x07u  // how often its hop count was another one, up to 7
#define SHIELD_FLAG_PROVED 0x08u   // completed a TCP connection in the slot last seen
#define SHIELD_FLAG_ALLOWED 0x10u  // by the operator: always known
#define SHIELD_FLAG_DENIED 0x20u   // by the operator: always unknown-fast
#define SHIELD_FLAG_RAISED_SHIFT 6  // 2 bits: how often its rate has risen in the slot
// From here on its hop count says nothing: a resolver of many machines.
#define SHIELD_HOP_ODD_MAX 4

// ---- Rates: a sliding window of 1,024 ms an entry. One table a writer: a worker, or a queue of a
// card. No tags: sources that share an entry are counted together, which 2^17 entries keep small.
#define SHIELD_RATE_ENTRIES (1u << 17)
struct ShieldRateTable {
  __u64 entries[SHIELD_RATE_ENTRIES];  // count now (24) | count before (24) | window (16)
};
HOLDFAST_SHIELD_ASSERT(sizeof(struct ShieldRateTable) == 1u << 20);
#define SHIELD_WINDOW_SHIFT 10
#define SHIELD_COUNT_MAX 0xffffffu

// ---- What holds for all. Written by control, the key by the supervisor before anybody reads it.
#define SHIELD_DRY_RUN_ADMISSION 0x01u  // nothing is shed, only counted as if
#define SHIELD_DRY_RUN_TRUNCATE 0x02u   // no TC or BADCOOKIE in place of an answer
#define SHIELD_DRY_RUN_HOP 0x04u        // hop counts are not judged
#define SHIELD_DRY_RUN_ZONES 0x08u      // names that do not exist are never a class of their own
#define SHIELD_DRY_RUN_STREAMS 0x10u    // no processor budget for clients over TCP
#define SHIELD_DRY_RUN_FILTER 0x20u     // no filter on sockets
#define SHIELD_DRY_RUN_FORM 0x40u       // the form of a message is not judged
#define SHIELD_DRY_RUN_ALL 0x7fu
struct ShieldCommon {
  __u64 key[4];  // of the hashes; random
  __u32 enabled;
  __u32 dry_run;
  __u32 slot;         // number of the present slot of time
  __u32 wall_s;       // seconds since 1970, for the age of cookies; each second
  __u32 known_slots;  // distinct slots after which a source is known, in quiet times
  __u32 cookies_enabled;
  __u32 cookie_staged_present;
  __u32 operator_entries;  // entries with SHIELD_FLAG_ALLOWED or _DENIED
  __u8 cookie_active[16];  // RFC 9018; both are accepted
  __u8 cookie_staged[16];
  __u32 unknown_source;  // questions a second of an address that is not known, in quiet times
  __u32 unknown_prefix;  // and of its /24 or /48
  __u32 slot_s;          // length of a slot, in seconds
  __u32 slot_offset;     // so much more than by that length alone: it has changed since the start
  __u32 unused[4];
};
HOLDFAST_SHIELD_ASSERT(sizeof(struct ShieldCommon) == 128);

// ---- What a worker orders for its sockets and for the queues of cards that it answers: one each.
// Written by the worker. The orders are void, and everything is let through, once the beat is older
// than SHIELD_ORDERS_MS: who died cannot leave a block behind.
#define SHIELD_ORDERS_MS 1000u
#define SHIELD_SHARE_ONE 65536u
struct ShieldOrders {
  __u64 beat_ms;   // CLOCK_MONOTONIC
  __u32 level;     // 0: quiet, all is answered; 1 to 4: overloaded, allowances shrink with it
  __u32 learning;  // 1: what is seen is remembered
  // Of each class, how much is admitted, in 1/65536, and how many a second that is at most.
  __u32 share[8];
  __u32 admit_per_s;     // classes below `known` together
  __u32 truncate_per_s;  // of those not admitted, how many get TC or BADCOOKIE
  // Allowances at this level: of a known source its usual rate << usual_shift, and never less than
  // known_floor; the others per source and per prefix. All in questions a second.
  __u32 usual_shift;
  __u32 known_floor;
  __u32 unknown_source;
  __u32 unknown_prefix;
  __u32 proved_source;
  __u32 known_slots;   // distinct slots after which a source counts as known at this level
  __u32 reply_prefix;  // TC and BADCOOKIE to one /24 or /48 of strangers: shield_replies_to
  // Beginnings of TCP connections of those who are not known; 0: not limited.
  __u32 syn_per_s;
  // Of strangers, what a filter on the worker's sockets lets through, in 1/65536; 0: there is none.
  __u32 datagrams_share;
  __u32 beginnings_share;
  // 1: though the level is 0, the known are told apart, to be served first; all are let through.
  __u32 sorts;
  // The errno for which the kernel takes no such filter; 0: it does.
  __u32 datagrams_refused;
  __u32 beginnings_refused;
  __u32 unused[5];
};
HOLDFAST_SHIELD_ASSERT(sizeof(struct ShieldOrders) == 128);

#define SHIELD_INLINE static inline __attribute__((always_inline))
#ifdef __bpf__
#define SHIELD_LOAD(place) (*(const volatile __u64*)(place))
#define SHIELD_STORE(place, value) (*(volatile __u64*)(place) = (value))
#else
#define SHIELD_LOAD(place) __atomic_load_n(place, __ATOMIC_RELAXED)
#define SHIELD_STORE(place, value) __atomic_store_n(place, value, __ATOMIC_RELAXED)
#endif

SHIELD_INLINE __u64 shield_mix(const __u64 key[4], __u64 word) {
  __u64 mixed = (word ^ key[0]) * (key[1] | 1);
  mixed ^= mixed >> 32;
  mixed = (mixed ^ key[2]) * (key[3] | 1);
  mixed ^= mixed >> 29;
  mixed *= 0x9e3779b97f4a7c15ull;
  return mixed ^ (mixed >> 32);
}

// The address in memory order. One word holds what distinguishes a source, and the mixer is a
// bijection: two sources share a hash only where it is cut.
SHIELD_INLINE __u64 shield_source_word(const __u32 address[4]) {
  const __u64 first = address[0];
  if ((first | address[1]) != 0) return first << 32 | address[1];
  return 0xffff00000000ull | address[3];
}
SHIELD_INLINE __u64 shield_source_hash(const __u64 key[4], const __u32 address[4]) {
  return shield_mix(key, shield_source_word(address));
}

// Its /24 or /48.
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SHIELD_FIRST_3_BYTES 0x00ffffffu
#define SHIELD_FIRST_2_BYTES 0x0000ffffu
#else
#define SHIELD_FIRST_3_BYTES 0xffffff00u
#define SHIELD_FIRST_2_BYTES 0xffff0000u
#endif
SHIELD_INLINE __u64 shield_prefix_hash_of(const __u64 key[4], __u64 source_word) {
  const __u64 other = 0x5bd1e995c6a4a793ull;  // a word that no source has
  const __u64 first = source_word >> 32;
  const __u64 mask = first == 0xffff ? SHIELD_FIRST_3_BYTES : SHIELD_FIRST_2_BYTES;
  return shield_mix(key, other ^ (first << 32 | (source_word & mask)));
}
SHIELD_INLINE __u64 shield_prefix_hash(const __u64 key[4], const __u32 address[4]) {
  return shield_prefix_hash_of(key, shield_source_word(address));
}

SHIELD_INLINE __u32 shield_line_of(__u64 hash) { return hash & (SHIELD_HISTORY_LINES - 1); }
SHIELD_INLINE __u32 shield_tag_of(__u64 hash) {
  const __u32 tag = (hash >> 16) & 0xffffffu;
  return tag != 0 ? tag : 1;
}
// Questions from the usual distance and others are counted apart (an entry beside it), so that who
// forges a source from elsewhere does not use up its allowance.
SHIELD_INLINE __u32 shield_rate_place(__u64 hash, __u32 is_hop_odd) {
  return ((hash >> 40) & (SHIELD_RATE_ENTRIES - 1)) ^ (is_hop_odd & 1);
}

// Of an entry.
SHIELD_INLINE __u32 shield_tag(__u64 entry) { return entry & 0xffffffu; }
SHIELD_INLINE __u32 shield_hop(__u64 entry) { return (entry >> SHIELD_HOP_SHIFT) & 0xff; }
SHIELD_INLINE __u32 shield_slot(__u64 entry) { return (entry >> SHIELD_SLOT_SHIFT) & 0xff; }
SHIELD_INLINE __u32 shield_rate(__u64 entry) { return (entry >> SHIELD_RATE_SHIFT) & 0x7f; }
SHIELD_INLINE __u32 shield_score(__u64 entry) { return (entry >> SHIELD_SCORE_SHIFT) & 0xff; }
SHIELD_INLINE __u64 shield_flags(__u64 entry) { return entry >> SHIELD_FLAGS_SHIFT; }
// Its usual rate, of that scale, without what rose in the slot last seen: the first moments of a
// flood, before anybody calls it one, are not usual for the addresses that it comes from.
SHIELD_INLINE __u32 shield_usual(__u64 entry) {
  const __u32 rate = shield_rate(entry);
  const __u32 raised = shield_flags(entry) >> SHIELD_FLAG_RAISED_SHIFT & 3;
  const __u32 usual = rate > raised ? rate - raised : 0;
  return usual < 24 ? usual : 24;
}

// The entry with the tag, 0 if there is none. Unrolled: eight loads of one cache line.
SHIELD_INLINE __u64 shield_find(const struct ShieldHistoryLine* line, __u32 tag) {
  __u64 found = 0;
#pragma GCC unroll 8
  for (int i = 0; i < SHIELD_LINE_ENTRIES; ++i) {
    const __u64 entry = SHIELD_LOAD(&line->entries[i]);
    if ((entry & 0xffffffu) == tag) found = entry;
  }
  return found;
}

SHIELD_INLINE __u32 shield_is_known(const struct ShieldOrders* orders, __u64 entry) {
  return entry != 0 && shield_score(entry) >= orders->known_slots;
}
// 1 if the source comes from another distance than usual. A difference of one is noise of the way.
SHIELD_INLINE __u32 shield_is_other_hop(__u64 entry, __u32 hop) {
  const __u32 usual = shield_hop(entry);
  return hop != 0 && usual != 0 && hop + 1 - usual > 2;
}
// 1 if it is known to stand elsewhere.
SHIELD_INLINE __u32 shield_is_elsewhere(__u64 entry, __u32 hop) {
  return (shield_flags(entry) & SHIELD_FLAG_HOP_ODD) < SHIELD_HOP_ODD_MAX &&
         shield_is_other_hop(entry, hop);
}
SHIELD_INLINE __u32 shield_is_hop_odd(const struct ShieldCommon* common, __u64 entry, __u32 hop) {
  if ((common->dry_run & SHIELD_DRY_RUN_HOP) != 0) return 0;
  return shield_is_elsewhere(entry, hop);
}

// Counts a question at an entry of a rate table.
SHIELD_INLINE __u64 shield_count(__u64 entry, __u64 now_ms) {
  const __u64 window = (now_ms >> SHIELD_WINDOW_SHIFT) & 0xffff;
  const __u64 was = entry >> 48;
  __u64 now = entry & SHIELD_COUNT_MAX;
  __u64 before = (entry >> 24) & SHIELD_COUNT_MAX;
  if (was != window) {
    before = ((was + 1) & 0xffff) == window ? now : 0;
    now = 0;
  }
  if (now < SHIELD_COUNT_MAX) ++now;
  return window << 48 | before << 24 | now;
}
// Questions in the last 1,024 ms, after `shield_count`.
SHIELD_INLINE __u32 shield_estimate(__u64 entry, __u64 now_ms) {
  const __u64 left = 1024 - (now_ms & 1023);
  const __u64 before = (entry >> 24) & SHIELD_COUNT_MAX;
  return ((entry & SHIELD_COUNT_MAX) + ((before * left) >> SHIELD_WINDOW_SHIFT)) & 0xffffffffu;
}

// Questions in the present window, after `shield_count`. What comes beyond an allowance in a window
// is judged by this: so who forges a source at any rate leaves it the allowance's worth.
SHIELD_INLINE __u32 shield_in_window(__u64 entry) { return entry & SHIELD_COUNT_MAX; }
// By which a question of the source is judged, after `shield_count`.
SHIELD_INLINE __u32 shield_rate_of(__u64 known, __u64 counted, __u64 now_ms) {
  return known != 0 ? shield_in_window(counted) : shield_estimate(counted, now_ms);
}

// Other places of rate tables for the same hash.
#define SHIELD_SYN_SALT 0x510e527fade682d1ull
#define SHIELD_REPLY_SALT 0x9b05688c2b3e6c1full
#define SHIELD_FORM_SALT 0x1f83d9abfb41bd6bull

// What a known source may ask a second at this level.
SHIELD_INLINE __u32 shield_allowance(const struct ShieldOrders* orders, __u64 entry) {
  const __u32 allowed = 1u << (shield_usual(entry) + (orders->usual_shift & 7));
  return allowed > orders->known_floor ? allowed : orders->known_floor;
}

// TC and BADCOOKIE that the prefix of a source may get a second. One that is known is a resolver,
// to which so many short messages are little, and has no other way when a flood comes in its name.
#define SHIELD_REPLIES_TO_KNOWN 8
SHIELD_INLINE __u32 shield_replies_to(const struct ShieldOrders* orders, __u32 is_known) {
  const __u32 most = orders->reply_prefix;
  return is_known && most < 1u << 28 ? most * SHIELD_REPLIES_TO_KNOWN : most;
}

// Has shown in this slot of time or the last that it receives where it says it is.
SHIELD_INLINE __u32 shield_is_proved(const struct ShieldCommon* common, __u64 entry) {
  return entry != 0 && (shield_flags(entry) & SHIELD_FLAG_PROVED) != 0 &&
         ((common->slot - shield_slot(entry)) & 0xffu) <= 1;
}
// Connections that a known or proved source may begin a second while SYNs are limited: every
// question of a resolver that is sent to TCP is one, and repeats; one that asks over TCP alone
// begins as many as it asks questions.
SHIELD_INLINE __u32 shield_syn_allowance(const struct ShieldOrders* orders, __u64 entry) {
  const __u32 allowed = shield_allowance(orders, entry);
  return allowed > 16 ? allowed : 16;
}

// The class of a source by what is known of it. `rate` counts its questions from this distance
// (shield_rate_of), `prefix_rate` those of its prefix that are unknown. Cookies and names are
// judged elsewhere.
SHIELD_INLINE enum ShieldClass shield_judge(const struct ShieldCommon* common,
                                            const struct ShieldOrders* orders, __u64 entry,
                                            __u32 is_hop_odd, __u32 rate, __u32 prefix_rate) {
  const __u64 flags = entry != 0 ? shield_flags(entry) : 0;
  if ((flags & SHIELD_FLAG_DENIED) != 0) return shield_unknown_fast;
  if ((flags & SHIELD_FLAG_ALLOWED) != 0) return shield_known;
  if (shield_is_known(orders, entry)) {
    if (is_hop_odd) return shield_known_odd;
    return rate <= shield_allowance(orders, entry) ? shield_known : shield_known_odd;
  }
  const __u32 is_proved = shield_is_proved(common, entry) && !is_hop_odd;
  if (is_proved && rate <= orders->proved_source) return shield_proved;
  // Known in quiet times, if not for as long as this level asks: still before all strangers.
  if (entry != 0 && common->known_slots != 0 && shield_score(entry) >= common->known_slots) {
    return shield_known_odd;
  }
  if (is_proved) return shield_unknown_fast;
  if (rate > orders->unknown_source || prefix_rate > orders->unknown_prefix) {
    return shield_unknown_fast;
  }
  return shield_unknown_slow;
}
