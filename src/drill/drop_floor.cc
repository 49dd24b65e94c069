// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/drop_floor.h"

#include <atomic>

#include "drill/answer_counter.h"
#include "drill/client_addresses.h"
#include "drill/generator.h"
#include "drill/interface_settings.h"
#include "drill/seal.h"
#include "wire/types.h"

extern "C" const uint8_t drop_floor_bpf[];
extern "C" const uint8_t drop_floor_bpf_end[];

namespace holdfast::drill {
namespace {

constexpr uint16_t port = 53;
constexpr uint32_t sources = 65536;
constexpr uint64_t probe_ms = 400;
constexpr unsigned probes = 7;
constexpr double loss_max = 0.01;

}  // namespace

Result<DropFloor> DropFloor::attach(const SealedSurroundings& surroundings) {
  const SealedLinks links = TRY(check_sealed(surroundings.load, surroundings.server));
  KernelProgram program = TRY(KernelProgram::open(
      Bytes(&drop_floor_bpf[0], static_cast<size_t>(&drop_floor_bpf_end[0] - &drop_floor_bpf[0])),
      "drop floor"));
  TRY(program.load("drop_labelled"));
  const auto visit = TRY(NamespaceVisit::to(surroundings.server));
  TRY(program.attach(links.server.index));
  return DropFloor(std::move(program));
}

Result<uint64_t> DropFloor::measure(const SealedSurroundings& surroundings) {
  const DropFloor floor = TRY(attach(surroundings));
  const SealedLinks links = TRY(check_sealed(surroundings.load, surroundings.server));
  const auto counter = TRY(AnswerCounter::attach(surroundings.load, links.load.index, port));
  const auto questions = TRY(QuestionList::random_under("floor.example", wire::type_a, {}));
  const auto clients = TRY(wide_clients(0, sources, AddressFamily::ipv4));
  auto generator = TRY(Generator::make(surroundings, {}, questions, clients, counter.stamps_fd()));
  const std::atomic<bool> stop = false;
  // The most that there is to be had, then halving towards the most that is sustained.
  uint64_t least = 0;
  uint64_t most = 0;
  for (unsigned probe = 0; probe < probes; ++probe) {
    const uint64_t rate = probe == 0 ? 0 : (least + most) / 2;
    const uint64_t before = TRY(read_ring_drops(surroundings, links.load.name));
    const GeneratorState sent =
        TRY(generator.run(surroundings, {.rate_per_s = rate, .duration_ms = probe_ms}, stop));
    const uint64_t drops = TRY(read_ring_drops(surroundings, links.load.name)) - before;
    const uint64_t sent_per_s = sent.sent * 1000 / probe_ms;
    if (sent.sent == 0) return fail("the generator sends nothing");
    const bool sustained = static_cast<double>(drops) <= loss_max * static_cast<double>(sent.sent);
    if (probe == 0) most = sent_per_s;
    if (sustained) least = std::max(least, sent_per_s);
    if (!sustained && probe != 0) most = rate;
    if (probe == 0 && sustained) break;
  }
  return least;
}

Result<uint64_t> read_ring_drops(const SealedSurroundings& surroundings,
                                 const std::string& load_interface) {
  const auto visit = TRY(NamespaceVisit::to(surroundings.load));
  uint64_t drops = 0;
  for (const auto& [name, value] : TRY(read_driver_counters(load_interface))) {
    if (name.starts_with("tx_queue_") && name.ends_with("_xdp_xmit_errors")) drops += value;
  }
  return drops;
}

}  // namespace holdfast::drill
