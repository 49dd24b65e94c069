// SPDX-License-Identifier: GPL-3.0-or-later
// When which zone's signatures are to be looked at again.
//
// One entry a signed zone. Owner: one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace holdfast::control {

class RefreshQueue {
 public:
  // Replaces what is there of the zone.
  void put(const std::string& zone, uint64_t due_s);
  void erase(const std::string& zone);
  // A zone that is due, the longest due first; it stays until it is put anew or erased.
  [[nodiscard]] std::optional<std::string> due_at(uint64_t now_s) const;

 private:
  std::map<std::string, uint64_t> due_;
  std::set<std::pair<uint64_t, std::string>> order_;
};

}  // namespace holdfast::control
