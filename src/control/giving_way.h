// SPDX-License-Identifier: GPL-3.0-or-later
// How the threads of control give way to the answer processes, with which they share processors.
//
// An answer process that wakes takes the processor from them at once; while nobody wants it, they
// have all of it. The thread of transfers rests besides while the answer processes have much to do:
// a large transfer then gets a tenth of a processor, whatever else the machine does. Thread: the
// one concerned.
#pragma once

#include <cstdint>
#include <functional>

#include "exchange/panel.h"

namespace holdfast::control {

// For the calling thread and those that it starts. Where the system refuses, nothing changes.
void give_way();
// For the calling thread beyond that: beside one other that wants its processor, it has three
// tenths.
void give_way_to_all();

// Processor time of all answer processes, in ns; one that is gone no longer counts.
[[nodiscard]] uint64_t answer_time_ns(const exchange::Panel& panel);
// Of the calling thread.
[[nodiscard]] uint64_t thread_time_ns();

class WorkPace {
 public:
  // How often the answer processes are looked at.
  static constexpr uint64_t look_ns = 100'000'000;
  // They have much to do from this share of all processors on.
  static constexpr uint64_t busy_permille = 400;
  // So much is done between two rests; each is so many times as long as the work before it, but no
  // longer than others of the thread's tasks can wait.
  static constexpr uint64_t stretch_ns = 2'000'000;
  static constexpr uint64_t rests_per_work = 9;
  static constexpr uint64_t rest_ns_max = 50'000'000;

  // `answer_time` is that of the answer processes, in ns since any moment.
  WorkPace(std::function<uint64_t()> answer_time, size_t processors);

  // Call after each piece of work: how long to rest before the next. `worked_ns` is the thread's
  // processor time, since any moment.
  [[nodiscard]] uint64_t rest_ns(uint64_t now_ns, uint64_t worked_ns);

 private:
  void look(uint64_t now_ns);

  std::function<uint64_t()> answer_time_;
  uint64_t processors_;
  uint64_t looked_ns_ = 0;
  uint64_t answered_ns_ = 0;   // as of then
  uint64_t rested_at_ns_ = 0;  // of the thread's processor time
  bool is_busy_ = false;
};

}  // namespace holdfast::control
