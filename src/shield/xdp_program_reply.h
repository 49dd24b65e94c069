// SPDX-License-Identifier: GPL-3.0-or-later
// Cheap answers, sent back from where the question came in.
//
// TC says: ask again over TCP, which proves an address. BADCOOKIE (RFC 7873 §5.2.3) hands over a
// good cookie, which does too. Neither is longer than its question, but for the 16 bytes of a
// cookie that the client does not have yet. NXDOMAIN has the zone's SOA record in it, and goes to
// known sources alone. The question is made the reply where it lies. Checksums are written
// whole: those of frames from virtual links may be unfinished.
#pragma once

#include "shield/xdp_program_source.h"

#define FRAME_BYTES_MIN 60
#define OPT_BYTES 11
#define COOKIE_OPTION_BYTES 28
#define REPLY_HOPS 64
#define REPLY_UDP_PAYLOAD 1232
#define RCODE_BADCOOKIE 23  // RFC 7873 §8
#define RCODE_NXDOMAIN 3
#define TYPE_META_FIRST 249  // up to 254: no types of data (RFC 6895 §3.1)
#define TYPE_ANY 255

static __always_inline __u16 fold_sum(__u64 sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (__u16)~sum;
}

static __always_inline const struct NameFilterDenial* denial_of(const struct GateMemo* memo) {
  const struct NameFilterTable* table = &name_filter.tables[memo->table & 1];
  return &table->denials[memo->zone & (NAME_FILTER_ZONES_MAX - 1)];
}

// Whether the name that does not exist may be denied here, after `gate_is_absent` and
// `gate_read_cookie`: nothing that the answer process would have to add or to refuse.
static __always_inline int is_deniable(const struct GateMemo* memo, __u32 has_additional) {
  const struct NameFilterDenial* denial = denial_of(memo);
  const __u32 bytes = memo->name_end + 5 + denial->bytes;
  if (denial->bytes == 0 || bytes + OPT_BYTES > XDP_GATE_MESSAGE_MAX) return 0;
  if (memo->cookie != gate_no_cookie || (has_additional && !memo->has_opt)) return 0;
  if (denial->is_signed && memo->has_opt && memo->is_dnssec_ok) return 0;
  if (memo->qtype >= TYPE_META_FIRST && memo->qtype < TYPE_ANY) return 0;
  return memo->qclass == 1;  // IN
}

// How long the parts of a reply are, and where it begins in its frame.
struct Reply {
  __u32 message;
  __u32 question_end;  // like what follows, from the beginning of the message
  __u32 denial_end;
  __u32 end;
};

static __always_inline struct Reply plan_reply(const struct GateMemo* memo, __u32 reason) {
  struct Reply reply;
  reply.message = sizeof(struct ethhdr) + (memo->ip_bytes & 63) + sizeof(struct udphdr);
  reply.question_end = (memo->name_end & XDP_GATE_MESSAGE_MASK) + 5;
  reply.denial_end = reply.question_end;
  if (reason == xdp_replied_nxdomain) reply.denial_end += denial_of(memo)->bytes & 0xff;
  reply.end = reply.denial_end + (memo->has_opt ? OPT_BYTES : 0);
  if (reason == xdp_replied_cookie) reply.end += COOKIE_OPTION_BYTES;
  return reply;
}

// The OPT record, and the cookie in it if one is given; 1 if there is room.
static __always_inline int write_opt(const struct GateMemo* memo, const struct Reach* reach,
                                     __u32 at, int with_cookie) {
  __u8* opt = (__u8*)place_at(reach, at);
  if ((const void*)(opt + OPT_BYTES) > reach->end) return 0;
  opt[0] = 0;
  opt[1] = 0;
  opt[2] = TYPE_OPT;
  opt[3] = REPLY_UDP_PAYLOAD >> 8;
  opt[4] = REPLY_UDP_PAYLOAD & 0xff;
  opt[5] = with_cookie ? RCODE_BADCOOKIE >> 4 : 0;
  opt[6] = 0;
  opt[7] = memo->is_dnssec_ok;
  opt[8] = opt[9] = 0;
  opt[10] = with_cookie ? COOKIE_OPTION_BYTES : 0;
  if (!with_cookie) return 1;
  __u8* option = opt + OPT_BYTES;
  if ((const void*)(option + COOKIE_OPTION_BYTES) > reach->end) return 0;
  const struct ShieldCommon* common = &shield_sources.common;
  const __u64 client = memo->client_cookie;
  const __u64 prefix = 1 | (__u64)bpf_htonl(common->wall_s) << 32;
  option[0] = 0;
  option[1] = OPTION_COOKIE;
  option[2] = 0;
  option[3] = 24;
  *(__u64*)(option + 4) = client;
  *(__u64*)(option + 12) = prefix;
  *(__u64*)(option + 20) = cookie_hash(memo, common->cookie_active, client, prefix);
  return 1;
}

