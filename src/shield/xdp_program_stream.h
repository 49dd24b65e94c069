// SPDX-License-Identifier: GPL-3.0-or-later
// Beginnings of TCP connections, while there are too many: who may have the kernel's time.
//
// A SYN costs the kernel some microseconds, ten times what it costs to drop it here. Known sources,
// and those that have completed a connection lately, may begin as many as they usually ask
// questions, and more; strangers share a budget. Other segments are not judged.
#pragma once

#include "shield/xdp_program_admit.h"

static __always_inline enum XdpGateReason admit_syn(const struct Packet* packet, __u32 queue,
                                                    const struct ShieldOrders* orders) {
  const struct ShieldCommon* common = &shield_sources.common;
  struct GateMemo* memo = memo_of(queue);
  const __u64 now_ms = gate_now_ms(memo);
  if (!is_in_force(orders, now_ms)) return xdp_passed_syn;
  struct ShieldRateTable* rates = bpf_map_lookup_elem(&gate_rates, &queue);
  if (!rates) return xdp_passed_syn;
  const __u64 entry = find_source(packet);
  const __u32 queue_share = gate_state.share[queue & (XDP_GATE_QUEUES_MAX - 1)];
  gate_refill(&memo->begun, now_ms, orders->syn_per_s, queue_share);
  const int is_trusted = (shield_is_known(orders, entry) || shield_is_proved(common, entry)) &&
                         !shield_is_hop_odd(common, entry, packet->hop);
  const __u32 allowed = shield_syn_allowance(orders, entry);
  const __u32 place = shield_rate_place(packet->source_hash ^ SHIELD_SYN_SALT, 0);
  if (is_trusted && take_at(rates, place, allowed, now_ms)) return xdp_passed_syn;
  if (gate_spend(&memo->begun, 0)) return xdp_passed_syn;
  if (common->dry_run & SHIELD_DRY_RUN_ADMISSION) {
    ++gate_counters.would[queue & (XDP_GATE_QUEUES_MAX - 1)][xdp_dropped_syn];
    return xdp_passed_syn;
  }
  return xdp_dropped_syn;
}
