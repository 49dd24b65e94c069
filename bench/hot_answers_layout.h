// SPDX-License-Identifier: GPL-3.0-or-later
// What the trial of answers in XDP and its user share. Compiled as C for the kernel and as C++.
#pragma once

#ifdef __cplusplus
#include <cstdint>
namespace holdfast::bench {
#else
#include <linux/types.h>
typedef __u8 uint8_t;
typedef __u16 uint16_t;
typedef __u32 uint32_t;
typedef __u64 uint64_t;
#define static_assert _Static_assert
#endif

enum {                      /* NOLINT(performance-enum-size): C before C23 knows no other */
       hot_name_bytes = 60, /* longer names are user space's */
       hot_answer_bytes_max = 112,
       hot_entries_max = 16384
};

struct HotQuestion {
  uint8_t name[hot_name_bytes]; /* wire form, folded, the rest zero */
  uint16_t type;                /* as on the wire, class IN */
  uint16_t reserved;
};

struct HotAnswer {
  uint32_t sum; /* of the records' 16-bit words: their share of a checksum */
  uint16_t records;
  uint16_t bytes;
  uint8_t wire[hot_answer_bytes_max];
};

struct HotPlan {
  uint16_t port;
  uint16_t reserved;
};

struct HotState {
  uint64_t received;
  uint64_t answered;
};

static_assert(sizeof(struct HotQuestion) == 64, "shared with the kernel's side");
static_assert(sizeof(struct HotAnswer) == 120, "shared with the kernel's side");

#ifdef __cplusplus
}  // namespace holdfast::bench
#endif
