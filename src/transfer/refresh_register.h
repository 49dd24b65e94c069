// SPDX-License-Identifier: GPL-3.0-or-later
// Remembers over restarts when each secondary zone was last seen to be current, from which its
// expiry counts (RFC 1034 §4.3.5).
//
// The file `secondaries` in the state directory: one line a refresh, "zone seconds", later ones
// overriding; written anew at each start and when it is mostly outdated. A line that cannot be read
// is passed over: that zone's expiry then counts from the start. Owner: one thread.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "base/error.h"

namespace holdfast::transfer {

class RefreshRegister {
 public:
  explicit RefreshRegister(const std::string& state_directory);

  // Seconds since 1970, 0 if that is not known.
  [[nodiscard]] uint64_t find(const std::string& zone) const;
  void set(const std::string& zone, uint64_t unix_s);
  void erase(const std::string& zone);
  // Writes what has changed. About once a second.
  [[nodiscard]] Result<void> flush();

 private:
  [[nodiscard]] Result<void> rewrite();

  std::string path_;
  std::unordered_map<std::string, uint64_t> refreshed_;
  std::string pending_;
  size_t lines_ = 0;
  bool is_to_rewrite_ = true;
};

}  // namespace holdfast::transfer
