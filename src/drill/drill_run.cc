// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/drill_run.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <list>
#include <optional>
#include <thread>

#include "base/clock.h"
#include "drill/answer_counter.h"
#include "drill/attack_player.h"
#include "drill/awake_processors.h"
#include "drill/drop_floor.h"
#include "drill/honest_questions.h"
#include "drill/load_threads.h"
#include "drill/processor_time.h"
#include "drill/resolver_sockets.h"
#include "drill/seal.h"
#include "drill/stall_watch.h"

namespace holdfast::drill {
namespace {

constexpr uint64_t ns_per_s = 1'000'000'000;
constexpr uint64_t ns_per_ms = 1'000'000;
constexpr uint64_t drain_ns = 3 * ns_per_s;  // for what is under way at the end
constexpr uint64_t lead_in_ns = 200 * ns_per_ms;
// A server takes another configuration at its leisure: what that disturbs is not the attack's.
constexpr uint64_t attack_config_ns = 2 * ns_per_s;
constexpr uint64_t wait_ns_max = 20 * ns_per_ms;
constexpr uint64_t model_seed = 7;
constexpr size_t probed_zones_max = 20;
constexpr double in_turn_per_s_max = 10'000;  // which every server answers

PopulationShape population_shape(const Scenario& scenario) {
  PopulationShape shape;
  shape.resolvers = scenario.honest.resolvers;
  shape.size_exponent = scenario.honest.size_exponent;
  shape.without_tcp = scenario.honest.without_tcp;
  shape.with_cookies = scenario.honest.with_cookies;
  shape.over_tcp = scenario.honest.over_tcp;
  shape.never_seen = scenario.honest.never_seen;
  shape.shared = scenario.shared_resolvers();
  shape.wide = true;
  return shape;
}

std::vector<uint64_t> phase_ends(const Scenario& scenario) {
  std::vector<uint64_t> ends;
  double end_s = 0;
  for (const Phase& phase : scenario.phases) {
    end_s += phase.seconds;
    ends.push_back(static_cast<uint64_t>(end_s * ns_per_s));
  }
  return ends;
}

// From when on a server stands as in the days of the attack.
uint64_t attack_config_at_ns(const Scenario& scenario) {
  const std::vector<uint64_t> ends = phase_ends(scenario);
  for (size_t phase = 1; phase < ends.size(); ++phase) {
    if (scenario.phases[phase].role != PhaseRole::attack) continue;
    return std::max(bin_ns, ends[phase - 1] - std::min(ends[phase - 1], attack_config_ns));
  }
  return 0;
}

ModelDemand demand_of(const Phase& phase, const Scenario& scenario,
                      const HonestQuestions& questions, const Population& population) {
  ModelDemand demand{scenario.honest.rate_per_s * phase.demand,
                     phase.one_zone ? &questions.one_zone_draws : &questions.usual_draws,
                     phase.newcomers ? &population.draws : &population.seen_draws};
  // In the weeks that a quiet phase stands for, the small ones ask again and again too.
  if (phase.role == PhaseRole::quiet && scenario.honest.quiet_every_s > 0) {
    demand.in_turn = &population.seen;
    demand.in_turn_per_s =
        std::min(static_cast<double>(population.seen.size()) / scenario.honest.quiet_every_s,
                 in_turn_per_s_max);
  }
  return demand;
}

// The resolvers' thread: sends what is due, takes what comes, phase after phase.
class HonestPlayer {
 public:
  HonestPlayer(const Scenario& scenario, const HonestQuestions& questions,
               const Population& population, ResolverSockets& sockets, HonestLedger& ledger,
               uint64_t start_ns)
      : scenario_(scenario),
        questions_(questions),
        population_(population),
        sockets_(sockets),
        start_ns_(start_ns),
        ends_ns_(phase_ends(scenario)),
        model_(population, {0}, scenario.honest.rate_per_s, start_ns, model_seed) {
    model_.set_observer(&ledger);
  }

  Result<void> run(unsigned cpu) {
    TRY(take_place(LoadThread::resolvers, cpu));
    const SystemClock clock;
    size_t phase = 0;
    begin(phase);
    const uint64_t end_ns = start_ns_ + ends_ns_.back() + drain_ns;
    std::vector<ModelSend> sends;
    for (uint64_t now_ns = clock.monotonic_ns(); now_ns < end_ns && !model_.is_idle();
         now_ns = clock.monotonic_ns()) {
      while (phase < ends_ns_.size() && now_ns >= start_ns_ + ends_ns_[phase]) begin(++phase);
      model_.take_due(now_ns, sends);
      sockets_.send(sends);
      sends.clear();
      const uint64_t due_ns = model_.next_due_ns();
      const uint64_t wait_ns = due_ns > now_ns ? due_ns - now_ns : 0;
      sockets_.receive(std::min(wait_ns, wait_ns_max), model_, sends);
      sockets_.send(sends);
      sends.clear();
    }
    return {};
  }

