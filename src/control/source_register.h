// SPDX-License-Identifier: GPL-3.0-or-later
// Remembers, over restarts, from which state of which files each zone in zone memory was made, so
// that a zone whose files have not changed need not be parsed again.
//
// The file `zone-sources` in the state directory: a first line with its version, then one line a
// publication, later ones overriding; rewritten when half of it is outdated. Losing it costs time
// only. A line counts only if zone memory holds the same generation of the zone, so its order with
// publications does not matter. Owner: one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace holdfast::control {

// A digest of path, size, inode, change and modification time of all files, and of `salt`. 0 if one
// cannot be examined, or was changed after `before_unix_ns`: 0 is never taken for unchanged.
[[nodiscard]] uint64_t fingerprint_files(const std::string& file,
                                         std::span<const std::string> includes, uint64_t salt,
                                         uint64_t before_unix_ns);
// `before_unix_ns` for files that are read from now on, with a margin for the kernel's clock tick.
[[nodiscard]] uint64_t reading_begins_unix_ns();

struct KnownSource {
  uint32_t generation = 0;
  uint64_t fingerprint = 0;
  uint64_t loaded_unix_s = 0;
  uint64_t failing_since_unix_s = 0;  // not 0: the files were bad since, an older version is served
  std::string file;
  std::vector<std::string> includes;
};

class SourceRegister {
 public:
  // Reads what is there; an unreadable or damaged file counts as empty, line by line.
  explicit SourceRegister(const std::string& state_directory);

  [[nodiscard]] const KnownSource* find(const std::string& zone) const;
  // Frees what was read; for after the first load.
  void forget_read();

  void append(const std::string& zone, const KnownSource& source);
  // True once so many lines are outdated that `rewrite` is worth it.
  [[nodiscard]] bool wants_rewrite(size_t zones) const;
  // `for_each` calls its argument for each zone.
  using Put = std::function<void(const std::string& zone, const KnownSource& source)>;
  [[nodiscard]] Result<void> rewrite(const std::function<void(const Put&)>& for_each);
  // Hands what was appended to the system.
  [[nodiscard]] Result<void> flush();

 private:
  std::string path_;
  std::unordered_map<std::string, KnownSource> read_;
  std::string pending_;
  size_t lines_ = 0;
  bool is_foreign_ = false;       // what lies there is no register; the next one takes its place
  std::optional<Error> failure_;  // of a flush that nobody saw
};

}  // namespace holdfast::control
