// SPDX-License-Identifier: GPL-3.0-or-later
// The shield before a socket's queue, where no program stands at the card: a classic BPF filter.
//
// Any process may attach one to its own UDP socket, so this needs no right. The kernel asks it for
// each datagram before the socket's queue: whoever falls into trusted buckets that are not flooded
// passes; of all others those who are familiar, by the form of their message, the name that they
// ask for, or both, and of the rest a share, by lot.
// So a flood can fill neither the queue nor the worker's time, and what the kernel drops here costs
// it no copy and no wake-up. It knows neither cookies nor rates: those who pass are judged as ever.
// Responses (QR) pass none. The other kind chooses among the listening sockets of an address, which
// needs no right either where a filter on a TCP socket does: it judges beginnings of connections
// alone, by their source, and for those that are to be kept away chooses a socket that lets nothing
// in. The full form takes 32 KiB of what the kernel grants a socket's filters
// (net.core.optmem_max, 128 KiB since Linux 6.7), the small one fits the 20 KiB of before, if not
// two at once; it knows two of three tables of sources and no names. Pure; never allocates.
#pragma once

#include <linux/filter.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "shield/familiar_names.h"
#include "shield/message_form.h"
#include "shield/socket_budget.h"
#include "shield/trusted_buckets.h"

namespace holdfast::shield {

enum class FilterKind : uint8_t { datagrams, beginnings };
enum class FilterForm : uint8_t { full, small };

struct FilterPlan {
  FilterKind kind = FilterKind::datagrams;
  FilterForm form = FilterForm::full;
  bool is_ipv6 = false;
  BucketKey key = {};
  // Of those who are not trusted; less than all of them.
  uint32_t strangers_share = SHIELD_SHARE_ONE;
  // And of these who are familiar by this, a share of their own.
  Telling telling = Telling::nothing;
  uint32_t familiar_share = SHIELD_SHARE_ONE;
  // Of beginnings: what chooses a socket for those who pass, a program that ends in it; and which
  // one lets nothing in.
  std::span<const sock_filter> choice{};
  uint32_t sink = 0;
};

struct FilterTables {
  TrustedBuckets::Words sources;
  FamiliarNames::Words names{};
  AttackedParents::Told parents{};
  uint8_t usual_forms = all_message_forms;

  // Whether the name is one that the full form takes for familiar.
  [[nodiscard]] bool has_name(const BucketKey& key, Bytes message) const {
    const auto name = name_places(key, message);
    if (!name || parents.count == 0) return name && names.has(*name);
    const auto parent = parent_mix(key, message);
    if (!parent) return false;
    return names.has(parents.has(*parent) ? *name : places_of<name_tables>(key, *parent));
  }
};

class SocketFilter {
 public:
  // Of a plan's choice; a condition jumps over no more.
  static constexpr size_t choice_size_max = 247;

  // The program; good until the next call.
  [[nodiscard]] std::span<const sock_filter> build(const FilterPlan& plan,
                                                   const FilterTables& tables);

 private:
  void put(unsigned code, uint32_t value, uint8_t if_true = 0, uint8_t if_false = 0);
  void put_entry(const FilterPlan& plan);
  void put_begins(bool is_ipv6);
  void put_pass();
  void put_source_mix(const FilterPlan& plan);
  void put_name_mix(const FilterPlan& plan);
  void put_parent_mix(const FilterPlan& plan, const AttackedParents::Told& parents);
  void put_mix_step(uint32_t factor);
  void put_look_up(const AgedBuckets::Words& words, uint32_t factor);
  void put_unless_found(size_t look_ups_left, uint32_t further);
  void put_tree(const AgedBuckets::Words& words);
  void put_familiar(const FilterPlan& plan, const FilterTables& tables);
  void put_form(uint8_t usual);
  void put_lot(uint32_t share);

  std::array<sock_filter, BPF_MAXINSNS> program_;
  size_t size_ = 0;
  std::span<const sock_filter> pass_;  // how it ends for those who pass
  uint32_t drop_ = 0;                  // what it returns for others
};

}  // namespace holdfast::shield
