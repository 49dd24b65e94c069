// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/zone_watch.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace holdfast::shield {

namespace {

constexpr auto relaxed = std::memory_order_relaxed;

uint32_t get(const std::atomic<uint32_t>& value) { return value.load(relaxed); }
void put(std::atomic<uint32_t>& value, uint32_t to) { value.store(to, relaxed); }
void add(std::atomic<uint32_t>& value, uint32_t amount) { put(value, get(value) + amount); }

// Fewer absent names in a window are no attack that a worker could feel: 200 a second.
constexpr uint32_t absent_min = 200 * ZoneWatch::window_ms / 1000;
// Of usual numbers: a zone that turns so many times busier is not having an ordinary day.
constexpr uint32_t absent_times_usual = 8;
constexpr uint32_t hot_times_usual = 8;
// A share has jumped when a quarter of the way from its usual value to all.
constexpr uint64_t jump_parts = 4;
constexpr uint64_t share_one = uint64_t{1} << 16;
// How many distinct names there were is known within a seventh, so their share need not rise above
// this: a zone that is asked little is usually asked for another name each time.
constexpr uint64_t names_share_max = share_one * 7 / 8;
constexpr uint32_t hot_asked_min = 500 * ZoneWatch::window_ms / 1000;
constexpr uint32_t usual_scale = 16;
constexpr uint32_t usual_weight = 32;  // windows over which what is usual is averaged: 8 s

constexpr uint64_t cost_weight = 4;  // windows over which the cost of an answer is averaged
// What took longer was interrupted.
constexpr uint64_t cost_times_average = 64;

// A clock of 32 bits that is never 0.
uint32_t clock_of(uint64_t now_ms) { return std::max(static_cast<uint32_t>(now_ms), 1U); }
bool is_before(uint32_t now, uint32_t until) {
  return until != 0 && static_cast<int32_t>(until - now) > 0;
}

// What rises to more than so many times the usual is not usual yet, however much it is: the first
// moments of a flood come before anybody calls it one. So the usual doubles in three seconds at
// most.
constexpr uint64_t rise_times_usual = 3;
enum class Rise : uint8_t { free, bounded };

void approach(std::atomic<uint32_t>& usual, uint32_t seen, Rise rise = Rise::free) {
  const uint64_t most = rise_times_usual * get(usual) + uint64_t{absent_min} * usual_scale;
  const uint64_t wanted = uint64_t{seen} * usual_scale;
  const auto target = static_cast<int64_t>(rise == Rise::free ? wanted : std::min(wanted, most));
  const auto now = static_cast<int64_t>(get(usual));
  // Rounded away from where it is, so that it arrives.
  const int64_t step = (target - now) / usual_weight;
  const int64_t rest = target > now ? 1 : (target < now ? -1 : 0);
  put(usual, static_cast<uint32_t>(now + (step != 0 ? step : rest)));
}

// What is counted of some questions, beside what is usual of both.
struct Counted {
  uint64_t part = 0;
  uint64_t usual_part_x16 = 0;
  uint64_t all = 0;
  uint64_t usual_all_x16 = 0;
};

// The part is far more than usual, in number and in share; no share above `share_max` is asked for.
bool has_jumped(const Counted& counted, uint64_t share_max) {
  if (counted.part < absent_min ||
      counted.part * usual_scale < counted.usual_part_x16 * absent_times_usual) {
    return false;
  }
  const uint64_t usual =
      counted.usual_all_x16 == 0 ? 0 : counted.usual_part_x16 * share_one / counted.usual_all_x16;
  const uint64_t jump = usual + (share_one - std::min(usual, share_one)) / jump_parts;
  return counted.part * share_one >= std::min(jump, share_max) * counted.all;
}

}  // namespace

