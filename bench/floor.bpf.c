// SPDX-License-Identifier: GPL-3.0-or-later
// The floors in the kernel: each question is dropped, returned from where it came in, or handed to
// an AF_XDP socket. Nothing more is looked at than what tells questions from the rest.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "floor_layout.h"

#define DNS_HEADER_BYTES 12
#define RESPONSE_BIT 0x8000

const volatile struct FloorPlan plan = {};
struct FloorState state = {};

struct {
  __uint(type, BPF_MAP_TYPE_XSKMAP);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} sockets SEC(".maps");

struct Question {
  struct ethhdr* ethernet;
  struct iphdr* ipv4;  // or
  struct ipv6hdr* ipv6;
  struct udphdr* udp;
  __u16* flags;
};

// 0 if it is one.
static __always_inline int find_question(struct xdp_md* context, struct Question* question) {
  void* data = (void*)(long)context->data;
  void* end = (void*)(long)context->data_end;
  struct ethhdr* ethernet = data;
  if ((void*)(ethernet + 1) > end) return 1;
  question->ethernet = ethernet;
  if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
    struct iphdr* ip = (struct iphdr*)(ethernet + 1);
    if ((void*)(ip + 1) > end || ip->ihl != 5 || ip->protocol != IPPROTO_UDP) return 1;
    question->ipv4 = ip;
    question->udp = (struct udphdr*)(ip + 1);
  } else if (ethernet->h_proto == bpf_htons(ETH_P_IPV6)) {
    struct ipv6hdr* ip = (struct ipv6hdr*)(ethernet + 1);
    if ((void*)(ip + 1) > end || ip->nexthdr != IPPROTO_UDP) return 1;
    question->ipv6 = ip;
    question->udp = (struct udphdr*)(ip + 1);
  } else {
    return 1;
  }
  struct udphdr* udp = question->udp;
  if ((void*)(udp + 1) + DNS_HEADER_BYTES > end || udp->dest != bpf_htons(plan.port)) return 1;
  question->flags = (__u16*)(udp + 1) + 1;
  ++state.received;
  return 0;
}

static __always_inline void swap_macs(struct ethhdr* ethernet) {
  __u8 mac[ETH_ALEN];
  __builtin_memcpy(mac, ethernet->h_dest, ETH_ALEN);
  __builtin_memcpy(ethernet->h_dest, ethernet->h_source, ETH_ALEN);
  __builtin_memcpy(ethernet->h_source, mac, ETH_ALEN);
}

// The checksum after a 16-bit word grew by `more` (RFC 1624).
static __always_inline __u16 add_to_checksum(__u16 checksum, __u32 more) {
  __u32 sum = (__u16)~bpf_ntohs(checksum) + more;
  sum = (sum & 0xFFFF) + (sum >> 16);
  return bpf_htons((__u16)~sum);
}

SEC("xdp")
int floor_drop(struct xdp_md* context) {
  struct Question question = {};
  return find_question(context, &question) ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int floor_tx(struct xdp_md* context) {
  struct Question question = {};
  if (find_question(context, &question)) return XDP_PASS;
  swap_macs(question.ethernet);
  if (question.ipv4) {
    const __be32 address = question.ipv4->saddr;
    question.ipv4->saddr = question.ipv4->daddr;
    question.ipv4->daddr = address;
  } else if (question.ipv6) {
    const struct in6_addr address = question.ipv6->saddr;
    question.ipv6->saddr = question.ipv6->daddr;
    question.ipv6->daddr = address;
  }
  const __be16 port = question.udp->source;
  question.udp->source = question.udp->dest;
  question.udp->dest = port;
  if (!(*question.flags & bpf_htons(RESPONSE_BIT))) {
    *question.flags |= bpf_htons(RESPONSE_BIT);
    question.udp->check = add_to_checksum(question.udp->check, RESPONSE_BIT);
  }
  ++state.answered;
  return XDP_TX;
}

SEC("xdp")
int floor_redirect(struct xdp_md* context) {
  struct Question question = {};
  if (find_question(context, &question)) return XDP_PASS;
  return bpf_redirect_map(&sockets, 0, XDP_PASS);
}

const char license_name[] SEC("license") = "GPL";
