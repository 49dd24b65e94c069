// SPDX-License-Identifier: GPL-3.0-or-later
#include <array>
#include <charconv>
#include <cmath>

#include "drill/client_addresses.h"
#include "drill/histogram.h"
#include "drill/seal.h"
#include "lab_commands.h"
#include "load_window.h"
#include "pinning.h"
#include "wire/types.h"

namespace holdfast::bench {
namespace {

constexpr uint8_t load_label = 1;
constexpr uint64_t lost_ns = 2'000'000'000;

struct Load {
  drill::QuestionList questions;
  std::vector<drill::Prefix> clients;
  drill::GeneratorConfig generator;
  drill::LoadSpan span;
};

// Of all windows.
struct Sum : drill::AnswerCounts {
  uint64_t sent = 0;
  uint64_t missed = 0;
  uint64_t measured = 0;
  uint64_t ring_drops = 0;
  uint64_t fragments = 0;
  uint64_t malformed = 0;
  std::array<uint64_t, drill::histogram_buckets> times{};
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

boost::json::object rcode_object(const drill::AnswerCounts& counts) {
  boost::json::object object;
  for (uint16_t rcode = 0; rcode < drill::rcode_count; ++rcode) {
    if (counts.rcodes[rcode] != 0) object[wire::rcode_to_text(rcode)] = counts.rcodes[rcode];
  }
  return object;
}

boost::json::object latency_object(const Sum& sum) {
  uint64_t answered = 0;
  for (const uint64_t count : sum.times) answered += count;
  const uint64_t lost = sum.measured > answered ? sum.measured - answered : 0;
  const auto quantile_us = [&](double share) {
    return static_cast<double>(drill::histogram_quantile_ns(sum.times, share, lost, lost_ns)) /
           1000;
  };
  return {{"measured", sum.measured}, {"lost", lost},
          {"p50", quantile_us(0.5)},  {"p90", quantile_us(0.9)},
          {"p99", quantile_us(0.99)}, {"p999", quantile_us(0.999)},
          {"max", quantile_us(1)}};
}

boost::json::object window_object(const Window& window) {
  return {{"sent", window.sent.sent},        {"missed", window.sent.missed},
          {"answers", window.total.answers}, {"in_time", window.state.in_time},
          {"ring_drops", window.ring_drops}, {"server_ns", window.server_ns},
          {"others_ms", window.others_ms},   {"steal_ms", window.steal_ms}};
}

void add(Sum& sum, const Window& window) {
  sum.sent += window.sent.sent;
  sum.missed += window.sent.missed;
  sum.measured += window.sent.measured;
  sum.ring_drops += window.ring_drops;
  sum.fragments += window.state.fragments;
  sum.malformed += window.state.malformed;
  sum.answers += window.total.answers;
  sum.bytes += window.total.bytes;
  sum.truncated += window.total.truncated;
  sum.with_records += window.total.with_records;
  for (size_t rcode = 0; rcode < drill::rcode_count; ++rcode) {
    sum.rcodes[rcode] += window.total.rcodes[rcode];
  }
  for (size_t bucket = 0; bucket < sum.times.size(); ++bucket) {
    sum.times[bucket] += window.state.times[bucket];
  }
}

boost::json::object report(const Sum& sum, const drill::LoadSpan& span, size_t windows) {
  const double seconds = static_cast<double>(span.duration_ms * windows) / 1000;
  const auto per_second = [seconds](uint64_t count) {
    return static_cast<double>(count) / seconds;
  };
  const double loss =
      sum.sent == 0 ? 0 : 1 - static_cast<double>(sum.answers) / static_cast<double>(sum.sent);
  boost::json::object object{{"sent", sum.sent},
                             {"sent_per_s", per_second(sum.sent)},
                             {"missed", sum.missed},
                             {"answers", sum.answers},
                             {"answers_per_s", per_second(sum.answers)},
                             {"loss", loss},
                             {"rcode", rcode_object(sum)},
                             {"tc", sum.truncated},
                             {"with_records", sum.with_records},
                             {"bytes", sum.bytes},
                             {"fragments", sum.fragments},
                             {"malformed", sum.malformed},
                             {"duration", seconds},
                             {"ring_drops", sum.ring_drops}};
  if (span.measured_one_in != 0) object["latency_us"] = latency_object(sum);
  return object;
}

}  // namespace

Result<boost::json::object> run_load(const LoadArguments& arguments) {
  const auto surroundings = TRY(drill::surroundings());
  const auto links = TRY(drill::check_sealed(surroundings.load, surroundings.server));
  const Load load = TRY(read_load(arguments));
  auto counter =
      TRY(drill::AnswerCounter::attach(surroundings.load, links.load.index, arguments.port));
  auto generator = TRY(drill::Generator::make(surroundings, load.generator, load.questions,
                                              load.clients, counter.stamps_fd()));
  TRY(pin_to_load_cpu());
  WindowRunner runner(surroundings, links.load.name, generator, counter,
                      {arguments.server_processes, arguments.server_threads});
  Sum sum;
  boost::json::array windows;
  for (unsigned number = 0; number < arguments.windows && !stop; ++number) {
    const Window window = TRY(runner.run(load.span));
    add(sum, window);
    windows.push_back(window_object(window));
  }
  boost::json::object object = report(sum, load.span, windows.size());
  object["windows"] = std::move(windows);
  return object;
}

}  // namespace holdfast::bench
