// SPDX-License-Identifier: GPL-3.0-or-later
// What is known of every configured zone: where it comes from, what is served, what is wrong.
//
// Written by the thread that owns zone memory, read by those that report (status, metrics). Guarded
// by a lock that is held for one zone or one page of them. Bound: the zones of the configuration.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "zone/view.h"

namespace holdfast::control {

enum class ZoneState : uint8_t {
  waiting,  // not yet read since the start
  serving,
  stale,   // what is configured is bad; the last known good is served
  failed,  // nothing to serve: SERVFAIL
};
constexpr size_t zone_states = 4;
[[nodiscard]] std::string_view zone_state_name(ZoneState state);

struct ZoneRecord {
  std::string file;
  std::shared_ptr<const std::string> catalog = {};           // whose member it is; null: none
  std::shared_ptr<const config::PolicySetting> policy = {};  // null: not signed here
  std::shared_ptr<const config::TransferSetting> transfer = {};
  std::vector<std::string> includes;  // further files that it reads
  ZoneState state = ZoneState::waiting;
  // Of the version served; all zero if there is none.
  uint32_t serial = 0;
  uint32_t generation = 0;
  uint64_t records = 0;
  uint64_t names = 0;
  uint64_t loaded_unix_s = 0;
  uint64_t signing_state = 0;   // ZoneSigning::prepare, when it was last looked at
  uint64_t refresh_unix_s = 0;  // when its signatures are looked at again; 0 if it has no policy
  // Of the files as last read, good or bad (control/source_register.h).
  uint64_t fingerprint = 0;
  uint64_t failing_since_unix_s = 0;
  std::vector<std::string> findings;  // bounded by zone::LoadOptions

  // Dynamic ones (RFC 2136).
  [[nodiscard]] bool takes_updates() const { return transfer && !transfer->update.empty(); }
};

// The facts of the version that `view` shows.
void set_served_version(ZoneRecord& record, const zone::ZoneView& view);

class ZoneTable {
 public:
  // `name` is absolute lower-case text, here and below.
  void put(const std::string& name, ZoneRecord record);
  bool erase(const std::string& name);
  [[nodiscard]] std::optional<ZoneRecord> find(const std::string& name) const;
  [[nodiscard]] std::array<uint64_t, zone_states> counts() const;
  [[nodiscard]] size_t size() const;

  // Visits at most `count_max` zones after `name` in order; gives the last name visited, empty when
  // there were none. `visit` must not call back.
  using Visit = std::function<void(const std::string& name, const ZoneRecord& record)>;
  std::string visit_after(const std::string& name, size_t count_max, const Visit& visit) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, ZoneRecord> records_;
  std::array<uint64_t, zone_states> counts_{};
};

}  // namespace holdfast::control
