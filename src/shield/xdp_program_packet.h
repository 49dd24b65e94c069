// SPDX-License-Identifier: GPL-3.0-or-later
// The first stage of the XDP program: is this a plain question for one of our addresses?
//
// No loops over packet bytes and no helper: some 10 ns. Whatever is odd is left to the kernel, and
// so is TCP: of that it is told whether it begins a connection to us.
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "shield/xdp_gate_layout.h"

// Has each field written once, where it is found. The compiler would keep them all in registers, of
// which there are ten, and write every one anew before each of the ways out of the first stage.
#define GATE_IN_MEMORY(thing) asm volatile("" : : "r"(&(thing)) : "memory")

struct XdpGateState gate_state SEC(".data.state") = {.lane = xdp_lane_others};

struct DnsHeader {
  __u16 id;
  __u8 flags;  // QR, opcode, AA, TC, RD
  __u8 more_flags;
  __u16 counts[4];
};
_Static_assert(sizeof(struct DnsHeader) == 12, "RFC 1035 §4.1.1");
#define UDP_DNS_BYTES_MIN (sizeof(struct udphdr) + sizeof(struct DnsHeader))

// One question on its way through the program.
struct Packet {
  const void* end;
  __u32 source[4];  // as in XdpGateDestination
  __u32 destination[4];
  __u32 hop;             // TTL or hop limit
  __u32 payload_bytes;   // what the IP header says follows it
  __u32 ip_bytes;        // of its header
  __u32 has_additional;  // records, of which one may be OPT
  __u32 is_stream;       // TCP, whose ports stand where those of UDP do
  __u32 is_noted;        // something may be known of its source; like what follows, under orders
  const struct udphdr* udp;
  __u64 source_hash;
};

// An Ethernet header in words: the kernel's own struct is packed, and read byte by byte.
struct FrameWords {
  __u16 to[3];
  __u16 from[3];
  __u16 protocol;
};
_Static_assert(sizeof(struct FrameWords) == sizeof(struct ethhdr), "the same header");

static __always_inline int is_same_hardware(const __u16 to[3]) {
  const __u16* ours = gate_state.hardware_address;
  return ((to[0] ^ ours[0]) | (to[1] ^ ours[1]) | (to[2] ^ ours[2])) == 0;
}

static __always_inline enum XdpGateReason read_ipv4(const void* at, struct Packet* packet) {
  const struct iphdr* ip = at;
  if ((const void*)(ip + 1) > packet->end) return xdp_passed_length;
  if (ip->version != 4) return xdp_passed_protocol;
  packet->is_stream = ip->protocol == IPPROTO_TCP;
  if (ip->protocol != IPPROTO_UDP && !packet->is_stream) return xdp_passed_protocol;
  if (ip->ihl != 5) return xdp_passed_options;
  // DF alone may be set.
  if (ip->frag_off & bpf_htons(0xbfff)) return xdp_passed_fragment;
  const __u32 total = bpf_ntohs(ip->tot_len);
  if (total < sizeof *ip || at + total > packet->end) return xdp_passed_length;
  packet->payload_bytes = total - sizeof *ip;
  packet->ip_bytes = sizeof *ip;
  packet->hop = ip->ttl;
  packet->source[0] = packet->source[1] = 0;
  packet->source[2] = bpf_htonl(0xffff);
  packet->source[3] = ip->saddr;
  packet->destination[0] = packet->destination[1] = 0;
  packet->destination[2] = bpf_htonl(0xffff);
  packet->destination[3] = ip->daddr;
  packet->udp = (const void*)(ip + 1);
  return xdp_taken_others;
}

static __always_inline int is_extension(__u8 next_header) {
  return next_header == IPPROTO_HOPOPTS || next_header == IPPROTO_ROUTING ||
         next_header == IPPROTO_DSTOPTS || next_header == IPPROTO_AH;
}

static __always_inline enum XdpGateReason read_ipv6(const void* at, struct Packet* packet) {
  const struct ipv6hdr* ip = at;
  if ((const void*)(ip + 1) > packet->end) return xdp_passed_length;
  if (ip->version != 6) return xdp_passed_protocol;
  packet->is_stream = ip->nexthdr == IPPROTO_TCP;
  if (ip->nexthdr != IPPROTO_UDP && !packet->is_stream) {
    if (ip->nexthdr == IPPROTO_FRAGMENT) return xdp_passed_fragment;
    return is_extension(ip->nexthdr) ? xdp_passed_options : xdp_passed_protocol;
  }
  const __u32 payload = bpf_ntohs(ip->payload_len);
  if (at + sizeof *ip + payload > packet->end) return xdp_passed_length;
  packet->payload_bytes = payload;
  packet->ip_bytes = sizeof *ip;
  packet->hop = ip->hop_limit;
  __builtin_memcpy(packet->source, &ip->saddr, 16);
  __builtin_memcpy(packet->destination, &ip->daddr, 16);
  packet->udp = (const void*)(ip + 1);
  return xdp_taken_others;
}

