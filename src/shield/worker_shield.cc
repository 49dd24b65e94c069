// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/worker_shield.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace holdfast::shield {

namespace {

using exchange::CounterLayout;
using exchange::ShieldFate;

static_assert(static_cast<size_t>(shield_classes) == exchange::shield_class_count);
static_assert(shield_workers_max == exchange::workers_max);

constexpr uint64_t ns_per_us = 1'000;
constexpr uint64_t ns_per_ms = 1'000'000;
constexpr uint64_t ns_per_s = 1'000'000'000;
// Of the fullest queue, in permille: the filter is to let less through.
constexpr uint32_t backlog_pressed = 400;
// Under overload a client may take so much of a second of a worker over TCP.
constexpr uint32_t stream_us_a_second_max = 100'000;
constexpr uint32_t us_max = 1'000'000;
// What a message over TCP costs beside its answer, which is measured: the kernel's work, at least.
constexpr uint32_t message_us = 10;
// And all that are not known together: whoever is sent to TCP comes this way, bots with addresses
// of their own too.
constexpr uint32_t strangers_us_a_second_max = 300'000;
// Names are looked at before a question is turned away, so long after the last of an attack on one.
constexpr uint64_t names_matter_ms = 1'000;
// Marks of names and sources are looked through so often: more than a hundred units of their time
// may not pass between, and a slot is a second at least.
constexpr uint64_t sweep_ms = 60'000;
// Another place for the same client's time, and for what is sent in its name while that is thinned
// out: in quarters of a datagram.
constexpr __u64 stream_salt = 0x6a09e667f3bcc909;
constexpr __u64 flood_salt = 0xbb67ae8584caa73b;
constexpr uint64_t flood_unit = 4;

template <typename T>
T read(const T& value) {
  return __atomic_load_n(&value, __ATOMIC_RELAXED);
}

std::span<ShieldHistoryLine, SHIELD_HISTORY_LINES> lines_of(ShieldMemory& memory) {
  return memory.history;
}

}  // namespace

WorkerShield::WorkerShield(ShieldMemory& memory, size_t worker, exchange::Counters& counters)
    : shared_(memory.common),
      published_(memory.orders[worker]),
      tables_(memory.workers[worker]),
      counters_(counters),
      classifier_(common_, SourceHistory(lines_of(memory)), RateTable(tables_.rates)),
      zones_(tables_.zones, tables_.accounts, memory.accounts),
      bucket_key_(BucketKey::of(shared_.key)) {
  for (size_t i = 0; i < 4; ++i) common_.key[i] = shared_.key[i];
  copy_common();
  counters_.set(CounterLayout::shield_level, 0);
}

void WorkerShield::watch_gates(std::vector<GateReading> gates) {
  gates_ = std::move(gates);
  counted_ = count_at_cards();
}

WorkerShield::CardCounts WorkerShield::count_at_cards() const {
  CardCounts sum;
  for (const GateReading& gate : gates_) {
    sum.turned_away += gate.turned_away();
    sum.replied += gate.replied();
    sum.denied += gate.denied();
    sum.syns += gate.syns();
  }
  return sum;
}

void WorkerShield::read_cards() {
  const CardCounts now = count_at_cards();
  const CardCounts before = std::exchange(counted_, now);
  reading_.turned_away = now.turned_away - before.turned_away;
  reading_.card.replied = now.replied - before.replied;
  reading_.card.syns = now.syns - before.syns;
  zones_.note_denied(now.denied - before.denied);
}

void WorkerShield::copy_common() {
  common_.enabled = read(shared_.enabled);
  common_.dry_run = read(shared_.dry_run);
  common_.slot = read(shared_.slot);
  common_.known_slots = read(shared_.known_slots);
  limits_.known_slots = std::max(common_.known_slots, 1U);
  limits_.unknown_source = read(shared_.unknown_source);
  limits_.unknown_prefix = read(shared_.unknown_prefix);
}

