// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/death_recorder.h"

#include <algorithm>

namespace holdfast::shield {

namespace {

// By level, in the order of LikenessLevel; see the header for the reasons.
constexpr std::array<size_t, likeness_levels> deaths_needed{2, 3, 5, 2, 2};

}  // namespace

std::optional<Refusal> DeathRecorder::record(const Likeness& likeness, uint64_t now_ns) {
  deaths_[deaths_seen_++ % deaths_max] = {.likeness = likeness, .at_ns = now_ns};
  LikenessMark mark;
  if (Conviction* known = find_conviction(likeness, now_ns, mark)) {
    if (now_ns < known->until_ns) return Refusal{.mark = mark, .until_ns = known->until_ns};
    const uint64_t doubled = std::min(known->duration_ns * 2, limits_.refusal_max_ns);
    return convict(*known, mark, doubled, now_ns);
  }
  for (size_t i = 0; i < likeness.count; ++i) {
    mark = likeness.marks[i];
    if (count_alike(mark, now_ns) >= deaths_needed[static_cast<size_t>(mark.level)]) {
      return convict(oldest_conviction(), mark, limits_.refusal_ns, now_ns);
    }
  }
  return std::nullopt;
}

DeathRecorder::Conviction* DeathRecorder::find_conviction(const Likeness& likeness, uint64_t now_ns,
                                                          LikenessMark& mark) {
  for (size_t i = 0; i < likeness.count; ++i) {
    mark = likeness.marks[i];
    const auto found = std::ranges::find(convictions_, mark.hash, &Conviction::hash);
    if (found == convictions_.end()) continue;
    if (now_ns < found->until_ns + limits_.forget_ns) return &*found;
    *found = {};
  }
  return nullptr;
}

DeathRecorder::Conviction& DeathRecorder::oldest_conviction() {
  return *std::ranges::min_element(convictions_, {}, &Conviction::until_ns);
}

size_t DeathRecorder::count_alike(const LikenessMark& mark, uint64_t now_ns) const {
  const size_t known = std::min<uint64_t>(deaths_seen_, deaths_max);
  return static_cast<size_t>(
      std::count_if(deaths_.begin(), deaths_.begin() + known, [&](const Death& death) {
        if (now_ns - death.at_ns > limits_.window_ns) return false;
        const auto end = death.likeness.marks.begin() + death.likeness.count;
        return std::any_of(death.likeness.marks.begin(), end,
                           [&](const LikenessMark& other) { return other.hash == mark.hash; });
      }));
}

Refusal DeathRecorder::convict(Conviction& conviction, const LikenessMark& mark,
                               uint64_t duration_ns, uint64_t now_ns) {
  const uint64_t until_ns = now_ns + duration_ns;
  conviction = {.hash = mark.hash, .duration_ns = duration_ns, .until_ns = until_ns};
  ++refusals_made_;
  return {.mark = mark, .until_ns = until_ns};
}

}  // namespace holdfast::shield