static __always_inline int is_same_address(const __u32 a[4], const __u32 b[4]) {
  return a[3] == b[3] && a[2] == b[2] && a[1] == b[1] && a[0] == b[0];
}

static __always_inline int is_ours(const struct Packet* packet, __u16 port) {
  const __u32 current = gate_state.current & 1;
  const __u32 place = xdp_gate_place(packet->destination, port);
#pragma unroll
  for (__u32 i = 0; i < XDP_GATE_PROBES; ++i) {
    const struct XdpGateDestination* entry =
        &gate_state.destinations[current][(place + i) & (XDP_GATE_DESTINATIONS_MAX - 1)];
    if (entry->port == 0) return 0;
    if (entry->port == port && is_same_address(entry->address, packet->destination)) return 1;
  }
  return 0;
}

// Source addresses that the kernel would call martian, for which no answer could be sent.
static __always_inline int is_impossible_source(const struct Packet* packet) {
  const __u32* from = packet->source;
  if (is_same_address(from, packet->destination)) return 1;
  if (from[0] == 0 && from[1] == 0) {
    if (from[2] == 0) return from[3] == 0 || from[3] == bpf_htonl(1);  // :: and ::1
    if (from[2] != bpf_htonl(0xffff)) return 0;
    const __u32 first = bpf_ntohl(from[3]) >> 24;
    return first == 0 || first == 127 || (first & 0xf0) == 224 || from[3] == 0xffffffff;
  }
  return (bpf_ntohl(from[0]) >> 24) == 0xff;  // multicast
}

static __always_inline enum XdpGateReason read_stream(const struct Packet* packet) {
  const struct tcphdr* tcp = (const void*)packet->udp;
  if ((const void*)(tcp + 1) > packet->end) return xdp_passed_length;
  return tcp->syn && !tcp->ack ? xdp_passed_syn : xdp_passed_stream;
}

// What a parser would refuse that can be seen without a loop: counts that no question has, and a
// first label that is none or longer than what follows. RFC 1035 §4.1.1, §3.1; IXFR has a record in
// its authority section (RFC 1995 §3), TSIG one behind OPT.
static __always_inline int is_malformed(const struct Packet* packet) {
  const struct DnsHeader* dns = (const void*)(packet->udp + 1);
  const __u8* first = (const __u8*)(dns + 1);
  if ((const void*)(first + 1) > packet->end) return 1;
  const __u16* counts = dns->counts;
  if (counts[0] != bpf_htons(1) || counts[1] != 0) return 1;
  if ((counts[2] & ~bpf_htons(1)) != 0 || (counts[3] & ~bpf_htons(3)) != 0) return 1;
  const __u32 label = *first;
  if (label > 63) return 1;
  // Type and class follow, and the root's label behind any other.
  const __u32 least = label + 5 + (label != 0);
  return packet->payload_bytes < sizeof(struct udphdr) + sizeof *dns + least;
}

// xdp_taken_others if it is a question, xdp_passed_syn if it begins a connection.
static __always_inline enum XdpGateReason read_packet(struct xdp_md* context, __u32 queue,
                                                      struct Packet* packet) {
  packet->end = (const void*)(long)context->data_end;
  const struct FrameWords* frame = (const void*)(long)context->data;
  if ((const void*)(frame + 1) > packet->end) return xdp_passed_length;
  enum XdpGateReason reason = xdp_passed_protocol;
  if (frame->protocol == bpf_htons(ETH_P_IP)) reason = read_ipv4(frame + 1, packet);
  if (frame->protocol == bpf_htons(ETH_P_IPV6)) reason = read_ipv6(frame + 1, packet);
  if (reason != xdp_taken_others) return reason;

  const struct udphdr* udp = packet->udp;
  if ((const void*)(udp + 1) > packet->end) return xdp_passed_length;
  if (!is_ours(packet, udp->dest)) return xdp_passed_destination;
  // A frame for another machine or for all is the kernel's to judge, and so is a group that asks.
  if (!is_same_hardware(frame->to) || (frame->from[0] & bpf_htons(0x0100)) != 0) {
    return xdp_passed_destination;
  }
  if (packet->is_stream) return read_stream(packet);
  const __u32 udp_bytes = bpf_ntohs(udp->len);
  if (udp->source == 0) return xdp_dropped_source_port;
  if (is_impossible_source(packet)) return xdp_dropped_source;

  const struct DnsHeader* dns = (const void*)(udp + 1);
  if (udp_bytes < UDP_DNS_BYTES_MIN || udp_bytes > packet->payload_bytes ||
      (const void*)(dns + 1) > packet->end) {
    return xdp_dropped_short;
  }
  if (udp_bytes < packet->payload_bytes) return xdp_passed_surplus;
  if (dns->flags & 0x80) return xdp_dropped_response;
  if (dns->flags & 0x78) return xdp_passed_opcode;
  packet->has_additional = dns->counts[3];
  return queue < XDP_GATE_QUEUES_MAX ? xdp_taken_others : xdp_passed_closed;
}
