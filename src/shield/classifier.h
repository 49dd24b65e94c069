// SPDX-License-Identifier: GPL-3.0-or-later
// Puts a source into its class: by history, distance and rate (source_layout.h).
//
// In steps, so that a batch waits for memory once: `look` hashes and asks for what `learn` or
// `judge` reads; `find` reads what is known of the source, and asks for what `judge` counts of one
// that is not. None parses a byte of the message.
// Never allocates. Thread: the worker's.
#pragma once

#include <array>
#include <bit>
#include <cstring>

#include "base/bytes.h"
#include "shield/rate_table.h"
#include "shield/source_history.h"

namespace holdfast::shield {

struct Source {
  __u64 word = 0;  // which tells its prefix, should that matter
  __u64 hash = 0;
  uint8_t hop = 0;
  bool is_found = false;
  // After `find`:
  __u64 prefix_hash = 0;  // 0: not known yet
  __u64 entry = 0;
  // After `judge`:
  uint32_t rate = 0;
  ShieldClass source_class = shield_unknown_slow;
};

class Classifier {
 public:
  // `common` may change between turns.
  Classifier(const ShieldCommon& common, SourceHistory history, RateTable rates)
      : common_(common), history_(history), rates_(rates) {}

  // `address`: 4 or 16 bytes. `hop`: TTL or hop limit as it arrived; 0: not told.
  [[nodiscard]] Source look(Bytes address, uint8_t hop) const {
    Source source;
    look(address, hop, source);
    return source;
  }
  // The same of a batch, written where it stays: to copy what was just written in parts waits for
  // all that was written before.
  void look(Bytes address, uint8_t hop, Source& source) const {
    std::array<__u32, 4> words{};
    if (address.size() == 4) {
      words[2] = network_ffff;
      std::memcpy(&words[3], address.data(), 4);
    } else {
      std::memcpy(words.data(), address.data(), sizeof words);
    }
    source = {};
    source.word = shield_source_word(words.data());
    source.hash = shield_mix(common_.key, source.word);
    source.hop = hop;
    history_.prefetch(source.hash);
    rates_.prefetch(shield_rate_place(source.hash, 0));
  }

  // Before `judge`, which counts whoever is not known with its prefix as well.
  void find(Source& source, const ShieldOrders& orders) const {
    source.entry = history_.find(source.hash);
    source.is_found = true;
    if (shield_is_known(&orders, source.entry)) return;
    source.prefix_hash = prefix_hash_of(source);
    rates_.prefetch(shield_rate_place(source.prefix_hash, 0));
  }

  // In quiet times. True if it is known.
  bool learn(const Source& source, uint64_t now_ms) {
    const __u64 entry = history_.find_first(source.hash);
    const __u32 odd = shield_is_elsewhere(entry, source.hop);
    const uint32_t rate = rates_.count(shield_rate_place(source.hash, odd), now_ms);
    history_.learn({.hash = source.hash, .hop = source.hop, .rate = rate}, entry, common_.slot);
    return shield_score(entry) >= common_.known_slots && entry != 0;
  }
  // The same while nothing may be learned.
  void count(const Source& source, uint64_t now_ms) {
    const __u32 odd = shield_is_elsewhere(history_.find_first(source.hash), source.hop);
    (void)rates_.count(shield_rate_place(source.hash, odd), now_ms);
  }

  void judge(Source& source, const ShieldOrders& orders, uint64_t now_ms) {
    if (!source.is_found) source.entry = history_.find(source.hash);
    const __u32 odd = shield_is_hop_odd(&common_, source.entry, source.hop);
    const __u64 counted = rates_.note(shield_rate_place(source.hash, odd), now_ms);
    source.rate = shield_rate_of(source.entry, counted, now_ms);
    uint32_t prefix_rate = 0;
    if (!shield_is_known(&orders, source.entry)) {
      prefix_rate = rates_.count(shield_rate_place(prefix_hash_of(source), 0), now_ms);
    }
    source.source_class =
        shield_judge(&common_, &orders, source.entry, odd, source.rate, prefix_rate);
  }
  // It has shown a valid cookie: whatever its address was, it receives there.
  void judge_cookie(Source& source, const ShieldOrders& orders) const {
    if ((shield_flags(source.entry) & SHIELD_FLAG_DENIED) != 0) return;
    uint32_t allowed = orders.proved_source;
    if (shield_is_known(&orders, source.entry)) {
      allowed = std::max(allowed, shield_allowance(&orders, source.entry));
    }
    if (source.rate <= allowed) source.source_class = shield_proved;
  }

  // Whether a cheap answer may be sent there: nobody is to be flooded by way of us.
  [[nodiscard]] bool may_reply(const Source& source, const ShieldOrders& orders, uint64_t now_ms) {
    const __u32 is_known = shield_is_known(&orders, source.entry) != 0 &&
                           shield_is_hop_odd(&common_, source.entry, source.hop) == 0;
    return rates_.take(shield_rate_place(prefix_hash_of(source) ^ SHIELD_REPLY_SALT, 0),
                       shield_replies_to(&orders, is_known), now_ms);
  }

  [[nodiscard]] bool is_known(const Source& source, const ShieldOrders& orders) const {
    return shield_is_known(&orders, history_.find(source.hash)) != 0;
  }
  void prove(const Source& source) {
    history_.prove({.hash = source.hash, .hop = source.hop, .rate = 1}, common_.slot);
  }

  [[nodiscard]] __u64 prefix_hash_of(const Source& source) const {
    if (source.prefix_hash != 0) return source.prefix_hash;
    return shield_prefix_hash_of(common_.key, source.word);
  }
  [[nodiscard]] RateTable& rates() { return rates_; }

 private:
  static constexpr __u32 network_ffff =
      std::endian::native == std::endian::little ? 0xffff0000U : 0x0000ffffU;

  const ShieldCommon& common_;
  SourceHistory history_;
  RateTable rates_;
};

}  // namespace holdfast::shield
