// SPDX-License-Identifier: GPL-3.0-or-later
// The shield before a socket's queue, where no program stands at the card: a classic BPF filter.
//
// Any process may attach one to its own socket, so this needs no right. The kernel asks it for each
// datagram or segment before the socket's queue: whoever falls into a trusted bucket passes, of all
// others a share, by lot. So a flood of strangers can fill neither the queue nor the worker's time,
// and what the kernel drops here costs it no copy and no wake-up. It knows neither names, cookies
// nor rates: those who pass are judged as ever. Responses (QR) pass none. On a listening socket it
// judges beginnings of connections alone. Fits the kernel's default bound on what a socket's
// filters take (net.core.optmem_max, 20 KiB before Linux 6.7), if not two at once. Pure; never
// allocates.
#pragma once

#include <linux/filter.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "shield/trusted_buckets.h"

namespace holdfast::shield {

enum class FilterKind : uint8_t { datagrams, beginnings };

struct FilterPlan {
  FilterKind kind = FilterKind::datagrams;
  bool is_ipv6 = false;
  BucketKey key = {};
  uint32_t strangers_share = SHIELD_SHARE_ONE;  // less than all of them
};

class SocketFilter {
 public:
  // The program; good until the next call.
  [[nodiscard]] std::span<const sock_filter> build(const FilterPlan& plan,
                                                   const TrustedBuckets::Words& trusted);

 private:
  // A node for each word but one, twice as long where its left side is far; two for each word.
  static constexpr size_t instructions_max = 1'700;

  void put(unsigned code, uint32_t value, uint8_t if_true = 0, uint8_t if_false = 0);
  void put_entry(FilterKind kind);
  void put_hash(const FilterPlan& plan);
  void put_tree(const TrustedBuckets::Words& trusted);

  std::array<sock_filter, instructions_max> program_;
  size_t size_ = 0;
};

}  // namespace holdfast::shield
