// SPDX-License-Identifier: GPL-3.0-or-later
// What zone memory costs: bytes a zone and a record, time to publish, to change one name, to start
// again, and to look a name up.
#include <benchmark/benchmark.h>

#include <map>
#include <random>

#include "zone/memory_samples.h"

namespace holdfast::zone {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// One zone memory with what a benchmark needs to look names up in it.
struct Published {
  Published() : memory(std::move(*Memory::open(options(), epochs))) {}

  [[nodiscard]] MemoryOptions options() const {
    MemoryOptions result = sample_options(folder.file());
    result.bytes_max = uint64_t{16} << 30;
    return result;
  }
  void publish(SampleZone& zone) {
    const Contents& contents = zone.finish();
    const auto start = std::chrono::steady_clock::now();
    CHECK(memory.publish(contents, nullptr).has_value());
    publish_s += seconds_since(start);
  }
  void count(const std::string& owner, size_t rdata_bytes, size_t records) {
    wire_bytes += records * (sample_name(owner).view().size() + 10 + rdata_bytes);
  }

  SampleFolder folder;
  EpochBoard epochs;
  Memory memory;
  std::vector<std::string> names;
  uint64_t wire_bytes = 0;
  double publish_s = 0;
};

// `count` zones with SOA, two NS, and A for www and the apex.
Published& small_zones(size_t count) {
  static std::map<size_t, std::unique_ptr<Published>> made;
  auto& published = made[count];
  if (published) return *published;
  published = std::make_unique<Published>();
  for (size_t i = 0; i < count; ++i) {
    const std::string apex = "customer-" + std::to_string(i) + ".example.";
    SampleZone zone(apex);
    zone.soa(1).ns(apex, "ns1.provider.example").ns(apex, "ns2.provider.example");
    zone.a(apex, static_cast<uint32_t>(i)).a("www." + apex, static_cast<uint32_t>(i));
    published->publish(zone);
    published->count(apex, 12 + 20 + 20, 1);
    published->count(apex, 22, 2);
    published->count(apex, 4, 1);
    published->count("www." + apex, 4, 1);
    published->names.push_back("www." + apex);
  }
  return *published;
}

// One zone of `count` names with an A record each; with NSEC records if `denial` is nsec.
Published& large_zone(size_t count, Denial denial) {
  static std::map<std::pair<size_t, Denial>, std::unique_ptr<Published>> made;
  auto& published = made[{count, denial}];
  if (published) return *published;
  published = std::make_unique<Published>();
  SampleZone zone("example.");
  zone.soa(1);
  if (denial == Denial::nsec) zone.nsec("example.", "example.");
  std::mt19937_64 random(1);
  for (size_t i = 0; i < count; ++i) {
    const std::string owner = "host-" + std::to_string(random() % 100000000) + ".example.";
    zone.a(owner, static_cast<uint32_t>(i));
    published->count(owner, 4, 1);
    if (denial == Denial::nsec) {
      zone.nsec(owner, "example.");
      published->count(owner, 12, 1);
    }
    published->names.push_back(owner);
  }
  published->publish(zone);
  return *published;
}

void report(benchmark::State& state, const Published& published) {
  const MemoryUse use = published.memory.use();
  const auto records = static_cast<double>(use.records);
  const auto beyond =
      static_cast<double>(use.live_bytes) - static_cast<double>(published.wire_bytes);
  state.counters["publish_s"] = published.publish_s;
  state.counters["B_beyond_wire_per_record"] = beyond / records;
  state.counters["B_beyond_wire_per_zone"] = beyond / static_cast<double>(use.zones);
  state.counters["file_MB"] = static_cast<double>(use.file_bytes) / 1e6;
}

// Looks random names up, as a worker would without a batch: zone, then name.
void look_up(benchmark::State& state, const Published& published, const std::string& prefix) {
  constexpr size_t sample = 1 << 16;
  const MemoryReader reader = published.memory.reader();
  std::mt19937_64 random(2);
  std::vector<wire::Name> names;
  for (size_t i = 0; i < sample; ++i) {
    names.push_back(sample_name(prefix + published.names[random() % published.names.size()]));
  }
  size_t found = 0;
  size_t at = 0;
  for (auto _ : state) {
    const wire::Name& name = names[at++ % sample];
    const wire::SuffixHashes hashes(name, reader.hash_key());
    const auto zone = reader.find_zone(name, hashes, MemoryReader::Search::at_or_above);
    const auto node = zone->find(name, hashes, hashes.label_count());
    found += node && node->find(wire::type_a) ? 1U : 0U;
  }
  state.counters["found"] = static_cast<double>(found) / static_cast<double>(state.iterations());
  report(state, published);
}

void find_in_small_zones(benchmark::State& state) {
  look_up(state, small_zones(static_cast<size_t>(state.range(0))), "");
}
void find_in_large_zone(benchmark::State& state) {
  look_up(state, large_zone(static_cast<size_t>(state.range(0)), Denial::none), "");
}
void miss_in_large_zone(benchmark::State& state) {
  look_up(state, large_zone(static_cast<size_t>(state.range(0)), Denial::none), "x.");
}

void nsec_before(benchmark::State& state) {
  Published& published = large_zone(static_cast<size_t>(state.range(0)), Denial::nsec);
  const ZoneView zone = *published.memory.find(sample_name("example"));
  std::mt19937_64 random(3);
  std::vector<wire::Name> names;
  for (size_t i = 0; i < 1 << 16; ++i) {
    names.push_back(sample_name("host-" + std::to_string(random() % 100000000) + "x.example"));
  }
  size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(zone.nsec_at_or_before(names[at++ % names.size()]));
  }
  report(state, published);
}

