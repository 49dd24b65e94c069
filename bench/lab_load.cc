// SPDX-License-Identifier: GPL-3.0-or-later
#include <unistd.h>

#include <charconv>
#include <cmath>

#include "drill/answer_counter.h"
#include "drill/client_addresses.h"
#include "drill/generator.h"
#include "drill/histogram.h"
#include "drill/interface_settings.h"
#include "drill/seal.h"
#include "lab_commands.h"
#include "pinning.h"
#include "wire/types.h"

namespace holdfast::bench {
namespace {

constexpr uint8_t load_label = 1;
constexpr useconds_t answers_pause_us = 50'000;
constexpr unsigned quiet_pauses = 4;  // without an answer: the server has given what it will
constexpr unsigned pauses_max = 40;   // two seconds: as long as any answer is waited for
constexpr uint64_t lost_ns = 2'000'000'000;

struct Load {
  drill::QuestionList questions;
  std::vector<drill::Prefix> clients;
  drill::GeneratorConfig generator;
  drill::LoadSpan span;
};

template <class Number>
std::optional<Number> read_number(const std::string& text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<drill::QuestionList> read_questions(const LoadArguments& arguments) {
  const drill::EdnsOptions edns{arguments.edns_bytes, arguments.dnssec_ok};
  if (arguments.questions_path.empty() == arguments.random_under.empty()) {
    return fail("expected either --questions or --random-under");
  }
  if (!arguments.questions_path.empty()) {
    return drill::QuestionList::read(arguments.questions_path, edns);
  }
  const auto type = wire::type_from_text(arguments.random_type);
  if (!type) return fail("--type " + arguments.random_type + ": expected a record type");
  return drill::QuestionList::random_under(arguments.random_under, *type, edns);
}

Result<std::vector<drill::Prefix>> read_sources(const LoadArguments& arguments) {
  const auto family = arguments.over_ipv6 ? drill::AddressFamily::ipv6 : drill::AddressFamily::ipv4;
  const auto count = read_number<uint32_t>(arguments.sources);
  if (count) return drill::spread_clients(*count, family);
  return drill::read_clients(arguments.sources, family);
}

Result<drill::LoadSpan> read_span(const LoadArguments& arguments) {
  drill::LoadSpan span;
  if (arguments.rate != "max") {
    const auto rate = read_number<uint64_t>(arguments.rate);
    if (!rate || *rate == 0) return fail("--rate " + arguments.rate + ": expected N or max");
    span.rate_per_s = *rate;
  }
  if (!(arguments.seconds > 0) || arguments.seconds > drill::duration_max_s) {
    return fail("--seconds: expected up to " + std::to_string(drill::duration_max_s));
  }
  span.duration_ms = static_cast<uint64_t>(std::llround(arguments.seconds * 1000));
  if (arguments.latency_rate != 0) {
    if (span.rate_per_s == 0) return fail("--latency-rate needs a --rate that is a number");
    span.measured_one_in = std::max<uint64_t>(1, span.rate_per_s / arguments.latency_rate);
    // An id is measured again only once its answer is past waiting for.
    if (span.rate_per_s / span.measured_one_in > drill::stamp_count / 4) {
      return fail("--latency-rate: expected up to " + std::to_string(drill::stamp_count / 4));
    }
  }
  return span;
}

Result<Load> read_load(const LoadArguments& arguments) {
  Load load{
      TRY(read_questions(arguments)), TRY(read_sources(arguments)), {}, TRY(read_span(arguments))};
  load.generator.server_port = arguments.port;
  load.generator.over_ipv6 = arguments.over_ipv6;
  load.generator.label = load_label;
  load.generator.zipf_exponent = arguments.zipf_exponent;
  load.generator.seed = arguments.seed;
  return load;
}

// Until no more come.
void await_answers(const drill::AnswerCounter& counter) {
  uint64_t before = counter.answers();
  unsigned quiet = 0;
  for (unsigned pause = 0; pause < pauses_max && quiet < quiet_pauses; ++pause) {
    usleep(answers_pause_us);
    const uint64_t now = counter.answers();
    quiet = now == before ? quiet + 1 : 0;
    before = now;
  }
}

// Frames that found the server's receive ring full.
Result<uint64_t> read_ring_drops(const drill::SealedSurroundings& surroundings,
                                 const std::string& interface_name) {
  const auto visit = TRY(drill::NamespaceVisit::to(surroundings.load));
  uint64_t drops = 0;
  for (const auto& [name, value] : TRY(drill::read_driver_counters(interface_name))) {
    if (name.starts_with("tx_queue_") && name.ends_with("_xdp_xmit_errors")) drops += value;
  }
  return drops;
}

drill::AnswerCounts total_of(const drill::CounterState& state) {
  drill::AnswerCounts total{};
  for (const drill::AnswerCounts& counts : state.labels) {
    total.answers += counts.answers;
    total.bytes += counts.bytes;
    total.truncated += counts.truncated;
    total.with_records += counts.with_records;
    for (size_t rcode = 0; rcode < drill::rcode_count; ++rcode) {
      total.rcodes[rcode] += counts.rcodes[rcode];
    }
  }
  return total;
}

boost::json::object rcode_object(const drill::AnswerCounts& counts) {
  boost::json::object object;
  for (uint16_t rcode = 0; rcode < drill::rcode_count; ++rcode) {
    if (counts.rcodes[rcode] != 0) object[wire::rcode_to_text(rcode)] = counts.rcodes[rcode];
  }
  return object;
}

boost::json::object latency_object(const drill::GeneratorState& sent,
                                   const drill::CounterState& state) {
  uint64_t answered = 0;
  for (const uint64_t count : state.times) answered += count;
  const uint64_t lost = sent.measured > answered ? sent.measured - answered : 0;
  const auto quantile_us = [&](double share) {
    return static_cast<double>(drill::histogram_quantile_ns(state.times, share, lost, lost_ns)) /
           1000;
  };
  return {{"measured", sent.measured}, {"lost", lost},
          {"p50", quantile_us(0.5)},   {"p90", quantile_us(0.9)},
          {"p99", quantile_us(0.99)},  {"p999", quantile_us(0.999)},
          {"max", quantile_us(1)}};
}

boost::json::object report(const drill::GeneratorState& sent, const drill::CounterState& state,
                           const drill::LoadSpan& span) {
  const drill::AnswerCounts total = total_of(state);
  const double seconds = static_cast<double>(span.duration_ms) / 1000;
  const auto per_second = [seconds](uint64_t count) {
    return static_cast<double>(count) / seconds;
  };
  const double loss =
      sent.sent == 0 ? 0 : 1 - static_cast<double>(total.answers) / static_cast<double>(sent.sent);
  boost::json::object object{{"sent", sent.sent},
                             {"sent_per_s", per_second(sent.sent)},
                             {"missed", sent.missed},
                             {"answers", total.answers},
                             {"answers_per_s", per_second(total.answers)},
                             {"loss", loss},
                             {"rcode", rcode_object(total)},
                             {"tc", total.truncated},
                             {"with_records", total.with_records},
                             {"bytes", total.bytes},
                             {"fragments", state.fragments},
                             {"malformed", state.malformed},
                             {"duration", seconds}};
  if (span.measured_one_in != 0) object["latency_us"] = latency_object(sent, state);
  return object;
}

}  // namespace

Result<boost::json::object> run_load(const LoadArguments& arguments) {
  const auto surroundings = TRY(drill::surroundings());
  const auto links = TRY(drill::check_sealed(surroundings.load, surroundings.server));
  const Load load = TRY(read_load(arguments));
  const auto counter =
      TRY(drill::AnswerCounter::attach(surroundings.load, links.load.index, arguments.port));
  auto generator = TRY(drill::Generator::make(surroundings, load.generator, load.questions,
                                              load.clients, counter.stamps_fd()));
  TRY(pin_to_load_cpu());
  const uint64_t drops_before = TRY(read_ring_drops(surroundings, links.load.name));
  const auto sent = TRY(generator.run(surroundings, load.span, stop));
  await_answers(counter);
  boost::json::object object = report(sent, counter.read(), load.span);
  const uint64_t drops = TRY(read_ring_drops(surroundings, links.load.name)) - drops_before;
  object["ring_drops"] = drops;
  return object;
}

}  // namespace holdfast::bench
