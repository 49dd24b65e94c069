// SPDX-License-Identifier: GPL-3.0-or-later
// The state directory: made at start, owned by the user that the server runs as, and used by one
// server at a time.
#pragma once

#include <string>

#include "base/error.h"
#include "base/file.h"

namespace holdfast {

class StateDirectory {
 public:
  // Makes `path` if there is none, gives it to `user` (empty: as it is) if it was made, and locks
  // it until this object ends. The error names the directory, and the process that has it.
  [[nodiscard]] static Result<StateDirectory> open(const std::string& path,
                                                   const std::string& user);
  // To ask once the process is the user that it will run as.
  [[nodiscard]] Result<void> check_writable() const;

 private:
  StateDirectory(std::string path, UniqueFd lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  UniqueFd lock_;
};

}  // namespace holdfast
