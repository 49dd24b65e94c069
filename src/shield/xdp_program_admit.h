// SPDX-License-Identifier: GPL-3.0-or-later
// The shield in the XDP program: a class for each question, and what is done with the class.
//
// Runs only while an order is in force. What is known of sources is read, never written; the rates
// at which they ask are counted here, by queue. The dearest thing in a flood from everywhere is
// memory that no cache holds, so each look at some comes only if it can still change the verdict:
// whoever is unknown when nothing is left for the unknown is sent to TCP, or dropped, for what one
// look at his prefix costs. Names and cookies are looked at only where zones are under attack, or a
// cookie can help.
#pragma once

#include "shield/xdp_program_reply.h"

struct XdpGateCounters gate_counters SEC(".bss.counters");

// Each place has windows of its own: else all sources would use up what they may at one time, and
// what they ask would come in bursts.
static __always_inline __u64 time_at(__u32 place, __u64 now_ms) { return now_ms + (place & 1023); }

static __always_inline __u64 count_at(struct ShieldRateTable* rates, __u32 place, __u64 now_ms) {
  __u64* at = rate_at(rates, place);
  const __u64 counted = shield_count(*at, time_at(place, now_ms));
  *at = counted;
  return counted;
}

// At what rate a source asks of which something is known, in windows of 128 ms: what it may ask in
// a second is not to come at once, from all sources that an attack has. One question is never too
// many.
static __always_inline __u32 pace_at(struct ShieldRateTable* rates, __u32 place, __u64 now_ms) {
  __u64* at = rate_at(rates, place);
  const __u64 counted = shield_count(*at, time_at(place, now_ms) << 3);
  *at = counted;
  return (shield_in_window(counted) - 1) << 3;
}

// Counts one unless there have been `most` in this window; 1 if there have not.
static __always_inline int take_at(struct ShieldRateTable* rates, __u32 place, __u32 most,
                                   __u64 now_ms) {
  __u64* at = rate_at(rates, place);
  const __u64 counted = shield_count(*at, time_at(place, now_ms));
  if (shield_in_window(counted) > most) return 0;
  *at = counted;
  return 1;
}

// The beat may be ahead: the clock here is that of the last tick.
static __always_inline int is_in_force(const struct ShieldOrders* orders, __u64 now_ms) {
  return shield_sources.common.enabled && (__s64)(now_ms - orders->beat_ms) <= SHIELD_ORDERS_MS;
}

struct Source {
  __u64 hash;
  __u64 entry;
  __u32 is_odd;
  __u32 rate;
};

static __always_inline enum ShieldClass judge_source(const struct Packet* packet, __u32 queue,
                                                     const struct ShieldOrders* orders,
                                                     struct Source* source, __u64 now_ms) {
  const struct ShieldCommon* common = &shield_sources.common;
  struct ShieldRateTable* rates = bpf_map_lookup_elem(&gate_rates, &queue);
  if (!rates) return shield_unknown_slow;
  const __u32 place = shield_rate_place(source->hash, source->is_odd);
  __u32 prefix_rate = 0;
  if (shield_is_known(orders, source->entry)) {
    source->rate = pace_at(rates, place, now_ms);
  } else {
    const __u64 prefix = shield_prefix_hash(common->key, packet->source);
    const __u32 prefix_place = shield_rate_place(prefix, 0);
    const __u64 counted = count_at(rates, prefix_place, now_ms);
    prefix_rate = shield_estimate(counted, time_at(prefix_place, now_ms));
    const __u64 own = count_at(rates, place, now_ms);
    source->rate = shield_rate_of(source->entry, own, time_at(place, now_ms));
  }
  return shield_judge(common, orders, source->entry, source->is_odd, source->rate, prefix_rate);
}

// What random names through a known source have used up of its allowance, the names that may exist
// have again: those beyond it are counted by themselves.
static __always_inline enum ShieldClass judge_existing(__u32 queue,
                                                       const struct ShieldOrders* orders,
                                                       const struct Source* source, __u64 now_ms) {
  struct ShieldRateTable* rates = bpf_map_lookup_elem(&gate_rates, &queue);
  if (!rates) return shield_known_odd;
  const __u32 rate = pace_at(rates, shield_rate_place(source->hash, 0) ^ 2, now_ms);
  return rate <= shield_allowance(orders, source->entry) ? shield_known : shield_known_odd;
}

// A question under judgement, and how far it has been read.
struct Trial {
  struct xdp_md* context;
  const struct Packet* packet;
  const struct ShieldOrders* orders;
  struct GateMemo* memo;
  __u32 queue;
  __u32 has_zones;  // some are under attack
  __u32 is_known;   // its source is, and comes from its usual distance
  enum { trial_unread, trial_name_read, trial_cookie_read } stage;
};

static __always_inline __u32 message_of(const struct Packet* packet) {
  return sizeof(struct ethhdr) + packet->ip_bytes + sizeof(struct udphdr);
}

