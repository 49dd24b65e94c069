// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/account_keeper.h"

#include <utility>

#include "log/log.h"
#include "wire/name_hash.h"

namespace holdfast::control {

void AccountKeeper::follow(std::span<const config::ZoneSource> zones) {
  // Numbers stay with their names: what workers have learned of an account goes on. A table in
  // which nothing was ever entered is not even read, and costs nothing.
  if (count() != 0) table_.clear();
  may_warn_ = true;
  add(zones);
}

void AccountKeeper::add(std::span<const config::ZoneSource> zones) {
  const HashKey key = memory_.reader().hash_key();
  size_t left_out = 0;
  for (const config::ZoneSource& source : zones) {
    if (!source.account || source.account->empty()) continue;
    const auto apex = wire::Name::from_text(source.name);
    if (!apex) continue;
    const uint32_t account = number_of(*source.account);
    const wire::SuffixHashes hashes(*apex, key);
    const bool has_room =
        account != 0 && table_.enter(hashes.of_last(hashes.label_count()), account);
    if (!has_room) ++left_out;
  }
  if (left_out == 0 || !std::exchange(may_warn_, false)) return;
  log::warning(log::Category::config, "accounts-full",
               std::to_string(left_out) + " zones are without their account: there is room for " +
                   std::to_string(shield::accounts_max) + " accounts and some " +
                   std::to_string(shield::AccountTable::zones_max) + " zones in them");
}

uint32_t AccountKeeper::number_of(const std::string& account) {
  const std::scoped_lock lock(mutex_);
  const auto known = numbers_.find(account);
  if (known != numbers_.end()) return known->second;
  if (names_.size() == shield::accounts_max) return 0;
  names_.push_back(account);
  const auto number = static_cast<uint32_t>(names_.size());
  numbers_.emplace(account, number);
  return number;
}

std::string AccountKeeper::name_of(uint32_t account) const {
  const std::scoped_lock lock(mutex_);
  return account == 0 || account > names_.size() ? std::string() : names_[account - 1];
}

uint32_t AccountKeeper::count() const {
  const std::scoped_lock lock(mutex_);
  return static_cast<uint32_t>(names_.size());
}

}  // namespace holdfast::control