  [[nodiscard]] const ModelCounts& counts() const { return model_.counts(); }

 private:
  void begin(size_t phase) {
    if (phase == scenario_.phases.size()) return model_.end_questions();
    model_.set_demand(demand_of(scenario_.phases[phase], scenario_, questions_, population_));
  }

  const Scenario& scenario_;
  const HonestQuestions& questions_;
  const Population& population_;
  ResolverSockets& sockets_;
  uint64_t start_ns_;
  std::vector<uint64_t> ends_ns_;
  ResolverModel model_;
};

// Looks every quarter of a second.
class Sampler {
 public:
  Sampler(const SealedSurroundings& surroundings, const SealedLinks& links,
          const AnswerCounter& counter, const AttackPlayer& attack, const ServerProcess& server,
          uint64_t start_ns, uint64_t attack_config_at_ns)
      : surroundings_(surroundings),
        links_(links),
        counter_(counter),
        attack_(attack),
        server_(server),
        start_ns_(start_ns),
        attack_config_at_ns_(attack_config_at_ns),
        receivers_(find_kernel_threads("napi/" + links.server.name + "-")),
        log_(server.log_path()) {
    log_.seekg(0, std::ios::end);
  }

  Result<void> run(uint64_t duration_ns, unsigned cpu, DrillRecord& record) {
    TRY(take_place(LoadThread::sampler, cpu));
    const SystemClock clock;
    AttackBin before = TRY(look());
    for (uint64_t at_ns = bin_ns; at_ns <= duration_ns; at_ns += bin_ns) {
      const uint64_t now_ns = clock.monotonic_ns();
      if (now_ns < start_ns_ + at_ns) {
        usleep(static_cast<useconds_t>((start_ns_ + at_ns - now_ns) / 1000));
      }
      if (at_ns - bin_ns < attack_config_at_ns_ && at_ns >= attack_config_at_ns_) {
        TRY(server_.take_attack_config());
      }
      const AttackBin now = TRY(look());
      record.attack.push_back({now.sent - before.sent, now.missed - before.missed,
                               now.ring_drops - before.ring_drops, now.answers - before.answers,
                               now.server_ns - before.server_ns, 0});
      before = now;
      take_log(static_cast<double>(at_ns) / ns_per_s, record);
    }
    return {};
  }

 private:
  Result<AttackBin> look() {
    AttackBin bin;
    const AttackPlayer::Sent sent = attack_.sent();
    // A segment that ends right now may be seen in neither place for a moment.
    most_sent_ = std::max(most_sent_, sent.frames);
    most_missed_ = std::max(most_missed_, sent.missed);
    bin.sent = most_sent_;
    bin.missed = most_missed_;
    bin.ring_drops = TRY(read_ring_drops(surroundings_, links_.load.name));
    bin.answers = counter_.answers();
    server_.keep_on_its_processor();
    bin.server_ns = server_.processor_ns();
    for (const pid_t thread : receivers_) bin.server_ns += thread_time_ns(thread).value_or(0);
    most_time_ns_ =
        std::max(most_time_ns_, bin.server_ns);  // a process that ended takes its time along
    bin.server_ns = most_time_ns_;
    return bin;
  }

  void take_log(double at_s, DrillRecord& record) {
    log_.clear();
    for (std::string line; record.log.size() < log_lines_max && std::getline(log_, line);) {
      record.log.push_back({at_s, line});
    }
  }

  const SealedSurroundings& surroundings_;
  const SealedLinks& links_;
  const AnswerCounter& counter_;
  const AttackPlayer& attack_;
  const ServerProcess& server_;
  uint64_t start_ns_;
  uint64_t attack_config_at_ns_;
  std::vector<pid_t> receivers_;
  std::ifstream log_;
  uint64_t most_sent_ = 0;
  uint64_t most_missed_ = 0;
  uint64_t most_time_ns_ = 0;
};

// Both processors of the laboratory, from its making until taken.
class StallWatches {
 public:
  explicit StallWatches(const SealedSurroundings& surroundings) {
    for (const unsigned cpu : {surroundings.server_cpu, surroundings.load_cpu}) {
      Watch& watch = watches_.emplace_back();
      watch.thread =
          std::jthread([this, &watch, cpu] { watch.found = watch_for_stalls(cpu, stop_); });
    }
  }
  // None if a watch was not possible: without the right to real-time priority.
  std::optional<std::vector<Stall>> take() {
    stop_ = true;
    std::vector<Stall> all;
    bool are_all = true;
    for (Watch& watch : watches_) {
      watch.thread.join();
      are_all &= watch.found.has_value();
      if (watch.found) all.insert(all.end(), watch.found->begin(), watch.found->end());
    }
    if (!are_all) return std::nullopt;
    return join_stalls(std::move(all));
  }
  ~StallWatches() { stop_ = true; }
  StallWatches(const StallWatches&) = delete;
  StallWatches& operator=(const StallWatches&) = delete;

