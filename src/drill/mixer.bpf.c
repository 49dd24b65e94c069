// SPDX-License-Identifier: GPL-3.0-or-later
// Lets several generators send side by side: each frame is offered to the next of them in turn, and
// written by it if it has something due.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "drill/generator_layout.h"

const volatile struct MixerPlan plan = {};
struct MixerState state = {};

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, mixed_generators_max);
  __type(key, __u32);
  __type(value, __u32);
} generators SEC(".maps");

SEC("xdp")
int mix(struct xdp_md* context) {
  const __u32 turn = state.turn + 1 < plan.generators ? state.turn + 1 : 0;
  state.turn = turn;
  bpf_tail_call(context, &generators, turn);
  return XDP_DROP;
}

const char license_name[] SEC("license") = "GPL";
