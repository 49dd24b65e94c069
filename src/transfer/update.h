// SPDX-License-Identifier: GPL-3.0-or-later
// A dynamic update applied to a zone's draft: prerequisites, permission, changes (RFC 2136 §3.2 to
// §3.4), all of it or nothing.
//
// Thread: that which owns the draft.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "config/config.h"
#include "transfer/update_message.h"
#include "zone/draft.h"

namespace holdfast::transfer {

// One update that waits for its turn.
struct Update {
  UpdateMessage message;
  std::shared_ptr<const config::TransferSetting> setting;  // with the rules of its zone
  std::string key;                                         // that signed it, canonical text
  std::string source;                                      // where it comes from, for the history
};

// Records that nobody may change by update, because they follow from others.
using IsForbidden = std::function<bool(bool is_apex, uint16_t type)>;

// Whether any rule of the zone is about requests that this key has signed.
[[nodiscard]] bool may_update(const config::TransferSetting& setting, const std::string& key);

struct UpdateOutcome {
  uint16_t rcode = 0;
  bool has_changed = false;  // the zone's records; with it, the SOA has a new serial
};

// The draft takes only the zone's own records. Unless the RCODE is 0, it is as it was.
[[nodiscard]] UpdateOutcome apply_update(zone::Draft& draft, const Update& update,
                                         const IsForbidden& is_forbidden);

}  // namespace holdfast::transfer
