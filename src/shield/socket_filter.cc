// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/socket_filter.h"

#include <netinet/in.h>

#include "base/check.h"

namespace holdfast::shield {

namespace {

// All of the datagram, or nothing.
constexpr std::array<sock_filter, 1> pass_whole{
    {{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = ~0U}}};
constexpr uint32_t drop_whole = 0;
// Where the program's own words lie.
constexpr uint32_t mixed_place = 0;
constexpr uint32_t bucket_place = 1;
constexpr uint32_t word_place = 2;

// From the UDP header, where the kernel lets a socket's filter begin. Who chooses among listening
// sockets begins behind the TCP header, so all is told from the network's.
constexpr uint32_t udp_header_bytes = 8;
constexpr uint32_t dns_flags_at = udp_header_bytes + static_cast<uint32_t>(flags_at);
constexpr uint32_t tcp_flags_at = 13;
constexpr uint32_t tcp_syn_and_ack = 0x12;
constexpr uint32_t tcp_syn = 0x02;
constexpr auto network_header = static_cast<uint32_t>(SKF_NET_OFF);
constexpr uint32_t ipv4_source_at = network_header + 12;
constexpr uint32_t ipv6_source_at = network_header + 8;
constexpr uint32_t ipv6_next_header_at = network_header + 6;
constexpr uint32_t ipv6_header_bytes = 40;
constexpr auto random_number = static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_RANDOM);

constexpr uint32_t jump_max = 255;  // of a condition
constexpr uint32_t leaf_size = 2;

// Instructions of a tree of so many words, a power of two.
constexpr uint32_t tree_size(size_t words) {
  if (words == 1) return leaf_size;
  const uint32_t half = tree_size(words / 2);
  return 2 * half + (half <= jump_max ? 1 : 2);
}
constexpr uint32_t look_up_size = tree_size(AgedBuckets::word_count) + 11;
constexpr size_t small_source_tables = 2;
constexpr uint32_t mix_step_size = 5;
constexpr uint32_t name_mix_size = name_bytes_hashed / 4 * (mix_step_size + 4) - 2;
// A table's look-up and the jump behind it, the mixing, and the ends.
static_assert((source_tables + name_tables) * (look_up_size + 2) + 85 + name_mix_size +
                  AttackedParents::told_max <=
              BPF_MAXINSNS);
// What stands in front of the choice, and may have to be jumped over with it.
constexpr size_t begins_size_max = 8;
static_assert(SocketFilter::choice_size_max + begins_size_max <= jump_max);
constexpr uint8_t lot_size(uint32_t share) { return share < SHIELD_SHARE_ONE ? 4 : 1; }

}  // namespace

void SocketFilter::put(unsigned code, uint32_t value, uint8_t if_true, uint8_t if_false) {
  CHECK(size_ < program_.size());
  program_[size_++] = {
      .code = static_cast<uint16_t>(code), .jt = if_true, .jf = if_false, .k = value};
}

std::span<const sock_filter> SocketFilter::build(const FilterPlan& plan,
                                                 const FilterTables& tables) {
  size_ = 0;
  const bool is_full = plan.form == FilterForm::full;
  const bool judges_datagrams = plan.kind == FilterKind::datagrams;
  pass_ = judges_datagrams ? std::span<const sock_filter>(pass_whole) : plan.choice;
  drop_ = judges_datagrams ? drop_whole : plan.sink;
  CHECK(!pass_.empty() && pass_.size() <= choice_size_max);
  put_entry(plan);
  put_source_mix(plan);
  AgedBuckets::Words first = tables.sources.seen[0];
  for (size_t i = 0; judges_datagrams && i < first.size(); ++i) {
    first[i] &= ~tables.sources.flooded[i];
  }
  const size_t count = is_full ? source_tables : small_source_tables;
  for (size_t i = 0; i < count; ++i) {
    put_look_up(i == 0 ? first : tables.sources.seen[i], plan.key.tables[i]);
    put_unless_found(count - i - 1, static_cast<uint32_t>(pass_.size()));
  }
  put_pass();
  if (judges_datagrams) put_familiar(plan, tables);
  put_lot(plan.strangers_share);
  return {program_.data(), size_};
}

