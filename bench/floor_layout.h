// SPDX-License-Identifier: GPL-3.0-or-later
// What the floors' programs in the kernel and their user share.
#pragma once

#ifdef __cplusplus
#include <cstdint>
namespace holdfast::bench {
#else
#include <linux/types.h>
typedef __u16 uint16_t;
typedef __u64 uint64_t;
#endif

struct FloorPlan {
  uint16_t port; /* what goes elsewhere is passed on */
  uint16_t reserved;
};

struct FloorState {
  uint64_t received;
  uint64_t answered;
};

#ifdef __cplusplus
}  // namespace holdfast::bench
#endif
