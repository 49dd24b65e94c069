// SPDX-License-Identifier: GPL-3.0-or-later
// Questions for random ones of five million names, far more than the caches hold, with and without
// looking ahead. Each question is another one; its time is that of parsing, looking up, answering.
// Zone memory is mapped as answer processes map it. `random_reads` is what no look-up can be below:
// reads from the same mapping, each where the one before it said, and nothing else. `at_hand` is
// the other floor: the same look-ups in so few names that the caches hold all of it.
#include "answer/look_ahead.h"

#include <benchmark/benchmark.h>

#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "answer/responder.h"
#include "base/hash.h"
#include "wire/test_packet.h"
#include "zone/memory_samples.h"

namespace holdfast::answer {
namespace {

constexpr size_t names = 5'000'000;
constexpr size_t questions = 1 << 19;  // their memory is far more than the caches hold
constexpr size_t few_names = 5000;
constexpr size_t few_questions = 1 << 10;

enum class Kind : uint8_t { plain, with_signatures, delegations };
enum class Dnssec : uint8_t { off, on };

std::vector<uint8_t> signature_over(uint16_t type, const std::string& signer) {
  std::vector<uint8_t> rdata(18);
  store_be16(rdata.data(), type);
  rdata[2] = 13;
  const auto name = zone::SampleZone::name_bytes(signer);
  rdata.insert(rdata.end(), name.begin(), name.end());
  rdata.resize(rdata.size() + 64);
  return rdata;
}

void fill(zone::SampleZone& zone, const std::string& owner, uint32_t i, Kind kind) {
  if (kind != Kind::delegations) zone.a(owner, i);
  if (kind == Kind::with_signatures) {
    zone.add(owner, wire::type_rrsig, signature_over(wire::type_a, "example."));
    zone.nsec(owner, "example.");
    zone.add(owner, wire::type_rrsig, signature_over(wire::type_nsec, "example."));
  }
  if (kind == Kind::delegations) {
    for (const char* server : {"ns1.", "ns2."}) zone.ns(owner, server + owner).a(server + owner, i);
  }
}

struct Filled {
  Filled(Kind kind, size_t count) {
    const size_t wanted = count == names ? questions : few_questions;
    zone::MemoryOptions options = zone::sample_options(folder.file());
    options.bytes_max = uint64_t{16} << 30;
    memory.emplace(std::move(*zone::Memory::open(options, epochs)));
    zone::SampleZone zone("example.");
    zone.soa(1);
    if (kind == Kind::with_signatures) {
      zone.nsec("example.", "example.");
      for (const uint16_t type : {wire::type_soa, wire::type_nsec}) {
        zone.add("example.", wire::type_rrsig, signature_over(type, "example."));
      }
    }
    const size_t owners = kind == Kind::delegations ? count / 3 : count;
    std::mt19937_64 random(1);
    for (uint32_t i = 0; i < owners; ++i) {
      const std::string owner = "host-" + std::to_string(random() % 100'000'000) + ".example.";
      fill(zone, owner, i, kind);
      if (asked.size() < wanted || random() % 8 == 0) {
        if (asked.size() < wanted) {
          asked.push_back(owner);
        } else {
          asked[random() % wanted] = owner;
        }
      }
    }
    CHECK(memory->publish(zone.finish(), nullptr).has_value());
    std::shuffle(asked.begin(), asked.end(), random);
    base = *zone::map_memory_for_reading(options.path, options.bytes_max);
  }
  [[nodiscard]] zone::MemoryReader reader() const { return zone::MemoryReader(base); }