void WorkerShield::begin_turn(uint64_t now_ns) {
  now_ns_ = now_ns;
  now_ms_ = now_ns / ns_per_ms;
  const uint64_t span_ns = last_turn_ns_ == 0 ? 0 : now_ns - last_turn_ns_;
  const uint64_t idle_ns =
      wait_began_ns_ == 0 ? span_ns : now_ns - std::min(now_ns, wait_began_ns_);
  reading_.idle_ns += std::min(idle_ns, span_ns);
  reading_.busy_ns += span_ns - std::min(idle_ns, span_ns);
  wait_began_ns_ = 0;
  is_busy_ = false;
  last_turn_ns_ = now_ns;
  if (std::exchange(is_tick_due_, false) || now_ns - last_tick_ns_ >= AdmissionControl::tick_ns) {
    const uint64_t tick_span_ns = now_ns - last_tick_ns_;
    last_tick_ns_ = now_ns;
    copy_common();
    read_cards();
    steer_sockets(tick_span_ns);
    const bool was_overloaded = admission_.is_overloaded();
    if (is_enabled()) {
      admission_.tick(now_ns, reading_);
    } else {
      admission_ = AdmissionControl();
    }
    if (!was_overloaded && is_overloaded()) begin_overload();
    reading_ = {};
    publish();
  }
  zones_.set_budget(admission_.budget());
  zones_.begin_turn(now_ms_, is_overloaded() ? Load::overloaded : Load::quiet);
}

void WorkerShield::begin_overload() {
  counters_.add(CounterLayout::shield_overloads);
  if (!guards_sockets()) return;
  tables_.buckets.forget_floods();
  renew_filter_tables();
}

// In quiet times and while it is switched off, too: the marks grow old all the same.
void WorkerShield::sweep_marks() {
  if (!gates_.empty() || now_ms_ - swept_ms_ < sweep_ms) return;
  swept_ms_ = now_ms_;
  tables_.names.forget_old(now_ms_);
  tables_.buckets.forget_old(common_.slot, now_s());
}

// Before the budgets: what the filter does with strangers is known, and what is left is theirs.
void WorkerShield::steer_sockets(uint64_t span_ns) {
  sweep_marks();
  if (!guards_sockets()) {
    socket_budget_.end();
    return;
  }
  reading_.card.syns += beginnings_a_second_ * span_ns / ns_per_s;
  reading_.is_filtered = orders_.datagrams_share != 0;
  if (!is_overloaded()) {
    socket_budget_.end();
    return;
  }
  const uint64_t all_ns = reading_.busy_ns + reading_.idle_ns;
  uint32_t strangers = 0;
  for (const uint32_t count : reading_.strangers) strangers += count;
  socket_budget_.tick(
      span_ns, {.strangers = reading_.strangers,
                .in_force = in_force_,
                .others = reading_.judged - std::min(reading_.judged, strangers),
                .filtered = reading_.filtered,
                .lost = reading_.drops,
                .core_idle_permille = reading_.card.core_idle_permille,
                .worker_idle_permille =
                    static_cast<uint32_t>(all_ns == 0 ? 1000 : reading_.idle_ns * 1000 / all_ns),
                .is_pressed = reading_.drops > 0 || reading_.backlog_permille >= backlog_pressed});
  if (is_filter_dry()) count_dry_run();
}

void WorkerShield::count_dry_run() {
  uint64_t kept = 0;
  for (size_t i = 0; i < familiarities; ++i) {
    const bool familiar = is_familiar(socket_budget_.telling(), i);
    const uint32_t share = familiar ? socket_budget_.familiar_share() : socket_budget_.share();
    kept += uint64_t{reading_.strangers[i]} * (SHIELD_SHARE_ONE - share);
  }
  counters_.count_filtered(exchange::Filtered::datagrams_dry, kept / SHIELD_SHARE_ONE);
}

WorkerShield::FilterOrders WorkerShield::filter_orders() const {
  if (!guards_sockets()) return {};
  FilterOrders orders{.datagrams_share = socket_budget_.share(),
                      .telling = socket_budget_.telling(),
                      .familiar_share = socket_budget_.familiar_share()};
  if (orders_.syn_per_s != 0 && beginnings_a_second_ > orders_.syn_per_s) {
    orders.beginnings_share =
        std::max<uint32_t>(static_cast<uint32_t>(uint64_t{orders_.syn_per_s} * SHIELD_SHARE_ONE /
                                                 beginnings_a_second_),
                           1);
  }
  return orders;
}

