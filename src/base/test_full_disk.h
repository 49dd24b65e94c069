// SPDX-License-Identifier: GPL-3.0-or-later
// Makes a test's process find the disk full: while it lives, no file of the process may grow beyond
// so many bytes. Processes forked meanwhile inherit it. One at a time.
#pragma once

#include <signal.h>
#include <sys/resource.h>

#include <cstdint>

#include "base/check.h"

namespace holdfast {

class FullDisk {
 public:
  explicit FullDisk(uint64_t file_bytes_max) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    CHECK(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    struct rlimit limited = before_;
    limited.rlim_cur = file_bytes_max;
    CHECK(::setrlimit(RLIMIT_FSIZE, &limited) == 0);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    CHECK(::setrlimit(RLIMIT_FSIZE, &before_) == 0);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  struct rlimit before_{};
  sighandler_t handler_;
};

}  // namespace holdfast
