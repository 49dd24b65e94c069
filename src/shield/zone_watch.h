// SPDX-License-Identifier: GPL-3.0-or-later
// What is asked of each zone, against what is usual for it: finds the zone under attack.
//
// In quiet times a zone's rate, its share of names that do not exist, and how many distinct names
// that exist are asked for, are learned. Under overload a zone whose absent names are far more than
// usual, in number and in share, is under a random-subdomain attack; one of whose existing names,
// those that wildcards stand for included, far more different ones are asked for than usual, in
// number and for so many questions, has many names; one that takes a quarter of the worker and far
// more than its usual part is hot. What a card denies of the absent names of zones under attack,
// and so never comes here, is counted for these by what still comes of each. A crowd and repeats
// ask for the same names again and again: the more of them, the fewer names for so many questions.
// Each holds for `verdict_ms` after the last window that said so. And each zone has a share of what
// is left for those who are not known: an even part, or its usual one if that is more; who asks for
// a zone that has had its share in this window waits until the others have been served. Zones may
// be grouped in accounts: then the shares are those of accounts, and within one each zone has a
// share of that. A zone without an account counts as one of its own. A share is of time, not of
// answers: each answer counts by what it took, in any unit, beside what one takes on average. Four
// entries a line, 208 KiB in all; a zone that is asked little gives way to one that is asked more,
// so that what matters here is always there. The table lies in shared memory: one writer, a worker;
// control reads it for words and metrics. Never allocates.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shield/account_table.h"
#include "shield/name_sketch.h"
#include "wire/name.h"

namespace holdfast::shield {

enum class NameFact : uint8_t {
  exists,    // a node, a delegation or a DNAME at or above it
  wildcard,  // a wildcard stands for it
  absent,
};

enum class Load : uint8_t { quiet, overloaded };

// All numbers are of one window of window_ms until they are named otherwise.
struct ZoneWatchEntry {
  static constexpr size_t name_words = 8;  // the apex in wire form; one that is longer is left out

  std::atomic<uint64_t> hash{0};  // of the apex; 0: unused
  std::atomic<uint32_t> window{0};
  std::atomic<uint32_t> asked{0};
  std::atomic<uint32_t> absent{0};
  std::atomic<uint32_t> last_asked{0};
  std::atomic<uint32_t> last_absent{0};
  std::atomic<uint32_t> usual_asked_x16{0};
  std::atomic<uint32_t> usual_absent_x16{0};
  std::atomic<uint32_t> attacked_until_ms{0};  // of a clock of 32 bits; 0: not
  std::atomic<uint32_t> hot_until_ms{0};
  std::atomic<uint32_t> shed{0};        // answers withheld since it was attacked first
  std::atomic<uint32_t> served{0};      // of its share, what it cost
  std::atomic<uint32_t> account{0};     // 0: none
  std::atomic<uint32_t> last_names{0};  // distinct ones that exist
  std::atomic<uint32_t> usual_names_x16{0};
  std::atomic<uint32_t> many_names_until_ms{0};
  std::atomic<uint32_t> unused{0};
  NameSketch names;  // the worker's alone
  std::array<std::atomic<uint64_t>, name_words> name{};
};
static_assert(sizeof(ZoneWatchEntry) == 208);

// All of its zones together.
struct AccountWatchEntry {
  std::atomic<uint32_t> window{0};
  std::atomic<uint32_t> asked{0};
  std::atomic<uint32_t> last_asked{0};
  std::atomic<uint32_t> usual_asked_x16{0};
  std::atomic<uint32_t> zones{0};  // asked for
  std::atomic<uint32_t> last_zones{0};
  std::atomic<uint32_t> served{0};   // of its share, what it cost
  std::atomic<uint32_t> limited{0};  // questions that waited for others, since the start
};

constexpr size_t zone_watch_lines = 256;
constexpr size_t zone_watch_ways = 4;
using ZoneWatchTable = std::array<std::array<ZoneWatchEntry, zone_watch_ways>, zone_watch_lines>;
using AccountWatchTable = std::array<AccountWatchEntry, accounts_max + 1>;  // by number

class ZoneWatch {
 public:
  static constexpr uint32_t window_ms = 256;
  static constexpr uint32_t verdict_ms = 10'000;

  // `accounts` may change at any time; a zone's is looked up once a window.
  ZoneWatch(ZoneWatchTable& table, AccountWatchTable& watched, const AccountTable& accounts)
      : table_(table), watched_(watched), accounts_(accounts) {}

