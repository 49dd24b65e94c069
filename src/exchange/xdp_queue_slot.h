// SPDX-License-Identifier: GPL-3.0-or-later
// What is known of a queue of a network card with the XDP program: for status and metrics.
//
// Written by the supervisor each second, read by control. A slot is filled before its state leaves
// `unused`, and stays the same queue's until the end. What each place of `packets` counts is told
// by shield/xdp_gate.h.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "exchange/answer_policy.h"

namespace holdfast::exchange {

// Of all interfaces together; further queues are left to the kernel's sockets.
constexpr size_t xdp_queues_max = 128;
constexpr size_t xdp_packet_kinds_max = 48;

enum class XdpQueueState : uint8_t {
  unused,
  open,    // its questions come by AF_XDP
  closed,  // nobody took them: they go through the kernel's sockets until somebody does
  gone,    // the interface is no more
  shield,  // the program sheds, and the kernel's sockets answer: it has no AF_XDP sockets
};

// What happens at the rings between kernel and worker.
enum class XdpRingEvent : uint8_t {
  receive_full,     // the worker was too slow
  fill_empty,       // no frame was free
  receive_dropped,  // the kernel could not hand over a packet otherwise
  receive_invalid,  // descriptors that the kernel refused
  transmit_invalid,
  transmit_full,  // answers that found no room
  bad_form,       // frames that contradict themselves
  bad_checksum,
};
constexpr size_t xdp_ring_event_count = 8;
constexpr std::array<std::string_view, xdp_ring_event_count> xdp_ring_event_names = {
    "receive_full",     "fill_empty",    "receive_dropped", "receive_invalid",
    "transmit_invalid", "transmit_full", "bad_form",        "bad_checksum"};

struct XdpQueueSlot {
  BoundedText<15> interface;
  uint32_t queue = 0;
  bool zero_copy = false;
  std::atomic<uint32_t> worker{0};
  std::atomic<XdpQueueState> state{XdpQueueState::unused};
  std::array<std::atomic<uint64_t>, xdp_packet_kinds_max> packets{};
  // Let through in a dry run, by what would have become of them.
  std::array<std::atomic<uint64_t>, xdp_packet_kinds_max> dry_packets{};
  std::array<std::atomic<uint64_t>, xdp_ring_event_count> ring_events{};
};

}  // namespace holdfast::exchange