  zone::SampleFolder folder;
  EpochBoard epochs;
  std::optional<zone::Memory> memory;
  const uint8_t* base = nullptr;  // until the process ends
  std::vector<std::string> asked;
};

// Of the mapping that begins at `base`, what the kernel maps by 2 MiB entries, as a share of all
// that has been read of it. Less than all costs more reads for each translation.
double large_page_share(const uint8_t* base) {
  std::ifstream maps("/proc/self/smaps");
  std::string line;
  std::ostringstream start;
  start << std::hex << reinterpret_cast<uintptr_t>(base) << '-';
  while (std::getline(maps, line) && !line.starts_with(start.str())) {
  }
  double resident = 0;
  double large = 0;
  while (std::getline(maps, line) && !line.starts_with("VmFlags:")) {
    std::istringstream words(line);
    std::string name;
    double kilobytes = 0;
    words >> name >> kilobytes;
    if (name == "Rss:") resident = kilobytes;
    if (name.ends_with("PmdMapped:")) large += kilobytes;
  }
  return resident > 0 ? large / resident : 0;
}

void report_time(benchmark::State& state, const Filled& from, size_t batch) {
  state.counters["per_question"] =
      benchmark::Counter(static_cast<double>(batch) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["large_pages"] = large_page_share(from.base);
}

Filled& filled(Kind kind, size_t count = names) {
  static std::map<std::pair<Kind, size_t>, std::unique_ptr<Filled>> made;
  auto& one = made[{kind, count}];
  if (!one) one = std::make_unique<Filled>(kind, count);
  return *one;
}

// In rows, one after the other, so that they are on their way before they are read, as packets are.
struct Packet {
  uint8_t size = 0;
  std::array<uint8_t, 127> row;
  [[nodiscard]] Bytes bytes() const { return Bytes(row).first(size); }
};

std::vector<Packet> packets(const Filled& from, const std::string& prefix, Dnssec dnssec) {
  std::vector<Packet> result(from.asked.size());
  for (size_t i = 0; i < result.size(); ++i) {
    wire::TestPacket packet(1, 0, {1, 0, 0, 1});
    packet.question(prefix + from.asked[i], wire::type_a);
    packet.opt({}, 1232, dnssec == Dnssec::on ? 0x8000 : 0);
    const Bytes bytes = packet.bytes();
    CHECK(bytes.size() <= result[i].row.size());
    std::ranges::copy(bytes, result[i].row.begin());
    result[i].size = static_cast<uint8_t>(bytes.size());
  }
  return result;
}

// state.range(0) questions are looked up together; 0: each by itself, when it is answered.
void ask(benchmark::State& state, Kind kind, const char* prefix, Dnssec dnssec) {
  const Filled& from = filled(kind);
  const auto asked = packets(from, prefix, dnssec);
  const zone::MemoryReader zones = from.reader();
  exchange::AnswerPolicy policy;
  policy.zones_complete = true;
  const exchange::Client client;
  Responder responder(zones, policy);
  const auto look_ahead = std::make_unique<LookAhead>(zones);
  std::array<wire::Query, LookAhead::size_max> queries;
  std::array<wire::QueryError, LookAhead::size_max> parsed{};
  std::vector<std::array<uint8_t, 1232>> out(LookAhead::size_max);
  std::atomic<uint64_t> in_hand{0};
  const std::array<uint64_t, LookAhead::size_max> marks{};
  const auto batch = std::max<size_t>(1, static_cast<size_t>(state.range(0)));
  size_t at = 0;
  for (auto _ : state) {
    look_ahead->begin();
    for (size_t i = 0; i < batch; ++i) {
      parsed[i] = wire::parse_query(asked[(at + i) % questions].bytes(), queries[i]);
      if (state.range(0) != 0) look_ahead->add(i, queries[i]);
    }
    look_ahead->run(in_hand, marks);
    for (size_t i = 0; i < batch; ++i) {
      auto outcome = responder.respond(asked[(at + i) % questions].bytes(), parsed[i], queries[i],
                                       look_ahead->at(i), client, 0, out[i]);
      benchmark::DoNotOptimize(outcome);
    }
    at += batch;
  }
  report_time(state, from, batch);
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Arg(0)->Arg(16)->Arg(32)->Arg(64);
}

BENCHMARK_CAPTURE(ask, positive, Kind::plain, "", Dnssec::off)->Apply(sizes);
BENCHMARK_CAPTURE(ask, name_error, Kind::plain, "x", Dnssec::off)->Apply(sizes);
BENCHMARK_CAPTURE(ask, name_error_below, Kind::plain, "x.", Dnssec::off)->Apply(sizes);
BENCHMARK_CAPTURE(ask, referral, Kind::delegations, "www.", Dnssec::off)->Apply(sizes);
BENCHMARK_CAPTURE(ask, positive_signed, Kind::with_signatures, "", Dnssec::on)->Apply(sizes);
BENCHMARK_CAPTURE(ask, name_error_signed, Kind::with_signatures, "x", Dnssec::on)->Apply(sizes);

// Parsing and the look-up alone, as far as the node or the lack of it.
void look_up(benchmark::State& state, Kind kind, const char* prefix, size_t count) {
  const Filled& from = filled(kind, count);
  const auto asked = packets(from, prefix, Dnssec::off);
  const zone::MemoryReader zones = from.reader();
  const auto look_ahead = std::make_unique<LookAhead>(zones);
  std::array<wire::Query, LookAhead::size_max> queries;
  std::atomic<uint64_t> in_hand{0};
  const std::array<uint64_t, LookAhead::size_max> marks{};
  const auto batch = static_cast<size_t>(state.range(0));
  const size_t mask = asked.size() - 1;  // of a power of two
  size_t at = 0;
  size_t found = 0;
  for (auto _ : state) {
    look_ahead->begin();
    for (size_t i = 0; i < batch; ++i) {
      (void)wire::parse_query(asked[(at + i) & mask].bytes(), queries[i]);
      look_ahead->add(i, queries[i]);
    }
    look_ahead->run(in_hand, marks);
    for (size_t i = 0; i < batch; ++i) found += look_ahead->at(i)->encloser()->labels;
    at += batch;
  }
  benchmark::DoNotOptimize(found);
  report_time(state, from, batch);
}

// state.range(0) reads one after the other, state.range(1) such chains in step.
void random_reads(benchmark::State& state) {
  const Filled& from = filled(Kind::plain);
  const auto deep = static_cast<size_t>(state.range(0));
  const auto batch = static_cast<size_t>(state.range(1));
  const uint64_t lines = from.memory->use().file_bytes / 64;
  std::array<const uint8_t*, LookAhead::size_max> places;
  places.fill(from.base);
  uint64_t count = 0;
  const auto go_on = [&](size_t chain) {
    uint64_t value = 0;
    std::memcpy(&value, places[chain], sizeof value);
    value += ++count << 32;  // else the chains would go in circles
    const uint64_t line = ((hash_mix(value, 0x9E3779B97F4A7C15ULL) >> 32) * lines) >> 32;
    places[chain] = from.base + line * 64;
    __builtin_prefetch(places[chain]);
  };
  for (auto _ : state) {
    for (size_t depth = 0; depth < deep; ++depth) {
      for (size_t i = 0; i < batch; ++i) go_on(i);
    }
  }
  benchmark::DoNotOptimize(places);
  report_time(state, from, batch);
}

void batch_sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Arg(1)->Arg(16)->Arg(32)->Arg(64);
}

BENCHMARK_CAPTURE(look_up, positive, Kind::plain, "", names)->Apply(batch_sizes);
BENCHMARK_CAPTURE(look_up, name_error, Kind::plain, "x", names)->Apply(batch_sizes);
BENCHMARK_CAPTURE(look_up, name_error_below, Kind::plain, "x.", names)->Apply(batch_sizes);
BENCHMARK_CAPTURE(look_up, referral, Kind::delegations, "www.", names)->Apply(batch_sizes);
BENCHMARK_CAPTURE(look_up, positive_at_hand, Kind::plain, "", few_names)->Arg(32);
BENCHMARK_CAPTURE(look_up, name_error_at_hand, Kind::plain, "x", few_names)->Arg(32);
BENCHMARK_CAPTURE(look_up, referral_at_hand, Kind::delegations, "www.", few_names)->Arg(32);
BENCHMARK(random_reads)->ArgNames({"deep", "batch"})->ArgsProduct({{1, 2, 3}, {1, 32}});

}  // namespace
}  // namespace holdfast::answer