void ZoneWatch::begin_turn(uint64_t now_ms, Load load) {
  now_ms_ = clock_of(now_ms);
  load_ = load;
  const auto window = static_cast<uint32_t>(now_ms / window_ms);
  if (!is_cost_settled_ && window_answers_ > 0) cost_ = window_cost_ / window_answers_;
  if (window != window_) {
    window_ = window;
    average_cost();
    last_all_asked_ = std::exchange(all_asked_, 0);
    last_groups_asked_ = std::exchange(groups_asked_, 0);
    last_denied_ = std::exchange(denied_, 0);
    last_attacked_absent_ = std::exchange(attacked_absent_, 0);
    if (load == Load::quiet) approach(usual_all_x16_, last_all_asked_);
  }
  budget_cost_ = budget_ * cost_;
  even_share_ = std::max<uint64_t>(budget_cost_ / std::max(last_groups_asked_, 2U), 1);
}

ZoneWatchEntry* ZoneWatch::note(uint64_t apex_hash, wire::NameView apex, NameFact fact,
                                uint64_t name_hash) {
  ++all_asked_;
  ZoneWatchEntry* entry = find(apex_hash, apex);
  if (entry == nullptr) return nullptr;
  if (get(entry->window) != window_) roll(*entry);
  add(entry->asked, 1);
  if (fact == NameFact::absent) {
    add(entry->absent, 1);
    if (is_before(now_ms_, get(entry->attacked_until_ms))) ++attacked_absent_;
  } else {
    entry->names.note(name_hash);
  }
  const uint32_t account = get(entry->account);
  if (account != 0) {
    if (get(watched_[account].window) != window_) roll(watched_[account]);
    add(watched_[account].asked, 1);
  }
  return entry;
}

ZoneWatch::Verdict ZoneWatch::judge(ZoneWatchEntry* entry) const {
  if (entry == nullptr || load_ == Load::quiet) return {.entry = entry};
  const uint32_t account = get(entry->account);
  uint64_t even = even_share_;
  bool is_account_beyond = false;
  if (account != 0) {
    const AccountWatchEntry& all = watched_[account];
    is_account_beyond = has_had_share(get(all.served), get(all.usual_asked_x16), even);
    even = std::max<uint64_t>(even / std::max(get(all.last_zones), 1U), 1);
  }
  return {.entry = entry,
          .under_attack = is_under_attack(entry),
          .hot = is_before(now_ms_, get(entry->hot_until_ms)),
          .many_names = is_before(now_ms_, get(entry->many_names_until_ms)),
          .beyond_share = is_account_beyond ||
                          has_had_share(get(entry->served), get(entry->usual_asked_x16), even),
          .is_account_beyond = is_account_beyond};
}

bool ZoneWatch::is_under_attack(const ZoneWatchEntry* entry) const {
  return load_ == Load::overloaded && entry != nullptr &&
         is_before(now_ms_, get(entry->attacked_until_ms));
}

// An even part, or its usual one if that is more.
bool ZoneWatch::has_had_share(uint64_t served, uint32_t usual_asked_x16, uint64_t even) const {
  if (served < even || cost_ == 0) return false;
  const uint64_t all = get(usual_all_x16_);
  return all == 0 || served >= budget_cost_ * usual_asked_x16 / all;
}

void ZoneWatch::roll(AccountWatchEntry& entry) {
  ++groups_asked_;
  const uint32_t windows = window_ - get(entry.window);
  put(entry.window, window_);
  put(entry.last_asked, get(entry.asked));
  put(entry.asked, 0);
  put(entry.last_zones, get(entry.zones));
  put(entry.zones, 0);
  put(entry.served, 0);
  if (load_ != Load::quiet) return;
  approach(entry.usual_asked_x16, get(entry.last_asked));
  for (uint32_t i = 1; i < std::min(windows, 2 * usual_weight); ++i) {
    approach(entry.usual_asked_x16, 0);
  }
}

void ZoneWatch::note_served(ZoneWatchEntry& entry, uint64_t cost) {
  const uint64_t counted = bounded(cost);
  window_cost_ += counted;
  ++window_answers_;
  add_cost(entry, counted);
}

uint64_t ZoneWatch::bounded(uint64_t cost) const {
  return cost_ == 0 ? cost : std::min(cost, cost_times_average * cost_);
}

