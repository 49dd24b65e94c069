// SPDX-License-Identifier: GPL-3.0-or-later
// Counts the answers that reach the load's end of a laboratory, by label, and drops them there.
//
// What a simulated client asked ends here. Answers to sockets (labels 0 and 7), ARP, neighbour
// discovery and all else go on into the kernel. Checksums are not looked at: a veth leaves them to
// hardware that it does not have.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "drill/counter_layout.h"

#define FRAGMENT_BITS 0x3FFF  // more fragments, and the offset
#define NEXTHDR_FRAGMENT 44

const volatile struct CounterPlan plan = {};
struct CounterState state = {};

// The generator's, shared with it while loading; alone, it says nothing.
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, stamp_count);
  __type(key, __u32);
  __type(value, __u64);
} stamps SEC(".maps");

struct DnsHeader {
  __u16 id;
  __u8 flags;  // QR, opcode, AA, TC, RD
  __u8 rcode;
  __u16 counts[4];
};

// The UDP header, or null for what is passed on; fragments that are ours to count say so.
static __always_inline const struct udphdr* find_udp(const void* at, const void* end,
                                                     int* is_fragment) {
  const struct ethhdr* ethernet = at;
  if ((const void*)(ethernet + 1) > end) return 0;
  if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
    const struct iphdr* ip = (const struct iphdr*)(ethernet + 1);
    if ((const void*)(ip + 1) > end || ip->ihl != 5 || ip->protocol != IPPROTO_UDP) return 0;
    *is_fragment = (ip->frag_off & bpf_htons(FRAGMENT_BITS)) != 0;
    return (const struct udphdr*)(ip + 1);
  }
  if (ethernet->h_proto == bpf_htons(ETH_P_IPV6)) {
    const struct ipv6hdr* ip = (const struct ipv6hdr*)(ethernet + 1);
    if ((const void*)(ip + 1) > end) return 0;
    *is_fragment = ip->nexthdr == NEXTHDR_FRAGMENT;
    if (!*is_fragment && ip->nexthdr != IPPROTO_UDP) return 0;
    return (const struct udphdr*)(ip + 1);
  }
  return 0;
}

// Whether it belongs to a TCP connection that a generator has begun: nobody is there to go on, and
// the kernel must not say so to the server.
static __always_inline int is_tcp_of_generator(const void* at, const void* end) {
  const struct ethhdr* ethernet = at;
  const struct iphdr* ip = (const struct iphdr*)(ethernet + 1);
  const __be16* ports = (const __be16*)(ip + 1);
  if ((const void*)(ports + 2) > end || ethernet->h_proto != bpf_htons(ETH_P_IP)) return 0;
  if (ip->ihl != 5 || ip->protocol != IPPROTO_TCP) return 0;
  const __u32 label = bpf_ntohs(ports[1]) >> label_shift;
  return ports[0] == bpf_htons(plan.server_port) && label != label_none && label < label_sockets;
}

// The answer to a measured question: how long after it left, once.
static __always_inline void take_time(const struct DnsHeader* dns, __u64 now) {
  __u32 id = bpf_ntohs(dns->id);
  __u64* stamp = bpf_map_lookup_elem(&stamps, &id);
  if (!stamp || *stamp == 0) return;
  const __u64 bucket = histogram_bucket(now > *stamp ? now - *stamp : 0);
  *stamp = 0;
  if (bucket < histogram_buckets) ++state.times[bucket];
}

SEC("xdp")
int count_answers(struct xdp_md* context) {
  const void* data = (const void*)(long)context->data;
  const void* end = (const void*)(long)context->data_end;
  if (is_tcp_of_generator(data, end)) return XDP_DROP;
  int is_fragment = 0;
  const struct udphdr* udp = find_udp(data, end, &is_fragment);
  if (!udp) return XDP_PASS;
  if (is_fragment) {
    ++state.fragments;
    return XDP_DROP;
  }
  const struct DnsHeader* dns = (const struct DnsHeader*)(udp + 1);
  if ((const void*)(udp + 1) > end) return XDP_PASS;
  if (udp->source != bpf_htons(plan.server_port)) return XDP_PASS;
  const __u32 label = bpf_ntohs(udp->dest) >> label_shift;
  if (label == label_none || label >= label_sockets) return XDP_PASS;
  if ((const void*)(dns + 1) > end || !(dns->flags & 0x80)) {
    ++state.malformed;
    return XDP_DROP;
  }
  struct AnswerCounts* counts = &state.labels[label];
  ++counts->answers;
  counts->bytes += bpf_ntohs(udp->len) - sizeof *udp;
  if (dns->flags & 0x02) ++counts->truncated;
  if (dns->counts[1] != 0) ++counts->with_records;
  ++counts->rcodes[dns->rcode & (rcode_count - 1)];
  const __u64 now = bpf_ktime_get_ns();
  if (now < state.until_ns) ++state.in_time;
  if (label == label_measured) take_time(dns, now);
  return XDP_DROP;
}

const char license_name[] SEC("license") = "GPL";
