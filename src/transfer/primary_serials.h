// SPDX-License-Identifier: GPL-3.0-or-later
// Remembers over restarts of which serial of the primary each version of a secondary zone was made
// that is signed here, and so has a serial of its own: differences are asked for from there.
//
// The file `primary-serials` in the state directory: one line a version, "zone served primary",
// later ones overriding; written before the version is served, so that whatever is served is known.
// What is not known after all (a power failure, a damaged line) costs the transfer of the whole
// zone. Bound: versions_max a zone. Thread: any.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/error.h"

namespace holdfast::transfer {

class PrimarySerials {
 public:
  // What comes back after a power failure may be older than what was served by some versions.
  static constexpr size_t versions_max = 16;

  explicit PrimarySerials(const std::string& state_directory);

  // The primary's serial of the version that is served at `served`: the same, if the zone is not
  // signed here; none if it is not known.
  [[nodiscard]] std::optional<uint32_t> find(const std::string& zone, uint32_t served) const;
  // Whether anything is known of the zone, or of one version of it.
  [[nodiscard]] bool holds(const std::string& zone) const;
  [[nodiscard]] bool holds(const std::string& zone, uint32_t served) const;
  // None: it is certain that it is not known. After an error it is remembered until the end.
  [[nodiscard]] Result<void> note(const std::string& zone, uint32_t served,
                                  std::optional<uint32_t> primary);
  // The zone is not signed here any more, or is gone.
  [[nodiscard]] Result<void> forget(const std::string& zone);

 private:
  struct Version {
    uint32_t served = 0;
    std::optional<uint32_t> primary;
  };
  using Versions = std::deque<Version>;

  [[nodiscard]] const Version* version_of(const std::string& zone, uint32_t served) const;
  void take_line(const std::string& line);
  void enter(const std::string& zone, const Version& version);
  [[nodiscard]] Result<void> append(const std::string& line);
  [[nodiscard]] Result<void> rewrite();

  const std::string path_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Versions> zones_;
  size_t versions_ = 0;
  size_t lines_ = 0;
};

}  // namespace holdfast::transfer