void WorkerShield::renew_filter_tables() {
  has_new_floods_ = false;
  tables_.buckets.forget_old(common_.slot, now_s());
  tables_.buckets.write(common_.slot, now_s(), filter_tables_.sources);
  tables_.names.write(now_ms_, filter_tables_.names);
  filter_tables_.parents = parents_.told(now_s());
  forms_.age();
  filter_tables_.usual_forms = forms_.usual();
}

void WorkerShield::note_familiar(Bytes message) {
  if (!guards_sockets()) return;
  if (!is_overloaded()) forms_.count(form_of(message));
  const auto at = name_places(bucket_key_, message);
  if (at) tables_.names.mark(*at, now_ms_);
  const auto parent = parent_mix(bucket_key_, message);
  if (parent) tables_.names.mark(places_of<name_tables>(bucket_key_, *parent), now_ms_);
}

void WorkerShield::note_made_up(Bytes message) {
  if (!guards_sockets() || !is_overloaded()) return;
  const auto parent = parent_mix(bucket_key_, message);
  if (parent) has_new_floods_ |= parents_.note(*parent, now_s());
}

// As the filter sees it that is in force, or would be.
void WorkerShield::count_for_filter(const Source& source, const SourcePlaces& at, Bytes message) {
  const bool is_trusted = filter_tables_.sources.are_trusted(at);
  if (is_trusted && !note_flood(source, at, SHIELD_SHARE_ONE)) {
    if (source.source_class <= shield_known) forms_.count(form_of(message));
    return;
  }
  const size_t kind = familiarity_of(message);
  if (!is_trusted) (void)note_flood(source, at, in_force_.of(kind));
  ++reading_.strangers[kind];
}

size_t WorkerShield::familiarity_of(Bytes message) const {
  const bool is_usual = (filter_tables_.usual_forms >> form_of(message) & 1) != 0;
  // All are alike where the filter cannot tell.
  const bool is_of_name = !filter_sees_names_ || filter_tables_.has_name(bucket_key_, message);
  return familiarity(is_usual, is_of_name);
}

// Whether its bucket is flooded, of which such a share passes.
bool WorkerShield::note_flood(const Source& source, const SourcePlaces& at, uint32_t share) {
  const bool was_flooded = tables_.buckets.is_flooded(at);
  if (was_flooded ? is_still_flood(source, share) : is_flood(source)) {
    has_new_floods_ |= !was_flooded;
    tables_.buckets.mark_flooded(at, now_s());
    return true;
  }
  return was_flooded;
}

// It asks more than it may, whoever it is that asks in its name.
bool WorkerShield::is_flood(const Source& source) const {
  return source.source_class == shield_known_odd &&
         source.rate > shield_allowance(&orders_, source.entry);
}

// The same of one of whom most is kept away, so that what is received may be within what it may
// ask. Each datagram counts for as many as were sent for it to pass; but for no more than it may
// ask, as one alone says nothing.
bool WorkerShield::is_still_flood(const Source& source, uint32_t share) {
  if (source.source_class != shield_known && source.source_class != shield_known_odd) return false;
  if ((shield_flags(source.entry) & SHIELD_FLAG_ALLOWED) != 0) return false;
  const uint64_t allowed = shield_allowance(&orders_, source.entry) * flood_unit;
  const uint64_t sent = flood_unit * SHIELD_SHARE_ONE / std::max(share, 1U);
  return classifier_.rates().add(shield_rate_place(source.hash ^ flood_salt, 0),
                                 static_cast<uint32_t>(std::min(sent, allowed)), now_ms_) > allowed;
}

void WorkerShield::publish() {
  admission_.write_orders(limits_, now_ns_, orders_);
  published_ = orders_;
  counters_.set(CounterLayout::shield_level, admission_.level());
}

void WorkerShield::begin_wait(uint64_t now_ns) { wait_began_ns_ = now_ns; }