 private:
  struct Watch {
    Result<std::vector<Stall>> found;
    std::jthread thread;
  };
  std::atomic<bool> stop_ = false;
  std::list<Watch> watches_;
};

void add_stalls(const std::optional<std::vector<Stall>>& found, uint64_t start_ns,
                const HonestLedger& ledger, DrillRecord& record) {
  record.stalls_watched = found.has_value();
  if (!found || found->empty()) return;
  const std::vector<Stall>& stalls = *found;
  for (size_t bin = 0; bin < record.attack.size(); ++bin) {
    const uint64_t begin_ns = start_ns + bin * bin_ns;
    record.attack[bin].stalled_ns = stalled_within(stalls, begin_ns, begin_ns + bin_ns);
  }
  record.undisturbed =
      ledger.tally([&](uint64_t sent_ns) { return !is_near_stall(stalls, sent_ns); });
}

std::vector<std::string> probed_zones(const ZoneSet& zones) {
  std::vector<std::string> names;
  const size_t step = std::max<size_t>(1, zones.zones.size() / probed_zones_max);
  for (size_t index = 0; index < zones.zones.size(); index += step) {
    names.push_back(zones.zones[index].name);
  }
  return names;
}

std::vector<bool> existing_of(const HonestQuestions& questions) {
  std::vector<bool> exists;
  exists.reserve(questions.facts.size());
  for (const QuestionFact& fact : questions.facts) exists.push_back(fact.exists);
  return exists;
}

}  // namespace

Result<DrillRecord> play_drill(const DrillRequest& request,
                               const SealedSurroundings& surroundings) {
  const Scenario& scenario = request.scenario;
  const SealedLinks links = TRY(check_sealed(surroundings.load, surroundings.server));
  const AwakeProcessors awake;
  const Population population =
      TRY(make_population(population_shape(scenario), AddressFamily::ipv4));
  const HonestQuestions questions = TRY(make_honest_questions(request.zones, scenario.honest));
  auto server = TRY(ServerProcess::start(request.server, surroundings, surroundings.server_cpu));
  TRY(server.wait_until_it_serves(surroundings, request.port, probed_zones(request.zones)));
  TRY(server.set_equal_terms());
  std::optional<DropFloor> floor;
  if (request.server.behind_floor) floor.emplace(TRY(DropFloor::attach(surroundings)));
  const auto counter =
      TRY(AnswerCounter::attach(surroundings.load, links.load.index, request.port));
  auto sockets = TRY(ResolverSockets::open(surroundings, population, questions.list,
                                           AddressFamily::ipv4, request.port));
  sockets.expect_existing(existing_of(questions));
  auto attack = TRY(AttackPlayer::make(
      surroundings, scenario, request.zones, population,
      {request.port, surroundings.load_cpu, request.floor_per_s, counter.stamps_fd()}));
  const SystemClock clock;
  const uint64_t start_ns = clock.monotonic_ns() + lead_in_ns;
  HonestLedger ledger(population, questions.facts, start_ns, phase_ends(scenario));
  HonestPlayer honest(scenario, questions, population, sockets, ledger, start_ns);
  Sampler sampler(surroundings, links, counter, attack, server, start_ns,
                  attack_config_at_ns(scenario));
  DrillRecord record;
  StallWatches watches(surroundings);
  std::atomic<bool> stop = false;
  Result<void> asked;
  Result<void> attacked;
  Result<void> sampled;
  {
    const std::jthread honest_thread([&] { asked = honest.run(surroundings.load_cpu); });
    const std::jthread attack_thread([&] { attacked = attack.run(surroundings, start_ns, stop); });
    sampled = sampler.run(phase_ends(scenario).back(), surroundings.load_cpu, record);
    if (!sampled) stop = true;
  }
  TRY(asked);
  TRY(attacked);
  TRY(sampled);
  record.scenario = scenario;
  record.server = request.server.name;
  record.floor_per_s = request.floor_per_s;
  record.honest = ledger.tally();
  add_stalls(watches.take(), start_ns, ledger, record);
  record.counts = honest.counts();
  record.server_survived = server.runs();
  return record;
}

}  // namespace holdfast::drill
