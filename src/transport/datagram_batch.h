// SPDX-License-Identifier: GPL-3.0-or-later
// What carries datagrams in batches: the contract between the way of a query and its carriers.
//
// A carrier (sockets: udp.h) receives up to size_max datagrams, lets their answers be written one
// by one in the order of arrival, and sends them together. It is chosen at compile time, so that
// the way of a query costs no indirect call.
//
// Requests stay: what `datagram` gives lies in the memory that the carrier was given for it, one
// row an index, and does not change before the next `receive`. The way of a query reads a request
// until its answer is written and sampled, and the supervisor reads it after a worker's death. So
// `response_room` never overlaps a request; a carrier that writes answers into the frames that the
// requests came in copies each request (some 60 bytes) into its row when it receives.
#pragma once

#include <netinet/in.h>

#include <concepts>

#include "base/bytes.h"

namespace holdfast::transport {

// What became of a batch's answers. What could not leave at once is lost: to wait would let one
// full queue delay everybody.
struct SendReport {
  size_t sent = 0;
  size_t buffer_full = 0;
  size_t failed = 0;
};

// What waits where a carrier receives.
struct Backlog {
  uint32_t permille = 0;  // of its room
  uint32_t drops = 0;     // so far, for want of room; modulo 2^32
};

template <typename Batch>
concept DatagramBatch = requires(Batch batch, const Batch received, size_t index, size_t bytes) {
  { Batch::size_max } -> std::convertible_to<size_t>;
  // Takes what waits, never waits itself, and forgets the batch before. Returns how many.
  { batch.receive() } -> std::same_as<size_t>;

  { received.datagram(index) } -> std::same_as<Bytes>;
  { received.peer(index) } -> std::same_as<const sockaddr_in6&>;  // a sockaddr_in if so its family
  // The address that was asked: 4 or 16 bytes, empty if unknown; and its port in host order.
  { received.local_address(index) } -> std::same_as<Bytes>;
  { received.local_port(index) } -> std::same_as<uint16_t>;
  // TTL or hop limit as it arrived; 0 if unknown.
  { received.hop_limit(index) } -> std::same_as<uint8_t>;

  // Where to write the response to the datagram, at least 512 bytes, and that it is to be sent.
  // What got no `respond` is dropped. One datagram after the other: after `respond` the room must
  // not be written any more, and the next one's may begin behind it.
  { batch.response_room(index) } -> std::same_as<MutableBytes>;
  { batch.respond(index, bytes) } -> std::same_as<void>;

  { batch.send() } -> std::same_as<SendReport>;
};

}  // namespace holdfast::transport
