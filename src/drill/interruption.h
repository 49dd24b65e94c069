// SPDX-License-Identifier: GPL-3.0-or-later
// Interrupts the system calls of the thread that made it, from a moment on or once a flag is set.
//
// A call that would go on fails with EINTR, again every millisecond until the object is gone. It is
// done by SIGURG, which is ignored by default and from then on has a handler that does nothing; the
// thread must not block it. Owner: the thread that is to be interrupted.
#pragma once

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

namespace holdfast::drill {

class Interruption {
 public:
  // `at_ns` is of CLOCK_MONOTONIC. The flag is looked at every ten milliseconds.
  Interruption(uint64_t at_ns, const std::atomic<bool>& flag);
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;
  ~Interruption();

 private:
  void watch(uint64_t at_ns, const std::atomic<bool>& flag);

  pthread_t interrupted_;
  std::mutex mutex_;
  std::condition_variable condition_;
  bool over_ = false;
  std::thread watcher_;
};

}  // namespace holdfast::drill
