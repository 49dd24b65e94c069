// SPDX-License-Identifier: GPL-3.0-or-later
// The least that can be done about a flood: what carries the label of one is dropped, the rest goes
// on. No defence can do this, as none is told; it is what the machine sustains at best.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "drill/generator_layout.h"

SEC("xdp")
int drop_labelled(struct xdp_md* context) {
  const void* data = (const void*)(long)context->data;
  const void* end = (const void*)(long)context->data_end;
  const struct ethhdr* ethernet = data;
  const struct iphdr* ip = (const struct iphdr*)(ethernet + 1);
  const __be16* source_port = (const __be16*)(ip + 1);  // of UDP and of TCP alike
  if ((const void*)(source_port + 1) > end) return XDP_PASS;
  if (ethernet->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5) return XDP_PASS;
  if (ip->protocol != IPPROTO_UDP && ip->protocol != IPPROTO_TCP) return XDP_PASS;
  const __u32 label = bpf_ntohs(*source_port) >> label_shift;
  return label == label_none || label >= label_measured ? XDP_PASS : XDP_DROP;
}

const char license_name[] SEC("license") = "GPL";
