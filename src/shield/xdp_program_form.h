// SPDX-License-Identifier: GPL-3.0-or-later
// What has not the form of a question, while there is too much to answer: who may still send it.
//
// Some of it goes through the kernel's sockets, for ten times what a question costs, and none of it
// asks for a name. So known sources, and those that have completed a connection lately, may send
// some each second, as NOTIFY and UPDATE come from such; of the others few are let through.
#pragma once

#include "shield/xdp_program_admit.h"

// Of strangers, a second, beside a sixteenth of what is admitted.
#define GATE_ODD_PER_S 200

// 1 if this one is let through.
static __always_inline int admits_form(const struct Packet* packet, __u32 queue,
                                       const struct ShieldOrders* orders, __u64 now_ms) {
  const struct ShieldCommon* common = &shield_sources.common;
  struct GateMemo* memo = memo_of(queue);
  struct ShieldRateTable* rates = bpf_map_lookup_elem(&gate_rates, &queue);
  if (!rates) return 1;
  const __u64 entry = find_source(packet);
  const int is_trusted = (shield_is_known(orders, entry) || shield_is_proved(common, entry)) &&
                         !shield_is_hop_odd(common, entry, packet->hop);
  const __u32 allowed = shield_syn_allowance(orders, entry);
  const __u32 place = shield_rate_place(packet->source_hash ^ SHIELD_FORM_SALT, 0);
  if (is_trusted && take_at(rates, place, allowed, now_ms)) return 1;
  const __u32 queue_share = gate_state.share[queue & (XDP_GATE_QUEUES_MAX - 1)];
  gate_refill(&memo->odd, now_ms, (orders->admit_per_s >> 4) + GATE_ODD_PER_S, queue_share);
  return gate_spend(&memo->odd, 0);
}

// `reason` says what it is; a question for the answer process has xdp_taken_others.
static __always_inline enum XdpGateReason admit_form(const struct Packet* packet, __u32 queue,
                                                     const struct ShieldOrders* orders,
                                                     enum XdpGateReason reason) {
  const enum XdpGateReason dropped =
      reason == xdp_passed_opcode ? xdp_dropped_opcode : xdp_dropped_malformed;
  const __u64 now_ms = gate_now_ms(memo_of(queue));
  if (!is_in_force(orders, now_ms) || admits_form(packet, queue, orders, now_ms)) return reason;
  if (shield_sources.common.dry_run & (SHIELD_DRY_RUN_ADMISSION | SHIELD_DRY_RUN_FORM)) {
    ++gate_counters.would[queue & (XDP_GATE_QUEUES_MAX - 1)][dropped & (XDP_GATE_REASONS_MAX - 1)];
    return reason;
  }
  return dropped;
}
