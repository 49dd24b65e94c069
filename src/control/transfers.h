// SPDX-License-Identifier: GPL-3.0-or-later
// Joins transfers (src/transfer) with the managing process: their thread, their settings, what they
// have published, and what is told of them.
//
// The thread gives way (control/giving_way.h), so that a large transfer does not take time that
// answers need.
// Thread: any, but for construction and destruction.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/clock.h"
#include "config/zone_list.h"
#include "control/task_queue.h"
#include "control/zone_set.h"
#include "exchange/panel.h"
#include "transfer/answerer.h"
#include "transfer/secondaries.h"

namespace holdfast::control {

struct TransferFacts {
  uint64_t out_begun = 0;
  uint64_t out_completed = 0;
  uint64_t out_failed = 0;
  uint64_t out_refused = 0;
  uint64_t out_bytes = 0;
  uint64_t out_idle = 0;
  uint64_t out_slow = 0;
  uint64_t tls_begun = 0;
  uint64_t tls_failed = 0;
  // By transfer::TlsBudget::Limit less one, and transfer::TlsLimitFate.
  std::array<std::array<uint64_t, transfer::tls_limit_fates>, transfer::TlsBudget::limit_count>
      tls_limited{};
  uint64_t tls_spent_ns = 0;
  uint64_t tls_proved = 0;
  uint64_t tls_certificate_expires_unix_s = 0;  // 0: there is none
  uint64_t notify_sent = 0;
  uint64_t notify_acknowledged = 0;
  uint64_t notify_refused = 0;
  uint64_t notify_unanswered = 0;
  uint64_t updates_done = 0;
  uint64_t updates_declined = 0;
  uint64_t updates_refused = 0;
  uint64_t updates_failed = 0;
  uint64_t updates_forwarded = 0;
};

class Transfers {
 public:
  struct Parts {
    exchange::Panel& panel;
    zone::MemoryReader memory;
    ZoneSet& zones;    // used by tasks alone
    TaskQueue& tasks;  // of the thread that manages zones
    const transfer::History& history;
    const transfer::PrimarySerials& primary_serials;
    int handover = -1;  // control's end; the caller's, as these are
    std::vector<int> tls_listeners;
    std::string state_directory;
    const Clock& clock;
    std::function<bool()> is_tls_dry_run{};  // of the budget of clients within TLS
  };
  explicit Transfers(const Parts& parts);
  ~Transfers();
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;

  // The settings in force from now on; `zones` are those of `config`, `tls` what its files say.
  void apply(const config::Config& config, std::span<const config::ZoneSource> zones,
             std::shared_ptr<const transfer::TlsCredentials> tls);
  // The members of catalogs, beside what is configured.
  void apply_members(std::span<const config::ZoneSource> members);
  // Secondary zones are asked for from now on: zone memory has what is kept of them.
  void begin_asking();
  // Tells the servers of up to zones_told_anew_max zones: notices may have been lost with the
  // process before this one, be it that it ended alone or with all others.
  static constexpr size_t zones_told_anew_max = 10'000;
  void notify_anew();
  // Asks the parents whether they have the DS of `key`, and tells the zones if all have.
  void ask_parents(const std::string& zone, const WaitingKey& key);
  // Asks other signers and the parents, and tells the zones what they said.
  void ask_group(const GroupQuestion& question);
  // Tells a parent of a change, and the zones once it is told.
  void tell_parent(const ParentNotice& notice);
  // A zone has another version.
  void on_published(wire::NameView apex);
  // The error says that the zone has no primaries.
  [[nodiscard]] Result<void> refresh(const std::string& zone, transfer::Refresh how);

  [[nodiscard]] TransferFacts facts() const;
  // Of the certificate in force; 0: there is none.
  [[nodiscard]] uint64_t certificate_expires_unix_s() const;
  // None if the zone is no secondary.
  [[nodiscard]] std::optional<transfer::SecondaryStatus> secondary(const std::string& zone) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::control
