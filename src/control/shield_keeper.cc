// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/shield_keeper.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "log/log.h"
#include "shield/history_file.h"

namespace holdfast::control {

namespace {

using log::Category;

constexpr uint64_t save_interval_s = 600;

void put(__u32& field, uint32_t value) { __atomic_store_n(&field, value, __ATOMIC_RELAXED); }

std::array<__u32, 4> words_of(const Endpoint& address) {
  std::array<uint8_t, 16> bytes{};
  if (address.is_ipv6()) {
    std::copy_n(address.address.begin(), 16, bytes.begin());
  } else {
    bytes[10] = bytes[11] = 0xff;
    std::copy_n(address.address.begin(), 4, bytes.begin() + 12);
  }
  std::array<__u32, 4> words;
  std::memcpy(words.data(), bytes.data(), sizeof words);
  return words;
}

std::string text_of(const Endpoint& address) {
  const std::string text = address.to_text();
  return text.substr(0, text.rfind('@'));
}

}  // namespace

ShieldKeeper::ShieldKeeper(shield::ShieldMemory& memory, exchange::Panel& panel, const Clock& clock,
                           const std::string& state_directory)
    : memory_(memory),
      panel_(panel),
      clock_(clock),
      path_(shield::history_path(state_directory)),
      saved_s_(clock.wall_s()) {}

void ShieldKeeper::tick(const config::Config& config) {
  follow_settings(config);
  follow_time(config.shield);
  end_sayings();
  const ShieldReading now = reading();
  if (const auto line = attacks_.observe(now, clock_.wall_s())) {
    if (line->event == "overload-ended") {
      log::info(Category::control, "overload-ended", line->message);
    } else {
      log::warning(Category::control, line->event, line->message);
    }
  }
  if (const auto line = attacks_.observe_refusals(now)) {
    log::warning(Category::control, line->event, line->message);
  }
  if (const auto line = attacks_.observe_beginnings(now, clock_.wall_s())) {
    log::warning(Category::control, line->event, line->message);
  }
}

void ShieldKeeper::follow_settings(const config::Config& config) {
  const config::ShieldSettings& settings = config.shield;
  ShieldCommon& common = memory_.common;
  uint32_t dry_run = settings.mode == config::ShieldMode::dry_run ? SHIELD_DRY_RUN_ALL : 0;
  {
    const std::scoped_lock lock(mutex_);
    dry_run = (dry_run | dry_run_on_) & ~dry_run_off_;
  }
  exchange::AnswerPolicy policy;
  panel_.policy.read(policy);
  std::memcpy(common.cookie_active, policy.cookie_active.data(), sizeof common.cookie_active);
  std::memcpy(common.cookie_staged, policy.cookie_staged.data(), sizeof common.cookie_staged);
  put(common.cookies_enabled, policy.cookies_enabled ? 1 : 0);
  put(common.cookie_staged_present, policy.cookie_staged_present ? 1 : 0);
  put(common.dry_run, dry_run);
  put(common.known_slots, settings.known_after_slots);
  put(common.unknown_source, settings.unknown_source_per_s);
  put(common.unknown_prefix, settings.unknown_prefix_per_s);
  put(common.enabled, settings.mode == config::ShieldMode::off ? 0 : 1);
}

void ShieldKeeper::follow_time(const config::ShieldSettings& settings) {
  const uint64_t now_s = clock_.wall_s();
  ShieldCommon& common = memory_.common;
  uint32_t slot = shield::slot_at(now_s, settings.history_slot_s);
  // What is remembered has numbers of slots in it: of another length, they go on from the last one.
  if (common.slot_s != settings.history_slot_s) {
    if (common.slot_s != 0) put(common.slot_offset, common.slot - slot);
    put(common.slot_s, settings.history_slot_s);
  }
  slot += common.slot_offset;
  put(common.wall_s, static_cast<uint32_t>(now_s));
  put(common.slot, slot);
  using shield::SourceHistory;
  SourceHistory history(memory_.history);
  // A part a second: all of it at once would keep a processor from receiving for a millisecond.
  if (!std::exchange(has_expired_, true)) history.expire(slot, SourceHistory::slots_kept_max);
  history.expire_part(expire_next_++, slot, SourceHistory::slots_kept_max);
  if (now_s - saved_s_ >= save_interval_s) save();
}

void ShieldKeeper::end_sayings() {
  const uint64_t now_s = clock_.wall_s();
  const std::scoped_lock lock(mutex_);
  for (auto at = sayings_.begin(); at != sayings_.end();) {
    if (at->second.until_s > now_s) {
      ++at;
      continue;
    }
    if (const auto address = parse_endpoint(at->first, 53)) {
      shield::SourceHistory(memory_.history)
          .set_operator_flag(hash_of(*address), 0, memory_.common.slot);
    }
    at = sayings_.erase(at);
  }
  put(memory_.common.operator_entries, static_cast<uint32_t>(sayings_.size()));
}

void ShieldKeeper::save() {
  saved_s_ = clock_.wall_s();
  const auto saved = shield::write_history(path_, memory_, saved_s_, memory_.common.slot_s);
  if (!saved && may_save_) {
    log::error(Category::control, "shield-history",
               "the history of sources was not kept: " + saved.error().message);
  }
  may_save_ = saved.has_value();
}

void ShieldKeeper::close() {
  if (memory_.common.slot_s != 0) save();
}

Result<void> ShieldKeeper::say(const Endpoint& address, Word word, uint64_t for_s) {
  const std::string text = text_of(address);
  const std::scoped_lock lock(mutex_);
  if (word != Word::none && sayings_.size() >= words_max && !sayings_.contains(text)) {
    return fail("there are words on " + std::to_string(words_max) + " addresses already");
  }
  const __u64 flag = word == Word::allow  ? SHIELD_FLAG_ALLOWED
                     : word == Word::deny ? SHIELD_FLAG_DENIED
                                          : 0;
  shield::SourceHistory history(memory_.history);
  history.set_operator_flag(hash_of(address), flag, memory_.common.slot);
  if (word == Word::none) {
    sayings_.erase(text);
    return {};
  }
  if ((shield_flags(history.find(hash_of(address))) & flag) == 0) {
    return fail(text + ": its place in the history is full of other such words");
  }
  sayings_[text] = {.address = text, .word = word, .until_s = clock_.wall_s() + for_s};
  return {};
}

std::vector<ShieldKeeper::Saying> ShieldKeeper::sayings() const {
  const std::scoped_lock lock(mutex_);
  std::vector<Saying> all;
  all.reserve(sayings_.size());
  for (const auto& [address, saying] : sayings_) all.push_back(saying);
  return all;
}

void ShieldKeeper::set_dry_run(uint32_t bits, bool on) {
  const std::scoped_lock lock(mutex_);
  (on ? dry_run_on_ : dry_run_off_) |= bits;
  (on ? dry_run_off_ : dry_run_on_) &= ~bits;
}

std::vector<wire::Name> ShieldKeeper::zones_attacked() const {
  std::vector<wire::Name> names;
  for (const std::string& text : reading().zones_attacked) {
    if (const auto name = wire::Name::from_text(text)) names.push_back(*name);
  }
  return names;
}

bool ShieldKeeper::is_overloaded() const {
  const uint32_t workers = std::min<uint32_t>(panel_.worker_count.load(std::memory_order_relaxed),
                                              exchange::workers_max);
  return std::ranges::any_of(std::span(panel_.workers).first(workers), [](const auto& worker) {
    return worker.counters.get(exchange::CounterLayout::shield_level) != 0;
  });
}

ShieldReading ShieldKeeper::reading() const {
  ShieldReading reading;
  reading.is_dry_run = (memory_.common.dry_run & SHIELD_DRY_RUN_ADMISSION) != 0;
  const uint32_t workers = std::min<uint32_t>(panel_.worker_count.load(std::memory_order_relaxed),
                                              exchange::workers_max);
  const uint64_t now = now_ms();
  for (uint32_t i = 0; i < workers; ++i) {
    const exchange::Counters& counters = panel_.workers[i].counters;
    using Layout = exchange::CounterLayout;
    const bool answers = panel_.workers[i].state.load() == exchange::WorkerState::answering;
    const auto level = static_cast<uint32_t>(answers ? counters.get(Layout::shield_level) : 0);
    reading.level = std::max(reading.level, level);
    if (answers) {
      const ShieldOrders& orders = memory_.orders[i];
      const auto refused = [](const __u32& error) {
        return static_cast<int>(__atomic_load_n(&error, __ATOMIC_RELAXED));
      };
      reading.beginnings_per_s_max += __atomic_load_n(&orders.syn_per_s, __ATOMIC_RELAXED);
      reading.beginnings_refused =
          std::max(reading.beginnings_refused, refused(orders.beginnings_refused));
      reading.datagrams_refused =
          std::max(reading.datagrams_refused, refused(orders.datagrams_refused));
    }
    const auto filtered = [&](exchange::Filtered what) {
      return counters.get(Layout::filtered + static_cast<size_t>(what));
    };
    reading.beginnings_kept_away += filtered(exchange::Filtered::beginnings);
    reading.datagrams_kept_away += filtered(exchange::Filtered::datagrams);
    if (level > 0) ++reading.workers_overloaded;
    reading.kernel_drops += counters.get(Layout::kernel_drops);
    for (size_t k = 0; k < exchange::shield_class_count * exchange::shield_fate_count; ++k) {
      reading.questions[k / exchange::shield_fate_count][k % exchange::shield_fate_count] +=
          counters.get(Layout::shield + k);
    }
    if (level == 0) continue;
    for (const auto& line : memory_.workers[i].zones) {
      for (const shield::ZoneWatchEntry& entry : line) {
        const bool attacked = shield::ZoneWatch::is_under_attack(entry, now);
        const bool hot = shield::ZoneWatch::is_hot(entry, now);
        const bool many_names = shield::ZoneWatch::has_many_names(entry, now);
        if (!attacked && !hot && !many_names) continue;
        const std::string name = shield::ZoneWatch::name_of(entry).view().to_text();
        if (attacked) reading.zones_attacked.push_back(name);
        if (hot) reading.zones_hot.push_back(name);
        if (many_names) reading.zones_with_many_names.push_back(name);
      }
    }
  }
  for (auto* names :
       {&reading.zones_attacked, &reading.zones_hot, &reading.zones_with_many_names}) {
    std::ranges::sort(*names);
    const auto repeats = std::ranges::unique(*names);
    names->erase(repeats.begin(), repeats.end());
  }
  return reading;
}

__u64 ShieldKeeper::hash_of(const Endpoint& address) const {
  return shield_source_hash(memory_.common.key, words_of(address).data());
}

__u64 ShieldKeeper::prefix_hash_of(const Endpoint& address) const {
  return shield_prefix_hash(memory_.common.key, words_of(address).data());
}

}  // namespace holdfast::control
