// SPDX-License-Identifier: GPL-3.0-or-later
// From the change of one record in a large zone until two other processes have read its new value.
//
// The readers look the name up as answer processes do, every 20 µs. Counted is the time from before
// the change to the second reader's report.
#include <benchmark/benchmark.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <random>

#include "zone/memory_samples.h"

namespace holdfast::zone {
namespace {

constexpr size_t readers = 2;
constexpr useconds_t poll_us = 20;

// Lies in memory that the processes share.
struct Board {
  EpochBoard epochs;
  std::atomic<bool> stop{false};
  std::atomic<uint32_t> question{0};  // the number of the name that changes
  std::array<std::atomic<uint32_t>, readers> seen{};
};

std::string owner_of(uint32_t number) { return "host-" + std::to_string(number) + ".example."; }

MemoryOptions options_for(const SampleFolder& folder) {
  MemoryOptions options = sample_options(folder.file());
  options.bytes_max = uint64_t{16} << 30;
  return options;
}

uint32_t read_address(const MemoryReader& reader, wire::NameView name) {
  const wire::SuffixHashes hashes(name, reader.hash_key());
  const auto zone = reader.find_zone(name, hashes, MemoryReader::Search::at_or_above);
  const auto node = zone ? zone->find(name, hashes, hashes.label_count()) : std::nullopt;
  const auto rrset = node ? node->find(wire::type_a) : std::nullopt;
  return rrset ? load_be32(rrset->records.last(4).data()) : 0;
}

[[noreturn]] void read_on(Board& board, uint32_t slot, const MemoryOptions& options) {
  const auto base = map_memory_for_reading(options.path, options.bytes_max);
  if (!base) ::_exit(1);
  const MemoryReader reader(*base);
  while (!board.stop.load()) {
    const wire::Name name = sample_name(owner_of(board.question.load()));
    board.epochs.enter(slot);
    const uint32_t address = read_address(reader, name);
    board.epochs.leave(slot);
    board.seen[slot].store(address);
    ::usleep(poll_us);
  }
  ::_exit(0);
}

void change(Memory& memory, const std::string& owner_text, uint32_t address) {
  const wire::Name owner = sample_name(owner_text);
  const std::vector<uint8_t> rdata = SampleZone::number(address);
  StagedRrset rrset;
  rrset.type = wire::type_a;
  rrset.ttl = 300;
  rrset.rdata = {rdata};
  StagedNode node;
  node.owner = owner;
  node.rrsets = {rrset};
  CHECK(memory.amend(sample_name("example."), {&node, 1}, nullptr).has_value());
}

// The change of one record, until both readers have seen it; seconds.
double change_until_seen(Memory& memory, Board& board, uint32_t number, uint32_t address) {
  board.question.store(number);
  const auto start = std::chrono::steady_clock::now();
  change(memory, owner_of(number), address);
  for (const auto& seen : board.seen) {
    while (seen.load() != address) ::sched_yield();
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void one_record_changed(benchmark::State& state) {
  void* shared =
      ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared != MAP_FAILED);
  Board& board = *new (shared) Board();
  const SampleFolder folder;
  const MemoryOptions options = options_for(folder);
  Memory memory = std::move(*Memory::open(options, board.epochs));
  const auto names = static_cast<uint32_t>(state.range(0));
  {
    SampleZone zone("example.");
    zone.soa(1);
    for (uint32_t i = 0; i < names; ++i) zone.a(owner_of(i), 0);
    CHECK(memory.publish(zone.finish(), nullptr).has_value());
  }
  std::array<pid_t, readers> children{};
  for (uint32_t slot = 0; slot < readers; ++slot) {
    children[slot] = ::fork();
    CHECK(children[slot] >= 0);
    if (children[slot] == 0) read_on(board, slot, options);
  }
  std::mt19937 random(1);
  std::vector<double> times;
  uint32_t address = 0;
  for (auto _ : state) {
    const auto number = static_cast<uint32_t>(random() % names);
    times.push_back(change_until_seen(memory, board, number, ++address));
    state.SetIterationTime(times.back());
    memory.reclaim();
  }
  board.stop.store(true);
  for (const pid_t child : children) ::waitpid(child, nullptr, 0);
  ::munmap(shared, sizeof(Board));
  std::ranges::sort(times);
  state.counters["median_ms"] = times[times.size() / 2] * 1000;
  state.counters["p99_ms"] = times[times.size() * 99 / 100] * 1000;
  state.counters["longest_ms"] = times.back() * 1000;
}

BENCHMARK(one_record_changed)
    ->Arg(1000000)
    ->Arg(5000000)
    ->UseManualTime()
    ->Iterations(2000)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace holdfast::zone
