// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps the shield's settings, its history of sources, and what operators have said of addresses.
//
// Settings and slots of time reach the answer processes through ShieldCommon within a second. The
// history is written to the state directory every ten minutes and at an orderly end, and cleared of
// what has not been seen for long. Without this process the shield goes on as it was.
// Thread: `tick` and `close` the manager's; the rest any.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "config/config.h"
#include "control/attack_log.h"
#include "exchange/panel.h"
#include "shield/shield_memory.h"
#include "shield/source_history.h"

namespace holdfast::control {

enum class Word : uint8_t { none, allow, deny };

// Budgets of clients over TCP and TLS are counted and not held to.
[[nodiscard]] inline bool has_free_streams(const ShieldCommon& common) {
  return __atomic_load_n(&common.enabled, __ATOMIC_RELAXED) == 0 ||
         (__atomic_load_n(&common.dry_run, __ATOMIC_RELAXED) & SHIELD_DRY_RUN_STREAMS) != 0;
}

class ShieldKeeper {
 public:
  static constexpr size_t words_max = 4096;

  ShieldKeeper(shield::ShieldMemory& memory, exchange::Panel& panel, const Clock& clock,
               const std::string& state_directory);

  // Each second, with the configuration in force.
  void tick(const config::Config& config);
  // At the end.
  void close();

  // What an operator says of an address: from then on it is always known, or served last, for some
  // time. `none` takes it back. The history has room for eight such words a line.
  [[nodiscard]] Result<void> say(const Endpoint& address, Word word, uint64_t for_s);
  struct Saying {
    std::string address;
    Word word = Word::none;
    uint64_t until_s = 0;  // wall time
  };
  [[nodiscard]] std::vector<Saying> sayings() const;

  // Turns a dry run on or off, beside the configuration's, until the next start. `bits` are
  // SHIELD_DRY_RUN_*.
  void set_dry_run(uint32_t bits, bool on);

  [[nodiscard]] const shield::ShieldMemory& memory() const { return memory_; }
  [[nodiscard]] const exchange::Panel& panel() const { return panel_; }
  [[nodiscard]] auto history() const { return shield::SourceHistory(memory_.history); }
  [[nodiscard]] ShieldReading reading() const;
  // Of any worker; cheap.
  [[nodiscard]] bool is_overloaded() const;
  [[nodiscard]] std::vector<wire::Name> zones_attacked() const;
  [[nodiscard]] uint64_t now_ms() const { return clock_.monotonic_ns() / 1'000'000; }
  [[nodiscard]] __u64 hash_of(const Endpoint& address) const;
  [[nodiscard]] __u64 prefix_hash_of(const Endpoint& address) const;

 private:
  void follow_settings(const config::Config& config);
  void follow_time(const config::ShieldSettings& settings);
  void end_sayings();
  void save();

  shield::ShieldMemory& memory_;
  exchange::Panel& panel_;
  const Clock& clock_;
  std::string path_;
  bool has_expired_ = false;  // all of the history, once
  uint32_t expire_next_ = 0;
  uint64_t saved_s_ = 0;
  bool may_save_ = true;  // until it fails, so that a full disk is told once
  AttackLog attacks_;
  mutable std::mutex mutex_;
  std::map<std::string, Saying> sayings_;  // by address
  uint32_t dry_run_on_ = 0;
  uint32_t dry_run_off_ = 0;
};

}  // namespace holdfast::control
