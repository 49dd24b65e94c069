// SPDX-License-Identifier: GPL-3.0-or-later
// What the XDP program keeps for itself, by queue: its clock, its budgets, and what it has read of
// the message in hand.
//
// The kernel handles one queue on one processor at a time, so nothing here is contended.
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "shield/name_filter_layout.h"
#include "shield/xdp_gate_layout.h"

// Of a message, what is read at most: a question and an OPT record with cookies.
#define XDP_GATE_MESSAGE_MAX 512
#define XDP_GATE_MESSAGE_MASK (XDP_GATE_MESSAGE_MAX - 1)

struct GateBudget {
  __u64 refilled_ms;
  __u64 left;  // in thousandths, so that a refill divides nothing
  __u64 most;  // alike
};

enum { gate_no_cookie = 0, gate_client_cookie, gate_bad_cookie, gate_valid_cookie };

struct GateMemo {
  __u64 jiffies;
  __u64 now_ms;  // CLOCK_MONOTONIC, as of these jiffies
  __u64 random;
  struct GateBudget admitted;
  struct GateBudget replied;
  struct GateBudget looked;  // at names that strangers ask for
  struct GateBudget begun;   // connections of strangers
  struct GateBudget odd;     // what has not the form of a question
  __u32 source[4];
  __u32 ip_bytes;
  __u32 name_end;  // where its root label lies; 0: the name could not be read
  __u32 labels;
  __u32 qtype;
  __u32 qclass;
  __u32 has_opt;
  __u32 has_options;
  __u32 cookie;  // one of the above
  __u32 is_dnssec_ok;
  __u32 table;  // of the filter, and the zone there, in which the name does not exist
  __u32 zone;
  __u64 client_cookie;
  __u64 hashes[NAME_FILTER_LABELS_MAX];      // of the first n labels
  __u8 message[XDP_GATE_MESSAGE_MAX + 320];  // a reply over IPv6, of which a sum is taken
};

struct GateMemo gate_memos[XDP_GATE_QUEUES_MAX] SEC(".bss.memos");

static __always_inline struct GateMemo* memo_of(__u32 queue) {
  return &gate_memos[queue & (XDP_GATE_QUEUES_MAX - 1)];
}

// The helper costs more than the rest of a verdict: it is called once a jiffy.
static __always_inline __u64 gate_now_ms(struct GateMemo* memo) {
  const __u64 jiffies = bpf_jiffies64();
  if (memo->jiffies != jiffies) {
    memo->jiffies = jiffies;
    memo->now_ms = bpf_ktime_get_coarse_ns() / 1000000;
  }
  return memo->now_ms;
}

// Sixteen bits that nobody needs to be unable to guess: they only thin out a class.
static __always_inline __u32 gate_random(struct GateMemo* memo) {
  memo->random = memo->random * 6364136223846793005ULL + 1442695040888963407ULL;
  return memo->random >> 48;
}

// As much as may come at once: what two jiffies bring at 100 Hz.
#define GATE_BURST_MS 20
#define GATE_BURST_MIN 4

static __always_inline void gate_refill(struct GateBudget* budget, __u64 now_ms, __u32 per_s,
                                        __u32 share) {
  if (budget->refilled_ms == now_ms) return;
  __u64 passed_ms = now_ms - budget->refilled_ms;
  if (passed_ms > 1000) passed_ms = 1000;
  budget->refilled_ms = now_ms;
  const __u64 rate = (__u64)per_s * share >> 8;
  budget->most = rate * GATE_BURST_MS;
  if (rate != 0 && budget->most < GATE_BURST_MIN * 1000) budget->most = GATE_BURST_MIN * 1000;
  budget->left += rate * passed_ms;
  if (budget->left > budget->most) budget->left = budget->most;
}

// One packet's worth of it, if `reserve` thousandths are left besides.
static __always_inline int gate_spend(struct GateBudget* budget, __u64 reserve) {
  if (budget->left < reserve + 1000) return 0;
  budget->left -= 1000;
  return 1;
}