// Those who are not come to its end.
void SocketFilter::put_familiar(const FilterPlan& plan, const FilterTables& tables) {
  const bool sees_names = plan.form == FilterForm::full;
  if (plan.telling == Telling::nothing || (plan.telling == Telling::name && !sees_names)) return;
  if (plan.telling != Telling::name) {
    put_form(tables.usual_forms);
    put(BPF_JMP | BPF_JSET | BPF_K, 1, lot_size(plan.strangers_share), 0);
    put_lot(plan.strangers_share);
  }
  if (plan.telling != Telling::form && sees_names) {
    const uint32_t length = udp_header_bytes + name_bytes_at + name_bytes_hashed;
    put(BPF_LD | BPF_W | BPF_LEN, 0);
    put(BPF_JMP | BPF_JGE | BPF_K, length, lot_size(plan.strangers_share), 0);
    put_lot(plan.strangers_share);
    if (tables.parents.count > 0) put_parent_mix(plan, tables.parents);
    put_name_mix(plan);
    for (size_t i = 0; i < name_tables; ++i) {
      put_look_up(tables.names.asked[i], plan.key.tables[i]);
      put_unless_found(name_tables - i - 1, lot_size(plan.familiar_share));
    }
  }
  put_lot(plan.familiar_share);
}

// As form_of has it; leaves in A whether it is usual, the lowest bit.
void SocketFilter::put_form(uint8_t usual) {
  put(BPF_LD | BPF_B | BPF_ABS, dns_flags_at);
  put(BPF_ALU | BPF_AND | BPF_K, recursion_desired);
  put(BPF_MISC | BPF_TAX, 0);
  put(BPF_LD | BPF_H | BPF_ABS, udp_header_bytes + static_cast<uint32_t>(record_count_at));
  put(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
  put(BPF_LD | BPF_IMM, form_has_records);
  put(BPF_ALU | BPF_OR | BPF_X, 0);
  put(BPF_MISC | BPF_TAX, 0);
  put(BPF_LD | BPF_IMM, usual);
  put(BPF_ALU | BPF_RSH | BPF_X, 0);
}

// Behind a look-up, in two instructions: without the bit, past the look-ups that are left and past
// so many instructions behind them.
void SocketFilter::put_unless_found(size_t look_ups_left, uint32_t further) {
  put(BPF_JMP | BPF_JSET | BPF_K, 1, 1, 0);
  put(BPF_JMP | BPF_JA, static_cast<uint32_t>(look_ups_left) * (look_up_size + 2) + further);
}

void SocketFilter::put_entry(const FilterPlan& plan) {
  if (plan.kind == FilterKind::datagrams) {
    put(BPF_LD | BPF_B | BPF_ABS, dns_flags_at);
    put(BPF_JMP | BPF_JSET | BPF_K, 0x80, 0, 1);
    put(BPF_RET | BPF_K, drop_);
    return;
  }
  put_begins(plan.is_ipv6);
  put_pass();
}

// Past the choice that follows if it is a SYN, or hidden behind extension headers, which no client
// sends.
void SocketFilter::put_begins(bool is_ipv6) {
  const auto choice = static_cast<uint8_t>(pass_.size());
  if (is_ipv6) {
    put(BPF_LD | BPF_B | BPF_ABS, ipv6_next_header_at);
    put(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, static_cast<uint8_t>(choice + 3));
    put(BPF_LD | BPF_B | BPF_ABS, network_header + ipv6_header_bytes + tcp_flags_at);
  } else {
    put(BPF_LDX | BPF_B | BPF_MSH, network_header);
    put(BPF_LD | BPF_B | BPF_IND, network_header + tcp_flags_at);
  }
  put(BPF_ALU | BPF_AND | BPF_K, tcp_syn_and_ack);
  put(BPF_JMP | BPF_JEQ | BPF_K, tcp_syn, choice, 0);
}

void SocketFilter::put_pass() {
  for (const sock_filter& each : pass_) put(each.code, each.k, each.jt, each.jf);
}

// As source_places has it.
void SocketFilter::put_source_mix(const FilterPlan& plan) {
  if (plan.is_ipv6) {
    put(BPF_LD | BPF_W | BPF_ABS, ipv6_source_at + 4);
    put(BPF_ST, word_place);
    put(BPF_LD | BPF_W | BPF_ABS, ipv6_source_at);
    put(BPF_ALU | BPF_MUL | BPF_K, plan.key.fold);
    put(BPF_LDX | BPF_MEM, word_place);
    put(BPF_ALU | BPF_XOR | BPF_X, 0);
  } else {
    put(BPF_LD | BPF_W | BPF_ABS, ipv4_source_at);
  }
  put_mix_step(plan.key.mix);
}

// As parent_mix has it; past the name's if none of these is it.
void SocketFilter::put_parent_mix(const FilterPlan& plan, const AttackedParents::Told& parents) {
  const uint32_t name_at = udp_header_bytes + static_cast<uint32_t>(name_bytes_at);
  put(BPF_LD | BPF_B | BPF_ABS, name_at);
  put(BPF_ALU | BPF_ADD, name_at + 1);  // a constant: BPF_K is 0
  put(BPF_MISC | BPF_TAX, 0);
  put(BPF_LD | BPF_W | BPF_LEN, 0);
  put(BPF_ALU | BPF_SUB | BPF_K, parent_bytes_hashed);
  put(BPF_JMP | BPF_JGE | BPF_X, 0, lot_size(plan.strangers_share), 0);
  put_lot(plan.strangers_share);
  put(BPF_LD | BPF_W | BPF_IND, 4);
  put(BPF_ALU | BPF_OR | BPF_K, lower_case_bits);
  put(BPF_ST, word_place);
  put(BPF_LD | BPF_W | BPF_IND, 0);
  put(BPF_ALU | BPF_OR | BPF_K, lower_case_bits);
  put_mix_step(plan.key.mix);
  put(BPF_LDX | BPF_MEM, word_place);
  put(BPF_ALU | BPF_XOR | BPF_X, 0);
  put_mix_step(plan.key.mix);
  for (size_t left = parents.count; left > 0; --left) {
    put(BPF_JMP | BPF_JEQ | BPF_K, parents.mixes[left - 1], static_cast<uint8_t>(left), 0);
  }
  put(BPF_JMP | BPF_JA, name_mix_size);
}

// As name_places has it.
void SocketFilter::put_name_mix(const FilterPlan& plan) {
  const size_t begin = size_;
  for (uint32_t at = 0; at < name_bytes_hashed; at += 4) {
    put(BPF_LD | BPF_W | BPF_ABS, udp_header_bytes + static_cast<uint32_t>(name_bytes_at) + at);
    put(BPF_ALU | BPF_OR | BPF_K, lower_case_bits);
    if (at > 0) {
      put(BPF_LDX | BPF_MEM, mixed_place);
      put(BPF_ALU | BPF_XOR | BPF_X, 0);
    }
    put_mix_step(plan.key.mix);
  }
  CHECK(size_ - begin == name_mix_size);
}

void SocketFilter::put_mix_step(uint32_t factor) {
  put(BPF_ALU | BPF_MUL | BPF_K, factor);
  put(BPF_MISC | BPF_TAX, 0);
  put(BPF_ALU | BPF_RSH | BPF_K, bucket_mix_shift);
  put(BPF_ALU | BPF_XOR | BPF_X, 0);
  put(BPF_ST, mixed_place);
}

// Leaves the bucket's bit in A, the lowest.
void SocketFilter::put_look_up(const AgedBuckets::Words& words, uint32_t factor) {
  const size_t begin = size_;
  put(BPF_LD | BPF_MEM, mixed_place);
  put(BPF_ALU | BPF_MUL | BPF_K, factor);
  put(BPF_ALU | BPF_RSH | BPF_K, 32 - AgedBuckets::bits);
  put(BPF_ST, bucket_place);
  put(BPF_ALU | BPF_RSH | BPF_K, 5);
  put_tree(words);
  put(BPF_ST, word_place);
  put(BPF_LD | BPF_MEM, bucket_place);
  put(BPF_ALU | BPF_AND | BPF_K, 31);
  put(BPF_MISC | BPF_TAX, 0);
  put(BPF_LD | BPF_MEM, word_place);
  put(BPF_ALU | BPF_RSH | BPF_X, 0);
  CHECK(size_ - begin == look_up_size);
}

// Classic BPF has no table to read from: the words stand in the program, each at the end of eight
// comparisons of its number. A node stands before its lower half; all sizes are known beforehand.
void SocketFilter::put_tree(const AgedBuckets::Words& words) {
  const size_t begin = size_;
  const uint32_t all = tree_size(words.size());
  for (uint32_t word = 0; word < words.size(); ++word) {
    for (auto below = static_cast<uint32_t>(words.size()); below > 1; below /= 2) {
      if (word % below != 0) continue;
      const uint32_t half = tree_size(below / 2);
      const uint32_t middle = word + below / 2;
      if (half <= jump_max) {
        put(BPF_JMP | BPF_JGE | BPF_K, middle, static_cast<uint8_t>(half), 0);
      } else {
        put(BPF_JMP | BPF_JGE | BPF_K, middle, 0, 1);
        put(BPF_JMP | BPF_JA, half);
      }
    }
    put(BPF_LD | BPF_IMM, words[word]);
    put(BPF_JMP | BPF_JA, all - static_cast<uint32_t>(size_ - begin) - 1);
  }
  CHECK(size_ - begin == all);
}

// Ends the program, of datagrams in lot_size instructions.
void SocketFilter::put_lot(uint32_t share) {
  if (share >= SHIELD_SHARE_ONE) {
    put_pass();
    return;
  }
  put(BPF_LD | BPF_W | BPF_ABS, random_number);
  put(BPF_JMP | BPF_JGE | BPF_K, share << 16, static_cast<uint8_t>(pass_.size()), 0);
  put_pass();
  put(BPF_RET | BPF_K, drop_);
}

}  // namespace holdfast::shield
