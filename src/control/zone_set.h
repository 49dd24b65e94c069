// SPDX-License-Identifier: GPL-3.0-or-later
// The configured zones and their way into zone memory: the first load, and reloads that apply whole
// or not at all, even if the disk fills.
//
// A zone whose files are as they were when its version in zone memory was made is not parsed again.
// A bad file never takes a zone away: what was served stays. Owner: the thread that owns zone
// memory; the table that it fills may be read by others.
#pragma once

#include <atomic>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "config/zone_list.h"
#include "control/frozen_zones.h"
#include "control/last_good.h"
#include "control/refresh_queue.h"
#include "control/source_register.h"
#include "control/zone_plan.h"
#include "control/zone_signing.h"
#include "control/zone_table.h"
#include "transfer/primary_serials.h"
#include "transfer/update.h"
#include "zone/memory.h"

namespace holdfast::control {

enum class Start : uint8_t {
  cold,     // of the service: whatever has changed is read
  respawn,  // of control alone: what is served stays as it is until a reload
};

struct ReloadResult {
  std::vector<std::string> changes;  // sentences; the first changes_listed_max
  size_t updated = 0;
  size_t added = 0;
  size_t removed = 0;
};

class ZoneSet {
 public:
  // What a reply to an operator lists; the rest is counted.
  static constexpr size_t changes_listed_max = 50;

  // The journal lies in `state_directory` too. `alive` is called between two zones: however many
  // there are, the work goes on.
  ZoneSet(
      zone::Memory& memory, ZoneTable& table, const std::string& state_directory,
      const Clock& clock, std::function<void()> alive = [] {});

  using Progress = std::function<void(size_t done, size_t total)>;
  // Takes up what zone memory holds and reads the rest. With `removes_unlisted`, zones in memory
  // that are not in `wanted` go.
  enum class Unlisted : uint8_t { remove, keep };
  void first_load(std::span<const config::ZoneSource> wanted, const zone::LoadOptions& options,
                  Start start, Unlisted unlisted, const std::atomic<bool>& stop,
                  const Progress& progress);

  // Reads what has changed and judges it; changes nothing.
  [[nodiscard]] ReloadPlan plan_all(std::span<const config::ZoneSource> wanted,
                                    const zone::LoadOptions& options,
                                    const std::atomic<bool>& stop);
  // Of one zone, read even if it seems unchanged.
  [[nodiscard]] ReloadPlan plan_one(const config::ZoneSource& source,
                                    const zone::LoadOptions& options);
  // Writes what the plan changes beside what is served, which needs room for both. The error names
  // the zone; nothing of the plan is kept then. `plan` stays where it is until the next two.
  [[nodiscard]] Result<void> stage(const ReloadPlan& plan);
  void drop_staged();
  // Makes all that was staged visible, and takes away what the plan removes.
  [[nodiscard]] Result<ReloadResult> show_staged(ReloadPlan& plan);

  // The keys of a secondary zone that is signed here have changed. A sentence on what came of it.
  [[nodiscard]] Result<std::string> sign_again(const std::string& zone);
  // Of which version of the primary each version of a secondary zone was made.
  [[nodiscard]] const transfer::PrimarySerials& primary_serials() const { return serials_; }

  // A secondary zone that comes or goes by a catalog. What is served of one that is there already
  // stays; what was known of one that goes is forgotten.
  void add_member(const config::ZoneSource& source) { take_up_secondary(source); }
  void remove_member(const std::string& zone);

  // Keys whose DS the parents are to be asked for now, with their zones.
  [[nodiscard]] std::vector<std::pair<std::string, WaitingKey>> take_waiting_keys();
  // All of the zone's parents have the DS of this key, and no other of ours; 0: none has any.
  void on_ds(const std::string& zone, uint16_t tag);
  // Zones of which other signers and the parents are to be asked now.
  [[nodiscard]] std::vector<GroupQuestion> take_group_questions();
  void on_group(const GroupAnswers& answers);
  // Whose keys wait for what their secondaries serve.
  [[nodiscard]] size_t zones_awaiting_secondaries() const {
    return signing_.secondaries().zone_count();
  }
  // What parents are to be told now.
  [[nodiscard]] std::vector<ParentNotice> take_parent_notices();
  void on_parent_told(const ParentNotice& notice) { signing_.notices().on_told(notice); }

  // What came from a primary: finished and judged contents of a secondary zone. If that is signed
  // here, its DNSSEC records give way to ours, and its serial is the primary's or, where that would
  // not rise, one more than what is served.
  [[nodiscard]] Result<void> publish_received(const zone::Contents& contents,
                                              const std::string& source);
  // Differences that lead from what is served of a secondary zone, or from the primary's version
  // that this was made of.
  [[nodiscard]] Result<void> amend_received(const wire::Name& apex,
                                            std::span<const transfer::Difference> differences,
                                            const std::string& source);
  // Dynamic updates of one zone, in order, as one new version that is kept before it is served.
  // The RCODE of each.
  [[nodiscard]] std::vector<uint16_t> apply_updates(const wire::Name& apex,
                                                    std::span<const transfer::Update> updates);
  // Writes what is served of a zone that takes updates into its file, and takes none until `thaw`.
  [[nodiscard]] Result<std::string> freeze(const std::string& zone);
  // After its file was read. Nothing happens if it was not frozen.
  [[nodiscard]] Result<void> thaw(const std::string& zone);
  [[nodiscard]] bool is_frozen(const std::string& zone) const { return frozen_.holds(zone); }
  // Publishes what the zone was at `serial` as its newest version. A sentence on it; or why not.
  [[nodiscard]] Result<std::string> roll_back(const std::string& zone, uint32_t serial);
  // An expired secondary zone: SERVFAIL. What the journal has of it stays.
  [[nodiscard]] Result<void> withdraw(const wire::Name& apex);

