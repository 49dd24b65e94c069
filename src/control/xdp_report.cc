// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/xdp_report.h"

#include <boost/json/array.hpp>

#include "shield/xdp_gate_reasons.h"

namespace holdfast::control {

namespace {

namespace json = boost::json;
using exchange::XdpQueueSlot;
using exchange::XdpQueueState;

std::string_view state_name(XdpQueueState state) {
  switch (state) {
    case XdpQueueState::unused:
      return "unused";
    case XdpQueueState::open:
      return "open";
    case XdpQueueState::closed:
      return "closed";
    case XdpQueueState::gone:
      return "gone";
    case XdpQueueState::shield:
      return "shield";
  }
  return "unknown";
}

// Slots are used from the first on.
template <typename Visit>
void for_each_queue(const exchange::Panel& panel, Visit&& visit) {
  for (const XdpQueueSlot& slot : panel.xdp_queues) {
    if (slot.state.load(std::memory_order_acquire) == XdpQueueState::unused) return;
    visit(slot);
  }
}

std::string labels(const XdpQueueSlot& slot) {
  return MetricsText::label("interface", slot.interface.view()) + "," +
         MetricsText::label("queue", std::to_string(slot.queue));
}

}  // namespace

json::object xdp_object(const exchange::Panel& panel) {
  exchange::BoundedText<240> note;
  panel.xdp_note.read(note);
  json::array queues;
  for_each_queue(panel, [&](const XdpQueueSlot& slot) {
    json::object packets;
    json::object dry_packets;
    for (size_t i = 0; i < shield::xdp_gate_reason_names.size(); ++i) {
      packets[shield::xdp_gate_reason_names[i]] = slot.packets[i].load();
      const uint64_t dry = slot.dry_packets[i].load();
      if (dry > 0) dry_packets[shield::xdp_gate_reason_names[i]] = dry;
    }
    json::object events;
    for (size_t i = 0; i < exchange::xdp_ring_event_count; ++i) {
      events[exchange::xdp_ring_event_names[i]] = slot.ring_events[i].load();
    }
    queues.push_back(json::object{{"interface", slot.interface.view()},
                                  {"queue", slot.queue},
                                  {"state", state_name(slot.state.load())},
                                  {"zero_copy", slot.zero_copy},
                                  {"worker", slot.worker.load()},
                                  {"packets", std::move(packets)},
                                  {"dry_packets", std::move(dry_packets)},
                                  {"ring_events", std::move(events)}});
  });
  return {{"unused_because", note.view()}, {"queues", std::move(queues)}};
}

json::object xdp_shed_object(const exchange::Panel& panel) {
  json::object sums;
  for (size_t i = xdp_replied_truncated; i < shield::xdp_gate_reason_names.size(); ++i) {
    uint64_t sum = 0;
    uint64_t dry = 0;
    for_each_queue(panel, [&](const XdpQueueSlot& slot) {
      sum += slot.packets[i].load();
      dry += slot.dry_packets[i].load();
    });
    const std::string name(shield::xdp_gate_reason_names[i]);
    if (sum > 0) sums[name] = sum;
    if (dry > 0) sums["dry_run_" + name] = dry;
  }
  return sums;
}

void add_xdp_metrics(MetricsText& text, const exchange::Panel& panel) {
  if (panel.xdp_queues.front().state.load() == XdpQueueState::unused) return;
  text.begin_family("holdfast_xdp_open", MetricsText::Type::gauge,
                    "1 while the questions of this queue are taken by AF_XDP.");
  for_each_queue(panel, [&](const XdpQueueSlot& slot) {
    text.add_sample(labels(slot), uint64_t{slot.state.load() == XdpQueueState::open ? 1U : 0U});
  });
  text.begin_family("holdfast_xdp_zero_copy", MetricsText::Type::gauge,
                    "1 if the card writes into the server's memory, 0 if the kernel copies.");
  for_each_queue(panel, [&](const XdpQueueSlot& slot) {
    text.add_sample(labels(slot), uint64_t{slot.zero_copy ? 1U : 0U});
  });
  text.begin_family("holdfast_xdp_packets_total", MetricsText::Type::counter,
                    "Packets at the card by what the XDP program did with them.");
  for_each_queue(panel, [&](const XdpQueueSlot& slot) {
    for (size_t i = 0; i < shield::xdp_gate_reason_names.size(); ++i) {
      text.add_sample(
          labels(slot) + "," + MetricsText::label("fate", shield::xdp_gate_reason_names[i]),
          slot.packets[i].load());
    }
  });
  text.begin_family("holdfast_xdp_dry_run_packets_total", MetricsText::Type::counter,
                    "Packets that a dry run let through, by what would have become of them.");
  for_each_queue(panel, [&](const XdpQueueSlot& slot) {
    for (size_t i = 0; i < shield::xdp_gate_reason_names.size(); ++i) {
      const uint64_t dry = slot.dry_packets[i].load();
      if (dry == 0) continue;
      text.add_sample(
          labels(slot) + "," + MetricsText::label("fate", shield::xdp_gate_reason_names[i]), dry);
    }
  });
  text.begin_family("holdfast_xdp_ring_events_total", MetricsText::Type::counter,
                    "Packets that were lost between the card and the answer process.");
  for_each_queue(panel, [&](const XdpQueueSlot& slot) {
    for (size_t i = 0; i < exchange::xdp_ring_event_count; ++i) {
      text.add_sample(
          labels(slot) + "," + MetricsText::label("event", exchange::xdp_ring_event_names[i]),
          slot.ring_events[i].load());
    }
  });
}

}  // namespace holdfast::control
