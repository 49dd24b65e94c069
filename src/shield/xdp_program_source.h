// SPDX-License-Identifier: GPL-3.0-or-later
// Who asks, and where his rates are counted.
#pragma once

#include "shield/xdp_program_message.h"

// By queue.
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct ShieldRateTable);
} gate_rates SEC(".maps");

struct XdpGateKnown gate_known SEC(".bss.known");

static __always_inline __u64* rate_at(struct ShieldRateTable* rates, __u32 place) {
  return &rates->entries[place & (SHIELD_RATE_ENTRIES - 1)];
}

// 1 if no unknown source can get an answer at present.
static __always_inline int is_spent(const struct GateMemo* memo,
                                    const struct ShieldOrders* orders) {
  return memo->admitted.left < 1000 + (memo->admitted.most >> 3) ||
         (orders->share[shield_unknown_slow] | orders->share[shield_unknown_fast] |
          orders->share[shield_absent_name]) == 0;
}

static __always_inline __u32 reply_place(const struct Packet* packet) {
  const __u64 prefix = shield_prefix_hash(shield_sources.common.key, packet->source);
  return shield_rate_place(prefix ^ SHIELD_REPLY_SALT, 0);
}

static __always_inline __u32 has_zones_under_attack(void) {
  return name_filter.tables[name_filter.current & 1].zone_count != 0 &&
         !(shield_sources.common.dry_run & SHIELD_DRY_RUN_ZONES);
}

// With this any judgement of a packet begins.
static __always_inline void note_source(struct Packet* packet) {
  const __u64 hash = shield_source_hash(shield_sources.common.key, packet->source);
  const __u64 bits = xdp_gate_known_bits(shield_tag_of(hash));
  packet->source_hash = hash;
  packet->is_noted = (~gate_known.words[xdp_gate_known_word(shield_line_of(hash))] & bits) == 0;
}

// What is known of who asks; 0 for nothing.
static __always_inline __u64 find_source(const struct Packet* packet) {
  if (!packet->is_noted) return 0;
  const __u64 hash = packet->source_hash;
  return shield_find(&shield_sources.history[shield_line_of(hash)], shield_tag_of(hash));
}
