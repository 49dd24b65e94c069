// SPDX-License-Identifier: GPL-3.0-or-later
// Writes one DNS question into the frame it is given and sends it into the laboratory's veth.
//
// Run by BPF_PROG_TEST_RUN with live frames, in a loop that the kernel makes. Frames are used again
// without being cleared, by whoever received them, so every byte is written each time. Between two
// questions that are due the program spins: a frame that is not needed costs some 30 ns.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "drill/generator_layout.h"

#define NS_PER_S 1000000000ULL
#define DONT_FRAGMENT 0x4000
#define MORE_FRAGMENTS 0x2000
#define LATER_FRAGMENT 185  // the offset behind 1,480 bytes, in eights
#define TCP_SYN 0x5002      // five words of header, the SYN bit
#define TCP_WINDOW 64240

const volatile struct GeneratorPlan plan = {};
struct GeneratorState state = {};

// Sizes are set before loading.
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct GeneratorSource);
} sources SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __uint(key_size, sizeof(__u32));
  __uint(value_size, sizeof(struct GeneratorQuestion) + question_bytes_max);
} questions SEC(".maps");

// Question numbers, each as often as its popularity has it.
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} draws SEC(".maps");

// When the measured question with this id left; the counter reads it.
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, stamp_count);
  __type(key, __u32);
  __type(value, __u64);
} stamps SEC(".maps");

struct DnsHeader {
  __u16 id;
  __u16 flags;
  __u16 counts[4];
};

struct TcpHeader {
  __be16 source;
  __be16 dest;
  __be32 sequence;
  __be32 acknowledged;
  __be16 flags;
  __be16 window;
  __be16 check;
  __be16 urgent;
};

struct Draw {
  __u16 id;
  __u16 port;
  __u8 hop_limit;
  __be32 ipv4;  // the source
  __u32 source_sum;
  const struct GeneratorSource* source;
  const struct GeneratorQuestion* question;
};

// SplitMix64 (Steele, Lea, Flood 2014).
static __always_inline __u64 next_random(void) {
  state.random += 0x9E3779B97F4A7C15ULL;
  __u64 mixed = state.random;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
  return mixed ^ (mixed >> 31);
}

// `bits` of 32 random ones, as a number below `bound`.
static __always_inline __u32 below(__u32 bound, __u32 bits) { return ((__u64)bits * bound) >> 32; }

static __always_inline __u16 finish_checksum(__u32 sum) {
  sum = (sum & 0xFFFF) + (sum >> 16);
  sum = (sum & 0xFFFF) + (sum >> 16);
  return ~sum;
}

// Whether a question would leave too soon behind those before it. What this processor's hiccups
// have left behind is made good at a pace somewhat above the rate, not in a burst that no network
// would deliver and no ring would hold.
static __always_inline int hurries_too_much(__u64 now) {
  if (state.hurry_ns > now + state.hurry_burst_ns) return 1;
  state.hurry_ns = (state.hurry_ns > now ? state.hurry_ns : now) + state.hurry_gap_ns;
  return 0;
}

// 0 if a question is due at `now`, with what is too far behind given up.
static __always_inline int wait_for_due(__u64 now) {
  if (now >= state.end_ns || now < state.start_ns) return 1;
  if (state.rate_per_s == 0) return 0;
  const __u64 scheduled = (now - state.start_ns) * state.rate_per_s / NS_PER_S;
  if (state.due >= scheduled) return 1;
  if (scheduled - state.due > state.backlog_max) {
    state.missed += scheduled - state.due - state.backlog_max;
    state.due = scheduled - state.backlog_max;
  }
  return hurries_too_much(now);
}

