// SPDX-License-Identifier: GPL-3.0-or-later
// SipHash-2-4 over whole 64-bit words, as the XDP program checks and makes server cookies
// (RFC 9018 §4.4). Read by C for the kernel and by C++. (Aumasson and Bernstein 2012.)
#pragma once

#include <linux/types.h>

struct SipKey {
  __u64 low;
  __u64 high;
};

struct SipState {
  __u64 v0, v1, v2, v3;
};

static inline __attribute__((always_inline)) __u64 sip_rotate(__u64 value, unsigned bits) {
  return value << bits | value >> (64 - bits);
}

static inline __attribute__((always_inline)) struct SipState sip_begin(struct SipKey key) {
  struct SipState state = {key.low ^ 0x736f6d6570736575ULL, key.high ^ 0x646f72616e646f6dULL,
                           key.low ^ 0x6c7967656e657261ULL, key.high ^ 0x7465646279746573ULL};
  return state;
}

static inline __attribute__((always_inline)) void sip_round(struct SipState* state) {
  state->v0 += state->v1;
  state->v1 = sip_rotate(state->v1, 13) ^ state->v0;
  state->v0 = sip_rotate(state->v0, 32);
  state->v2 += state->v3;
  state->v3 = sip_rotate(state->v3, 16) ^ state->v2;
  state->v0 += state->v3;
  state->v3 = sip_rotate(state->v3, 21) ^ state->v0;
  state->v2 += state->v1;
  state->v1 = sip_rotate(state->v1, 17) ^ state->v2;
  state->v2 = sip_rotate(state->v2, 32);
}

static inline __attribute__((always_inline)) void sip24_absorb(struct SipState* state, __u64 word) {
  state->v3 ^= word;
  sip_round(state);
  sip_round(state);
  state->v0 ^= word;
}

static inline __attribute__((always_inline)) __u64 sip24_finish(struct SipState* state) {
  state->v2 ^= 0xff;
  sip_round(state);
  sip_round(state);
  sip_round(state);
  sip_round(state);
  return state->v0 ^ state->v1 ^ state->v2 ^ state->v3;
}
