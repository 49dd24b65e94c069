// SPDX-License-Identifier: GPL-3.0-or-later
// The shield of one worker: what it has measured, what it remembers, and what it decides.
//
// Joins classifier, zone watch and admission for the way of a query. In quiet times it learns and
// decides nothing. Under overload every question is judged right after it was received, and again
// once its name has been looked up. A dry run decides as ever and does nothing about it.
// Never allocates, locks, or makes system calls. Thread: the worker's.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "exchange/counters.h"
#include "exchange/panel.h"
#include "shield/admission.h"
#include "shield/classifier.h"
#include "shield/gate_reading.h"
#include "shield/shield_memory.h"
#include "shield/socket_budget.h"
#include "shield/socket_filter.h"

namespace holdfast::shield {

enum class Decision : uint8_t {
  answer,
  look_up,   // its name decides
  truncate,  // a cheap answer: TC or BADCOOKIE
  drop,
};

class WorkerShield {
 public:
  // All outlive this.
  WorkerShield(ShieldMemory& memory, size_t worker, exchange::Counters& counters);
  // The queues of cards where its orders are carried out.
  void watch_gates(std::vector<GateReading> gates);
  WorkerShield(const WorkerShield&) = delete;
  WorkerShield& operator=(const WorkerShield&) = delete;

  // ---- The loop.
  void begin_turn(uint64_t now_ns);
  // True if the worker is to tell how long it waits: when it is busy or overloaded.
  [[nodiscard]] bool wants_waits() const { return admission_.is_overloaded() || is_busy_; }
  // It is about to wait. What is not told counts as waiting.
  void begin_wait(uint64_t now_ns);
  // All that a turn may take was there, so more may be waiting: how full the queue is, and what was
  // dropped before it since the last time.
  void note_backlog(uint32_t permille, uint32_t drops);
  // A turn took all that it may from a card's queue, so it is busy.
  void note_busy() { is_busy_ = true; }
  // True if it wants to know of the rings of cards' queues: each tick; or sooner, if something may
  // be lost there at this moment and nothing is done about it yet.
  [[nodiscard]] bool wants_rings(uint64_t now_ns) const {
    return now_ns - last_tick_ns_ >= AdmissionControl::tick_ns;
  }
  [[nodiscard]] bool wants_brimful_rings(uint64_t now_ns) const {
    return wants_rings(now_ns) || (!is_overloaded() && now_ns - last_tick_ns_ >= urgent_ns);
  }
  // What stood in them all the time, of their room, and what found no room: a tick follows.
  void note_rings(uint32_t standing_permille, uint32_t drops) {
    reading_.ring_permille = standing_permille;
    reading_.ring_drops = drops;
    is_tick_due_ = true;
  }
  // One of them was nearly full at some moment: `note_rings` follows.
  void note_brimful() { reading_.is_brimful = true; }
  // True if it wants to know how much of its time the core has rested.
  [[nodiscard]] bool wants_core_rest() const {
    return admission_.is_overloaded() || orders_.syn_per_s != 0;
  }
  void note_core_rest(uint32_t permille) { reading_.card.core_idle_permille = permille; }

  // ---- The filter on its sockets, where no card sheds for it.
  [[nodiscard]] bool guards_sockets() const { return is_enabled() && gates_.empty(); }
  // What whoever puts it there is to let through, of SHIELD_SHARE_ONE: all, and no filter is
  // needed.
  struct FilterOrders {
    uint32_t datagrams_share = SHIELD_SHARE_ONE;
    Telling telling = Telling::nothing;
    uint32_t familiar_share = SHIELD_SHARE_ONE;  // of datagrams that are familiar by it
    uint32_t beginnings_share = SHIELD_SHARE_ONE;
  };
  [[nodiscard]] FilterOrders filter_orders() const;
  [[nodiscard]] const BucketKey& bucket_key() const { return bucket_key_; }
  // Who and what is told apart there, as it was renewed last: at the beginning of an overload, and
  // when it is said here.
  [[nodiscard]] const FilterTables& filter_tables() const { return filter_tables_; }
  void renew_filter_tables();
  // Since then some source has begun to flood.
  [[nodiscard]] bool has_new_floods() const { return has_new_floods_; }
  // The kernel takes no filter that looks at names.
  void note_names_unseen() { filter_sees_names_ = false; }
  // Datagrams that the filter kept from the queues since the last time.
  void note_filtered(uint64_t datagrams) { reading_.filtered += datagrams; }
  // What the filters let through now; nothing or 0: there is none.
  void note_filters(const std::optional<FilterShares>& datagrams, uint32_t beginnings_share) {
    in_force_ = datagrams.value_or(FilterShares());
    orders_.datagrams_share = datagrams ? datagrams->strangers : 0;
    orders_.beginnings_share = beginnings_share;
  }
  // The kernel has taken a filter, or has not, for this errno.
  void note_datagrams_refused(int error) {
    orders_.datagrams_refused = static_cast<uint32_t>(error);
  }
  void note_beginnings_refused(int error) {
    orders_.beginnings_refused = static_cast<uint32_t>(error);
  }
  // Beginnings of TCP connections a second, those that were kept away included.
  void note_beginnings(uint64_t a_second) { beginnings_a_second_ = a_second; }
  // Then no filter is put there, and what it would have kept away is counted.
  [[nodiscard]] bool is_filter_dry() const {
    return (common_.dry_run & (SHIELD_DRY_RUN_ADMISSION | SHIELD_DRY_RUN_FILTER)) != 0;
  }

