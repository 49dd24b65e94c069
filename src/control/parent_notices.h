// SPDX-License-Identifier: GPL-3.0-or-later
// What of each zone the parent is to be told by NOTIFY (RFC 9859), because CDS, CDNSKEY or CSYNC
// have changed since it was told last.
//
// What it was told is kept in the zone's key folder ("told-parent"), so that a change that this
// process did not live to tell of is told by the next. Owner: the thread that owns zone memory.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/config.h"
#include "zone/contents.h"
#include "zone/view.h"

namespace holdfast::control {

// Of CDS with CDNSKEY, and of CSYNC; 0: there are none.
struct ParentWishes {
  uint64_t cds = 0;
  uint64_t csync = 0;
  friend bool operator==(const ParentWishes&, const ParentWishes&) = default;
};
[[nodiscard]] ParentWishes wishes_of(const zone::Contents& contents);
[[nodiscard]] ParentWishes wishes_of(const zone::ZoneView& served);

// One NOTIFY that is due.
struct ParentNotice {
  std::string zone;
  uint16_t type = 0;  // CDS or CSYNC
  std::vector<Endpoint> parents;
  ParentWishes wishes;  // that are told with it
};

class ParentNotices {
 public:
  // A parent that cannot be told is tried again after so long at first, and at last.
  static constexpr uint64_t retry_s_min = 30;
  static constexpr uint64_t retry_s_max = 3600;
  // In one call of take_due, which comes each second; the others follow.
  static constexpr size_t notices_max = 100;

  // What is served now. All servers have it after the policy's propagation time; the parent, which
  // asks them all, is told then (RFC 9859 §4.2).
  void note(const std::string& zone, const config::PolicySetting& policy, const std::string& folder,
            const ParentWishes& wishes, uint64_t now_s);
  [[nodiscard]] std::vector<ParentNotice> take_due(uint64_t now_s);
  void on_told(const ParentNotice& notice);
  void forget(const std::string& zone) { waiting_.erase(zone); }

 private:
  struct Waiting {
    std::string folder;
    std::vector<Endpoint> parents;
    ParentWishes wishes;
    ParentWishes told;
    uint64_t due_unix_s = 0;
    uint64_t interval_s = 0;
  };
  std::map<std::string, Waiting> waiting_;
  std::string last_looked_at_;  // of them, by take_due
};

}  // namespace holdfast::control