void WorkerShield::note_backlog(uint32_t permille, uint32_t drops) {
  is_busy_ = true;
  reading_.backlog_permille = std::max(reading_.backlog_permille, permille);
  reading_.drops += drops;
}

void WorkerShield::remember_all(uint64_t which) {
  // What is the same for all, where no store can be taken to change it.
  const uint64_t now_ms = now_ms_;
  const uint8_t mark = AgedBuckets::age_mark(common_.slot);
  const bool learns = orders_.learning != 0;
  const bool trusts = gates_.empty();
  const BucketKey key = bucket_key_;
  uint32_t answers = 0;
  for (; which != 0; which &= which - 1) {
    const Source& source = sources_[static_cast<size_t>(std::countr_zero(which))];
    ++answers;
    if (!learns) {
      classifier_.count(source, now_ms);
    } else if (classifier_.learn(source, now_ms) && trusts) {
      tables_.buckets.mark_as(source_places_of(key, source.word), mark);
    }
  }
  reading_.answers += answers;
}

bool WorkerShield::judge(size_t index, Bytes message) {
  Source& source = sources_[index];
  classifier_.judge(source, orders_, now_ms_);
  const ShieldClass source_class = source.source_class;
  classes_[index] = source_class;
  ++reading_.judged;
  proofs_[index] = Proof::stream;
  if (gates_.empty()) {
    const SourcePlaces at = places_of_source(index);
    count_for_filter(source, at, message);
    if (source_class <= shield_known) trust(at);
  }
  if (source_class > shield_known) return false;
  admission_.note_known();
  count(source_class, ShieldFate::admitted);
  return true;
}

bool WorkerShield::judge_cookie(size_t index) {
  classifier_.judge_cookie(sources_[index], orders_);
  classes_[index] = sources_[index].source_class;
  if (classes_[index] != shield_proved) return false;
  admission_.note_known();
  if (gates_.empty()) trust(places_of_source(index));
  count(shield_proved, ShieldFate::admitted);
  return true;
}

// What is decided here costs no parsing and no look-up.
Decision WorkerShield::decide_by_source(size_t index) {
  const ShieldClass source_class = classes_[index];
  is_admitted_[index] = false;
  if (source_class == shield_unknown_fast) return decide(index, Rank::fast);
  const bool names_matter =
      now_ms_ < names_matter_until_ms_ && admission_.level() < AdmissionControl::blind_level;
  const Rank rank = source_class == shield_known_odd ? Rank::odd : Rank::slow;
  if (names_matter || !admission_.is_short(rank)) return Decision::look_up;
  if (rank == Rank::odd && now_ms_ < names_matter_until_ms_) return Decision::look_up;
  if (!admission_.admits(rank)) return turn_away(index, rank);
  is_admitted_[index] = true;
  return Decision::look_up;
}