  // ---- Datagrams: each step for the whole batch before the next. Only if enabled.
  [[nodiscard]] bool is_enabled() const { return common_.enabled != 0; }
  [[nodiscard]] bool is_overloaded() const { return admission_.is_overloaded(); }
  void look(size_t index, Bytes address, uint8_t hop) {
    classifier_.look(address, hop, sources_[index]);
  }
  // Quiet: remembers those of the batch whose bits are set.
  void remember_all(uint64_t which);
  static_assert(exchange::batch_max <= 64, "a bit for each");
  void remember(size_t index) { remember_all(uint64_t{1} << index); }
  // Overloaded: reads what is known of it.
  void find(size_t index) { classifier_.find(sources_[index], orders_); }
  // Overloaded: judges its source. True if it needs nothing more to be answered.
  [[nodiscard]] bool judge(size_t index, Bytes message);
  // It brings a cookie, whatever is in it.
  void note_cookie(size_t index) { proofs_[index] = Proof::cookie; }
  // It has shown a valid cookie. True if it is answered for that.
  [[nodiscard]] bool judge_cookie(size_t index);
  // Before it has been parsed any further: `look_up` unless it is dropped or truncated at once.
  [[nodiscard]] Decision decide_by_source(size_t index);
  // The name's zone, whether it exists; counts for the zone. Quiet times too. Null: not watched.
  ZoneWatchEntry* note_name(uint64_t apex_hash, wire::NameView apex, NameFact fact,
                            uint64_t name_hash) {
    return zones_.note(apex_hash, apex, fact, name_hash);
  }
  // How that zone is, for `decide_by_name`; and a part of this by itself.
  [[nodiscard]] ZoneWatch::Verdict verdict_on(ZoneWatchEntry* zone) const {
    return zones_.judge(zone);
  }
  [[nodiscard]] bool is_under_attack(const ZoneWatchEntry* zone) const {
    return zones_.is_under_attack(zone);
  }
  // It asks for a name that exists, after `note_name`: for the filter.
  void note_existing(size_t index, Bytes message) {
    if (!gates_.empty()) return;
    const bool is_example = is_overloaded() ? classes_[index] <= shield_known_odd
                                            : ++existing_ % existing_an_example == 0;
    if (is_example) note_familiar(message);
  }
  // It asks for a name that does not exist in a zone under attack, after `note_name`.
  void note_made_up(Bytes message);
  [[nodiscard]] Decision decide_by_name(size_t index, const ZoneWatch::Verdict& zone,
                                        NameFact fact);
  // What it took to answer one that was looked up, in any unit, once it has been: its zone has had
  // so much. And what the batch took besides, which all that was in it shares: on average, and one
  // that took far longer was interrupted.
  void end_answer(size_t index, uint64_t ticks);
  void end_batch(uint64_t ticks, size_t datagrams) {
    const uint64_t each = ticks / datagrams;
    if (ticks_each_ == 0) {
      ticks_each_ = each;
    } else {
      ticks_each_ += std::min(each, batch_times_average * ticks_each_) / 8 - ticks_each_ / 8;
    }
  }
  // What became of one that was to be truncated: counts it.
  void count_cheap_answer(size_t index, exchange::ShieldFate fate);

