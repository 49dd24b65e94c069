// SPDX-License-Identifier: GPL-3.0-or-later
#include <net/if.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/clock.h"
#include "base/shared_memory.h"
#include "echo.h"
#include "lab_commands.h"
#include "shield/program_memory.h"
#include "shield/source_block.h"
#include "shield/xdp_gate.h"
#include "transport/network_interface.h"

namespace holdfast::bench {
namespace {

constexpr useconds_t beat_pause_us = 20'000;
constexpr uint32_t without_bound = 1U << 30;

uint64_t total(const shield::XdpGate& gate, size_t queues, std::span<const XdpGateReason> reasons) {
  uint64_t sum = 0;
  for (size_t queue = 0; queue < queues; ++queue) {
    for (const XdpGateReason reason : reasons) sum += gate.count(queue, reason);
  }
  return sum;
}

}  // namespace

Result<EchoCounts> run_gate(const std::string& interface_name, const Endpoint& address,
                            GateOrder order) {
  const auto interface = TRY(transport::read_interface(interface_name));
  const auto sources = TRY(SharedObject<ShieldSources>::create("the shield"));
  const UniqueFd map = TRY(shield::share_with_programs(&*sources, sizeof *sources, "hf_sources"));
  const size_t queues = std::min<size_t>(interface.receive_queues, XDP_GATE_QUEUES_MAX);
  auto gate = TRY(shield::XdpGate::load({.sources = map.get(), .names = -1}, queues));
  gate.set_hardware_address(interface.hardware_address);
  gate.set_destinations(std::array{address});
  gate.set_replies(order == GateOrder::truncate);
  for (size_t queue = 0; queue < queues; ++queue) {
    gate.set_door(queue, xdp_door_kernel);
    gate.set_worker(queue, 0, 1);
  }
  const SystemClock clock;
  sources->common.enabled = 1;
  for (size_t i = 0; i < 4; ++i) sources->common.key[i] = 0x9e3779b97f4a7c15U * (i + 1);
  ShieldOrders& orders = sources->orders[0];
  orders.known_slots = 1;
  orders.unknown_source = orders.unknown_prefix = orders.reply_prefix = without_bound;
  for (uint32_t& share : orders.share) share = SHIELD_SHARE_ONE;
  if (order == GateOrder::truncate) orders.truncate_per_s = without_bound;
  orders.level = 1;
  TRY(gate.attach(interface.index));
  while (!stop) {
    __atomic_store_n(&orders.beat_ms, clock.monotonic_ns() / 1'000'000, __ATOMIC_RELAXED);
    usleep(beat_pause_us);
  }
  constexpr std::array sent{xdp_replied_truncated, xdp_replied_cookie};
  constexpr std::array received{xdp_replied_truncated, xdp_replied_cookie, xdp_dropped_unjudged,
                                xdp_dropped_unknown_slow, xdp_dropped_unknown_fast};
  return EchoCounts{total(gate, queues, received), total(gate, queues, sent), 0};
}

}  // namespace holdfast::bench
