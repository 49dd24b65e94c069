// SPDX-License-Identifier: GPL-3.0-or-later
// Has the disk hold what changes in zone memory little by little, so that no change waits for it.
//
// A change is on disk before it is served, and a disk that syncs writes all that it was given
// before (docs/decisions/0017-zone-memory-written-out.md). The kernel gives it a large zone as a
// whole, half a minute after that was loaded: the next change would wait for hundreds of MiB. A
// step writes a few (zone::Memory::write_out), and between two of them whatever is due is done. An
// error is told once until a round succeeds. Thread: the one that writes zone memory.
#pragma once

#include "base/clock.h"
#include "zone/memory.h"

namespace holdfast::control {

class WriteOutKeeper {
 public:
  // A smaller file is left to the kernel: it may write it at once.
  static constexpr uint64_t file_bytes_min = uint64_t{16} << 20;
  // From the begin of a round to that of the next, at least, while there are changes. When 30 s
  // have passed since a file was first written to, Linux writes all that there is of it
  // (vm.dirty_expire_centisecs); where it keeps files in large pages, a few names are many MiB.
  static constexpr uint64_t round_ns = 5'000'000'000;
  // After a round the disk is left to others for so many times as long as it took.
  static constexpr uint64_t rests_per_round = 9;
  static constexpr uint64_t retry_ns = 60'000'000'000;

  WriteOutKeeper(zone::Memory& memory, const Clock& clock) : memory_(memory), clock_(clock) {}

  // Takes a step if there is one to take. True: the next one should follow at once.
  bool step();

 private:
  zone::Memory& memory_;
  const Clock& clock_;
  uint64_t begun_ns_ = 0;
  uint64_t due_ns_ = 0;
  bool is_writing_ = false;
  bool is_told_ = false;
};

}  // namespace holdfast::control
