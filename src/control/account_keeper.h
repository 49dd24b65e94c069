// SPDX-License-Identifier: GPL-3.0-or-later
// Tells the shield which zones belong together: the `account` of zones, folders and catalogs.
//
// Gives each account of the configuration a number and enters its zones into the table that the
// workers read. Accounts beyond accounts_max, and zones beyond the table, are without one; the log
// says so. Thread: `follow` and `add` the manager's; `name_of` any.
#pragma once

#include <map>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "config/zone_list.h"
#include "shield/account_table.h"
#include "zone/memory.h"

namespace holdfast::control {

class AccountKeeper {
 public:
  // Both outlive this.
  AccountKeeper(shield::AccountTable& table, const zone::Memory& memory)
      : table_(table), memory_(memory) {}

  // These are all zones from now on.
  void follow(std::span<const config::ZoneSource> zones);
  // And these.
  void add(std::span<const config::ZoneSource> zones);

  // Empty if there is no such.
  [[nodiscard]] std::string name_of(uint32_t account) const;
  [[nodiscard]] uint32_t count() const;

 private:
  [[nodiscard]] uint32_t number_of(const std::string& account);

  shield::AccountTable& table_;
  const zone::Memory& memory_;
  mutable std::mutex mutex_;
  std::vector<std::string> names_;  // of account 1, 2, …
  std::map<std::string, uint32_t> numbers_;
  bool may_warn_ = true;
};

}  // namespace holdfast::control