void ZoneWatch::average_cost() {
  const uint64_t cost = std::exchange(window_cost_, 0);
  const uint64_t answers = std::exchange(window_answers_, 0);
  if (answers == 0) return;
  const uint64_t average = cost / answers;
  cost_ = is_cost_settled_ ? cost_ - cost_ / cost_weight + average / cost_weight : average;
  is_cost_settled_ = true;
}

void ZoneWatch::charge(uint64_t apex_hash, uint64_t cost) {
  for (ZoneWatchEntry& entry : table_[apex_hash % zone_watch_lines]) {
    if (entry.hash.load(relaxed) != apex_hash) continue;
    if (get(entry.window) != window_) roll(entry);
    add_cost(entry, bounded(cost));
  }
}

void ZoneWatch::add_cost(ZoneWatchEntry& entry, uint64_t cost) {
  const auto add_to = [cost](std::atomic<uint32_t>& served) {
    put(served, static_cast<uint32_t>(std::min<uint64_t>(get(served) + cost, ~0U)));
  };
  add_to(entry.served);
  const uint32_t account = get(entry.account);
  if (account == 0) return;
  if (get(watched_[account].window) != window_) roll(watched_[account]);
  add_to(watched_[account].served);
}

void ZoneWatch::note_limited(const ZoneWatchEntry& entry) {
  add(watched_[get(entry.account) % watched_.size()].limited, 1);
}

// Its entry, or the place of one that is asked little. Nothing while the line's others are busier:
// each miss costs the least of them some of its standing.
ZoneWatchEntry* ZoneWatch::find(uint64_t hash, wire::NameView apex) {
  auto& line = table_[hash % zone_watch_lines];
  ZoneWatchEntry* least = nullptr;
  uint32_t least_weight = ~0U;
  for (ZoneWatchEntry& entry : line) {
    if (entry.hash.load(relaxed) == hash) return &entry;
    const bool is_stale = window_ - get(entry.window) > 4 * usual_weight;
    const uint32_t weight =
        entry.hash.load(relaxed) == 0 || is_stale ? 0 : get(entry.last_asked) + get(entry.asked);
    if (weight < least_weight) {
      least_weight = weight;
      least = &entry;
    }
  }
  if (least_weight > 1) {
    put(least->last_asked, get(least->last_asked) / 2);
    return nullptr;
  }
  for (auto* value : {&least->asked, &least->absent, &least->last_asked, &least->last_absent,
                      &least->usual_asked_x16, &least->usual_absent_x16, &least->attacked_until_ms,
                      &least->hot_until_ms, &least->shed, &least->served, &least->last_names,
                      &least->usual_names_x16, &least->many_names_until_ms}) {
    put(*value, 0);
  }
  least->names.clear();
  put(least->window, window_);
  put(least->account, accounts_.find(hash));
  std::array<uint64_t, ZoneWatchEntry::name_words> words{};
  if (apex.bytes().size() <= sizeof words) {
    std::memcpy(words.data(), apex.bytes().data(), apex.bytes().size());
  }
  for (size_t i = 0; i < words.size(); ++i) least->name[i].store(words[i], relaxed);
  least->hash.store(hash, relaxed);
  return least;
}

// A window has ended for this entry, some time ago perhaps.
void ZoneWatch::roll(ZoneWatchEntry& entry) {
  const uint32_t account = accounts_.find(entry.hash.load(relaxed));
  put(entry.account, account);
  if (account == 0) {
    ++groups_asked_;
  } else {
    if (get(watched_[account].window) != window_) roll(watched_[account]);
    add(watched_[account].zones, 1);
  }
  put(entry.served, 0);
  const uint32_t windows = window_ - get(entry.window);
  put(entry.window, window_);
  put(entry.last_asked, get(entry.asked));
  put(entry.last_absent, get(entry.absent));
  // No more than there were questions for such.
  const uint32_t existing = get(entry.asked) - std::min(get(entry.absent), get(entry.asked));
  put(entry.last_names, std::min(entry.names.estimate(), existing));
  entry.names.clear();
  put(entry.asked, 0);
  put(entry.absent, 0);
  if (load_ == Load::quiet) {
    learn(entry, windows);
  } else {
    look_for_attack(entry);
  }
}