void change_one_name(benchmark::State& state) {
  Published& published = large_zone(static_cast<size_t>(state.range(0)), Denial::nsec);
  const wire::Name apex = sample_name("example");
  std::mt19937_64 random(4);
  uint32_t address = 0;
  for (auto _ : state) {
    const wire::Name owner = sample_name(published.names[random() % published.names.size()]);
    const std::vector<uint8_t> rdata = SampleZone::number(++address);
    StagedRrset rrset;
    rrset.type = wire::type_a;
    rrset.rdata = {rdata};
    StagedNode node;
    node.owner = owner;
    node.rrsets = {rrset};
    CHECK(published.memory.amend(apex, {&node, 1}, nullptr).has_value());
    published.memory.reclaim();
  }
}

void publish_again(benchmark::State& state) {
  Published& published = large_zone(static_cast<size_t>(state.range(0)), Denial::none);
  SampleZone zone("example.");
  zone.soa(1);
  std::mt19937_64 random(1);
  for (size_t i = 0; i < published.names.size(); ++i) {
    zone.a(published.names[i], static_cast<uint32_t>(i));
  }
  const Contents& contents = zone.finish();
  for (auto _ : state) CHECK(published.memory.publish(contents, nullptr).has_value());
}

void remove_and_reclaim(benchmark::State& state) {
  Published& published = large_zone(static_cast<size_t>(state.range(0)), Denial::none);
  SampleZone zone("removed.");
  zone.soa(1);
  for (int64_t i = 0; i < state.range(0); ++i) zone.a("h" + std::to_string(i) + ".removed", 1);
  const Contents& contents = zone.finish();
  for (auto _ : state) {
    state.PauseTiming();
    CHECK(published.memory.publish(contents, nullptr).has_value());
    state.ResumeTiming();
    published.memory.remove(sample_name("removed"));
    published.memory.reclaim();
  }
}

void start_again(benchmark::State& state) {
  Published& published = large_zone(static_cast<size_t>(state.range(0)), Denial::none);
  for (auto _ : state) {
    CHECK(published.memory.close_clean().has_value());
    {
      const Memory closed = std::move(published.memory);
    }
    published.memory = std::move(*Memory::open(published.options(), published.epochs));
    CHECK(published.memory.origin() == Memory::Origin::kept_after_clean_end);
  }
}

void sizes(benchmark::internal::Benchmark* benchmark) { benchmark->Arg(1 << 10)->Arg(1000000); }

BENCHMARK(find_in_small_zones)->Arg(1000)->Arg(100000);
BENCHMARK(find_in_large_zone)->Apply(sizes);
BENCHMARK(miss_in_large_zone)->Apply(sizes);
BENCHMARK(nsec_before)->Apply(sizes);
BENCHMARK(change_one_name)->Apply(sizes)->Unit(benchmark::kMicrosecond);
BENCHMARK(publish_again)->Apply(sizes)->Unit(benchmark::kMillisecond);
BENCHMARK(remove_and_reclaim)->Apply(sizes)->Unit(benchmark::kMillisecond);
BENCHMARK(start_again)->Apply(sizes)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace holdfast::zone