Decision WorkerShield::decide_by_name(size_t index, const ZoneWatch::Verdict& zone, NameFact fact) {
  const bool is_odd = classes_[index] == shield_known_odd;
  const bool judges_zones = (common_.dry_run & SHIELD_DRY_RUN_ZONES) == 0;
  // More different names than ever, and a wildcard makes up any number of them: those that are
  // there for themselves come first, and what others get of the zone's share is not used up.
  const bool is_made_up = judges_zones && zone.many_names && fact == NameFact::wildcard;
  Rank rank = is_odd ? Rank::odd : Rank::slow;
  if (judges_zones && zone.under_attack && fact == NameFact::absent) {
    rank = Rank::absent;
    classes_[index] = shield_absent_name;
  } else if (is_made_up || (judges_zones && zone.beyond_share)) {
    rank = is_odd ? Rank::odd_beyond : Rank::slow_beyond;
    if (zone.is_account_beyond) {
      zones_.note_limited(*zone.entry);
      counters_.add(CounterLayout::shield_accounts);
    }
  }
  if (zone.under_attack || zone.hot || zone.many_names) {
    names_matter_until_ms_ = now_ms_ + names_matter_ms;
  }
  const bool is_admitted = is_admitted_[index] && rank <= Rank::slow;
  if (is_admitted) count(classes_[index], ShieldFate::admitted);
  const Decision decision = is_admitted ? Decision::answer : decide(index, rank);
  served_[index] = decision == Decision::answer && !is_made_up ? zone.entry : nullptr;
  if (zone.entry != nullptr && decision != Decision::answer) {
    std::atomic<uint32_t>& shed = zone.entry->shed;
    shed.store(shed.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  return decision;
}

Decision WorkerShield::decide(size_t index, Rank rank) {
  if (admission_.admits(rank)) {
    count(classes_[index], ShieldFate::admitted);
    return Decision::answer;
  }
  return turn_away(index, rank);
}

Decision WorkerShield::turn_away(size_t index, Rank rank) {
  if ((common_.dry_run & SHIELD_DRY_RUN_ADMISSION) != 0) {
    count(classes_[index], ShieldFate::dry_run);
    return Decision::answer;
  }
  const bool may_truncate = (common_.dry_run & SHIELD_DRY_RUN_TRUNCATE) == 0;
  if (may_truncate && rank != Rank::absent &&
      classifier_.may_reply(sources_[index], orders_, now_ms_) &&
      admission_.truncates(proofs_[index])) {
    return Decision::truncate;
  }
  count(classes_[index], ShieldFate::dropped);
  counters_.count_drop(exchange::Drop::shed);
  return Decision::drop;
}

void WorkerShield::count_cheap_answer(size_t index, ShieldFate fate) {
  count(classes_[index], fate);
  if (fate == ShieldFate::dropped) counters_.count_drop(exchange::Drop::shed);
}

void WorkerShield::end_answer(size_t index, uint64_t ticks) {
  ZoneWatchEntry* zone = std::exchange(served_[index], nullptr);
  if (zone != nullptr) zones_.note_served(*zone, ticks + ticks_each_);
}

bool WorkerShield::admit_message(Bytes address) {
  if (!is_overloaded() || (common_.dry_run & SHIELD_DRY_RUN_STREAMS) != 0) return true;
  const Source source = classifier_.look(address, 0);
  const uint32_t place = shield_rate_place(source.hash ^ stream_salt, 0);
  const RateTable& rates = classifier_.rates();
  const bool has_time = rates.estimate(place, now_ms_) < stream_us_a_second_max;
  if (has_time &&
      (strangers_window_ != now_ms_ >> SHIELD_WINDOW_SHIFT ||
       strangers_us_ < strangers_us_a_second_max || classifier_.is_known(source, orders_))) {
    return true;
  }
  counters_.add(CounterLayout::shield_streams);
  counters_.count_drop(exchange::Drop::shed);
  return false;
}

void WorkerShield::end_message(Bytes address, const MessageCost& cost) {
  if (!is_enabled()) return;
  const Source source = classifier_.look(address, 0);
  const bool was_known = classifier_.is_known(source, orders_);
  classifier_.prove(source);
  // In quiet times who has come once is not trusted for it, or anybody could fill the buckets.
  if (gates_.empty() &&
      (is_overloaded() || orders_.syn_per_s != 0 || classifier_.is_known(source, orders_))) {
    trust(source_places_of(bucket_key_, source.word));
  }
  if (!is_overloaded()) return;
  const auto spent_us =
      static_cast<uint32_t>(std::min<uint64_t>(cost.ns / 1'000 + message_us, us_max));
  RateTable& rates = classifier_.rates();
  (void)rates.add(shield_rate_place(source.hash ^ stream_salt, 0), spent_us, now_ms_);
  if (was_known) return;
  const uint64_t window = now_ms_ >> SHIELD_WINDOW_SHIFT;
  if (std::exchange(strangers_window_, window) != window) strangers_us_ = 0;
  strangers_us_ += spent_us;
  // Of the zone's share, too, which is of the time of those who are not known.
  if (cost.apex_hash == 0 || cost.ns == 0) return;
  zones_.charge(cost.apex_hash, cost.ticks * (cost.ns + message_us * ns_per_us) / cost.ns);
}

}  // namespace holdfast::shield
