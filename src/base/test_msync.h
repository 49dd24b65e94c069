// SPDX-License-Identifier: GPL-3.0-or-later
// Takes the place of msync in a test's process: notes each call, then makes it, or fails with
// `error` (errno) while that is set. One thread.
#pragma once

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <vector>

namespace holdfast {

struct MsyncCall {
  const uint8_t* first;
  size_t bytes;
  int flags;
};

struct MsyncCalls {
  std::vector<MsyncCall> calls;
  int error = 0;
};

inline MsyncCalls& msync_calls() {
  static MsyncCalls calls;
  return calls;
}

}  // namespace holdfast

extern "C" [[gnu::used]] inline int msync(void* first, size_t bytes, int flags) {
  holdfast::MsyncCalls& calls = holdfast::msync_calls();
  calls.calls.push_back({static_cast<const uint8_t*>(first), bytes, flags});
  if (calls.error != 0) {
    errno = calls.error;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_msync, first, bytes, flags));
}
