// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/xdp_path.h"

#include <fmt/format.h>

#include <algorithm>

#include "log/log.h"
#include "shield/program_memory.h"

namespace holdfast {

namespace {

using exchange::XdpQueueState;
using exchange::XdpRingEvent;
using log::Category;
using transport::InterfaceAddress;

constexpr uint64_t count_every_ns = 1'000'000'000;
// Addresses that come meanwhile are answered by the kernel's sockets.
constexpr uint64_t refresh_every_ns = 5'000'000'000;
constexpr uint32_t mtu_min = 1280;  // RFC 8200 §5; a smaller one leaves no room for answers

bool listens_on(std::span<const Endpoint> listen, const Endpoint& address) {
  return std::ranges::any_of(listen, [&](const Endpoint& endpoint) {
    if (endpoint.is_ipv6() != address.is_ipv6()) return false;
    return endpoint.is_wildcard() || endpoint.address == address.address;
  });
}

// The interfaces that have a listen address. Addresses that lie on loopback, as anycast ones often
// do, come in by any interface: which, has to be configured.
Result<std::vector<std::string>> choose_interfaces(const config::Config& config) {
  if (!config.xdp.interfaces.empty()) return config.xdp.interfaces;
  std::vector<std::string> names;
  for (const InterfaceAddress& found : TRY(transport::list_addresses())) {
    if (!listens_on(config.server.listen, found.address)) continue;
    if (std::ranges::find(names, found.interface) != names.end()) continue;
    const auto interface = transport::read_interface(found.interface);
    if (interface && interface->is_ethernet && interface->is_up) names.push_back(found.interface);
  }
  if (names.empty()) return fail("no network interface that is up has a listen address");
  return names;
}

// A frame that veth is given back is lost unless the other end has an XDP program.
bool may_reply(const transport::NetworkInterface& interface, config::XdpReplies setting) {
  if (setting == config::XdpReplies::automatic) return interface.driver != "veth";
  return setting == config::XdpReplies::on;
}

// What each wildcard stands for now.
std::vector<Endpoint> resolve_wildcards(std::span<const Endpoint> listen) {
  std::vector<Endpoint> result;
  const auto add = [&](const Endpoint& endpoint) {
    if (std::ranges::find(result, endpoint) == result.end()) result.push_back(endpoint);
  };
  const auto addresses = transport::list_addresses();
  for (const Endpoint& endpoint : listen) {
    if (!endpoint.is_wildcard()) {
      add(endpoint);
      continue;
    }
    if (!addresses) continue;
    for (const InterfaceAddress& found : *addresses) {
      if (found.address.is_ipv6() != endpoint.is_ipv6()) continue;
      Endpoint concrete = found.address;
      concrete.port = endpoint.port;
      add(concrete);
    }
  }
  return result;
}

}  // namespace

Result<XdpPath> XdpPath::open(const config::Config& config, exchange::Panel& panel,
                              const ShieldParts& shield) {
  XdpPath path(panel, shield);
  const config::XdpSettings& settings = config.xdp;
  if (settings.mode == config::XdpMode::off) return path;
  path.busy_poll_ = settings.busy_poll;
  const bool required = settings.mode == config::XdpMode::on;
  if (const auto shared = path.share(shield); !shared) {
    if (required) return fail("xdp.mode is \"on\", but: " + shared.error().message);
    path.note(shared.error().message);
    return path;
  }
  const auto names = choose_interfaces(config);
  if (!names) {
    if (required) return fail("xdp.mode is \"on\", but " + names.error().message);
    path.note(names.error().message);
    return path;
  }
  for (const std::string& name : *names) {
    if (settings.mode != config::XdpMode::shield) {
      const auto opened = path.open_card(name, settings, Carrier::af_xdp);
      if (opened) continue;
      const std::string reason = name + ": " + opened.error().message;
      if (required) return fail("xdp.mode is \"on\", but AF_XDP does not work on " + reason);
      path.note(reason);
    }
    const auto shielded = path.open_card(name, settings, Carrier::sockets);
    if (!shielded && settings.mode == config::XdpMode::shield) {
      path.note(name + ": " + shielded.error().message);
    }
  }
  return path;
}

Result<void> XdpPath::share(const ShieldParts& shield) {
  sources_map_ =
      TRY(shield::share_with_programs(&shield.sources, sizeof shield.sources, "hf_sources"));
  names_map_ = TRY(shield::share_with_programs(&shield.names, sizeof shield.names, "hf_names"));
  return {};
}

void XdpPath::note(const std::string& text) {
  exchange::BoundedText<240> bounded;
  static_cast<void>(bounded.assign(text.substr(0, 240)));
  panel_->xdp_note.publish(bounded);
  log::warning(Category::supervisor, "xdp-unused",
               "AF_XDP is not used, the kernel's sockets answer: " + text);
}

Result<void> XdpPath::open_card(const std::string& name, const config::XdpSettings& settings,
                                Carrier carrier) {
  const transport::NetworkInterface interface = TRY(transport::read_interface(name));
  if (!interface.is_ethernet) return fail("it is not an Ethernet interface");
  if (!interface.is_up) return fail("it is down");
  if (interface.mtu < mtu_min) return fail(fmt::format("its MTU is below {}", mtu_min));
  const size_t card = cards_.size();
  const size_t queues_before = queues_.size();
  const shield::XdpGateMaps maps{.sources = sources_map_.get(), .names = names_map_.get()};
  cards_.push_back(
      {.interface = interface, .gate = TRY(shield::XdpGate::load(maps, interface.receive_queues))});
  shield::XdpGate& gate = cards_.back().gate;
  gate.set_hardware_address(interface.hardware_address);
  gate.set_replies(may_reply(interface, settings.replies));
  const auto open_all = [&]() -> Result<void> {
    const uint32_t count = std::min<uint32_t>(interface.receive_queues, XDP_GATE_QUEUES_MAX);
    for (uint32_t number = 0; number < count; ++number) {
      if (queues_.size() == exchange::xdp_queues_max) break;
      if (carrier == Carrier::af_xdp) {
        TRY(open_queue(card, number, settings));
      } else {
        queues_.push_back({.card = card, .number = number, .rings = {}, .watch = {}, .slot = {}});
      }
    }
    return gate.attach(interface.index);
  };
  auto opened = open_all();
  if (!opened) {
    while (queues_.size() > queues_before) queues_.pop_back();
    cards_.pop_back();
    return opened;
  }
  if (carrier == Carrier::sockets) {
    log::info(Category::supervisor, "xdp-shield",
              name +
                  ": a program at the card sheds what the shield orders; the kernel's sockets "
                  "answer");
    return {};
  }
  const size_t opened_queues = queues_.size() - queues_before;
  const bool zero_copy = queues_.back().rings->sockets.zero_copy;
  log::info(Category::supervisor, "xdp-used",
            fmt::format("AF_XDP is used on {}: {} {}, {}", name, opened_queues,
                        opened_queues == 1 ? "queue" : "queues",
                        zero_copy ? "without copying" : "copying"));
  return {};
}

Result<void> XdpPath::open_queue(size_t card, uint32_t number,
                                 const config::XdpSettings& settings) {
  const transport::NetworkInterface& interface = cards_[card].interface;
  const auto copy =
      settings.zero_copy ? transport::XdpCopy::kernels_choice : transport::XdpCopy::always;
  transport::XdpSockets sockets = TRY(transport::open_xdp_sockets(interface.index, number, copy));
  if (settings.busy_poll) TRY(transport::enable_busy_polling(sockets));
  sockets.memory->control.mtu.store(interface.mtu);
  const std::array descriptors{sockets.lanes[0].get(), sockets.lanes[1].get()};
  auto mapping = TRY(transport::XdpRingMapping::map(descriptors));
  for (size_t lane = 0; lane < transport::xdp_lanes; ++lane) {
    TRY(cards_[card].gate.set_socket(number, static_cast<XdpGateLane>(lane), descriptors[lane]));
  }
  queues_.push_back({.card = card,
                     .number = number,
                     .rings = Rings{std::move(sockets), std::move(mapping)},
                     .watch = {},
                     .slot = nullptr});
  return {};
}

void XdpPath::start(std::span<const Endpoint> listen) {
  for (size_t i = 0; i < queues_.size(); ++i) {
    Queue& queue = queues_[i];
    queue.slot = &panel_->xdp_queues[i];
    static_cast<void>(queue.slot->interface.assign(cards_[queue.card].interface.name));
    queue.slot->queue = queue.number;
    queue.slot->zero_copy = queue.rings && queue.rings->sockets.zero_copy;
    queue.slot->state.store(queue.rings ? XdpQueueState::open : XdpQueueState::shield,
                            std::memory_order_release);
    cards_[queue.card].gate.set_door(queue.number, queue.rings ? xdp_door_open : xdp_door_kernel);
  }
  started_ = true;
  set_listen(listen);
}

void XdpPath::set_listen(std::span<const Endpoint> listen) {
  listen_.assign(listen.begin(), listen.end());
  set_destinations();
}

void XdpPath::set_destinations() {
  if (cards_.empty() || !started_) return;
  std::vector<Endpoint> now = resolve_wildcards(listen_);
  if (now == destinations_) return;
  size_t left_out = 0;
  for (Card& card : cards_) left_out = std::max(left_out, card.gate.set_destinations(now));
  if (left_out > 0) {
    log::warning(Category::supervisor, "xdp-destinations",
                 fmt::format("{} of {} addresses are answered by the kernel's sockets only: the "
                             "XDP program's table is full",
                             left_out, now.size()));
  }
  destinations_ = std::move(now);
}

std::vector<server::XdpPort> XdpPath::ports(size_t worker, size_t workers) const {
  std::vector<server::XdpPort> result;
  for (size_t i = worker; i < queues_.size(); i += workers) {
    const Queue& queue = queues_[i];
    if (!queue.rings) continue;
    const bool partial = cards_[queue.card].interface.has_partial_checksums();
    result.push_back({.sockets = queue.rings->descriptors(),
                      .memory = &*queue.rings->sockets.memory,
                      .trust = partial ? transport::ChecksumTrust::pseudo_header_too
                                       : transport::ChecksumTrust::full_only,
                      .busy_poll = busy_poll_});
  }
  return result;
}

std::vector<shield::GateReading> XdpPath::gates(size_t worker, size_t workers) const {
  std::vector<shield::GateReading> result;
  result.reserve(queues_.size());
  for (size_t i = 0; i < queues_.size(); ++i) {
    const Queue& queue = queues_[i];
    if (queue.rings && i % workers != worker) continue;
    result.push_back({.counters = &cards_[queue.card].gate.counters(), .queue = queue.number});
  }
  return result;
}

void XdpPath::set_workers(size_t workers) {
  workers_ = workers;
  for (size_t i = 0; i < queues_.size(); ++i) {
    panel_->xdp_queues[i].worker.store(static_cast<uint32_t>(i % workers));
    follow_orders(i);
  }
}

// A queue with rings is answered by one worker, whose orders its queues divide. Behind one without
// stand the sockets of all workers: there the hardest of their orders holds for each queue, and
// what they all admit is divided among the queues.
void XdpPath::follow_orders(size_t index) {
  const Queue& queue = queues_[index];
  shield::XdpGate& gate = cards_[queue.card].gate;
  const size_t queues = queues_.size();
  if (queue.rings) {
    const size_t worker = index % workers_;
    const size_t divided = (queues - worker - 1) / workers_ + 1;
    gate.set_worker(queue.number, worker, 1.0 / static_cast<double>(divided));
    return;
  }
  const auto level_of = [&](size_t worker) {
    return std::atomic_ref(sources_->orders[worker].level).load();
  };
  size_t hardest = 0;
  for (size_t worker = 1; worker < std::min<size_t>(workers_, SHIELD_WORKERS_MAX); ++worker) {
    if (level_of(worker) > level_of(hardest)) hardest = worker;
  }
  gate.set_worker(queue.number, hardest,
                  static_cast<double>(workers_) / static_cast<double>(queues));
}

void XdpPath::on_worker_end(pid_t pid) {
  for (Queue& queue : queues_) {
    if (!queue.rings) continue;
    transport::XdpQueue(*queue.rings->sockets.memory, queue.rings->mapping.rings()).release(pid);
  }
}

void XdpPath::on_tick(uint64_t now_ns) {
  if (queues_.empty()) return;
  for (size_t i = 0; i < queues_.size(); ++i) {
    if (queues_[i].rings) {
      watch(queues_[i], now_ns);
    } else {
      follow_orders(i);
    }
  }
  if (now_ns >= count_due_ns_) {
    count_due_ns_ = now_ns + count_every_ns;
    for (Queue& queue : queues_) count(queue);
  }
  for (Card& card : cards_) card.gate.note_some_known(*sources_);
  if (now_ns >= refresh_due_ns_) {
    refresh_due_ns_ = now_ns + refresh_every_ns;
    refresh();
  }
}

void XdpPath::watch(Queue& queue, uint64_t now_ns) {
  Card& card = cards_[queue.card];
  if (card.gone) return;
  transport::XdpBacklog backlog;
  for (const transport::XdpDescriptorRing& ring : queue.rings->mapping.rings().receive) {
    backlog.waiting += ring.waiting();
    backlog.taken += ring.consumed();
  }
  backlog.free_frames = queue.rings->mapping.rings().fill.waiting();
  const auto verdict = queue.watch.look(backlog, now_ns);
  if (verdict == transport::XdpWatch::Verdict::nothing_new) return;
  const bool open = verdict == transport::XdpWatch::Verdict::open;
  card.gate.set_door(queue.number, open ? xdp_door_open : xdp_door_closed);
  queue.slot->state.store(open ? XdpQueueState::open : XdpQueueState::closed);
  const std::string name = fmt::format("{}, queue {}", card.interface.name, queue.number);
  if (open) {
    log::info(Category::supervisor, "xdp-opened", name + ": its packets are taken again");
  } else {
    log::warning(Category::supervisor, "xdp-closed",
                 name + ": nobody took its packets for 2 s; they go to the kernel's sockets");
  }
}

void XdpPath::count(Queue& queue) {
  exchange::XdpQueueSlot& slot = *queue.slot;
  const shield::XdpGate& gate = cards_[queue.card].gate;
  for (size_t i = 0; i < xdp_gate_reasons; ++i) {
    slot.packets[i].store(gate.count(queue.number, static_cast<XdpGateReason>(i)));
    slot.dry_packets[i].store(gate.count_dry(queue.number, static_cast<XdpGateReason>(i)));
  }
  if (!queue.rings) return;
  const auto set = [&](XdpRingEvent event, uint64_t value) {
    slot.ring_events[static_cast<size_t>(event)].store(value);
  };
  const transport::XdpStatistics kernel =
      transport::read_xdp_statistics(queue.rings->descriptors());
  const transport::XdpQueueControl& control = queue.rings->sockets.memory->control;
  set(XdpRingEvent::receive_full, kernel.receive_full);
  set(XdpRingEvent::fill_empty, kernel.fill_empty);
  set(XdpRingEvent::receive_dropped, kernel.dropped);
  set(XdpRingEvent::receive_invalid, kernel.receive_invalid);
  set(XdpRingEvent::transmit_invalid, kernel.transmit_invalid);
  set(XdpRingEvent::transmit_full, control.transmit_full.load());
  set(XdpRingEvent::bad_form, control.bad_form.load());
  set(XdpRingEvent::bad_checksum, control.bad_checksum.load());
}

// Addresses, MTU and hardware address may change at any time.
void XdpPath::refresh() {
  set_destinations();
  for (size_t i = 0; i < cards_.size(); ++i) {
    Card& card = cards_[i];
    if (card.gone) continue;
    const auto now = transport::read_interface(card.interface.name);
    card.gone = !now || now->index != card.interface.index;
    if (!card.gone) {
      card.gate.set_hardware_address(now->hardware_address);
    } else {
      log::warning(Category::supervisor, "xdp-gone", card.interface.name + " is no more");
    }
    for (Queue& queue : queues_) {
      if (queue.card != i) continue;
      if (card.gone) queue.slot->state.store(XdpQueueState::gone);
      if (card.gone || !queue.rings) continue;
      queue.rings->sockets.memory->control.mtu.store(std::max(now->mtu, mtu_min));
    }
  }
}

}  // namespace holdfast