static __always_inline int asks_absent_name(struct Trial* trial) {
  trial->stage = trial_name_read;
  return gate_is_absent(trial->context, trial->queue, message_of(trial->packet),
                        trial->packet->payload_bytes - sizeof(struct udphdr));
}

// Whoever gets a reply goes through this: it notes where to.
static __always_inline __u32 read_cookie(struct Trial* trial) {
  const struct Packet* packet = trial->packet;
  if (trial->stage == trial_cookie_read) return trial->memo->cookie;
  trial->memo->ip_bytes = packet->ip_bytes;
  __builtin_memcpy(trial->memo->source, packet->source, sizeof trial->memo->source);
  gate_read_cookie(trial->context, trial->queue, message_of(packet),
                   packet->payload_bytes - sizeof(struct udphdr), trial->stage != trial_unread);
  trial->stage = trial_cookie_read;
  return trial->memo->cookie;
}

// How much of a burst must be left for others when this one is admitted: that makes one budget
// serve the better first. Names that do not exist come from known resolvers in quiet times too.
static __always_inline __u64 reserve_for(__u64 most, enum ShieldClass class, __u32 is_known) {
  if (class == shield_known_odd) return 0;
  if (class == shield_unknown_slow) return most >> 3;
  if (class == shield_absent_name) return is_known ? most >> 2 : most >> 1;
  return (most >> 1) + (most >> 2);
}

static __always_inline int is_admitted(struct GateMemo* memo, const struct ShieldOrders* orders,
                                       enum ShieldClass class, __u32 is_known) {
  const __u32 share = orders->share[class & 7];
  if (share < SHIELD_SHARE_ONE && gate_random(memo) >= share) return 0;
  // When the level falls, the budgets are still those of the level before, for a jiffy or two.
  if (class <= shield_known || orders->level == 0) return 1;
  return gate_spend(&memo->admitted, reserve_for(memo->admitted.most, class, is_known));
}

// To find out that a name does not exist costs more than to drop its question. So names of
// strangers are looked at so many times as often as they are admitted, and no more.
#define GATE_LOOKS 32

static __always_inline int may_look(struct GateMemo* memo, const struct ShieldOrders* orders,
                                    __u32 queue_share) {
  gate_refill(&memo->looked, memo->now_ms, orders->admit_per_s, queue_share * GATE_LOOKS);
  return gate_spend(&memo->looked, 0);
}

// Whether a reply may be sent to where this comes from: within the budget, and within what one
// prefix may get, so that nobody is flooded by way of us.
static __always_inline int may_reply(struct Trial* trial, enum ShieldClass class) {
  struct GateMemo* memo = trial->memo;
  // Those who ask too fast only get what others have not used up.
  const __u64 kept = class == shield_unknown_fast ? memo->replied.most >> 1 : 0;
  if (!gate_state.replies || memo->replied.left < kept + 1000) return 0;
  struct ShieldRateTable* rates = bpf_map_lookup_elem(&gate_rates, &trial->queue);
  if (!rates) return 0;
  const __u32 most = shield_replies_to(trial->orders, trial->is_known);
  if (!take_at(rates, reply_place(trial->packet), most, memo->now_ms)) return 0;
  return gate_spend(&memo->replied, kept);
}

// The budget did not suffice, or the class has no share: a reply, or else `dropped`.
static __always_inline enum XdpGateReason turn_away(struct Trial* trial, enum ShieldClass class,
                                                    enum XdpGateReason dropped) {
  const struct ShieldCommon* common = &shield_sources.common;
  struct GateMemo* memo = trial->memo;
  __u64* would = gate_counters.would[trial->queue & (XDP_GATE_QUEUES_MAX - 1)];
  if (common->dry_run & SHIELD_DRY_RUN_ADMISSION) {
    ++would[dropped & (XDP_GATE_REASONS_MAX - 1)];
    return xdp_taken_proved + class;
  }
  if (!may_reply(trial, class)) return dropped;
  const __u32 cookie = read_cookie(trial);
  if (memo->name_end == 0) return dropped;
  const int can_cookie = cookie != gate_no_cookie && cookie != gate_valid_cookie;
  const enum XdpGateReason reply =
      common->cookies_enabled && can_cookie ? xdp_replied_cookie : xdp_replied_truncated;
  if (common->dry_run & SHIELD_DRY_RUN_TRUNCATE) {
    ++would[reply & (XDP_GATE_REASONS_MAX - 1)];
    return dropped;
  }
  return gate_reply(trial->context, trial->queue, reply) ? reply : dropped;
}

