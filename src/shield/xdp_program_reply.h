// SPDX-License-Identifier: GPL-3.0-or-later
// Cheap answers, sent back from where the question came in.
//
// TC says: ask again over TCP, which proves an address. BADCOOKIE (RFC 7873 §5.2.3) hands over a
// good cookie, which does too. Neither is longer than its question, but for the 16 bytes of a
// cookie that the client does not have yet. NXDOMAIN has the zone's SOA record in it, and goes to
// known sources alone. The question is copied into the memo, made a reply there, and stored over
// itself. Checksums are written whole: those of frames from virtual links may be unfinished.
#pragma once

#include "shield/xdp_program_message.h"

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

// Behind the question; returns the bytes of the message then.
static __always_inline __u32 append_denial(struct GateMemo* memo, __u32 bytes) {
  const struct NameFilterDenial* denial = denial_of(memo);
  __u8* at = memo->message + bytes;
#pragma unroll
  for (int i = 0; i < NAME_FILTER_DENIAL_WORDS; ++i) ((__u64*)at)[i] = denial->record[i];
  const __u32 apex = memo->name_end + 1 - denial->apex_bytes;
  at[0] = 0xc0 | (apex >> 8 & 0x3f);
  at[1] = apex;
  return bytes + (denial->bytes & 0xff);
}

// Returns its bytes.
static __always_inline __u32 build_reply(struct GateMemo* memo, enum XdpGateReason reason) {
  __u8* message = memo->message;
  const int with_cookie = reason == xdp_replied_cookie;
  const int denies = reason == xdp_replied_nxdomain;
  const __u8 flags = denies ? 0x04 : with_cookie ? 0 : 0x02;  // AA, or TC
  const __u8 rcode = denies ? RCODE_NXDOMAIN : with_cookie ? RCODE_BADCOOKIE & 15 : 0;
  message[2] = 0x80 | (message[2] & 0x01) | flags;  // QR, RD as asked
  message[3] = (message[3] & 0x10) | rcode;         // CD as asked
  message[9] = denies;
  message[11] = memo->has_opt;
  __u32 bytes = (memo->name_end & XDP_GATE_MESSAGE_MASK) + 5;
  if (denies) bytes = append_denial(memo, bytes);
  __u8* opt = message + bytes;
  if (memo->has_opt) {
    opt[0] = 0;
    opt[1] = 0;
    opt[2] = TYPE_OPT;
    opt[3] = REPLY_UDP_PAYLOAD >> 8;
    opt[4] = REPLY_UDP_PAYLOAD & 0xff;
    opt[5] = with_cookie ? RCODE_BADCOOKIE >> 4 : 0;
    opt[6] = 0;
    opt[7] = memo->is_dnssec_ok;
    opt[8] = opt[9] = opt[10] = 0;
    bytes += OPT_BYTES;
  }
  if (with_cookie) {
    const struct ShieldCommon* common = &shield_sources.common;
    const __u64 client = memo->client_cookie;
    const __u64 prefix = 1 | (__u64)bpf_htonl(common->wall_s) << 32;
    opt[10] = COOKIE_OPTION_BYTES;
    __u8* option = opt + OPT_BYTES;
    option[0] = 0;
    option[1] = OPTION_COOKIE;
    option[2] = 0;
    option[3] = 24;
    *(__u64*)(option + 4) = client;
    *(__u64*)(option + 12) = prefix;
    *(__u64*)(option + 20) = cookie_hash(memo, common->cookie_active, client, prefix);
    bytes += COOKIE_OPTION_BYTES;
  }
  *(__u32*)(message + bytes) = 0;  // sums are taken four bytes at a time
  return bytes;
}

static __always_inline void turn_ethernet(struct ethhdr* frame) {
  __u8 address[ETH_ALEN];
  __builtin_memcpy(address, frame->h_source, ETH_ALEN);
  __builtin_memcpy(frame->h_source, frame->h_dest, ETH_ALEN);
  __builtin_memcpy(frame->h_dest, address, ETH_ALEN);
}

static __always_inline void turn_ipv4(struct iphdr* ip, __u32 udp_bytes) {
  const __be32 address = ip->saddr;
  ip->saddr = ip->daddr;
  ip->daddr = address;
  ip->tos = 0;
  ip->tot_len = bpf_htons(sizeof *ip + udp_bytes);
  ip->id = 0;
  ip->frag_off = bpf_htons(0x4000);  // DF
  ip->ttl = REPLY_HOPS;
  ip->check = 0;
  const __u16* words = (const __u16*)ip;
  __u64 sum = 0;
#pragma unroll
  for (int i = 0; i < 10; ++i) sum += words[i];
  ip->check = fold_sum(sum);
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

// Turns the frame into the reply; 1 if that was possible. Otherwise the frame is good for nothing.
__attribute__((noinline)) int gate_reply(struct xdp_md* context, __u32 queue, __u32 reason) {
  struct GateMemo* memo = memo_of(queue);
  const __u32 ip_bytes = memo->ip_bytes;
  const __u32 question_bytes = (memo->name_end & XDP_GATE_MESSAGE_MASK) + 5;
  if (bpf_xdp_load_bytes(context, sizeof(struct ethhdr) + ip_bytes + sizeof(struct udphdr),
                         memo->message, question_bytes) != 0) {
    return 0;
  }
  const __u32 bytes = build_reply(memo, reason);
  const __u32 udp_bytes = sizeof(struct udphdr) + bytes;
  __u32 frame_bytes = sizeof(struct ethhdr) + ip_bytes + udp_bytes;
  const __u32 reply_at = frame_bytes - bytes;
  if (frame_bytes < FRAME_BYTES_MIN) frame_bytes = FRAME_BYTES_MIN;
  const __s32 now_bytes = (__s32)(context->data_end - context->data);
  if (bpf_xdp_adjust_tail(context, (__s32)frame_bytes - now_bytes) != 0) return 0;
  if (bytes < sizeof(struct DnsHeader) || bytes > sizeof memo->message - 8) return 0;
  if (bpf_xdp_store_bytes(context, reply_at, memo->message, bytes) != 0) return 0;

  const void* end = (const void*)(long)context->data_end;
  struct ethhdr* frame = (void*)(long)context->data;
  if ((const void*)(frame + 1) > end) return 0;
  if (ip_bytes == sizeof(struct iphdr)) {
    struct iphdr* ip = (void*)(frame + 1);
    struct udphdr* udp = (void*)(ip + 1);
    if ((const void*)(udp + 1) > end) return 0;
    turn_ethernet(frame);
    turn_ipv4(ip, udp_bytes);
    turn_udp(udp, udp_bytes);
    return 1;
  }
  struct ipv6hdr* ip = (void*)(frame + 1);
  struct udphdr* udp = (void*)(ip + 1);
  if ((const void*)(udp + 1) > end) return 0;
  turn_ethernet(frame);
  __u64 sum = turn_ipv6(ip, udp_bytes);
  turn_udp(udp, udp_bytes);
  sum += (__u64)udp->source + udp->dest + udp->len;
  const __s64 payload_sum = bpf_csum_diff(0, 0, (__be32*)memo->message, (bytes + 3) & ~3u, 0);
  if (payload_sum < 0) return 0;
  const __u16 check = fold_sum(sum + (__u64)payload_sum);
  udp->check = check != 0 ? check : 0xffff;
  return 1;
}
