// SPDX-License-Identifier: GPL-3.0-or-later
// Finds the zone that a name lies in and the deepest node at or above it, in steps.
//
// The search is a chain of reads, each of which says where the next one is. Every step reads what
// the step before it asked for (prefetch) and asks for what the next one reads, so that a batch of
// searches, each step taken by all before the next, waits for memory once and not once a name.
// What is found is exact, whether steps were taken so or one after the other. Valid within the
// reader's epoch. Allocates nothing.
#pragma once

#include <optional>

#include "zone/view.h"

namespace holdfast::zone {

// The deepest node at or above a name, and how many labels of the name it stands for.
struct Encloser {
  NodeView node;
  size_t labels;
};

class NameSearch {
 public:
  static constexpr size_t steps = 6;
  // Where there are few zones their table is at hand, and the first step does the work of the next
  // three as well. Decided once for a batch, as the number of zones may change.
  enum class ZoneSteps : uint8_t { apart, at_once };
  [[nodiscard]] static ZoneSteps zone_steps(const MemoryReader& zones) {
    return zones.has_few_zones() ? ZoneSteps::at_once : ZoneSteps::apart;
  }
  [[nodiscard]] static size_t step_after(size_t step, ZoneSteps zone_steps) {
    return step == 0 && zone_steps == ZoneSteps::at_once ? names_step : step + 1;
  }

  // Forgets what was searched before. `name` and the memory outlive the search.
  void begin(const MemoryReader& zones, wire::NameView name, ZoneSteps zone_steps);
  // Step 0, then each that follows by `step_after`.
  void take(size_t step);
  void run(const MemoryReader& zones, wire::NameView name) {
    begin(zones, name, ZoneSteps::at_once);
    for (size_t step = 0; step < steps; step = step_after(step, zone_steps_)) take(step);
  }

  // After the last step:
  [[nodiscard]] const wire::SuffixHashes& hashes() const { return hashes_; }
  // The deepest zone whose apex is at or above the name.
  [[nodiscard]] const std::optional<ZoneView>& zone() const { return zone_; }
  // In that zone, if it is available.
  [[nodiscard]] const std::optional<Encloser>& encloser() const { return encloser_; }

 private:
  static constexpr size_t names_step = 4;  // by then the name's places have been asked for

  void begin_search();
  void ask_for_zone_places();
  void ask_for_zone();
  void find_zone();
  void ask_for_name_places();
  void ask_for_node();
  void find_node();
  [[nodiscard]] uint32_t node_candidate(size_t labels) const;

  const uint8_t* base_ = nullptr;
  wire::NameView name_;
  ZoneSteps zone_steps_ = ZoneSteps::apart;
  wire::SuffixHashes hashes_;
  std::optional<ZoneView> zone_;
  std::optional<Encloser> encloser_;
  // What the tables hold for the name's tags: most likely it, but it has not been read yet.
  uint32_t zone_candidate_ = 0;
  size_t zone_labels_ = 0;
  uint32_t node_candidate_ = 0;
  size_t node_labels_ = 0;
  size_t deepest_ = 0;
};

// The encloser of `name` in `zone`, which is available and at or above the name.
[[nodiscard]] Encloser find_encloser(const ZoneView& zone, wire::NameView name,
                                     const wire::SuffixHashes& hashes);

}  // namespace holdfast::zone
