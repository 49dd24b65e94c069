// SPDX-License-Identifier: GPL-3.0-or-later
// The floors in the kernel: drop each question, or return it from where it came in.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("xdp")
int floor_drop(struct xdp_md* context) {
  (void)context;
  return XDP_DROP;
}

const char license_name[] SEC("license") = "GPL";
