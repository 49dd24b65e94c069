// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/resource.h>

#include <algorithm>
#include <numeric>

#include "base/clock.h"
#include "drill/histogram.h"
#include "drill/popularity.h"
#include "drill/resolver_sockets.h"
#include "lab_commands.h"
#include "pinning.h"

namespace holdfast::bench {
namespace {

constexpr uint64_t ns_per_ms = 1'000'000;
constexpr double ns_per_s = 1e9;
constexpr uint64_t wait_ns_max = 20 * ns_per_ms;  // so that a stop is seen
constexpr uint32_t draws_max = 1U << 20;
// Before the generator, whose turn comes whenever nothing is to be done here.
constexpr int nice_value = -10;
constexpr double seconds_max = 600;
constexpr double rate_max = 100'000;  // far above what sockets give on one core
constexpr uint64_t lost_ns = 2'000'000'000;

Result<void> check_bounds(const HonestArguments& arguments) {
  if (!(arguments.rate > 0) || arguments.rate > rate_max) {
    return fail("--rate: expected above 0, up to " + std::to_string(rate_max));
  }
  if (!(arguments.seconds > 0) || arguments.seconds > seconds_max || !(arguments.drain >= 0) ||
      arguments.drain > seconds_max) {
    return fail("--seconds, --drain: expected up to " + std::to_string(seconds_max));
  }
  return {};
}

double share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

boost::json::object report(const drill::ResolverModel& model) {
  const drill::ModelCounts& counts = model.counts();
  const uint64_t answered = counts.answered_at_once + counts.answered_by_repeat;
  const uint64_t lost = counts.asked - answered;
  const auto quantile_us = [&](double part) {
    return static_cast<double>(drill::histogram_quantile_ns(model.times(), part, lost, lost_ns)) /
           1000;
  };
  return {{"asked", counts.asked},
          {"first_try", share(counts.answered_at_once, counts.asked)},
          {"after_retries", share(answered, counts.asked)},
          {"given_up", counts.given_up},
          {"unfinished", lost - counts.given_up},
          {"not_asked", counts.not_asked},
          {"sent_udp", counts.sent_udp},
          {"sent_tcp", counts.sent_tcp},
          {"truncated", counts.truncated},
          {"bad_cookie", counts.bad_cookie},
          {"refused", counts.refused},
          {"latency_us",
           {{"p50", quantile_us(0.5)}, {"p99", quantile_us(0.99)}, {"p999", quantile_us(0.999)}}}};
}

// Sends what is due, takes what comes, until all is answered or the time is over.
void play(const HonestArguments& arguments, drill::ResolverModel& model,
          drill::ResolverSockets& sockets, uint64_t start_ns) {
  const SystemClock clock;
  const auto questions_end_ns = start_ns + static_cast<uint64_t>(arguments.seconds * ns_per_s);
  const auto end_ns = questions_end_ns + static_cast<uint64_t>(arguments.drain * ns_per_s);
  std::vector<drill::ModelSend> sends;
  for (uint64_t now_ns = start_ns; !stop && now_ns < end_ns && !model.is_idle();
       now_ns = clock.monotonic_ns()) {
    if (now_ns >= questions_end_ns) model.end_questions();
    model.take_due(now_ns, sends);
    sockets.send(sends);
    sends.clear();
    const uint64_t due_ns = model.next_due_ns();
    const uint64_t wait_ns = due_ns > now_ns ? due_ns - now_ns : 0;
    sockets.receive(std::min(wait_ns, wait_ns_max), model, sends);
    sockets.send(sends);
    sends.clear();
  }
}

}  // namespace

Result<boost::json::object> run_honest(const HonestArguments& arguments) {
  TRY(check_bounds(arguments));
  const auto surroundings = TRY(drill::surroundings());
  const auto questions = TRY(drill::QuestionList::read(arguments.questions_path, {}));
  const auto family = arguments.over_ipv6 ? drill::AddressFamily::ipv6 : drill::AddressFamily::ipv4;
  drill::PopulationShape shape;
  shape.resolvers = arguments.resolvers;
  shape.size_exponent = arguments.size_exponent;
  shape.seed = arguments.seed;
  const drill::Population population = TRY(drill::make_population(shape, family));
  auto sockets = TRY(
      drill::ResolverSockets::open(surroundings, population, questions, family, arguments.port));
  TRY(pin_to_load_cpu());
  setpriority(PRIO_PROCESS, 0, nice_value);
  const SystemClock clock;
  const uint64_t start_ns = clock.monotonic_ns();
  drill::ResolverModel model(population,
                             drill::zipf_draws(static_cast<uint32_t>(questions.size()),
                                               arguments.zipf_exponent, draws_max),
                             arguments.rate, start_ns, arguments.seed);
  play(arguments, model, sockets, start_ns);
  return report(model);
}

}  // namespace holdfast::bench
