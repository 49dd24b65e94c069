// SPDX-License-Identifier: GPL-3.0-or-later
// 200,000 names that come one by one into a zone of a million: what the worst of these changes
// costs, the name table's growth among them, if that is not done ahead (/0) and if it is (/1).
//
// Told are the changes (until a reader sees them) and what is done between them, each by the worst,
// and those changes alone within which the table was replaced.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>

#include "zone/memory_samples.h"

namespace holdfast::zone {
namespace {

constexpr uint32_t names = 1'000'000;
constexpr uint32_t changes = 200'000;

std::string owner_of(uint32_t number) { return "host-" + std::to_string(number) + ".example."; }

template <typename Work>
double seconds_of(Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void tell(benchmark::State& state, const std::string& what, std::vector<double> times) {
  std::ranges::sort(times);
  state.counters[what + "_median_us"] = times[times.size() / 2] * 1e6;
  state.counters[what + "_p99.99_us"] = times[times.size() / 10'000 * 9'999] * 1e6;
  state.counters[what + "_worst_us"] = times.back() * 1e6;
}

void names_one_by_one(benchmark::State& state) {
  const bool grows_ahead = state.range(0) != 0;
  for (auto _ : state) {
    const SampleFolder folder;
    EpochBoard epochs;
    Memory memory = std::move(*Memory::open(sample_options(folder.file()), epochs));
    {
      SampleZone zone("example.");
      zone.soa(1);
      for (uint32_t i = 0; i < names; ++i) zone.a(owner_of(i), i);
      CHECK(memory.publish(zone.finish(), nullptr).has_value());
    }
    std::vector<double> changing;
    std::vector<double> between;
    std::vector<double> replacing{0};
    const auto table = [&] { return layout::file_header(memory.reader().base())->name_table; };
    for (uint32_t i = names; i < names + changes; ++i) {
      const uint64_t before = table();
      changing.push_back(seconds_of(
          [&] { CHECK(amend_address(memory, "example.", owner_of(i), i).has_value()); }));
      if (table() != before) replacing.push_back(changing.back());
      between.push_back(seconds_of([&] {
        memory.reclaim();
        if (grows_ahead) CHECK(memory.grow_ahead().has_value());
      }));
    }
    state.counters["replacing_worst_us"] = std::ranges::max(replacing) * 1e6;
    state.counters["tables_grown_ahead"] = static_cast<double>(memory.use().tables_grown_ahead);
    tell(state, "change", std::move(changing));
    tell(state, "between", std::move(between));
  }
}

BENCHMARK(names_one_by_one)->Arg(0)->Arg(1)->Iterations(1)->Unit(benchmark::kSecond);

}  // namespace
}  // namespace holdfast::zone
