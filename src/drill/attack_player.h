// SPDX-License-Identifier: GPL-3.0-or-later
// Plays a scenario's attacks in a laboratory, by its clock.
//
// Everything is made before the start; run() then sends on its thread, which is pinned to the
// load's processor, until all is over or `stop` is set. sent() may be called from another thread
// meanwhile.
#pragma once

#include <atomic>
#include <memory>

#include "drill/attack_plan.h"
#include "drill/generator_group.h"
#include "drill/slow_clients.h"

namespace holdfast::drill {

struct AttackPlayerConfig {
  uint16_t server_port = 53;
  unsigned load_cpu = 0;
  uint64_t floor_per_s = 0;  // what shares of it are of; 0: not measured
  int stamps_fd = -1;        // the answer counter's
};

class AttackPlayer {
 public:
  [[nodiscard]] static Result<AttackPlayer> make(const SealedSurroundings& surroundings,
                                                 const Scenario& scenario, const ZoneSet& zones,
                                                 const Population& population,
                                                 const AttackPlayerConfig& config);

  [[nodiscard]] Result<void> run(const SealedSurroundings& surroundings, uint64_t start_ns,
                                 const std::atomic<bool>& stop);

  // Frames since the start, and questions that the generators fell behind with.
  struct Sent {
    uint64_t frames = 0;
    uint64_t missed = 0;
  };
  [[nodiscard]] Sent sent() const;

 private:
  AttackPlayer() = default;
  [[nodiscard]] Result<void> run_segment(const SealedSurroundings& surroundings,
                                         const AttackSegment& segment, uint64_t start_ns,
                                         const std::atomic<bool>& stop);

  AttackPlayerConfig config_;
  std::vector<Attack> attacks_;
  std::vector<uint64_t> rates_;
  std::vector<AttackSegment> segments_;
  std::vector<std::unique_ptr<Generator>> generators_;  // by attack; null where there is none
  std::vector<std::unique_ptr<SlowClients>> slow_;      // by attack; null where there is none
  std::unique_ptr<std::atomic<uint64_t>[]> finished_ =  // of segments that are over
      std::make_unique<std::atomic<uint64_t>[]>(2);
};

}  // namespace holdfast::drill