  [[nodiscard]] const transfer::History& history() { return last_good_.history(); }
  // Called with each zone whose version has changed, once that is served.
  using WhenPublished = std::function<void(wire::NameView apex)>;
  void when_published(WhenPublished told) { last_good_.when_published(std::move(told)); }
  // Called right before anything that was staged becomes visible.
  void before_publication(std::function<void()> told) {
    last_good_.before_publication(std::move(told));
  }

  // Keeps journal and register small and on disk, and signatures fresh; call about once a second.
  void maintain();
  [[nodiscard]] JournalFacts journal_facts() const { return last_good_.facts(); }

 private:
  void take_up(const config::ZoneSource& source, Start start);
  // What is kept of a secondary zone, or that there is nothing yet.
  void take_up_secondary(const config::ZoneSource& source);
  // What its primary calls what is kept of it is looked up, or noted as not known.
  void take_up_serial(const std::string& zone, const ZoneRecord& record);
  void note_serial(const std::string& zone, uint32_t served, std::optional<uint32_t> primary);
  // Signs what came and publishes it.
  [[nodiscard]] Result<zone::Publication> publish_signed(const std::string& zone,
                                                         const ZoneRecord& before,
                                                         const zone::Contents& contents,
                                                         const std::string& source);
  // The same of a draft with the SOA that is to be served.
  [[nodiscard]] Result<zone::Publication> publish_received_draft(const std::string& zone,
                                                                 zone::Draft& draft,
                                                                 const std::string& source,
                                                                 uint32_t primary_serial);
  void remove_unlisted(std::span<const config::ZoneSource> wanted);
  // Publishes what is good, and keeps the last good where it is bad or cannot be published.
  void settle(const config::ZoneSource& source, ParseResult parsed);
  // Enters what was published of it into table and register.
  void record_published(const config::ZoneSource& source, const ParseResult& parsed,
                        uint64_t refresh_unix_s);
  void keep_last_good(const config::ZoneSource& source, const ParseResult& parsed,
                      std::vector<std::string> findings);
  // True if an earlier version came back from the journal.
  bool restore(const std::string& zone, ZoneRecord& record);
  // With what the signing of a zone depends on.
  [[nodiscard]] ParseSettings settings_for(const zone::LoadOptions& options) const;
  [[nodiscard]] uint16_t apply_one(const wire::Name& apex, const std::string& zone,
                                   const transfer::Update& update);
  [[nodiscard]] Result<std::vector<uint16_t>> try_updates(
      const std::string& zone, const zone::ZoneView& view,
      std::span<const transfer::Update> updates);
  // At the start, what is kept of a zone that takes updates; false if nothing is.
  bool take_up_updated(const config::ZoneSource& source);
  // At a reload, such a zone goes on as it is.
  void keep_updated(const config::ZoneSource& source);
  // The zone's own records as they are served, to be changed; of a zone that is signed here without
  // what the signer makes.
  [[nodiscard]] zone::Draft draft_of(const zone::ZoneView& view, const ZoneRecord& record) const;
  // Signs what the draft changes, if the zone is signed here, and publishes it. The draft's SOA is
  // that of the next version.
  [[nodiscard]] Result<zone::Publication> publish_draft(const std::string& zone, zone::Draft& draft,
                                                        const std::string& source, Kept kept);
  // The same where signing concerns all names.
  [[nodiscard]] Result<zone::Publication> publish_whole(const std::string& zone, ZoneRecord& record,
                                                        zone::Draft& draft,
                                                        const std::string& source, Kept kept);
  // Signs only what a zone's file changes, if that is little; false if the whole is to be signed.
  [[nodiscard]] Result<bool> sign_difference(ReloadPlan::Update& update);
  // Signs it, with the names for which it is there if it is a signal zone.
  [[nodiscard]] Result<dnssec::SignedZone> sign_contents(const std::string& zone,
                                                         const config::PolicySetting& policy,
                                                         const zone::Contents& records,
                                                         const zone::Contents* before);
  // Replaces what was read by what is signed of it, if the zone has a policy.
  [[nodiscard]] Result<uint64_t> sign(const config::ZoneSource& source, zone::LoadOutcome& outcome);
  void sign_updates(ReloadPlan& plan);
  // What is served of a zone, or was last.
  [[nodiscard]] std::optional<zone::Contents> last_version(const wire::Name& apex);
  void refresh_signatures();
  [[nodiscard]] Result<void> refresh(const std::string& zone, ZoneRecord record);
  void put_record(const std::string& zone, ZoneRecord record);
  void register_source(const std::string& zone, const ZoneRecord& record);

  zone::Memory& memory_;
  ZoneTable& table_;
  const std::function<void()> alive_;
  LastGood last_good_;
  SourceRegister register_;
  ZoneSigning signing_;
  FrozenZones frozen_;
  transfer::PrimarySerials serials_;
  RefreshQueue refreshes_;
  const Clock& clock_;
  uint64_t signals_due_s_ = 0;  // when signal zones are compared with the others again
  std::string register_error_;
  std::vector<zone::Publication> staged_;  // of each update of the plan
};

}  // namespace holdfast::control
