// SPDX-License-Identifier: GPL-3.0-or-later
// The second stage: what the question asks for, and whether a good cookie comes with it.
//
// Entered only by packets that the first stage and the source's class have not settled. The message
// is copied, which makes every place in it one of fixed memory: so the verifier follows loops over
// labels, which it does not over packets. What cannot be read here is nobody's name and no cookie;
// user space will say what is wrong with it.
#pragma once

#include <bpf/bpf_endian.h>

#include "shield/sip_words.h"
#include "shield/source_block.h"
#include "shield/xdp_program_memo.h"
#include "shield/xdp_program_packet.h"

struct ShieldSources shield_sources SEC(".bss.shield");
struct NameFilter name_filter SEC(".bss.names");

#define LABEL_BYTES_MAX 63
#define LABEL_WORDS_MAX 8
#define OPTIONS_MAX 6
#define TYPE_OPT 41
#define OPTION_COOKIE 10
#define COOKIE_AGE_MAX_S 3600  // RFC 9018 §4.3
#define COOKIE_AHEAD_MAX_S 300

// A function of its own for the verifier, which so follows it once and not for each label.
__attribute__((noinline)) int gate_hash_label(__u32 queue, __u32 number, __u32 at, __u32 length) {
  struct GateMemo* memo = memo_of(queue);
  const struct NameFilterKey* key = &name_filter.key;
  const __u8* label = memo->message + (at & XDP_GATE_MESSAGE_MASK);
  __u64 state = key->start;
  __u32 left = (length & LABEL_BYTES_MAX) + 1;
#pragma unroll
  for (__u32 word = 0; word < LABEL_WORDS_MAX; ++word) {
    state = name_filter_step(key, state, *(const __u64*)(label + 8 * word), left);
    if (left <= 8) break;
    left -= 8;
  }
  memo->hashes[number & (NAME_FILTER_LABELS_MAX - 1)] = state;
  return 0;
}

// Copies the message and finds the end of its question; with `with_hashes`, of each label too.
__attribute__((noinline)) int gate_read_message(struct xdp_md* context, __u32 queue, __u32 offset,
                                                __u32 bytes, __u32 with_hashes) {
  struct GateMemo* memo = memo_of(queue);
  memo->name_end = 0;
  memo->labels = 0;
  memo->has_opt = 0;
  memo->cookie = gate_no_cookie;
  if (bytes < sizeof(struct DnsHeader)) return 0;
  if (bytes > XDP_GATE_MESSAGE_MAX) bytes = XDP_GATE_MESSAGE_MAX;
  if (bpf_xdp_load_bytes(context, offset, memo->message, bytes) != 0) return 0;
  memo->message_bytes = bytes;
  // One question and nothing but, perhaps, an additional record.
  const __u16* counts = (const __u16*)(memo->message + 4);
  if (counts[0] != bpf_htons(1) || counts[1] != 0 || counts[2] != 0) return 0;
  // RFC 1035 §3.1; a pointer or a label of another type ends the walk.
  __u32 at = sizeof(struct DnsHeader);
  for (__u32 label = 0; label < NAME_FILTER_LABELS_MAX; ++label) {
    at &= XDP_GATE_MESSAGE_MASK;
    const __u32 length = memo->message[at];
    if (length == 0) {
      memo->labels = label;
      if (at + 5 <= bytes) memo->name_end = at;
      return 0;
    }
    if (length > LABEL_BYTES_MAX || at + length + 1 >= bytes) return 0;
    if (with_hashes) gate_hash_label(queue, label, at, length);
    at += length + 1;
  }
  return 0;
}

static __always_inline int filter_has(const struct NameFilterTable* table,
                                      const struct NameFilterZone* zone, __u64 name) {
  return name_filter_line_has(table->lines[name_filter_line(zone, name)], name);
}

// Hashes all suffixes of the name that was read.
static __always_inline void hash_suffixes(struct GateMemo* memo) {
  const __u32 labels = memo->labels;
  __u64 suffix = name_filter.key.start;
  memo->suffixes[0] = suffix;
  for (__u32 n = 0; n < NAME_FILTER_LABELS_MAX - 1; ++n) {
    if (n >= labels) break;
    const __u64 label = memo->hashes[(labels - 1 - n) & (NAME_FILTER_LABELS_MAX - 1)];
    suffix = name_filter_child(&name_filter.key, suffix, label);
    memo->suffixes[n + 1] = suffix;
  }
}