// An address made up anew keeps its hop count each time that it comes.
static __always_inline void make_up_source(struct Draw* draw, __u32 random) {
  const __u32 host = random & ((1U << (plan.random_bits & 31)) - 1);
  const __u32 address = bpf_ntohl(draw->ipv4) | host;
  draw->ipv4 = bpf_htonl(address);
  draw->source_sum = (address >> 16) + (address & 0xFFFF);
  draw->hop_limit = 40 + ((host * 0x9E3779B1U) >> 28);
}

// 0 if all of it was found.
static __always_inline int draw_question(struct Draw* draw) {
  const __u64 random = next_random();
  const __u64 more = next_random();
  draw->id = more;
  draw->port = plan.first_port + ((more >> 16) & (ports_per_label - 1));
  __u32 source = below(plan.source_count, random);
  draw->source = bpf_map_lookup_elem(&sources, &source);
  __u32 question = random >> 32;
  if (plan.draw_count != 0) {
    question &= plan.draw_count - 1;
    const __u32* drawn = bpf_map_lookup_elem(&draws, &question);
    if (!drawn) return 1;
    question = *drawn;
  } else {
    question = below(plan.question_count, question);
  }
  draw->question = bpf_map_lookup_elem(&questions, &question);
  if (!draw->source || !draw->question) return 1;
  draw->hop_limit = draw->source->hop_limit;
  draw->source_sum = draw->source->sum;
  draw->ipv4 = *(const __u32*)draw->source->address;
  if (plan.random_bits) make_up_source(draw, more >> 32);
  return 0;
}

// One in so many is measured: its id and label say so. Its time runs from the moment it leaves, not
// from when it was due: what lies between is mostly the doing of others on this processor.
static __always_inline void measure(struct Draw* draw, __u64 now) {
  if (state.measured_one_in == 0) return;
  if (state.until_measured != 0) {
    --state.until_measured;
    return;
  }
  state.until_measured = state.measured_one_in - 1;
  __u32 id = state.measured++ & (stamp_count - 1);
  __u64* stamp = bpf_map_lookup_elem(&stamps, &id);
  if (!stamp) return;
  *stamp = now;
  draw->id = id;
  draw->port = (label_measured << label_shift) | (draw->port & (ports_per_label - 1));
}

// Twelve of Mirai's 32 characters, a to w and 0 to 8, five bits each, and one more for the case.
// Their share of the checksum: the label's length stands at an even place, so its first character
// at an odd one.
static __always_inline __u32 write_label(__u8* at) {
  __u64 random = next_random();
  __u32 cases = plan.mixed_case ? next_random() : 0;
  __u32 sum = 0;
#pragma unroll
  for (int index = 0; index < random_label_bytes; ++index) {
    const __u32 value = random & 31;
    random >>= 5;
    __u32 character = value < 23 ? 'a' + value : '0' + value - 23;
    if (value < 23 && (cases & 1)) character -= 'a' - 'A';
    cases >>= 1;
    at[index] = character;
    sum += index % 2 == 0 ? character : character << 8;
  }
  return sum;
}

// Writes the question's bytes and returns their share of the checksum.
static __always_inline __u32 write_question(__u8* at, const struct GeneratorQuestion* question) {
  const __u64* from = (const __u64*)(question + 1);
  __u64* to = (__u64*)at;
  for (__u32 word = 0; word < plan.question_words; ++word) {
    if (word >= question_bytes_max / 8) break;
    to[word] = from[word];
  }
  __u32 sum = question->sum;
  if (plan.random_label) sum += write_label(at + 1);
  return sum;
}

static __always_inline void write_ethernet(struct ethhdr* ethernet, __u16 protocol) {
#pragma unroll
  for (int index = 0; index < ETH_ALEN; ++index) {
    ethernet->h_dest[index] = plan.server_mac[index];
    ethernet->h_source[index] = plan.load_mac[index];
  }
  ethernet->h_proto = bpf_htons(protocol);
}

