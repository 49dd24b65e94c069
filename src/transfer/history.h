// SPDX-License-Identifier: GPL-3.0-or-later
// The versions of zones: what changed, from where, and when. Others are given differences from it
// (IXFR); operators look at it and go back.
//
// One file a zone that has changed, in `versions` in the state directory: differences one behind
// another, each with a CRC; a torn or damaged end is cut off when the file is next read. Bounds a
// zone: versions_max, file_bytes_max; when one is passed, the older half goes. A version whose
// difference is not known breaks the chain: what lies before it cannot be reached. A file that
// cannot be written costs history, never a change. Thread: any; the lock is held for one zone's
// file.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "transfer/record_list.h"

namespace holdfast::transfer {

struct VersionFacts {
  uint32_t from = 0;
  uint32_t to = 0;
  uint64_t unix_s = 0;
  uint64_t removed = 0;  // records, the SOA included
  uint64_t added = 0;
  std::string source;  // "file /srv/zones/a.zone", "IXFR from 192.0.2.1@53"
};

class History {
 public:
  static constexpr size_t versions_max = 1000;
  static constexpr uint64_t file_bytes_max = uint64_t{32} << 20;
  static constexpr size_t source_bytes_max = 255;

  explicit History(const std::string& state_directory);

  // Notes the zone's new version. Without a difference (none was made, or it was too large) what is
  // there already is forgotten, as nothing leads from it any more.
  [[nodiscard]] Result<void> add(wire::NameView apex, const Difference* difference,
                                 const std::string& source, uint64_t unix_s);
  // The zone is no longer ours.
  void forget(wire::NameView apex);

  // Oldest first; each begins where the one before ended.
  [[nodiscard]] std::vector<VersionFacts> list(wire::NameView apex) const;
  // The differences that lead from one serial to another; empty if they are not known.
  [[nodiscard]] std::vector<Difference> chain(wire::NameView apex, uint32_t from,
                                              uint32_t to) const;
  // Bytes that the chain takes, 0 if there is none.
  [[nodiscard]] uint64_t chain_bytes(wire::NameView apex, uint32_t from, uint32_t to) const;

 private:
  struct Version {
    VersionFacts facts;
    uint64_t offset = 0;
    uint64_t bytes = 0;
  };
  using Versions = std::vector<Version>;

  [[nodiscard]] std::string path_of(wire::NameView apex) const;
  [[nodiscard]] Versions& read(wire::NameView apex) const;
  [[nodiscard]] static std::pair<size_t, size_t> range(const Versions& versions, uint32_t from,
                                                       uint32_t to);
  [[nodiscard]] Result<void> drop_older(wire::NameView apex, Versions& versions);

  std::string directory_;
  bool has_files_;
  mutable std::mutex mutex_;
  mutable std::unordered_map<std::string, Versions> zones_;  // read so far
};

}  // namespace holdfast::transfer
