// SPDX-License-Identifier: GPL-3.0-or-later
// Several generators that send side by side on one processor, each at its own rate.
//
// A run of one generator has the processor to itself; so those that are to send together share one
// run, in which each frame is offered to the next in turn. Bounds and seal as in generator.h.
// Owner: one thread.
#pragma once

#include "drill/generator.h"

namespace holdfast::drill {

struct GroupMember {
  Generator* generator = nullptr;  // outlives the group
  uint64_t rate_per_s = 0;         // 0: as fast as it goes
};

class GeneratorGroup {
 public:
  // 1 to mixed_generators_max members.
  [[nodiscard]] static Result<GeneratorGroup> make(std::vector<GroupMember> members);

  // Sends from `start_ns` (of CLOCK_MONOTONIC, start_delay_ns ahead) on; returns when the time is
  // over or `stop` is set. SIGURG must not be blocked (interruption.h).
  [[nodiscard]] Result<void> run(const SealedSurroundings& surroundings, uint64_t start_ns,
                                 uint64_t duration_ms, const std::atomic<bool>& stop);

 private:
  GeneratorGroup(std::vector<GroupMember> members, KernelProgram mixer)
      : members_(std::move(members)), mixer_(std::move(mixer)) {}

  std::vector<GroupMember> members_;
  KernelProgram mixer_;
};

}  // namespace holdfast::drill