// Turns the question, behind which the denial stands already, into the reply; 1 if there is room.
static __always_inline int write_message(const struct GateMemo* memo, const struct Reach* reach,
                                         const struct Reply* reply, __u32 reason) {
  const int with_cookie = reason == xdp_replied_cookie;
  const int denies = reason == xdp_replied_nxdomain;
  struct DnsHeader* dns = (void*)place_at(reach, reply->message);
  if ((const void*)(dns + 1) > reach->end) return 0;
  const __u8 flags = denies ? 0x04 : with_cookie ? 0 : 0x02;  // AA, or TC
  const __u8 rcode = denies ? RCODE_NXDOMAIN : with_cookie ? RCODE_BADCOOKIE & 15 : 0;
  dns->flags = 0x80 | (dns->flags & 0x01) | flags;     // QR, RD as asked
  dns->more_flags = (dns->more_flags & 0x10) | rcode;  // CD as asked
  dns->counts[2] = denies ? bpf_htons(1) : 0;
  dns->counts[3] = memo->has_opt ? bpf_htons(1) : 0;
  if (denies) {
    __u8* owner = (__u8*)place_at(reach, reply->message + reply->question_end);
    if ((const void*)(owner + 2) > reach->end) return 0;
    const __u32 apex = memo->name_end + 1 - denial_of(memo)->apex_bytes;
    owner[0] = 0xc0 | (apex >> 8 & 0x3f);
    owner[1] = apex;
  }
  if (!memo->has_opt) return 1;
  return write_opt(memo, reach, reply->message + reply->denial_end, with_cookie);
}

static __always_inline void turn_ethernet(struct FrameWords* frame) {
#pragma unroll
  for (int i = 0; i < 3; ++i) {
    const __u16 word = frame->from[i];
    frame->from[i] = frame->to[i];
    frame->to[i] = word;
  }
}

static __always_inline void turn_ipv4(struct iphdr* ip, __u32 udp_bytes) {
  const __be32 from = ip->saddr;
  const __be32 to = ip->daddr;
  const __be16 total = bpf_htons(sizeof *ip + udp_bytes);
  const __be16 dont_fragment = bpf_htons(0x4000);
  ip->saddr = to;
  ip->daddr = from;
  ip->tos = 0;
  ip->tot_len = total;
  ip->id = 0;
  ip->frag_off = dont_fragment;
  ip->ttl = REPLY_HOPS;
  // Of what has been written, not read again; there are no options, and the protocol is UDP.
  const __u64 constant = (__u64)bpf_htons(0x4500) + bpf_htons(REPLY_HOPS << 8 | IPPROTO_UDP);
  ip->check = fold_sum(constant + total + dont_fragment + from + (__u64)to);
}

// The sum of addresses, protocol and length, as the checksum of UDP begins (RFC 8200 §8.1).
static __always_inline __u64 turn_ipv6(struct ipv6hdr* ip, __u32 udp_bytes) {
  const struct in6_addr address = ip->saddr;
  ip->saddr = ip->daddr;
  ip->daddr = address;
  *(__be32*)ip = bpf_htonl(0x60000000);
  ip->payload_len = bpf_htons(udp_bytes);
  ip->hop_limit = REPLY_HOPS;
  __u64 sum = bpf_htons(IPPROTO_UDP) + (__u64)bpf_htons(udp_bytes);
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    sum += ip->saddr.in6_u.u6_addr32[i];
    sum += ip->daddr.in6_u.u6_addr32[i];
  }
  return sum;
}

