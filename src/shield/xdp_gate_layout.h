// SPDX-License-Identifier: GPL-3.0-or-later
// What the XDP program (xdp_gate.bpf.c) and user space share: destinations, lanes, counters.
//
// Read by C for the kernel and by C++. User space maps the program's data and writes it without a
// system call, so that nobody needs a right for it: the supervisor is the one writer of
// XdpGateState, the program of XdpGateCounters. Every size is asserted on both sides.
#pragma once

#include <linux/types.h>

#ifdef __cplusplus
#define HOLDFAST_XDP_ASSERT(condition) static_assert(condition)
#else
#define HOLDFAST_XDP_ASSERT(condition) _Static_assert(condition, #condition)
#endif

// Queues of one interface that can have sockets; packets of others go to the kernel.
#define XDP_GATE_QUEUES_MAX 128
// Sockets a queue, by how much their senders are trusted.
#define XDP_GATE_LANES 2
#define XDP_GATE_SLOTS (XDP_GATE_QUEUES_MAX * XDP_GATE_LANES)
// Places of one table of destinations, and how many are looked at for one packet.
#define XDP_GATE_DESTINATIONS_MAX 256
#define XDP_GATE_PROBES 4

enum XdpGateLane { xdp_lane_trusted = 0, xdp_lane_others = 1 };

// What becomes of a packet, and why: each is counted under exactly one.
enum XdpGateReason {
  // Handed to an AF_XDP socket.
  xdp_taken_trusted = 0,
  xdp_taken_others,
  // Left to the kernel and its sockets.
  xdp_passed_protocol,     // neither UDP over IPv4 nor over IPv6; VLAN tags
  xdp_passed_destination,  // an address, port or hardware address that is not ours
  xdp_passed_fragment,
  xdp_passed_options,    // IPv4 options, IPv6 extension headers
  xdp_passed_length,     // lengths that contradict each other or the frame
  xdp_passed_short,      // no whole DNS header
  xdp_passed_opcode,     // not QUERY
  xdp_passed_closed,     // the queue is closed: its worker takes nothing
  xdp_passed_no_socket,  // no socket stands in the slot
  // Dropped.
  xdp_dropped_response,     // QR is set: reflected, or a loop
  xdp_dropped_source_port,  // 0: nowhere to send an answer to
  xdp_dropped_source,       // an address that nobody can have, or the packet's own destination
  xdp_gate_reasons,
};
#define XDP_GATE_REASONS_MAX 16
HOLDFAST_XDP_ASSERT(xdp_gate_reasons <= XDP_GATE_REASONS_MAX);

// An address and port that are answered for; port 0: no entry. IPv4 as ::ffff:a.b.c.d. All in
// network order.
struct XdpGateDestination {
  __u32 address[4];
  __u16 port;
  __u16 unused;
};
HOLDFAST_XDP_ASSERT(sizeof(struct XdpGateDestination) == 20);

struct XdpGateState {
  __u32 current;  // which of the tables is read; the other is the writer's
  __u32 lane;     // for whatever the shield does not classify
  __u8 hardware_address[6];
  __u8 unused[2];
  __u8 open[XDP_GATE_QUEUES_MAX];  // 1: this queue's packets are taken
  struct XdpGateDestination destinations[2][XDP_GATE_DESTINATIONS_MAX];
};
HOLDFAST_XDP_ASSERT(sizeof(struct XdpGateState) == 16 + 128 + 2 * 256 * 20);

// By queue: the kernel handles one queue on one processor at a time, so nothing is lost.
struct XdpGateCounters {
  __u64 packets[XDP_GATE_QUEUES_MAX][XDP_GATE_REASONS_MAX];
};
HOLDFAST_XDP_ASSERT(sizeof(struct XdpGateCounters) == 128 * 16 * 8);

// Where a destination is looked for first; then in the places behind it.
static inline __u32 xdp_gate_place(const __u32 address[4], __u16 port) {
  const __u32 mixed = address[0] ^ (address[1] * 3u) ^ (address[2] * 5u) ^ (address[3] * 7u) ^ port;
  return (mixed * 0x9e3779b1u) >> 24;
}
HOLDFAST_XDP_ASSERT(XDP_GATE_DESTINATIONS_MAX == 1 << 8);
