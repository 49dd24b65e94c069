// SPDX-License-Identifier: GPL-3.0-or-later
// Of which zones the secondaries are to be asked what they serve, because a roll of keys waits for
// it (dnssec/served_keys.h), and when.
//
// What they said is kept in the zone's key folder; this keeps when to ask next. Owner: the thread
// that owns zone memory.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "control/signer_rolls.h"
#include "dnssec/served_keys.h"

namespace holdfast::control {

class SecondaryWatch {
 public:
  // How often they are asked at least while something waits for them.
  static constexpr uint64_t ask_s_max = 300;
  // Of how many zones in one call, which comes each second; the others follow.
  static constexpr size_t zones_asked_max = 50;
  // Connections to them at a time, two to each that is asked; more zones are asked as these answer.
  static constexpr size_t connections_max = 512;

  // Has them asked from now on if something waits for them, and no more if nothing does.
  void note(const std::string& zone, const config::PolicySetting& policy,
            std::span<const dnssec::ZoneKey> own, const dnssec::ServedKeys& served, uint64_t now_s);
  // Questions that have secondaries alone.
  [[nodiscard]] std::vector<GroupQuestion> take_due(uint64_t now_s);
  // All of a question's have answered, or will not. Each that was taken ends with this.
  void on_answered(const std::string& zone);
  void forget(const std::string& zone) { asked_.erase(zone); }
  // Of how many zones something waits for them.
  [[nodiscard]] size_t zone_count() const { return asked_.size(); }

 private:
  struct Asked {
    std::vector<Endpoint> servers;
    uint64_t interval_s_max = 0;
    uint64_t interval_s = 0;
    uint64_t due_unix_s = 0;
  };
  std::map<std::string, Asked> asked_;
  std::string last_looked_at_;          // of them, by take_due
  std::map<std::string, size_t> open_;  // connections of questions that wait for answers
  size_t connections_ = 0;              // their sum
};

// Whether the first CDS of its zones is still to come.
[[nodiscard]] dnssec::FirstCds first_cds_of(const config::PolicySetting& policy);

// Tells the log whom the keys of a zone wait for.
void log_wait(const std::string& zone, const std::string& waits_for);

}  // namespace holdfast::control