// Everything behind the IP header; `sum` is the share of the addresses.
static __always_inline void write_udp(struct udphdr* udp, const struct Draw* draw, __u32 sum,
                                      __u32 udp_bytes) {
  struct DnsHeader* dns = (struct DnsHeader*)(udp + 1);
  udp->source = bpf_htons(draw->port);
  udp->dest = bpf_htons(plan.server_port);
  udp->len = bpf_htons(udp_bytes);
  dns->id = bpf_htons(draw->id);
  dns->flags = bpf_htons(plan.dns_flags);
  dns->counts[0] = bpf_htons(1);
  dns->counts[1] = 0;
  dns->counts[2] = 0;
  dns->counts[3] = bpf_htons(plan.opt_records);
  sum += write_question((__u8*)(dns + 1), draw->question);
  sum += IPPROTO_UDP + 2 * udp_bytes + draw->port + plan.server_port;
  sum += draw->id + plan.dns_flags + 1 + plan.opt_records;
  const __u16 checksum = finish_checksum(sum);
  udp->check = bpf_htons(checksum != 0 ? checksum : 0xFFFF);
}

// Makes the message wrong in one of eight ways; without a checksum, as IPv4 allows, so that what is
// wrong is not found by that.
static __always_inline void spoil(struct udphdr* udp, __u32 random) {
  struct DnsHeader* dns = (struct DnsHeader*)(udp + 1);
  __u8* qname = (__u8*)(dns + 1);
  udp->check = 0;
  switch (random & 7) {
    case 0:
      dns->counts[0] = bpf_htons(2);
      break;
    case 1:
      dns->counts[0] = 0;
      break;
    case 2:
      dns->counts[1] = 0xFFFF;
      break;
    case 3:
      dns->flags = bpf_htons(0x7800);
      break;  // an opcode that there is not
    case 4:
      qname[0] = 0xC0;
      break;  // a pointer
    case 5:
      qname[0] = 63;
      break;  // a label longer than the rest
    case 6:
      udp->len = bpf_htons(sizeof *udp + 5);
      break;  // less than a header
    default:
      udp->len = bpf_htons(1400);
      break;  // more than there is
  }
}

static __always_inline int send(struct xdp_md* context, __u32 frame_bytes) {
  if (bpf_xdp_adjust_tail(context, (int)frame_bytes - frame_bytes_max) != 0) return XDP_DROP;
  ++state.due;
  ++state.sent;
  state.sent_bytes += frame_bytes;
  return bpf_redirect(plan.out_index, 0);
}

// An IPv4 header without options for `total` bytes.
static __always_inline void write_ipv4(struct iphdr* ip, const struct Draw* draw, __u32 total,
                                       __u8 protocol) {
  __u32 fragment = DONT_FRAGMENT;
  __u32 id = 0;
  if (plan.frame_kind == frame_fragment) {
    fragment = draw->id & 1 ? MORE_FRAGMENTS : LATER_FRAGMENT;
    id = draw->id;
  }
  ip->version = 4;
  ip->ihl = 5;
  ip->tos = 0;
  ip->tot_len = bpf_htons(total);
  ip->id = bpf_htons(id);
  ip->frag_off = bpf_htons(fragment);
  ip->ttl = draw->hop_limit;
  ip->protocol = protocol;
  ip->saddr = draw->ipv4;
  ip->daddr = *(const volatile __u32*)plan.server_address;
  const __u32 sum = 0x4500 + total + id + fragment + ((__u32)draw->hop_limit << 8) + protocol +
                    draw->source_sum + plan.server_sum;
  ip->check = bpf_htons(finish_checksum(sum));
}

