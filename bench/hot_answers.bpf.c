// SPDX-License-Identifier: GPL-3.0-or-later
// A trial: questions for names in a table are answered in the kernel's receive path (XDP_TX), all
// others are passed on. Only what such a path would take at first: IPv4, one question, no EDNS.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "hot_answers_layout.h"

#define BYTES(word) (0x0101010101010101ULL * (word))
#define RESPONSE_AUTHORITATIVE 0x8400
#define QUESTION_MASK 0xF800 /* response and opcode */
#define TYPE_AND_CLASS_BYTES 4

const volatile struct HotPlan plan = {};
struct HotState state = {};

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, hot_entries_max);
  __type(key, struct HotQuestion);
  __type(value, struct HotAnswer);
} hot_answers SEC(".maps");

struct DnsHeader {
  __u16 id;
  __u16 flags;
  __u16 counts[4];
};

struct Frame {
  struct ethhdr ethernet;
  struct iphdr ip;
  struct udphdr udp;
  struct DnsHeader dns;
} __attribute__((packed));

static __always_inline __u64 fold_case(__u64 word) {
  const __u64 low = word & BYTES(0x7F);
  const __u64 at_least_a = low + BYTES(0x80 - 'A');
  const __u64 above_z = low + BYTES(0x7F - 'Z');
  return word | (((at_least_a ^ above_z) & ~word & BYTES(0x80)) >> 2);
}

// The checksum after its data grew by `more`, the sum of 16-bit words (RFC 1624).
static __always_inline __u16 add_to_checksum(__u16 checksum, __u32 more) {
  __u32 sum = (__u16)~bpf_ntohs(checksum) + more;
  sum = (sum & 0xFFFF) + (sum >> 16);
  sum = (sum & 0xFFFF) + (sum >> 16);
  return bpf_htons((__u16)~sum);
}

// 0 if it is a question that the table may have.
static __always_inline int read_question(struct xdp_md* context, struct HotQuestion* question,
                                         __u32* name_bytes) {
  const struct Frame* frame = (const void*)(long)context->data;
  if ((const void*)(frame + 1) > (const void*)(long)context->data_end) return 1;
  if (frame->ethernet.h_proto != bpf_htons(ETH_P_IP) || frame->ip.ihl != 5 ||
      frame->ip.protocol != IPPROTO_UDP || (frame->ip.frag_off & bpf_htons(0xBFFF)) ||
      frame->udp.dest != bpf_htons(plan.port)) {
    return 1;
  }
  ++state.received;
  const struct DnsHeader* dns = &frame->dns;
  if ((dns->flags & bpf_htons(QUESTION_MASK)) || dns->counts[0] != bpf_htons(1) || dns->counts[1] ||
      dns->counts[2] || dns->counts[3]) {
    return 1;
  }
  // Nothing else follows, so the length tells where the name ends; a wrong one finds nothing.
  const __u32 rest = bpf_ntohs(frame->udp.len) - sizeof(struct udphdr) - sizeof *dns;
  const __u32 bytes = rest - TYPE_AND_CLASS_BYTES;
  if (bytes == 0 || bytes > hot_name_bytes) return 1;
  if (bpf_xdp_load_bytes(context, sizeof *frame, question->name, bytes)) return 1;
  __u16 type_and_class[2];
  if (bpf_xdp_load_bytes(context, sizeof *frame + bytes, type_and_class, sizeof type_and_class)) {
    return 1;
  }
  if (type_and_class[1] != bpf_htons(1)) return 1;
#pragma unroll
  for (int word = 0; word < hot_name_bytes / 8; ++word) {
    ((__u64*)question->name)[word] = fold_case(((__u64*)question->name)[word]);
  }
  __u32* last = (__u32*)(question->name + hot_name_bytes - 4);
  *last = (__u32)fold_case(*last);
  question->type = type_and_class[0];
  *name_bytes = bytes;
  return 0;
}

static __always_inline void turn_round(struct Frame* frame, const struct HotAnswer* answer,
                                       __u32 answer_bytes, __u32 name_bytes) {
  __u8 mac[ETH_ALEN];
  __builtin_memcpy(mac, frame->ethernet.h_dest, ETH_ALEN);
  __builtin_memcpy(frame->ethernet.h_dest, frame->ethernet.h_source, ETH_ALEN);
  __builtin_memcpy(frame->ethernet.h_source, mac, ETH_ALEN);
  const __be32 address = frame->ip.saddr;
  frame->ip.saddr = frame->ip.daddr;
  frame->ip.daddr = address;
  const __be16 port = frame->udp.source;
  frame->udp.source = frame->udp.dest;
  frame->udp.dest = port;
  frame->ip.tot_len = bpf_htons(bpf_ntohs(frame->ip.tot_len) + answer_bytes);
  frame->ip.check = add_to_checksum(frame->ip.check, answer_bytes);
  frame->udp.len = bpf_htons(bpf_ntohs(frame->udp.len) + answer_bytes);
  frame->dns.flags |= bpf_htons(RESPONSE_AUTHORITATIVE);
  frame->dns.counts[1] = bpf_htons(answer->records);
  if (frame->udp.check == 0) return;
  __u32 sum = (answer->sum & 0xFFFF) + (answer->sum >> 16);
  sum = (sum & 0xFFFF) + (sum >> 16);
  // The records begin at an odd place behind a name of odd length.
  if (name_bytes & 1) sum = ((sum & 0xFF) << 8) | (sum >> 8);
  const __u16 check = add_to_checksum(
      frame->udp.check, sum + 2 * answer_bytes + RESPONSE_AUTHORITATIVE + answer->records);
  frame->udp.check = check != 0 ? check : 0xFFFF;
}

SEC("xdp")
int answer_hot(struct xdp_md* context) {
  struct HotQuestion question = {};
  __u32 name_bytes = 0;
  if (read_question(context, &question, &name_bytes)) return XDP_PASS;
  struct HotAnswer* answer = bpf_map_lookup_elem(&hot_answers, &question);
  if (!answer) return XDP_PASS;
  const __u32 bytes = answer->bytes;
  if (bytes == 0 || bytes > hot_answer_bytes_max) return XDP_PASS;
  if (bpf_xdp_adjust_tail(context, (int)bytes)) return XDP_PASS;
  const __u32 at = sizeof(struct Frame) + name_bytes + TYPE_AND_CLASS_BYTES;
  if (bpf_xdp_store_bytes(context, at, answer->wire, bytes)) return XDP_ABORTED;
  struct Frame* frame = (void*)(long)context->data;
  if ((void*)(frame + 1) > (void*)(long)context->data_end) return XDP_ABORTED;
  turn_round(frame, answer, bytes, name_bytes);
  ++state.answered;
  return XDP_TX;
}

const char license_name[] SEC("license") = "GPL";
