// SPDX-License-Identifier: GPL-3.0-or-later
// The second stage: what the question asks for, and whether a good cookie comes with it.
//
// Entered only by packets that the first stage and the source's class have not settled. The message
// is read where it lies, eight bytes at once, and nothing of it is copied: a place is masked before
// it becomes a pointer, and each pointer is held against the frame's end, which the verifier has to
// see and which costs nearly nothing. What is found goes through the memo, and what follows is a
// function of its own, so that the verifier does not follow that once for each number of labels.
// There are as few of those as it lets be, as calls cost more than what they do here. What cannot
// be read is nobody's name and no cookie; user space will say what is wrong with it.
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
#define FRAME_MASK 1023  // places in a frame: headers, and XDP_GATE_MESSAGE_MAX behind them

// Keeps the compiler from removing what only the verifier needs, and from keeping in a register
// what the verifier is to forget.
#define GATE_OPAQUE(value) asm volatile("" : "+r"(value))
#define GATE_FORGET() asm volatile("" ::: "memory")

// A message in its frame.
struct Reach {
  const __u8* frame;
  const void* end;    // of the frame
  __u32 message;      // where it begins
  __u32 message_end;  // and ends, or is read no further
};

static __always_inline const __u8* place_at(const struct Reach* reach, __u32 at) {
  GATE_OPAQUE(at);
  return reach->frame + (at & FRAME_MASK);
}

static __always_inline struct Reach reach_of(struct xdp_md* context, __u32 message, __u32 bytes) {
  if (bytes > XDP_GATE_MESSAGE_MAX) bytes = XDP_GATE_MESSAGE_MAX;
  struct Reach reach = {.frame = (const void*)(long)context->data,
                        .end = (const void*)(long)context->data_end,
                        .message = message,
                        .message_end = message + bytes};
  return reach;
}

// The label at a place, of 1 to 63 bytes. Its last eight bytes are read as one word, with what
// stands before it: so nothing behind the question is read, where the frame may end.
static __always_inline __u64 hash_label(const struct Reach* reach, const __u8* place, __u32 at,
                                        __u32 length) {
  const struct NameFilterKey* key = &name_filter.key;
  __u64 state = key->start;
  __u32 left = length + 1;
  if (left > 8) {
#pragma unroll
    for (int i = 0; i < LABEL_WORDS_MAX - 1; ++i) {
      if ((const void*)(place + 8 * i + 8) > reach->end) break;
      state = name_filter_step(key, state, *(const __u64*)(place + 8 * i));
      left -= 8;
      if (left <= 8) break;
    }
  }
  const __u8* last = place_at(reach, at + length - 7);
  if ((const void*)(last + 8) > reach->end) return state;
  return name_filter_last_step(key, state, *(const __u64*)last, left);
}

enum NameReading { gate_plain = 0, gate_with_hashes };

// Finds the end of the question, and with hashes that of the name up to each label. RFC 1035 §3.1;
// a pointer or a label of another type ends the walk.
static __always_inline void read_name(struct GateMemo* memo, const struct Reach* reach,
                                      enum NameReading reading) {
  memo->name_end = 0;
  memo->labels = 0;
  __u32 at = reach->message + sizeof(struct DnsHeader);
  __u64 hash = 0;
  for (__u32 label = 0; label < NAME_FILTER_LABELS_MAX; ++label) {
    const __u8* place = place_at(reach, at);
    if ((const void*)(place + 5) > reach->end) return;
    if (reading == gate_with_hashes) {
      __u32 own = label;
      GATE_OPAQUE(own);
      memo->hashes[own & (NAME_FILTER_LABELS_MAX - 1)] = hash;
    }
    const __u32 length = *place;
    if (length == 0) {
      // A name that goes on behind the message, in what the frame has besides, is none.
      if (at + 5 > reach->message_end) return;
      memo->labels = label;
      memo->qtype = (__u32)place[1] << 8 | place[2];
      memo->qclass = (__u32)place[3] << 8 | place[4];
      memo->name_end = at - reach->message;
      return;
    }
    if (length > LABEL_BYTES_MAX) return;
    if (reading == gate_with_hashes) {
      hash = name_filter_append(&name_filter.key, hash, hash_label(reach, place, at, length));
    }
    at += length + 1;
    // Else what a long frame has behind its message would be hashed, too.
    if (at >= reach->message_end) return;
  }
}

// One question and nothing but, perhaps, an additional record: the number of these; others -1.
static __always_inline int count_additional(const struct Reach* reach) {
  const struct DnsHeader* dns = (const void*)place_at(reach, reach->message);
  if ((const void*)(dns + 1) > reach->end) return -1;
  if (dns->counts[0] != bpf_htons(1) || dns->counts[1] != 0 || dns->counts[2] != 0) return -1;
  return bpf_ntohs(dns->counts[3]);
}