void ZoneWatch::learn(ZoneWatchEntry& entry, uint32_t windows) const {
  approach(entry.usual_asked_x16, get(entry.last_asked));
  approach(entry.usual_absent_x16, get(entry.last_absent), Rise::bounded);
  approach(entry.usual_names_x16, get(entry.last_names), Rise::bounded);
  // Windows in which nothing was asked.
  for (uint32_t i = 1; i < std::min(windows, 2 * usual_weight); ++i) {
    if (get(entry.usual_asked_x16) == 0) break;  // then the others are, which are parts of it
    approach(entry.usual_asked_x16, 0);
    approach(entry.usual_absent_x16, 0);
    approach(entry.usual_names_x16, 0);
  }
}

void ZoneWatch::look_for_attack(ZoneWatchEntry& entry) const {
  const uint64_t asked = get(entry.last_asked);
  const uint64_t absent = get(entry.last_absent);
  const uint64_t usual_asked = get(entry.usual_asked_x16);
  const uint64_t usual_absent = get(entry.usual_absent_x16);
  const auto until_ms = clock_of(uint64_t{now_ms_} + verdict_ms);
  const bool was_attacked = is_before(now_ms_, get(entry.attacked_until_ms));
  const uint64_t denied = was_attacked ? denied_of(absent) : 0;
  if (has_jumped({.part = absent + denied,
                  .usual_part_x16 = usual_absent,
                  .all = asked + denied,
                  .usual_all_x16 = usual_asked},
                 share_one)) {
    if (!was_attacked) put(entry.shed, 0);
    put(entry.attacked_until_ms, until_ms);
  }
  if (has_jumped({.part = get(entry.last_names),
                  .usual_part_x16 = get(entry.usual_names_x16),
                  .all = asked - std::min(absent, asked),
                  .usual_all_x16 = usual_asked - std::min(usual_absent, usual_asked)},
                 names_share_max)) {
    put(entry.many_names_until_ms, until_ms);
  }
  if (asked >= hot_asked_min && asked * 4 >= last_all_asked_ &&
      asked * usual_scale >= usual_asked * hot_times_usual) {
    put(entry.hot_until_ms, until_ms);
  }
}

// Of what was denied at cards, the part of a zone of whose absent names so many came here.
uint64_t ZoneWatch::denied_of(uint64_t absent) const {
  if (last_attacked_absent_ == 0) return 0;
  return last_denied_ * std::min(absent, last_attacked_absent_) / last_attacked_absent_;
}

wire::Name ZoneWatch::name_of(const ZoneWatchEntry& entry) {
  std::array<uint64_t, ZoneWatchEntry::name_words> words;
  for (size_t i = 0; i < words.size(); ++i) words[i] = entry.name[i].load(relaxed);
  std::array<uint8_t, sizeof words> bytes;
  std::memcpy(bytes.data(), words.data(), sizeof words);
  // A name that the worker is just replacing may be a mixture: read it with care.
  const size_t size = wire::uncompressed_name_size(bytes);
  if (size <= 1) return {};
  return wire::Name(wire::NameView(Bytes(bytes).first(size)));
}

bool ZoneWatch::is_under_attack(const ZoneWatchEntry& entry, uint64_t now_ms) {
  return is_before(clock_of(now_ms), get(entry.attacked_until_ms));
}

bool ZoneWatch::is_hot(const ZoneWatchEntry& entry, uint64_t now_ms) {
  return is_before(clock_of(now_ms), get(entry.hot_until_ms));
}

bool ZoneWatch::has_many_names(const ZoneWatchEntry& entry, uint64_t now_ms) {
  return is_before(clock_of(now_ms), get(entry.many_names_until_ms));
}

}  // namespace holdfast::shield
