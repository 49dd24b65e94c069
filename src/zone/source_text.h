// SPDX-License-Identifier: GPL-3.0-or-later
// The text of one zone file in memory of its own.
//
// Read, not mapped: a file that is truncated while it is parsed must not end the process. What has
// been parsed can be given back. Bound: file_bytes_max. Errors name the path.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace holdfast::zone {

class SourceText {
 public:
  // Line ends of CR LF become blank and LF. Fails on a file that changes while it is read and on
  // one that is not text.
  [[nodiscard]] static Result<SourceText> read(const std::string& path);
  [[nodiscard]] static SourceText copy(std::string_view text);

  [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }
  // The same file has the same identity whatever its path.
  struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    friend bool operator==(const Identity&, const Identity&) = default;
  };
  [[nodiscard]] Identity identity() const { return identity_; }

 private:
  void allocate(size_t size);
  void blank_carriage_returns();

  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0;
  Identity identity_;
};

// Gives back the memory of a source's text, or of a part of it, behind its one reader.
class ReleaseBehind {
 public:
  explicit ReleaseBehind(std::string_view part) : released_(part.data()) {}
  // The bytes of the part before `position` will not be looked at again; cheap to call often.
  void release_before(const char* position);

 private:
  const char* released_;  // all of the part before it is given back, page ends aside
};

}  // namespace holdfast::zone