  // For all that follows until the next turn.
  void begin_turn(uint64_t now_ms, Load load);

  struct Verdict {
    ZoneWatchEntry* entry = nullptr;
    bool under_attack = false;
    bool hot = false;
    bool many_names = false;
    bool beyond_share = false;  // its own, or its account's
    bool is_account_beyond = false;
  };
  // Counts a question for its zone; null if that is not watched. The hashes are those of zone
  // memory.
  ZoneWatchEntry* note(uint64_t apex_hash, wire::NameView apex, NameFact fact, uint64_t name_hash);
  // How the zone of such an entry is, under overload.
  [[nodiscard]] Verdict judge(ZoneWatchEntry* entry) const;
  [[nodiscard]] bool is_under_attack(const ZoneWatchEntry* entry) const;
  // Both at once.
  Verdict count(uint64_t apex_hash, wire::NameView apex, NameFact fact, uint64_t name_hash) {
    return judge(note(apex_hash, apex, fact, name_hash));
  }

  // What there is to share, average answers a second; and that a zone has had one, which cost so
  // much.
  void set_budget(uint32_t a_second) { budget_ = uint64_t{a_second} * window_ms / 1000; }
  void note_served(ZoneWatchEntry& entry, uint64_t cost);
  // The same of an answer that is not out of the budget, over TCP: of a zone that is watched.
  void charge(uint64_t apex_hash, uint64_t cost);
  // So many absent names of zones under attack were denied at cards since the last time, of what
  // would have come here: before the turn.
  void note_denied(uint64_t questions) { denied_ += questions; }
  // And that a question had to wait for its account's sake.
  void note_limited(const ZoneWatchEntry& entry);

  // The zone's name; empty if it is too long to be kept.
  [[nodiscard]] static wire::Name name_of(const ZoneWatchEntry& entry);
  [[nodiscard]] static bool is_under_attack(const ZoneWatchEntry& entry, uint64_t now_ms);
  [[nodiscard]] static bool is_hot(const ZoneWatchEntry& entry, uint64_t now_ms);
  [[nodiscard]] static bool has_many_names(const ZoneWatchEntry& entry, uint64_t now_ms);
  // Questions a second by the last full window.
  [[nodiscard]] static uint32_t a_second(uint32_t in_window) {
    return in_window * 1000 / window_ms;
  }

 private:
  ZoneWatchEntry* find(uint64_t hash, wire::NameView apex);
  void roll(ZoneWatchEntry& entry);
  void learn(ZoneWatchEntry& entry, uint32_t windows) const;
  void look_for_attack(ZoneWatchEntry& entry) const;
  [[nodiscard]] uint64_t denied_of(uint64_t absent) const;
  void roll(AccountWatchEntry& entry);
  // What is usually asked for so much, of which so much was answered in this window.
  [[nodiscard]] bool has_had_share(uint64_t served, uint32_t usual_asked_x16, uint64_t even) const;
  void add_cost(ZoneWatchEntry& entry, uint64_t cost);
  // No more than one that was interrupted.
  [[nodiscard]] uint64_t bounded(uint64_t cost) const;
  void average_cost();

  ZoneWatchTable& table_;
  AccountWatchTable& watched_;
  const AccountTable& accounts_;
  uint32_t window_ = 0;
  uint32_t now_ms_ = 0;
  Load load_ = Load::quiet;
  uint32_t all_asked_ = 0;  // in this window
  uint32_t last_all_asked_ = 0;
  uint32_t groups_asked_ = 0;  // in this window: accounts, and zones without one
  uint32_t last_groups_asked_ = 0;
  // Absent names of zones under attack: that were denied at cards, and that came here.
  uint64_t denied_ = 0;  // in this window
  uint64_t last_denied_ = 0;
  uint64_t attacked_absent_ = 0;  // in this window
  uint64_t last_attacked_absent_ = 0;
  std::atomic<uint32_t> usual_all_x16_{0};
  uint64_t budget_ = 0;  // of a window, in average answers
  // What an answer costs on average, the same for a window; 0: none has been yet.
  uint64_t cost_ = 0;
  bool is_cost_settled_ = false;  // by a whole window
  uint64_t window_cost_ = 0;      // of this window
  uint64_t window_answers_ = 0;
  uint64_t budget_cost_ = 0;  // what that budget costs
  uint64_t even_share_ = 1;   // of it, for each of these
};

}  // namespace holdfast::shield
