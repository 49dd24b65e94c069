// SPDX-License-Identifier: GPL-3.0-or-later
// The XDP program: hands plain DNS questions for our addresses to AF_XDP sockets, and sheds what
// the shield orders to shed.
//
// Whatever is not plain (fragments, options, other opcodes, VLAN tags, another destination) is left
// to the kernel, whose sockets give the same answers; so is everything while no socket stands in
// the slot. While no order is in force, dropped is only what can have no answer, and the shield
// costs the load of the order's level.
//
//   xdp_program_packet.h    first stage: is it a plain question for us?
//   xdp_program_source.h    under orders: whose it is
//   xdp_program_admit.h     under orders: its class, and what is done with it
//   xdp_program_message.h   second stage: name and cookie
//   xdp_program_reply.h     TC and BADCOOKIE
//   xdp_program_stream.h    beginnings of TCP connections, while they are limited
//   xdp_program_form.h      what has not the form of a question
#include "shield/xdp_program_admit.h"
#include "shield/xdp_program_form.h"
#include "shield/xdp_program_stream.h"

// By queue * XDP_GATE_LANES + lane.
struct {
  __uint(type, BPF_MAP_TYPE_XSKMAP);
  __uint(max_entries, XDP_GATE_SLOTS);
  __type(key, __u32);
  __type(value, __u32);
} xdp_sockets SEC(".maps");

static __always_inline enum XdpGateReason judge(struct xdp_md* context, __u32 queue) {
  struct Packet packet;
  GATE_IN_MEMORY(packet);
  const enum XdpGateReason reason = read_packet(context, queue, &packet);
  const int is_odd = reason == xdp_passed_surplus || reason == xdp_passed_opcode;
  if (reason != xdp_taken_others && reason != xdp_passed_syn && !is_odd) return reason;
  const __u32 worker = gate_state.worker[queue & (XDP_GATE_QUEUES_MAX - 1)];
  const struct ShieldOrders* orders = &shield_sources.orders[worker & (SHIELD_WORKERS_MAX - 1)];
  if (reason == xdp_passed_syn) {
    if (orders->syn_per_s == 0) return reason;
    note_source(&packet);
    return admit_syn(&packet, queue, orders);
  }
  if ((orders->level | orders->sorts) != 0) {
    note_source(&packet);
    if (is_odd || is_malformed(&packet)) return admit_form(&packet, queue, orders, reason);
    return admit(context, &packet, queue, orders);
  }
  if (is_odd) return reason;
  return gate_state.lane == xdp_lane_trusted ? xdp_taken_trusted : xdp_taken_others;
}

static __always_inline enum XdpGateReason deliver(__u32 queue, enum XdpGateReason reason,
                                                  int* action) {
  const __u32 door = gate_state.door[queue & (XDP_GATE_QUEUES_MAX - 1)];
  if (door == xdp_door_kernel) return xdp_passed_shielded;
  if (door != xdp_door_open) return xdp_passed_closed;
  const int is_trusted =
      reason == xdp_taken_trusted || reason == xdp_taken_proved || reason == xdp_taken_known;
  const __u32 slot = queue * XDP_GATE_LANES + !is_trusted;
  *action = (int)bpf_redirect_map(&xdp_sockets, slot, XDP_PASS);
  return *action == XDP_PASS ? xdp_passed_no_socket : reason;
}

SEC("xdp")
int xdp_gate(struct xdp_md* context) {
  const __u32 queue = context->rx_queue_index;
  enum XdpGateReason reason = judge(context, queue);
  int action = XDP_PASS;
  if (reason <= xdp_taken_unknown_fast) {
    reason = deliver(queue, reason, &action);
  } else if (reason >= xdp_dropped_response) {
    action = XDP_DROP;
  } else if (reason >= xdp_replied_truncated) {
    action = XDP_TX;
  }
  if (queue < XDP_GATE_QUEUES_MAX) {
    gate_counters.packets[queue][reason & (XDP_GATE_REASONS_MAX - 1)]++;
  }
  return action;
}

const char gate_licence[] SEC("license") = "GPL";
