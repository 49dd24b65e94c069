// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps a processor from going to sleep as long as it lives.
//
// Where it may sleep, and above all where it is a virtual one that its host then gives to others,
// waking up can take longer than a veth's ring holds out: frames are lost that no server has lost.
// What keeps it awake runs only when nobody else wants to, and so also tells for how long nobody
// did. Any thread.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <thread>

namespace holdfast::drill {

class WakefulProcessor {
 public:
  explicit WakefulProcessor(unsigned cpu);
  WakefulProcessor(const WakefulProcessor&) = delete;
  WakefulProcessor& operator=(const WakefulProcessor&) = delete;
  ~WakefulProcessor();

  // Since it was made; 0 where that is not to be had.
  [[nodiscard]] uint64_t idle_ns() const;

 private:
  std::atomic<bool> over_ = false;
  std::atomic<pid_t> thread_id_ = 0;
  std::thread thread_;
};

}  // namespace holdfast::drill
