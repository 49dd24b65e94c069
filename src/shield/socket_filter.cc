// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/socket_filter.h"

#include "base/check.h"

namespace holdfast::shield {

namespace {

constexpr uint32_t pass = ~0U;
constexpr uint32_t drop = 0;
// Where the program's own words lie.
constexpr uint32_t bucket_place = 0;
constexpr uint32_t word_place = 1;

// From the transport header, where the kernel lets a socket's filter begin.
constexpr uint32_t dns_flags_at = 8 + 2;
constexpr uint32_t tcp_flags_at = 13;
constexpr uint32_t tcp_syn_and_ack = 0x12;
constexpr uint32_t tcp_syn = 0x02;
constexpr auto network_header = static_cast<uint32_t>(SKF_NET_OFF);
constexpr uint32_t ipv4_source_at = network_header + 12;
constexpr uint32_t ipv6_source_at = network_header + 8;
constexpr auto random_number = static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_RANDOM);

constexpr uint32_t jump_max = 255;  // of a condition
constexpr uint32_t leaf_size = 2;

// Instructions of a tree of so many words, a power of two.
constexpr uint32_t tree_size(uint32_t words) {
  if (words == 1) return leaf_size;
  const uint32_t half = tree_size(words / 2);
  return 2 * half + (half <= jump_max ? 1 : 2);
}

}  // namespace

void SocketFilter::put(unsigned code, uint32_t value, uint8_t if_true, uint8_t if_false) {
  CHECK(size_ < program_.size());
  program_[size_++] = {
      .code = static_cast<uint16_t>(code), .jt = if_true, .jf = if_false, .k = value};
}

std::span<const sock_filter> SocketFilter::build(const FilterPlan& plan,
                                                 const TrustedBuckets::Words& trusted) {
  size_ = 0;
  put_entry(plan.kind);
  put_hash(plan);
  put(BPF_ST, bucket_place);
  put(BPF_ALU | BPF_RSH | BPF_K, 5);
  put_tree(trusted);
  // The bucket's bit in its word.
  put(BPF_ST, word_place);
  put(BPF_LD | BPF_MEM, bucket_place);
  put(BPF_ALU | BPF_AND | BPF_K, 31);
  put(BPF_MISC | BPF_TAX, 0);
  put(BPF_LD | BPF_MEM, word_place);
  put(BPF_ALU | BPF_RSH | BPF_X, 0);
  put(BPF_JMP | BPF_JSET | BPF_K, 1, 2, 0);
  put(BPF_LD | BPF_W | BPF_ABS, random_number);
  put(BPF_JMP | BPF_JGE | BPF_K, plan.strangers_share << 16, 1, 0);
  put(BPF_RET | BPF_K, pass);
  put(BPF_RET | BPF_K, drop);
  return {program_.data(), size_};
}

void SocketFilter::put_entry(FilterKind kind) {
  if (kind == FilterKind::datagrams) {
    put(BPF_LD | BPF_B | BPF_ABS, dns_flags_at);
    put(BPF_JMP | BPF_JSET | BPF_K, 0x80, 0, 1);
    put(BPF_RET | BPF_K, drop);
    return;
  }
  put(BPF_LD | BPF_B | BPF_ABS, tcp_flags_at);
  put(BPF_ALU | BPF_AND | BPF_K, tcp_syn_and_ack);
  put(BPF_JMP | BPF_JEQ | BPF_K, tcp_syn, 1, 0);
  put(BPF_RET | BPF_K, pass);
}

// As trusted_bucket has it.
void SocketFilter::put_hash(const FilterPlan& plan) {
  if (plan.is_ipv6) {
    put(BPF_LD | BPF_W | BPF_ABS, ipv6_source_at + 4);
    put(BPF_ST, word_place);
    put(BPF_LD | BPF_W | BPF_ABS, ipv6_source_at);
    put(BPF_ALU | BPF_MUL | BPF_K, plan.key.third);
    put(BPF_LDX | BPF_MEM, word_place);
    put(BPF_ALU | BPF_XOR | BPF_X, 0);
  } else {
    put(BPF_LD | BPF_W | BPF_ABS, ipv4_source_at);
  }
  put(BPF_ALU | BPF_MUL | BPF_K, plan.key.first);
  put(BPF_MISC | BPF_TAX, 0);
  put(BPF_ALU | BPF_RSH | BPF_K, bucket_mix_shift);
  put(BPF_ALU | BPF_XOR | BPF_X, 0);
  put(BPF_ALU | BPF_MUL | BPF_K, plan.key.second);
  put(BPF_ALU | BPF_RSH | BPF_K, 32 - trusted_bucket_bits);
}

// Classic BPF has no table to read from: the words stand in the program, each at the end of nine
// comparisons of its number. A node stands before its lower half; all sizes are known beforehand.
void SocketFilter::put_tree(const TrustedBuckets::Words& trusted) {
  const size_t begin = size_;
  const uint32_t all = tree_size(trusted_word_count);
  for (uint32_t word = 0; word < trusted_word_count; ++word) {
    for (uint32_t words = trusted_word_count; words > 1; words /= 2) {
      if (word % words != 0) continue;
      const uint32_t half = tree_size(words / 2);
      const uint32_t middle = word + words / 2;
      if (half <= jump_max) {
        put(BPF_JMP | BPF_JGE | BPF_K, middle, static_cast<uint8_t>(half), 0);
      } else {
        put(BPF_JMP | BPF_JGE | BPF_K, middle, 0, 1);
        put(BPF_JMP | BPF_JA, half);
      }
    }
    put(BPF_LD | BPF_IMM, trusted[word]);
    put(BPF_JMP | BPF_JA, all - static_cast<uint32_t>(size_ - begin) - 1);
  }
  CHECK(size_ - begin == all);
}

}  // namespace holdfast::shield
