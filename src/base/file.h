// SPDX-License-Identifier: GPL-3.0-or-later
// Files: an owned descriptor, reading whole files and replacing them so that a crash at any moment
// leaves the old or the new content. Errors name the path.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace holdfast {

// Owns one descriptor and closes it; -1 means none.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

// The whole file; at most `size_max` bytes, a larger one is an error.
[[nodiscard]] Result<std::string> read_file(const std::string& path, size_t size_max);

// Writes beside `path`, syncs, and renames over it.
[[nodiscard]] Result<void> replace_file(const std::string& path, Bytes content, unsigned mode);

// Writes all of `bytes` at the descriptor's position.
[[nodiscard]] Result<void> write_all(int fd, Bytes bytes, const std::string& path);

// Makes what was created or renamed in the directory of `path` survive a power failure.
[[nodiscard]] Result<void> sync_directory_of(const std::string& path);

// mkdir -p, with `mode` for what it makes.
[[nodiscard]] Result<void> make_directories(const std::string& path, unsigned mode);

}  // namespace holdfast
