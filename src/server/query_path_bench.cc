// SPDX-License-Identifier: GPL-3.0-or-later
// Processor time of a worker for a question over UDP, beside that of an echo over the same calls:
// what is above the echo is the way of a query. Loopback, batches of 64; the client's part of the
// work is not counted, but what the kernel does of it within the server's calls is. With the
// shield: quiet times, in which it learns, of a new client and of a known one; and overload,
// in which a stranger's question is dropped, and a known one's answered, over sockets that the
// shield guards and as where a card sheds.
#include "server/query_path.h"

#include <benchmark/benchmark.h>

#include <ctime>
#include <filesystem>

#include "base/check.h"
#include "base/shared_memory.h"
#include "shield/worker_shield.h"
#include "transport/socket.h"
#include "wire/test_packet.h"
#include "zone/loader.h"
#include "zone/memory.h"

namespace holdfast::server {
namespace {

constexpr const char* zone_text = R"($ORIGIN example.
$TTL 300
@ SOA ns1 host 1 3600 600 86400 300
@ RRSIG SOA 13 1 300 20300101000000 20200101000000 1 example. @SIG@
@ NS ns1
@ NSEC cut NS SOA RRSIG NSEC
@ RRSIG NSEC 13 1 300 20300101000000 20200101000000 1 example. @SIG@
ns1 A 192.0.2.1
cut NS ns1.cut
cut NS ns2.cut
ns1.cut A 192.0.2.2
ns2.cut A 192.0.2.3
cut NSEC www NS RRSIG NSEC
cut RRSIG NSEC 13 2 300 20300101000000 20200101000000 1 example. @SIG@
www A 192.0.2.80
www RRSIG A 13 2 300 20300101000000 20200101000000 1 example. @SIG@
www NSEC @ A RRSIG NSEC
www RRSIG NSEC 13 2 300 20300101000000 20200101000000 1 example. @SIG@
)";

uint64_t processor_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

struct Setup {
  Setup()
      : panel(*SharedObject<exchange::Panel>::create("a benchmark")),
        refusals(*SharedObject<shield::RefusalTable>::create("a benchmark")) {
    std::string pattern = (std::filesystem::temp_directory_path() / "serverXXXXXX").string();
    directory = mkdtemp(pattern.data());
    memory.emplace(*zone::Memory::open(
        {.path = directory + "/zones.mem", .bytes_max = uint64_t{64} << 20, .hash_key = {7, 9}},
        panel->epochs));
    std::string text = zone_text;
    const std::string signature = std::string(86, 'A') + "==";  // as P-256 makes them
    for (size_t at = text.find("@SIG@"); at != std::string::npos; at = text.find("@SIG@")) {
      text.replace(at, 5, signature);
    }
    const auto loaded =
        zone::load_zone_text(text, "a benchmark", *wire::Name::from_text("example."), {});
    CHECK(loaded.contents.has_value());
    CHECK(memory->publish(*loaded.contents, nullptr).has_value());
    policy.zones_complete = true;

    Endpoint endpoint = *parse_endpoint("127.0.0.1@1", 1);
    endpoint.port = 0;
    socket = std::move(*transport::open_socket(endpoint, transport::SocketType::udp));
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    getsockname(socket.get(), reinterpret_cast<sockaddr*>(&storage), &size);
    client = std::move(*transport::open_socket(endpoint, transport::SocketType::udp));
    CHECK(connect(client.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0);
    batch.attach(socket.get(), Endpoint::from_sockaddr(storage).port);
  }
  ~Setup() { std::filesystem::remove_all(directory); }

  // One batch from the client; the client's socket is emptied of the answers before.
  void send_batch(Bytes packet) {
    std::array<uint8_t, 4096> answer;
    while (recv(client.get(), answer.data(), answer.size(), MSG_DONTWAIT) > 0) {
    }
    for (size_t i = 0; i < transport::UdpBatch::size_max; ++i) {
      CHECK(send(client.get(), packet.data(), packet.size(), 0) ==
            static_cast<ssize_t>(packet.size()));
    }
  }

  SharedObject<exchange::Panel> panel;
  SharedObject<shield::RefusalTable> refusals;
  std::string directory;
  std::optional<zone::Memory> memory;
  exchange::AnswerPolicy policy;
  UniqueFd socket;
  UniqueFd client;
  exchange::WorkerSlot& slot = panel->workers[0];
  transport::UdpBatch batch{transport::UdpBatch::ReceiveMemory{
      .bytes = MutableBytes(slot.receive.datagrams.front().data(), sizeof slot.receive.datagrams),
      .peers = slot.receive.datagram_peers}};
};

enum class Dnssec : uint8_t { off, on };

std::vector<uint8_t> question(const char* name, Dnssec dnssec) {
  wire::TestPacket packet(1, 0, {1, 0, 0, 1});
  packet.question(name, wire::type_a).opt({}, 1232, dnssec == Dnssec::on ? 0x8000 : 0);
  return {packet.bytes().begin(), packet.bytes().end()};
}

template <typename Turn>
void measure(benchmark::State& state, Setup& setup, Bytes packet, Turn&& turn) {
  for (auto _ : state) {
    setup.send_batch(packet);
    const uint64_t before = processor_ns();
    const size_t count = turn();
    const uint64_t after = processor_ns();
    CHECK(count == transport::UdpBatch::size_max);
    state.SetIterationTime(static_cast<double>(after - before) / 1e9 / static_cast<double>(count));
  }
}

// Sends back what came, cut or filled up to `bytes`.
void echo(benchmark::State& state) {
  Setup setup;
  const auto bytes = static_cast<size_t>(state.range(0));
  const std::vector<uint8_t> packet = question("www.example.", Dnssec::off);
  measure(state, setup, packet, [&] {
    const size_t count = setup.batch.receive();
    for (size_t i = 0; i < count; ++i) {
      const Bytes datagram = setup.batch.datagram(i);
      std::memcpy(setup.batch.response_room(i).data(), datagram.data(), datagram.size());
      setup.batch.respond(i, bytes);
    }
    (void)setup.batch.send();
    return count;
  });
}

enum class Shielding : uint8_t { none, quiet, quiet_known, dropping, known, known_at_card };

// Of the benchmark's client, at whatever rate it asks afterwards: in every slot more often.
void make_known(shield::ShieldMemory& memory, shield::WorkerShield& shield, uint64_t& now_ns) {
  constexpr std::array<uint8_t, 4> client{127, 0, 0, 1};
  constexpr uint32_t slots = 10;
  constexpr uint64_t second_ns = 1'000'000'000;
  for (uint32_t slot = 1; slot <= slots; ++slot) {
    memory.common.slot = slot;
    shield.begin_turn(now_ns += second_ns);
    for (uint32_t i = 0; i < 1U << (slot + 7); ++i) {
      shield.look(0, client, 0);
      shield.remember(0);
    }
  }
  shield.begin_turn(now_ns += 2 * second_ns);
}

void answer(benchmark::State& state, const char* name, Dnssec dnssec,
            Shielding shielding = Shielding::none) {
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
  if (shielding != Shielding::none) path.shield_by(&shield);
  const auto at_card = std::make_unique<XdpGateCounters>();
  if (shielding == Shielding::known_at_card) {
    shield.watch_gates({{.counters = at_card.get(), .queue = 0}});
  }
  if (shielding == Shielding::quiet_known || shielding >= Shielding::known) {
    make_known(*memory, shield, now_ns);
  }
  // 64,000 questions a second, and the kernel drops more: strangers get next to nothing.
  const auto press = [&](uint64_t ns) {
    shield.note_backlog(1000, 100'000);
    shield.begin_turn(now_ns += ns);
  };
  const bool is_overload = shielding >= Shielding::dropping;
  if (is_overload) press(shield::AdmissionControl::tick_ns);
  CHECK(shield.is_overloaded() == is_overload);
  const std::vector<uint8_t> packet = question(name, dnssec);
  measure(state, setup, packet, [&] {
    if (is_overload) press(1'000'000);
    return path.answer_datagrams(setup.batch);
  });
  if (shielding >= Shielding::known) {
    CHECK(setup.slot.counters.get(exchange::CounterLayout::shield +
                                  shield_known * exchange::shield_fate_count) ==
          setup.slot.counters.get(exchange::CounterLayout::queries));
  }
  state.counters["bytes"] =
      static_cast<double>(setup.slot.counters.get(exchange::CounterLayout::bytes_sent)) /
      static_cast<double>(setup.slot.counters.get(exchange::CounterLayout::queries));
}

BENCHMARK(echo)->UseManualTime()->Arg(40)->Arg(60)->Arg(300);
BENCHMARK_CAPTURE(answer, positive, "www.example.", Dnssec::off)->UseManualTime();
BENCHMARK_CAPTURE(answer, positive_quiet_shield, "www.example.", Dnssec::off, Shielding::quiet)
    ->UseManualTime();
BENCHMARK_CAPTURE(answer, known_quiet_shield, "www.example.", Dnssec::off, Shielding::quiet_known)
    ->UseManualTime();
BENCHMARK_CAPTURE(answer, dropped_by_shield, "www.example.", Dnssec::off, Shielding::dropping)
    ->UseManualTime();
BENCHMARK_CAPTURE(answer, known_overload, "www.example.", Dnssec::off, Shielding::known)
    ->UseManualTime();
BENCHMARK_CAPTURE(answer, known_at_card, "www.example.", Dnssec::off, Shielding::known_at_card)
    ->UseManualTime();
BENCHMARK_CAPTURE(answer, name_error, "nothing.example.", Dnssec::off)->UseManualTime();
BENCHMARK_CAPTURE(answer, referral, "a.cut.example.", Dnssec::off)->UseManualTime();
BENCHMARK_CAPTURE(answer, positive_signed, "www.example.", Dnssec::on)->UseManualTime();
BENCHMARK_CAPTURE(answer, name_error_signed, "nothing.example.", Dnssec::on)->UseManualTime();

}  // namespace
}  // namespace holdfast::server