  // ---- Streams. False if the client has used up its time, or is not known and those who are not
  // have used up theirs.
  [[nodiscard]] bool admit_message(Bytes address);
  struct MessageCost {
    uint64_t ns = 0;         // 0: not measured
    uint64_t ticks = 0;      // the same, in the unit of `end_answer`
    uint64_t apex_hash = 0;  // of the zone; 0: none
  };
  void end_message(Bytes address, const MessageCost& cost);

 private:
  static constexpr uint64_t urgent_ns = 5'000'000;
  // A batch counts as so many average ones at most.
  static constexpr uint64_t batch_times_average = 8;
  // In quiet times one in so many is remembered: the popular ones are found all the same.
  static constexpr uint32_t existing_an_example = 16;

  [[nodiscard]] Decision decide(size_t index, Rank rank);
  void count(ShieldClass of, exchange::ShieldFate fate) {
    counters_.count_shield(static_cast<size_t>(of), fate);
  }
  void copy_common();
  void begin_overload();
  void publish();
  struct CardCounts {
    uint64_t turned_away = 0;
    uint64_t replied = 0;
    uint64_t denied = 0;
    uint64_t syns = 0;
  };
  [[nodiscard]] CardCounts count_at_cards() const;
  void read_cards();
  void sweep_marks();
  void steer_sockets(uint64_t span_ns);
  void count_dry_run();
  [[nodiscard]] SourcePlaces places_of_source(size_t index) const {
    return source_places_of(bucket_key_, sources_[index].word);
  }
  void trust(const SourcePlaces& at) { tables_.buckets.mark(at, common_.slot); }
  void note_familiar(Bytes message);
  void count_for_filter(const Source& source, const SourcePlaces& at, Bytes message);
  [[nodiscard]] size_t familiarity_of(Bytes message) const;
  bool note_flood(const Source& source, const SourcePlaces& at, uint32_t share);
  [[nodiscard]] bool is_flood(const Source& source) const;
  [[nodiscard]] bool is_still_flood(const Source& source, uint32_t share);
  [[nodiscard]] uint32_t now_s() const { return static_cast<uint32_t>(now_ms_ / 1'000); }
  [[nodiscard]] Decision turn_away(size_t index, Rank rank);

  const ShieldCommon& shared_;
  ShieldOrders& published_;
  ShieldWorkerTables& tables_;
  exchange::Counters& counters_;
  ShieldCommon common_{};  // as it was at the turn's begin
  AdmissionLimits limits_;
  ShieldOrders orders_{};
  Classifier classifier_;
  ZoneWatch zones_;
  AdmissionControl admission_;
  SocketBudget socket_budget_;
  FilterShares in_force_;  // on the sockets, at this moment
  const BucketKey bucket_key_;
  FilterTables filter_tables_;
  AttackedParents parents_;
  bool filter_sees_names_ = true;
  bool has_new_floods_ = false;
  UsualForms forms_;
  uint32_t existing_ = 0;  // names that were asked for in quiet times
  uint64_t swept_ms_ = 0;  // marks of names and sources
  uint64_t beginnings_a_second_ = 0;
  std::vector<GateReading> gates_;
  CardCounts counted_;  // at all of them, when it was looked last
  LoadReading reading_;
  uint64_t now_ns_ = 0;
  uint64_t now_ms_ = 0;
  uint64_t wait_began_ns_ = 0;  // 0: it did not say
  uint64_t last_turn_ns_ = 0;
  uint64_t last_tick_ns_ = 0;
  bool is_busy_ = false;
  bool is_tick_due_ = false;
  uint64_t names_matter_until_ms_ = 0;  // some zone is under attack
  // What streams of those who are not known have cost in this window of a second.
  uint64_t strangers_window_ = 0;
  uint64_t strangers_us_ = 0;
  std::array<Source, exchange::batch_max> sources_;
  std::array<ShieldClass, exchange::batch_max> classes_{};
  std::array<Proof, exchange::batch_max> proofs_{};
  std::array<bool, exchange::batch_max> is_admitted_{};  // by its source, as the budget allows
  std::array<ZoneWatchEntry*, exchange::batch_max> served_{};  // whose share the answer is out of
  uint64_t ticks_each_ = 0;                                    // of a datagram, beside its answer
};

}  // namespace holdfast::shield