SEC("xdp")
int generate_ipv4(struct xdp_md* context) {
  const __u64 now = bpf_ktime_get_ns();
  struct Draw draw = {};
  if (wait_for_due(now) || draw_question(&draw)) return XDP_DROP;
  void* data = (void*)(long)context->data;
  if (data + frame_bytes_max > (void*)(long)context->data_end) return XDP_DROP;
  measure(&draw, now);

  struct ethhdr* ethernet = data;
  struct iphdr* ip = (struct iphdr*)(ethernet + 1);
  struct udphdr* udp = (struct udphdr*)(ip + 1);
  const __u32 udp_bytes = sizeof *udp + sizeof(struct DnsHeader) + draw.question->bytes;
  const __u32 total = sizeof *ip + udp_bytes;
  write_ethernet(ethernet, ETH_P_IP);
  write_ipv4(ip, &draw, total, IPPROTO_UDP);
  write_udp(udp, &draw, draw.source_sum + plan.server_sum, udp_bytes);
  if (plan.frame_kind == frame_malformed) spoil(udp, next_random() >> 32);
  return send(context, sizeof *ethernet + total);
}

// The beginning of a TCP connection that nobody goes on with.
SEC("xdp")
int generate_syn_ipv4(struct xdp_md* context) {
  const __u64 now = bpf_ktime_get_ns();
  struct Draw draw = {};
  if (wait_for_due(now) || draw_question(&draw)) return XDP_DROP;
  void* data = (void*)(long)context->data;
  if (data + frame_bytes_max > (void*)(long)context->data_end) return XDP_DROP;

  struct ethhdr* ethernet = data;
  struct iphdr* ip = (struct iphdr*)(ethernet + 1);
  struct TcpHeader* tcp = (struct TcpHeader*)(ip + 1);
  const __u32 total = sizeof *ip + sizeof *tcp;
  write_ethernet(ethernet, ETH_P_IP);
  write_ipv4(ip, &draw, total, IPPROTO_TCP);
  const __u32 sequence = next_random();
  tcp->source = bpf_htons(draw.port);
  tcp->dest = bpf_htons(plan.server_port);
  tcp->sequence = bpf_htonl(sequence);
  tcp->acknowledged = 0;
  tcp->flags = bpf_htons(TCP_SYN);
  tcp->window = bpf_htons(TCP_WINDOW);
  tcp->urgent = 0;
  const __u32 sum = draw.source_sum + plan.server_sum + IPPROTO_TCP + sizeof *tcp + draw.port +
                    plan.server_port + (sequence >> 16) + (sequence & 0xFFFF) + TCP_SYN +
                    TCP_WINDOW;
  tcp->check = bpf_htons(finish_checksum(sum));
  return send(context, sizeof *ethernet + total);
}

SEC("xdp")
int generate_ipv6(struct xdp_md* context) {
  const __u64 now = bpf_ktime_get_ns();
  struct Draw draw = {};
  if (wait_for_due(now) || draw_question(&draw)) return XDP_DROP;
  void* data = (void*)(long)context->data;
  if (data + frame_bytes_max > (void*)(long)context->data_end) return XDP_DROP;
  measure(&draw, now);

  struct ethhdr* ethernet = data;
  struct ipv6hdr* ip = (struct ipv6hdr*)(ethernet + 1);
  struct udphdr* udp = (struct udphdr*)(ip + 1);
  const __u32 udp_bytes = sizeof *udp + sizeof(struct DnsHeader) + draw.question->bytes;
  write_ethernet(ethernet, ETH_P_IPV6);
  *(__u32*)ip = bpf_htonl(0x60000000);
  ip->payload_len = bpf_htons(udp_bytes);
  ip->nexthdr = IPPROTO_UDP;
  ip->hop_limit = draw.source->hop_limit;
#pragma unroll
  for (int word = 0; word < 4; ++word) {
    ip->saddr.in6_u.u6_addr32[word] = ((const __u32*)draw.source->address)[word];
    ip->daddr.in6_u.u6_addr32[word] = ((const volatile __u32*)plan.server_address)[word];
  }
  write_udp(udp, &draw, draw.source->sum + plan.server_sum, udp_bytes);
  return send(context, sizeof *ethernet + sizeof *ip + udp_bytes);
}

const char license_name[] SEC("license") = "GPL";
