// SPDX-License-Identifier: GPL-3.0-or-later
// What the XDP program (xdp_gate.bpf.c) and its owner share: destinations, lanes, counters.
//
// Read by C for the kernel and by C++. User space maps the program's data and writes it without a
// system call, so that nobody needs a right for it: the supervisor is the one writer of
// XdpGateState, the program of XdpGateCounters. Every size is asserted on both sides. What the
// shield knows and orders is in source_layout.h and name_filter_layout.h.
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
  // Handed to an AF_XDP socket; the first two while no order is in force.
  xdp_taken_trusted = 0,
  xdp_taken_others,
  // By class, in the order of ShieldClass: the first two to the trusted lane.
  xdp_taken_proved,
  xdp_taken_known,
  xdp_taken_known_odd,
  xdp_taken_unknown_slow,
  xdp_taken_absent_name,
  xdp_taken_unknown_fast,
  // Left to the kernel and its sockets.
  xdp_passed_protocol,     // neither UDP nor TCP over IPv4 or IPv6; VLAN tags
  xdp_passed_syn,          // begins a TCP connection
  xdp_passed_stream,       // other segments
  xdp_passed_destination,  // an address, port or hardware address that is not ours
  xdp_passed_fragment,
  xdp_passed_options,    // IPv4 options, IPv6 extension headers
  xdp_passed_length,     // lengths that contradict each other or the frame
  xdp_passed_surplus,    // bytes behind the datagram, which may be options of UDP (RFC 9868)
  xdp_passed_opcode,     // not QUERY
  xdp_passed_closed,     // the queue is closed: its worker takes nothing
  xdp_passed_no_socket,  // no socket stands in the slot
  xdp_passed_shielded,   // let through, where the kernel's sockets take all
  // Answered by the program.
  xdp_replied_truncated,  // TC: ask over TCP
  xdp_replied_cookie,     // BADCOOKIE, with a good one
  xdp_replied_nxdomain,   // the name does not exist, in a zone under attack
  // Dropped.
  xdp_dropped_response,     // QR is set: reflected, or a loop
  xdp_dropped_source_port,  // 0: nowhere to send an answer to
  xdp_dropped_source,       // an address that nobody can have, or the packet's own destination
  xdp_dropped_short,        // no whole DNS header, or a datagram longer than its packet
  xdp_dropped_syn,          // SYNs are limited, and nothing is left for its sender
  // By class, for want of capacity.
  xdp_dropped_proved,
  xdp_dropped_known,
  xdp_dropped_known_odd,
  xdp_dropped_unknown_slow,
  xdp_dropped_absent_name,
  xdp_dropped_unknown_fast,
  xdp_dropped_unjudged,  // unknown, and nothing is left for such whatever their class
  // For its form, while there is too much to answer.
  xdp_dropped_malformed,  // no question that could be answered but by a word of its error
  xdp_dropped_opcode,     // not QUERY
  xdp_gate_reasons,
};
#define XDP_GATE_REASONS_MAX 64
HOLDFAST_XDP_ASSERT(xdp_gate_reasons <= XDP_GATE_REASONS_MAX);

// An address and port that are answered for; port 0: no entry. IPv4 as ::ffff:a.b.c.d. All in
// network order.
struct XdpGateDestination {
  __u32 address[4];
  __u16 port;
  __u16 unused;
};
HOLDFAST_XDP_ASSERT(sizeof(struct XdpGateDestination) == 20);

// What is done with a queue's packets.
enum XdpGateDoor {
  xdp_door_closed = 0,  // left to the kernel
  xdp_door_open,        // handed to the queue's AF_XDP sockets
  xdp_door_kernel,      // let through to the kernel by the shield's orders
};

struct XdpGateState {
  __u32 current;  // which of the tables is read; the other is the writer's
  __u32 lane;     // for whatever the shield does not classify
  __u16 hardware_address[3];
  __u8 replies;  // 1: TC and BADCOOKIE may be sent from here
  __u8 unused;
  __u8 door[XDP_GATE_QUEUES_MAX];     // XdpGateDoor
  __u16 worker[XDP_GATE_QUEUES_MAX];  // whose orders hold for the queue
  __u32 share[XDP_GATE_QUEUES_MAX];   // of what these orders admit a second, in 1/256
  struct XdpGateDestination destinations[2][XDP_GATE_DESTINATIONS_MAX];
};
HOLDFAST_XDP_ASSERT(sizeof(struct XdpGateState) == 16 + 7 * 128 + 2 * 256 * 20);

// By queue: the kernel handles one queue on one processor at a time, so nothing is lost.
struct XdpGateCounters {
  __u64 packets[XDP_GATE_QUEUES_MAX][XDP_GATE_REASONS_MAX];
  // Let through because the measure is in dry run: what would have become of them.
  __u64 would[XDP_GATE_QUEUES_MAX][XDP_GATE_REASONS_MAX];
};
HOLDFAST_XDP_ASSERT(sizeof(struct XdpGateCounters) == 2 * 128 * 64 * 8);

// Which sources the table of those known says anything of: two bits of one word for each, by hash.
// The table is larger than a processor's nearest caches, and in a flood from everywhere each look
// at it would be a miss: so nobody looks whose bits are not set. Written by the supervisor each
// second.
#define XDP_GATE_KNOWN_WORDS (1u << 13)
struct XdpGateKnown {
  __u64 words[XDP_GATE_KNOWN_WORDS];
};
HOLDFAST_XDP_ASSERT(sizeof(struct XdpGateKnown) == 64 * 1024);

static inline __u32 xdp_gate_known_word(__u32 line) { return line & (XDP_GATE_KNOWN_WORDS - 1); }
static inline __u64 xdp_gate_known_bits(__u32 tag) {
  return 1ULL << (tag & 63) | 1ULL << (tag >> 6 & 63);
}

// Where a destination is looked for first; then in the places behind it.
static inline __u32 xdp_gate_place(const __u32 address[4], __u16 port) {
  const __u32 mixed = address[0] ^ (address[1] * 3u) ^ (address[2] * 5u) ^ (address[3] * 7u) ^ port;
  return (mixed * 0x9e3779b1u) >> 24;
}
HOLDFAST_XDP_ASSERT(XDP_GATE_DESTINATIONS_MAX == 1 << 8);
