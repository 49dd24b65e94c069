// SPDX-License-Identifier: GPL-3.0-or-later
// Other signers of our zones (dnssec/signer_group.h): which there are by policy, when they and the
// parents are to be asked, and what follows from what they say.
//
// All that is known lies in the zone's key folder; this keeps when to ask next. Owner: the thread
// that owns zone memory.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/config.h"
#include "dnssec/signer_group.h"

namespace holdfast::control {

// Who is to be asked about a zone.
struct GroupQuestion {
  std::string zone;
  std::vector<Endpoint> parents;
  std::map<std::string, std::vector<Endpoint>> signers;  // by name
  std::vector<Endpoint> secondaries = {};                // see secondary_watch.h
};
// What they said, in the order of the servers.
struct GroupAnswers {
  std::string zone;
  std::vector<dnssec::SeenServer> parents;
  std::map<std::string, std::vector<dnssec::SeenServer>> signers;
  std::vector<dnssec::SeenServer> secondaries = {};
};

class SignerRolls {
 public:
  // How often they are asked at least: a key that comes must be here before it is used.
  static constexpr uint64_t ask_s_max = 300;
  // Of how many zones in one call, which comes each second; the others follow.
  static constexpr size_t zones_asked_max = 50;

  // Those of the folder and those of the policy, of which files are made. Servers and names are
  // those of the policy; of one that is not in it, those that it had.
  [[nodiscard]] static Result<std::vector<dnssec::OtherSigner>> enlist(
      const config::PolicySetting& policy, const std::string& folder, uint64_t now_s);

  // Has them asked from now on, if there are any.
  void note(const std::string& zone, const config::PolicySetting& policy,
            std::span<const dnssec::OtherSigner> signers, uint64_t now_s);
  [[nodiscard]] std::vector<GroupQuestion> take_due(uint64_t now_s);
  void forget(const std::string& zone) { asked_.erase(zone); }

  // Keeps what follows in `folder`. True if the zone is to be signed anew.
  [[nodiscard]] Result<bool> on_answers(const GroupAnswers& answers,
                                        const config::PolicySetting& policy,
                                        const std::string& folder,
                                        std::span<const dnssec::ZoneKey> own, uint64_t now_s);

 private:
  struct Asked {
    GroupQuestion question;
    uint64_t interval_s_max = 0;
    uint64_t interval_s = 0;
    uint64_t due_unix_s = 0;
  };
  std::map<std::string, Asked> asked_;
  std::string last_looked_at_;  // of them, by take_due
};

[[nodiscard]] dnssec::RolloverTimes rollover_times(const config::PolicySetting& policy);

}  // namespace holdfast::control
