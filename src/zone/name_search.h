// SPDX-License-Identifier: GPL-3.0-or-later
// Finds the zone that a name lies in and the deepest node at or above it, in steps.
//
// The search is a chain of reads, each of which says where the next one is. Every step reads what
// the step before it asked for (prefetch) and asks for what the next one reads, so that a batch of
// searches, each step taken by all before the next, waits for memory once and not once a name.
// What is found is exact, whether steps were taken so or one after the other. Valid within the
// reader's epoch. Allocates nothing.
#pragma once

#include <array>
#include <optional>
#include <type_traits>

#include "zone/view.h"

namespace holdfast::zone {

// The deepest node at or above a name, and how many labels of the name it stands for. Or a cut or
// DNAME above the name, which hides what is deeper.
struct Encloser {
  NodeView node;
  size_t labels;
};

class NameSearch {
 public:
  static constexpr size_t steps = 7;
  static constexpr size_t places_step = 3;
  static constexpr size_t names_step = 4;  // by then the name's places have been asked for
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
  // Step 0. `before` is a search of the same batch that has taken it, or null: most names lie in
  // the zone of the one before, and then that is not looked up again.
  void take_first(const NameSearch* before);
  // Step 0, then each that follows by `step_after`.
  void take(size_t step) {
    switch (step) {
      case 0:
        return take_first(nullptr);
      case 1:
        return ask_for_zone();
      case 2:
        return find_zone();
      case places_step:
        if (!frame_.is_available) read_frame();
        return ask_for_name_places();
      case names_step:
        return ask_for_node();
      case names_step + 1:
        if (!is_settled_) settle();
        return;
      default:
        return find_node();
    }
  }
  // After `names_step`: the step behind it has nothing to do.
  [[nodiscard]] bool is_settled() const { return is_settled_; }
  // After the last step: the name is not where most of its zone's are, and the steps from
  // `places_step` on are to be taken once more.
  [[nodiscard]] bool is_open() const { return is_open_; }
  void run(const MemoryReader& zones, wire::NameView name) {
    begin(zones, name, ZoneSteps::at_once);
    for (size_t step = 0; step < steps; step = step_after(step, zone_steps_)) take(step);
    if (!is_open_) return;
    for (size_t step = places_step; step < steps; ++step) take(step);
  }

  // After the last step, unless it is open:
  [[nodiscard]] const wire::SuffixHashes& hashes() const { return hashes_; }
  // The deepest zone whose apex is at or above the name.
  [[nodiscard]] const std::optional<ZoneView>& zone() const { return zone_; }
  // In that zone, if it is available.
  [[nodiscard]] const std::optional<Encloser>& encloser() const { return encloser_; }

 private:
  // What every step asks of the zone, so that it is read once.
  struct Frame {
    uint64_t salt = 0;
    Bytes apex;
    uint8_t apex_labels = 0;
    uint8_t labels_below_apex_max = 0;
    uint8_t deeper_apex_labels = 0;  // of the least deep apex below this one's depth
    bool is_available = false;
    bool mostly_delegates = false;
    // Each search copies it from the one before. Without this a copy would end with a part that
    // overlaps the others, and the next one would wait until these have reached the cache.
    std::array<uint8_t, 3> unused{};
  };
  static_assert(sizeof(Frame) == 32 && std::is_trivially_copyable_v<Frame>);

  void ask_for_zone_places();
  [[nodiscard]] bool is_in_zone_of(const NameSearch& other) const;
  void read_frame();
  void ask_for_zone();
  void find_zone();
  void ask_for_name_places();
  void ask_for_node();
  void settle();
  void find_node();

  const uint8_t* base_ = nullptr;
  wire::NameView name_;
  ZoneSteps zone_steps_ = ZoneSteps::apart;
  bool is_settled_ = true;    // the first buckets were enough
  bool guesses_cut_ = false;  // only the name directly below the apex is looked for
  bool is_open_ = false;      // and that was not enough
  // What the tables hold for the name's tags: most likely it, but it has not been read yet.
  uint32_t zone_candidate_ = 0;
  uint32_t node_candidate_ = 0;
  uint8_t zone_labels_ = 0;
  uint8_t node_labels_ = 0;
  uint8_t deepest_ = 0;
  std::optional<ZoneView> zone_;
  Frame frame_;  // is_available only with a zone
  std::optional<Encloser> encloser_;
  wire::SuffixHashes hashes_;  // last: of its 1,160 bytes few are used
};

// The encloser of `name` in `zone`, which is available and at or above the name.
[[nodiscard]] Encloser find_encloser(const ZoneView& zone, wire::NameView name,
                                     const wire::SuffixHashes& hashes);

}  // namespace holdfast::zone
