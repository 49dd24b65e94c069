// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/death_watch.h"

#include <algorithm>
#include <cstring>

namespace holdfast::shield {

namespace {

using exchange::InFlight;
using exchange::Protocol;

Endpoint endpoint_of(const sockaddr_in6& peer) {
  sockaddr_storage storage{};
  std::memcpy(&storage, &peer, sizeof peer);
  return Endpoint::from_sockaddr(storage);
}

// The message in hand. The slot's words may be damaged: sizes are held to the area's.
Bytes message_in_hand(const exchange::ReceiveArea& area, const InFlight& in_flight) {
  if (in_flight.protocol == Protocol::tcp) {
    return Bytes(area.stream_message)
        .first(std::min<size_t>(in_flight.bytes, exchange::stream_message_bytes_max));
  }
  return Bytes(area.datagrams[in_flight.index % exchange::batch_max])
      .first(std::min<size_t>(in_flight.bytes, exchange::datagram_bytes_max));
}

std::string to_sentence(const DeathEvidence& evidence, const std::string& path) {
  std::string text = "a message over " + std::string(evidence.tcp ? "TCP" : "UDP") + " from " +
                     evidence.client.to_text() + " killed worker " +
                     std::to_string(evidence.worker) + "; it is kept as " + path;
  if (evidence.refusal) {
    text += "; its like (" + std::string(likeness_level_name(evidence.refusal->mark.level)) +
            ") is refused for " + std::to_string(evidence.refused_for_s) + " s";
  }
  return text;
}

}  // namespace

void DeathWatch::on_death(const WorkerDeath& death, exchange::WorkerSlot& slot, uint64_t now_ns,
                          uint64_t unix_s) {
  const uint64_t word = slot.in_flight.exchange(InFlight::none);
  const uint32_t own_fault = slot.own_fault.exchange(0);
  if (word == InFlight::none) return;
  const InFlight in_flight = InFlight::decode(word);
  slot.counters.count_drop(exchange::Drop::crash, in_flight.batch);
  const bool guilty = death.hung || own_fault == static_cast<uint32_t>(death.signal);
  if (!guilty || death.signal == 0) return;

  const Bytes message = message_in_hand(slot.receive, in_flight);
  const bool tcp = in_flight.protocol == Protocol::tcp;
  const sockaddr_in6& peer =
      tcp ? slot.receive.stream_peer
          : slot.receive.datagram_peers[in_flight.index % exchange::batch_max];
  Kept kept;
  kept.packet.assign(message.begin(), message.end());
  kept.evidence.unix_s = unix_s;
  kept.evidence.pid = death.pid;
  kept.evidence.worker = static_cast<unsigned>(death.worker);
  kept.evidence.signal = death.signal;
  kept.evidence.tcp = tcp;
  kept.evidence.client = endpoint_of(peer);
  kept.evidence.likeness = likeness_of(message, refusals_.key());
  kept.evidence.refusal = recorder_.record(kept.evidence.likeness, now_ns);
  if (const auto& refusal = kept.evidence.refusal) {
    refusals_.enter(*refusal);
    const uint64_t left_ns = refusal->until_ns - std::min(refusal->until_ns, now_ns);
    kept.evidence.refused_for_s = left_ns / 1'000'000'000;
  }
  if (waiting_.size() < evidence_waiting_max) waiting_.push_back(std::move(kept));
}

std::vector<std::string> DeathWatch::write_evidence() {
  std::vector<std::string> sentences;
  for (Kept& kept : waiting_) {
    kept.evidence.packet = kept.packet;
    const auto path = files_.write(kept.evidence);
    sentences.push_back(
        to_sentence(kept.evidence, path ? *path : "nothing: " + path.error().message));
  }
  waiting_.clear();
  return sentences;
}

}  // namespace holdfast::shield