// 1 if the name lies in a zone under attack and does not exist there. Its suffixes are hashed. A
// function of its own for the verifier: else it would follow this once for each number of labels.
__attribute__((noinline)) int gate_find_zone(__u32 queue) {
  struct GateMemo* memo = memo_of(queue);
  memo->table = name_filter.current & 1;
  const struct NameFilterTable* table = &name_filter.tables[memo->table & 1];
  const __u32 labels = memo->labels;
  for (__u32 i = 0; i < NAME_FILTER_ZONES_MAX; ++i) {
    if (i >= table->zone_count) break;
    const struct NameFilterZone* zone = &table->zones[i];
    const __u32 apex = zone->labels & (NAME_FILTER_LABELS_MAX - 1);
    if (apex > labels || memo->suffixes[apex] != zone->suffix) continue;
    if (zone->lines == 0) return 0;
    if (filter_has(table, zone, memo->suffixes[labels & (NAME_FILTER_LABELS_MAX - 1)])) return 0;
    __u32 depths = zone->cover_depths;
    for (__u32 probe = 0; probe < NAME_FILTER_COVER_DEPTHS_MAX && depths != 0; ++probe) {
      __u32 depth = 0;
      // The lowest bit that is set, without a loop.
      const __u32 lowest = depths & -depths;
      depth = ((lowest & 0xaaaa) != 0) | ((lowest & 0xcccc) != 0) << 1 |
              ((lowest & 0xf0f0) != 0) << 2 | ((lowest & 0xff00) != 0) << 3;
      depths &= depths - 1;
      if (apex + depth > labels) break;
      const __u64 above = memo->suffixes[apex + depth];
      if (filter_has(table, zone, name_filter_cover(&name_filter.key, above))) return 0;
    }
    memo->zone = i;
    return 1;
  }
  return 0;
}

__attribute__((noinline)) int gate_is_absent(__u32 queue) {
  struct GateMemo* memo = memo_of(queue);
  if (memo->name_end == 0) return 0;
  hash_suffixes(memo);
  return gate_find_zone(queue);
}

static __always_inline __u64 cookie_hash(const struct GateMemo* memo, const __u8 secret[16],
                                         __u64 client, __u64 prefix) {
  struct SipKey key;
  __builtin_memcpy(&key, secret, sizeof key);
  struct SipState state = sip_begin(key);
  sip24_absorb(&state, client);
  sip24_absorb(&state, prefix);
  if (memo->ip_bytes == sizeof(struct iphdr)) {
    sip24_absorb(&state, memo->source[3] | 20ULL << 56);
  } else {
    sip24_absorb(&state, memo->source[0] | (__u64)memo->source[1] << 32);
    sip24_absorb(&state, memo->source[2] | (__u64)memo->source[3] << 32);
    sip24_absorb(&state, 32ULL << 56);
  }
  return sip24_finish(&state);
}

static __always_inline int is_cookie_valid(const struct GateMemo* memo, const __u8* at) {
  const struct ShieldCommon* common = &shield_sources.common;
  const __u64 client = *(const __u64*)at;
  const __u64 prefix = *(const __u64*)(at + 8);
  const __u64 hash = *(const __u64*)(at + 16);
  if ((prefix & 0xff) != 1) return 0;
  const __s32 age_s = common->wall_s - bpf_ntohl(prefix >> 32);
  if (age_s > COOKIE_AGE_MAX_S || age_s < -COOKIE_AHEAD_MAX_S) return 0;
  if (cookie_hash(memo, common->cookie_active, client, prefix) == hash) return 1;
  return common->cookie_staged_present &&
         cookie_hash(memo, common->cookie_staged, client, prefix) == hash;
}

// Looks for an OPT record behind the question, and for a cookie in it.
__attribute__((noinline)) int gate_read_cookie(__u32 queue) {
  struct GateMemo* memo = memo_of(queue);
  if (memo->name_end == 0 || *(const __u16*)(memo->message + 10) != bpf_htons(1)) return 0;
  __u32 at = memo->name_end + 5;
  const __u32 bytes = memo->message_bytes;
  if (at + 11 > bytes) return 0;
  const __u8* opt = memo->message + (at & XDP_GATE_MESSAGE_MASK);
  if (opt[0] != 0 || opt[1] != 0 || opt[2] != TYPE_OPT || opt[6] != 0) return 0;
  const __u32 end = at + 11 + ((__u32)opt[9] << 8 | opt[10]);
  if (end > bytes) return 0;
  memo->has_opt = 1;
  memo->is_dnssec_ok = opt[7] & 0x80;
  at += 11;
  for (int i = 0; i < OPTIONS_MAX && at + 4 <= end; ++i) {
    const __u8* option = memo->message + (at & XDP_GATE_MESSAGE_MASK);
    const __u32 length = (__u32)option[2] << 8 | option[3];
    at += 4;
    if (at + length > end) return 0;
    if (option[0] == 0 && option[1] == OPTION_COOKIE) {
      if (length != 8 && (length < 16 || length > 40)) return 0;  // RFC 7873 §4
      memo->cookie_at = at;
      memo->cookie = length == 8 ? gate_client_cookie : gate_bad_cookie;
      const __u8* cookie = memo->message + (at & XDP_GATE_MESSAGE_MASK);
      if (length == 24 && is_cookie_valid(memo, cookie)) memo->cookie = gate_valid_cookie;
      return 0;
    }
    at += length;
  }
  return 0;
}