static __always_inline void turn_udp(struct udphdr* udp, __u32 udp_bytes) {
  const __be16 port = udp->source;
  udp->source = udp->dest;
  udp->dest = port;
  udp->len = bpf_htons(udp_bytes);
  udp->check = 0;  // stays so over IPv4, where it means: none
}

// The checksum of UDP over IPv6, of which `sum` is what stands before the message; 0 if it fails.
static __always_inline __u16 sum_message(struct xdp_md* context, struct GateMemo* memo,
                                         const struct Reply* reply, __u64 sum) {
  __u32 bytes = reply->end;
  if (bytes < sizeof(struct DnsHeader) || bytes > sizeof memo->message - 8) return 0;
  if (bpf_xdp_load_bytes(context, reply->message, memo->message, bytes) != 0) return 0;
  *(__u32*)(memo->message + bytes) = 0;  // taken four bytes at a time
  const __s64 payload_sum = bpf_csum_diff(0, 0, (__be32*)memo->message, (bytes + 3) & ~3u, 0);
  if (payload_sum < 0) return 0;
  const __u16 check = fold_sum(sum + (__u64)payload_sum);
  return check != 0 ? check : 0xffff;
}

// Gives the frame the reply's length, and writes the denial behind the question; 1 if that went.
static __always_inline int make_room(struct xdp_md* context, const struct GateMemo* memo,
                                     const struct Reply* reply, __u32 reason) {
  __u32 frame_bytes = reply->message + reply->end;
  if (frame_bytes < FRAME_BYTES_MIN) frame_bytes = FRAME_BYTES_MIN;
  const __s32 more = (__s32)frame_bytes - (__s32)(context->data_end - context->data);
  // A question without options is as long as its TC: the helper is not needed for most.
  if (more != 0 && bpf_xdp_adjust_tail(context, more) != 0) return 0;
  if (reason != xdp_replied_nxdomain) return 1;
  const struct NameFilterDenial* denial = denial_of(memo);
  const __u32 bytes = denial->bytes & 0xff;
  if (bytes == 0 || bytes > sizeof denial->record) return 0;
  return bpf_xdp_store_bytes(context, reply->message + reply->question_end, (void*)denial->record,
                             bytes) == 0;
}

// Turns the frame into the reply; 1 if that was possible. Where there is no room for it, the frame
// is as it was.
__attribute__((noinline)) int gate_reply(struct xdp_md* context, __u32 queue, __u32 reason) {
  struct GateMemo* memo = memo_of(queue);
  const struct Reply reply = plan_reply(memo, reason);
  if (!make_room(context, memo, &reply, reason)) return 0;
  const __u32 udp_bytes = sizeof(struct udphdr) + reply.end;
  const struct Reach reach = reach_of(context, reply.message, reply.end);
  if (!write_message(memo, &reach, &reply, reason)) return 0;

  struct FrameWords* frame = (void*)reach.frame;
  if ((const void*)(frame + 1) > reach.end) return 0;
  if (memo->ip_bytes == sizeof(struct iphdr)) {
    struct iphdr* ip = (void*)(frame + 1);
    struct udphdr* udp = (void*)(ip + 1);
    if ((const void*)(udp + 1) > reach.end) return 0;
    turn_ethernet(frame);
    turn_ipv4(ip, udp_bytes);
    turn_udp(udp, udp_bytes);
    return 1;
  }
  struct ipv6hdr* ip = (void*)(frame + 1);
  struct udphdr* udp = (void*)(ip + 1);
  if ((const void*)(udp + 1) > reach.end) return 0;
  turn_ethernet(frame);
  __u64 sum = turn_ipv6(ip, udp_bytes);
  turn_udp(udp, udp_bytes);
  sum += (__u64)udp->source + udp->dest + udp->len;
  const __u16 check = sum_message(context, memo, &reply, sum);
  if (check == 0) return 0;
  udp->check = check;
  return 1;
}
