// SPDX-License-Identifier: GPL-3.0-or-later
// What the answer counter's program in the kernel and its user share. Compiled as C for the kernel
// and as C++. Only one processor runs the program, the one that receives for the load.
#pragma once

#include "drill/generator_layout.h"

#ifdef __cplusplus
namespace holdfast::drill {
#endif

enum { /* NOLINT(performance-enum-size): C before C23 knows no other */
       rcode_count = 16,
       /* Time is counted in steps of 1/32 of its power of two, up to 2^40 ns. */
       histogram_bits = 5,
       histogram_steps = 1 << histogram_bits,
       histogram_buckets = (41 - histogram_bits) * histogram_steps
};

struct CounterPlan {
  uint16_t server_port;
  uint16_t reserved;
};

struct AnswerCounts {
  uint64_t answers; /* responses with a whole header; all below are among them */
  uint64_t bytes;   /* of UDP payload */
  uint64_t truncated;
  uint64_t with_records; /* at least one in the answer section */
  uint64_t rcodes[rcode_count];
};

struct CounterState {
  uint64_t until_ns; /* written by the user; CLOCK_MONOTONIC */
  uint64_t in_time;  /* answers of all labels before that */
  struct AnswerCounts labels[label_count];
  uint64_t fragments;
  uint64_t malformed; /* from the server's port, yet no response */
  uint64_t times[histogram_buckets];
};

static_assert(sizeof(struct CounterPlan) == 4, "shared with the kernel's side");
static_assert(sizeof(struct AnswerCounts) == 160, "shared with the kernel's side");
static_assert(sizeof(struct CounterState) == 1280 + 32 + 1152 * 8, "shared with the kernel's side");

/* The bucket of a time: exact below 2 * histogram_steps, then histogram_steps to each doubling. */
static inline uint64_t histogram_bucket(uint64_t time_ns) {
  uint64_t shift = 0;
  if (time_ns >> 40) time_ns = (1ULL << 40) - 1;
  /* By halves, as the kernel's side has no instruction for it. */
  for (uint64_t step = 32; step != 0; step /= 2) {
    if (time_ns >> (shift + step + histogram_bits)) shift += step;
  }
  return shift * histogram_steps + (time_ns >> shift);
}

#ifdef __cplusplus
}  // namespace holdfast::drill
#endif
