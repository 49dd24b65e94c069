// SPDX-License-Identifier: GPL-3.0-or-later
// A question and its answer as an answer process hands them to control, for dnstap and detection.
//
// A record of the sample ring is a SampleHeader, then the query's bytes, then the response's.
// Plain bytes between processes of one binary; nothing of it is stored.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>

#include "base/bytes.h"
#include "exchange/client.h"

namespace holdfast::exchange {

struct SampleHeader {
  uint64_t query_time_ns = 0;     // since 1970 UTC
  uint64_t response_time_ns = 0;  // 0: no response
  std::array<uint8_t, 16> client_address{};
  std::array<uint8_t, 16> server_address{};  // IPv4: the first four bytes
  uint16_t client_port = 0;                  // host order
  uint16_t server_port = 0;
  Protocol protocol = Protocol::udp;
  Family family = Family::ipv4;
  uint16_t query_bytes = 0;
  uint16_t response_bytes = 0;
  std::array<uint8_t, 6> unused{};
};
static_assert(std::is_trivially_copyable_v<SampleHeader>);
static_assert(sizeof(SampleHeader) == 64);

struct Sample {
  SampleHeader header;
  Bytes query;
  Bytes response;
};

// A record of the ring, taken apart; nothing if its sizes do not fit together.
[[nodiscard]] inline std::optional<Sample> read_sample(Bytes record) {
  Sample sample;
  if (record.size() < sizeof(SampleHeader)) return std::nullopt;
  std::memcpy(static_cast<void*>(&sample.header), record.data(), sizeof(SampleHeader));
  const Bytes messages = record.subspan(sizeof(SampleHeader));
  const size_t query_bytes = sample.header.query_bytes;
  if (messages.size() != query_bytes + sample.header.response_bytes) return std::nullopt;
  sample.query = messages.first(query_bytes);
  sample.response = messages.subspan(query_bytes);
  return sample;
}

}  // namespace holdfast::exchange
