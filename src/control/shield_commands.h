// SPDX-License-Identifier: GPL-3.0-or-later
// The requests of the control socket about the shield: shield-status, shield-top, shield-explain,
// shield-allow, shield-deny, shield-forget, shield-dry-run (docs/control-socket.md).
//
// Reads what the answer processes count, and changes what operators may say. Thread: the
// io_context's.
#pragma once

#include <string>

#include "control/account_keeper.h"
#include "control/shield_keeper.h"
#include "control/transfers.h"

namespace holdfast::control {

class ShieldCommands {
 public:
  struct Request {
    std::string command;
    std::string of;       // an address, or a name for shield-explain
    std::string seconds;  // for how long a word holds; empty: a day
    // Of shield-dry-run: admission, truncate, hop, zones, streams, filter, form, all.
    std::string what;
    std::string state;  // on or off
  };
  // All outlive this.
  ShieldCommands(ShieldKeeper& keeper, const AccountKeeper& accounts, const Transfers& transfers)
      : keeper_(keeper), accounts_(accounts), transfers_(transfers) {}

  // One line of JSON.
  [[nodiscard]] std::string handle(const Request& request) const;

 private:
  [[nodiscard]] std::string status() const;
  [[nodiscard]] std::string top() const;
  [[nodiscard]] std::string explain(const std::string& of) const;
  [[nodiscard]] std::string explain_address(const Endpoint& address) const;
  [[nodiscard]] std::string explain_name(const std::string& text) const;
  [[nodiscard]] std::string say(const Request& request) const;
  [[nodiscard]] std::string dry_run(const Request& request) const;

  ShieldKeeper& keeper_;
  const AccountKeeper& accounts_;
  const Transfers& transfers_;
};

}  // namespace holdfast::control
