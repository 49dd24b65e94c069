// SPDX-License-Identifier: GPL-3.0-or-later
// Time of a worker for a question at a card's queue, from the receive ring to the transmit ring:
// batches of 64, each question of another name and source, in a zone of 100,000 names. The kernel's
// part at the rings is played between the batches, and not in the figure.
#include <benchmark/benchmark.h>

#include <chrono>
#include <filesystem>
#include <random>

#include "base/check.h"
#include "base/shared_memory.h"
#include "base/test_frame.h"
#include "server/query_path.h"
#include "transport/test_xdp_kernel.h"
#include "wire/test_packet.h"
#include "zone/loader.h"
#include "zone/memory.h"

namespace holdfast::server {
namespace {

using exchange::Family;

constexpr size_t names = 100'000;
constexpr size_t frames_asked = 16'384;

std::string label_of(size_t number) { return "name" + std::to_string(number * 7919 % 1'000'000); }

struct Setup {
  Setup()
      : panel(*SharedObject<exchange::Panel>::create("a benchmark")),
        refusals(*SharedObject<shield::RefusalTable>::create("a benchmark")) {
    std::string pattern = (std::filesystem::temp_directory_path() / "serverXXXXXX").string();
    directory = mkdtemp(pattern.data());
    memory.emplace(*zone::Memory::open(
        {.path = directory + "/zones.mem", .bytes_max = uint64_t{1} << 30, .hash_key = {7, 9}},
        panel->epochs));
    std::string text = "@ 300 SOA ns1 host 1 3600 600 86400 300\n@ NS ns1\nns1 A 192.0.2.1\n";
    for (size_t i = 0; i < names; ++i) text += label_of(i) + " 300 A 192.0.2.80\n";
    const auto loaded =
        zone::load_zone_text(text, "a benchmark", *wire::Name::from_text("example."), {});
    CHECK(loaded.contents.has_value());
    CHECK(memory->publish(*loaded.contents, nullptr).has_value());
    policy.zones_complete = true;
    batch.attach(queue, {});
  }
  ~Setup() { std::filesystem::remove_all(directory); }

  SharedObject<exchange::Panel> panel;
  SharedObject<shield::RefusalTable> refusals;
  std::string directory;
  std::optional<zone::Memory> memory;
  exchange::AnswerPolicy policy;
  exchange::WorkerSlot& slot = panel->workers[0];
  transport::TestXdpKernel kernel;
  transport::XdpQueue queue{kernel.memory(), kernel.rings()};
  transport::XdpBatch batch{transport::XdpBatch::ReceiveMemory{
      .bytes = MutableBytes(slot.receive.datagrams.front().data(), sizeof slot.receive.datagrams),
      .peers = slot.receive.datagram_peers}};
};

enum class Asked : uint8_t { existing, missing };
enum class Shielding : uint8_t { off, quiet };

std::vector<std::vector<uint8_t>> frames_of(Asked asked, Family family) {
  const bool is_ipv6 = family == Family::ipv6;
  std::mt19937 random(1);
  std::vector<std::vector<uint8_t>> frames;
  for (size_t i = 0; i < frames_asked; ++i) {
    std::string name = label_of(random() % names);
    if (asked == Asked::missing) name += "x";
    wire::TestPacket packet(static_cast<uint16_t>(random()), 0, {1, 0, 0, 1});
    packet.question(name + ".example.", wire::type_a).opt({}, 1232);
    TestFrame frame;
    const std::string host = std::to_string(random() % 200);
    frame.from = is_ipv6 ? "2001:db8:" + host + "::2" : "198.18." + host + ".2";
    frame.to = is_ipv6 ? "2001:db8::1" : "192.0.2.1";
    frame.from_port = static_cast<uint16_t>(1024 + random() % 8192);
    frame.payload.assign(packet.bytes().begin(), packet.bytes().end());
    frames.push_back(frame.build());
  }
  return frames;
}

void answer(benchmark::State& state, Asked asked, Shielding shielding,
            Family family = Family::ipv4) {
  using Clock = std::chrono::steady_clock;
  constexpr size_t batch_size = transport::XdpBatch::size_max;
  Setup setup;
  const zone::MemoryReader zones = setup.memory->reader();
  QueryPath path(setup.slot, *setup.refusals, zones, setup.policy);
  uint64_t now_ns = 500'000'000'000;
  path.begin_turn({.monotonic_ns = now_ns, .wall_ns = 1'700'000'000'000'000'000});
  const auto memory = *SharedObject<shield::ShieldMemory>::create("a benchmark");
  memory->common.enabled = 1;
  memory->common.key[1] = 77;
  memory->common.known_slots = 2;
  memory->common.unknown_source = 20;
  memory->common.unknown_prefix = 200;
  shield::WorkerShield shield(*memory, 0, setup.slot.counters);
  shield.begin_turn(now_ns);
  if (shielding == Shielding::quiet) path.shield_by(&shield);
  const std::vector<std::vector<uint8_t>> frames = frames_of(asked, family);
  size_t next = 0;
  for (auto _ : state) {
    for (size_t i = 0; i < batch_size; ++i) {
      CHECK(setup.kernel.deliver(1, frames[next++ % frames_asked]));
    }
    const Clock::time_point before = Clock::now();
    const size_t count = path.answer_datagrams(setup.batch);
    const std::chrono::duration<double> spent = Clock::now() - before;
    CHECK(count == batch_size);
    setup.kernel.complete();
    state.SetIterationTime(spent.count() / static_cast<double>(count));
  }
  using exchange::CounterLayout;
  CHECK(setup.slot.counters.responses_total() ==
        setup.slot.counters.get(CounterLayout::queries) +
            setup.slot.counters.get(CounterLayout::queries + 1));
}

// So many batches, as the time of a question says little of how long its batch takes to lay out.
constexpr int batches = 10'000;
BENCHMARK_CAPTURE(answer, positive, Asked::existing, Shielding::off)
    ->UseManualTime()
    ->Iterations(batches);
BENCHMARK_CAPTURE(answer, name_error, Asked::missing, Shielding::off)
    ->UseManualTime()
    ->Iterations(batches);
BENCHMARK_CAPTURE(answer, positive_ipv6, Asked::existing, Shielding::off, Family::ipv6)
    ->UseManualTime()
    ->Iterations(batches);
BENCHMARK_CAPTURE(answer, positive_quiet_shield, Asked::existing, Shielding::quiet)
    ->UseManualTime()
    ->Iterations(batches);
BENCHMARK_CAPTURE(answer, name_error_quiet_shield, Asked::missing, Shielding::quiet)
    ->UseManualTime()
    ->Iterations(batches);

}  // namespace
}  // namespace holdfast::server