// A name that does not exist is denied here to who is known, if nothing else is to be said: that
// costs a fraction of what the answer process would take, and silence would only make a resolver
// ask again. 1 if it is to be.
static __always_inline int can_deny(struct Trial* trial) {
  struct GateMemo* memo = trial->memo;
  const __u32 dry_run = shield_sources.common.dry_run;
  if (!gate_state.replies || dry_run & SHIELD_DRY_RUN_ADMISSION) return 0;
  read_cookie(trial);
  if (!is_deniable(memo, trial->packet->has_additional)) return 0;
  if (dry_run & SHIELD_DRY_RUN_TRUNCATE) {
    ++gate_counters.would[trial->queue & (XDP_GATE_QUEUES_MAX - 1)][xdp_replied_nxdomain];
    return 0;
  }
  return gate_spend(&memo->replied, 0);
}

// What a known source may ask is not refused; but most of it, where random names come through
// resolvers, is names that do not exist, and the answer process would say of them what is said
// here. One in so many goes there all the same: that is how it sees whose names they are, and it
// counts what is denied here with them (zone_watch.h).
#define GATE_DENIALS_A_SIGN 8

static __always_inline int denies_known(struct Trial* trial) {
  struct GateMemo* memo = trial->memo;
  if (trial->orders->level == 0 || !gate_state.replies || memo->replied.left < 1000) return 0;
  if (gate_random(memo) % GATE_DENIALS_A_SIGN == 0 || !asks_absent_name(trial)) return 0;
  read_cookie(trial);
  // Options ask for more than the answer.
  return !memo->has_options && can_deny(trial);
}

// The packet's reason; replies are written into the frame.
static __always_inline enum XdpGateReason admit(struct xdp_md* context, const struct Packet* packet,
                                                __u32 queue, const struct ShieldOrders* orders) {
  const struct ShieldCommon* common = &shield_sources.common;
  struct GateMemo* memo = memo_of(queue);
  const __u64 now_ms = gate_now_ms(memo);
  if (!is_in_force(orders, now_ms)) return xdp_taken_others;
  const __u32 queue_share = gate_state.share[queue & (XDP_GATE_QUEUES_MAX - 1)];
  gate_refill(&memo->admitted, now_ms, orders->admit_per_s, queue_share);
  gate_refill(&memo->replied, now_ms, orders->truncate_per_s, queue_share);
  struct Trial trial = {.context = context,
                        .packet = packet,
                        .orders = orders,
                        .memo = memo,
                        .queue = queue,
                        .has_zones = has_zones_under_attack()};
  struct Source source = {.hash = packet->source_hash, .entry = find_source(packet)};
  const int wants_cookie = common->cookies_enabled && packet->has_additional;
  if (source.entry == 0 && orders->level != 0 && !(common->dry_run & SHIELD_DRY_RUN_ADMISSION) &&
      (is_spent(memo, orders) || (trial.has_zones && !may_look(memo, orders, queue_share)))) {
    trial.has_zones = 0;  // its name changes nothing any more
    if (!wants_cookie || read_cookie(&trial) != gate_valid_cookie) {
      return turn_away(&trial, shield_unknown_slow, xdp_dropped_unjudged);
    }
  }

  source.is_odd = shield_is_hop_odd(common, source.entry, packet->hop);
  const __u32 is_known = shield_is_known(orders, source.entry) && !source.is_odd;
  trial.is_known = is_known;
  enum ShieldClass class = shield_unknown_slow;
  // Who is known is judged first, and answered whatever the name, here or there. Of the others the
  // name is looked at first: the rates of a flood from everywhere are in no cache.
  if (source.entry != 0) class = judge_source(packet, queue, orders, &source, now_ms);
  // Within its allowance; a frame that has no room for the reply is as it was.
  if (trial.has_zones && class == shield_known && is_known && denies_known(&trial) &&
      gate_reply(context, queue, xdp_replied_nxdomain)) {
    return xdp_replied_nxdomain;
  }
  if (trial.has_zones && class > shield_known && class < shield_absent_name) {
    if (asks_absent_name(&trial)) {
      if (is_known && can_deny(&trial)) {
        return gate_reply(context, queue, xdp_replied_nxdomain) ? xdp_replied_nxdomain
                                                                : xdp_dropped_absent_name;
      }
      if (is_admitted(memo, orders, shield_absent_name, is_known)) return xdp_taken_absent_name;
      return turn_away(&trial, shield_absent_name, xdp_dropped_absent_name);
    }
    if (class == shield_known_odd && is_known && memo->name_end != 0) {
      class = judge_existing(queue, orders, &source, now_ms);
    }
  }
  if (source.entry == 0) class = judge_source(packet, queue, orders, &source, now_ms);
  if (wants_cookie && class > shield_known && read_cookie(&trial) == gate_valid_cookie) {
    class = source.rate <= orders->proved_source ? shield_proved : shield_unknown_fast;
  }
  // A name of absurdly many labels is nobody's friend while names are the weapon.
  if (trial.has_zones && class == shield_known_odd && memo->name_end == 0) {
    class = shield_unknown_slow;
  }
  if (is_admitted(memo, orders, class, is_known)) return xdp_taken_proved + class;
  return turn_away(&trial, class, xdp_dropped_proved + class);
}