// The hash of the last `count` of a name's labels.
static __always_inline __u64 hash_of_last(const struct GateMemo* memo, __u64 name, __u32 labels,
                                          __u32 count) {
  const __u64 before = memo->hashes[(labels - count) & (NAME_FILTER_LABELS_MAX - 1)];
  return name_filter_suffix(&name_filter.key, name, before, count);
}

// Of the name that has been hashed: 1 if it lies in a zone under attack and does not exist there.
__attribute__((noinline)) int gate_find_absent(__u32 queue) {
  struct GateMemo* memo = memo_of(queue);
  const __u32 current = name_filter.current & 1;
  const struct NameFilterTable* table = &name_filter.tables[current];
  const __u32 labels = memo->labels & (NAME_FILTER_LABELS_MAX - 1);
  const __u64 name = memo->hashes[labels];
  memo->table = current;
  for (__u32 i = 0; i < NAME_FILTER_ZONES_MAX; ++i) {
    if (i >= table->zone_count) break;
    const struct NameFilterZone* zone = &table->zones[i];
    const __u32 apex = zone->labels & (NAME_FILTER_LABELS_MAX - 1);
    if (apex > labels || hash_of_last(memo, name, labels, apex) != zone->suffix) continue;
    if (zone->lines == 0 || name_filter_has(table, zone, name)) return 0;
    __u32 covers = zone->covers;
    for (__u32 probe = 0; probe < NAME_FILTER_COVER_DEPTHS_MAX && covers != 0; ++probe) {
      const __u32 count = apex + (covers & 0xff) - 1;
      covers >>= 8;
      if (count > labels) continue;
      const __u64 above = hash_of_last(memo, name, labels, count);
      if (name_filter_has_cover(&name_filter.key, table, zone, above)) return 0;
    }
    memo->zone = i;
    return 1;
  }
  return 0;
}

// Reads the name of a message that begins at a place in the frame, and has so many bytes: 1 if it
// lies in a zone under attack and does not exist there.
__attribute__((noinline)) int gate_is_absent(struct xdp_md* context, __u32 queue, __u32 message,
                                             __u32 bytes) {
  struct GateMemo* memo = memo_of(queue);
  const struct Reach reach = reach_of(context, message & 63, bytes);
  memo->name_end = 0;
  if (count_additional(&reach) < 0) return 0;
  read_name(memo, &reach, gate_with_hashes);
  GATE_FORGET();
  if (memo->name_end == 0) return 0;
  return gate_find_absent(queue);
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

// Looks for an OPT record behind the question, and for a cookie in it; finds the question's end
// first, unless the name has been read.
__attribute__((noinline)) int gate_read_cookie(struct xdp_md* context, __u32 queue, __u32 message,
                                               __u32 bytes, __u32 is_name_read) {
  struct GateMemo* memo = memo_of(queue);
  const struct Reach reach = reach_of(context, message & 63, bytes);
  memo->has_opt = 0;
  memo->has_options = 0;
  memo->cookie = gate_no_cookie;
  if (!is_name_read) memo->name_end = 0;
  const int additional = count_additional(&reach);
  if (additional < 0) return 0;
  if (!is_name_read) read_name(memo, &reach, gate_plain);
  GATE_FORGET();
  if (memo->name_end == 0 || additional != 1) return 0;
  __u32 at = reach.message + memo->name_end + 5;
  const __u8* opt = place_at(&reach, at);
  if (at + 11 > reach.message_end || (const void*)(opt + 11) > reach.end) return 0;
  if (opt[0] != 0 || opt[1] != 0 || opt[2] != TYPE_OPT || opt[6] != 0) return 0;
  const __u32 opt_end = at + 11 + ((__u32)opt[9] << 8 | opt[10]);
  if (opt_end > reach.message_end) return 0;
  memo->has_opt = 1;
  memo->has_options = opt_end != at + 11;
  memo->is_dnssec_ok = opt[7] & 0x80;
  at += 11;
  for (int i = 0; i < OPTIONS_MAX && at + 4 <= opt_end; ++i) {
    const __u8* option = place_at(&reach, at);
    if ((const void*)(option + 4) > reach.end) return 0;
    const __u32 length = (__u32)option[2] << 8 | option[3];
    at += 4 + length;
    if (at > opt_end) return 0;
    if (option[0] == 0 && option[1] == OPTION_COOKIE) {
      if (length != 8 && (length < 16 || length > 40)) return 0;  // RFC 7873 §4
      if ((const void*)(option + 12) > reach.end) return 0;
      memo->client_cookie = *(const __u64*)(option + 4);
      memo->cookie = length == 8 ? gate_client_cookie : gate_bad_cookie;
      if (length != 24 || (const void*)(option + 28) > reach.end) return 0;
      if (is_cookie_valid(memo, option + 4)) memo->cookie = gate_valid_cookie;
      return 0;
    }
  }
  return 0;
}
