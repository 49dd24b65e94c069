// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/attack_player.h"

#include <unistd.h>

#include <algorithm>

#include "base/clock.h"
#include "drill/load_threads.h"

namespace holdfast::drill {
namespace {

constexpr uint64_t ns_per_s = 1'000'000'000;
constexpr uint64_t ns_per_ms = 1'000'000;
constexpr useconds_t pause_us = 1000;
constexpr size_t finished_frames = 0;
constexpr size_t finished_missed = 1;

Result<uint64_t> rate_of(const Attack& attack, uint64_t floor_per_s) {
  if (attack.rate.of_floor <= 0) return attack.rate.per_s;
  if (floor_per_s == 0) return fail("a rate as a share of the floor, which is not known");
  const auto rate = static_cast<uint64_t>(attack.rate.of_floor * static_cast<double>(floor_per_s));
  return std::min(rate, rate_max);
}

uint64_t to_ns(double seconds) { return static_cast<uint64_t>(seconds * ns_per_s); }

}  // namespace

Result<AttackPlayer> AttackPlayer::make(const SealedSurroundings& surroundings,
                                        const Scenario& scenario, const ZoneSet& zones,
                                        const Population& population,
                                        const AttackPlayerConfig& config) {
  AttackPlayer player;
  player.config_ = config;
  player.attacks_ = scenario.attacks;
  player.segments_ = attack_segments(scenario);
  for (size_t number = 0; number < scenario.attacks.size(); ++number) {
    const Attack& attack = scenario.attacks[number];
    player.rates_.push_back(TRY(rate_of(attack, config.floor_per_s)));
    player.generators_.emplace_back();
    player.slow_.emplace_back();
    if (attack.kind == AttackKind::slow_tcp) {
      const auto clients =
          TRY(wide_clients(scenario.honest.resolvers, attack.source_count, AddressFamily::ipv4));
      player.slow_.back() = std::make_unique<SlowClients>(
          TRY(SlowClients::make(surroundings, clients, attack.connections, config.server_port)));
      continue;
    }
    AttackFrames frames = TRY(attack_frames(scenario, number, zones, population));
    frames.config.server_port = config.server_port;
    player.generators_.back() = std::make_unique<Generator>(TRY(Generator::make(
        surroundings, frames.config, frames.questions, frames.clients, config.stamps_fd)));
  }
  return player;
}

Result<void> AttackPlayer::run(const SealedSurroundings& surroundings, uint64_t start_ns,
                               const std::atomic<bool>& stop) {
  TRY(take_place(LoadThread::generator, config_.load_cpu));
  const SystemClock clock;
  for (const AttackSegment& segment : segments_) {
    const uint64_t ready_ns = start_ns + to_ns(segment.start_s) - start_delay_ns;
    while (!stop && clock.monotonic_ns() < ready_ns) usleep(pause_us);
    if (stop) break;
    TRY(run_segment(surroundings, segment, start_ns, stop));
  }
  return {};
}

Result<void> AttackPlayer::run_segment(const SealedSurroundings& surroundings,
                                       const AttackSegment& segment, uint64_t start_ns,
                                       const std::atomic<bool>& stop) {
  const SystemClock clock;
  const uint64_t end_ns = start_ns + to_ns(segment.end_s);
  std::vector<GroupMember> members;
  std::vector<SlowClients*> slow;
  for (const size_t number : segment.attacks) {
    if (generators_[number]) members.push_back({generators_[number].get(), rates_[number]});
    if (slow_[number]) slow.push_back(slow_[number].get());
  }
  for (SlowClients* clients : slow) clients->open_all();
  const uint64_t begin_ns =
      std::max(start_ns + to_ns(segment.start_s), clock.monotonic_ns() + start_delay_ns);
  if (!members.empty() && begin_ns < end_ns) {
    auto group = TRY(GeneratorGroup::make(members));
    TRY(group.run(surroundings, begin_ns, (end_ns - begin_ns) / ns_per_ms, stop));
    for (const GroupMember& member : members) {
      const GeneratorState state = member.generator->state();
      finished_[finished_frames] += state.sent;
      finished_[finished_missed] += state.missed;
      member.generator->begin({}, 0);
    }
  }
  while (!slow.empty() && !stop && clock.monotonic_ns() < end_ns) {
    for (SlowClients* clients : slow) clients->go_on();
    usleep(pause_us);
  }
  for (SlowClients* clients : slow) clients->close_all();
  return {};
}

AttackPlayer::Sent AttackPlayer::sent() const {
  Sent sent{finished_[finished_frames], finished_[finished_missed]};
  for (const auto& generator : generators_) {
    if (!generator) continue;
    const GeneratorState state = generator->state();
    sent.frames += state.sent;
    sent.missed += state.missed;
  }
  return sent;
}

}  // namespace holdfast::drill
