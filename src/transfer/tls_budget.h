// SPDX-License-Identifier: GPL-3.0-or-later
// What clients within TLS may cost: processor time a second, handshakes and connections.
//
// A handshake costs some fifty times what a question does, and anybody may begin one. A client is
// an address, or the /48 of one of IPv6. It has a tenth of a processor; all who have not shown that
// they may have something here and are not named in the configuration, strangers, have three tenths
// together, some handshakes a second, and not all of the handshakes under way and connections. What
// is taken beyond that, as it is measured when it is done, is owed in the seconds that follow. What
// transfers cost that were asked for by who may is nobody's; their pace is the thread's. Meant for
// quiet times, too, unlike the shield's other budgets: no honest client comes near, and the thread
// has other work at any time. Bounds:
// clients_max that have spent or owe something; proved_max others are remembered for proved_s.
// Pure: time comes in. Thread: one.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "base/address.h"

namespace holdfast::transfer {

class TlsBudget {
 public:
  static constexpr uint64_t client_ns_a_second_max = 100'000'000;
  static constexpr uint64_t strangers_ns_a_second_max = 300'000'000;
  static constexpr uint32_t strangers_handshakes_a_second_max = 256;
  static constexpr uint32_t handshakes_max = 64;  // under way
  static constexpr uint32_t strangers_handshakes_max = 48;
  static constexpr uint32_t strangers_connections_max = 192;
  static constexpr size_t clients_max = 1024;  // that have spent or owe something
  static constexpr size_t proved_max = 1024;
  static constexpr uint64_t proved_s = 86'400;

  // `is_named`: whether the configuration has the address, by which its client is no stranger.
  explicit TlsBudget(std::function<bool(Bytes address)> is_named = {})
      : is_named_(std::move(is_named)) {}

  // What stands against it.
  enum class Limit : uint8_t { none, client_time, strangers_time, handshakes, connections };
  static constexpr size_t limit_count = 4;             // `none` is not counted
  [[nodiscard]] static const char* text(Limit limit);  // who has had too much of what

  // Whether a connection may be; then `begin`, and `end` when it is closed, with its standing.
  [[nodiscard]] Limit judge_connection(const Endpoint& client, uint64_t now_ns);
  enum class Standing : uint8_t { stranger, proved };
  [[nodiscard]] Standing begin(const Endpoint& client, uint64_t now_ns);
  void end(Standing standing);
  // Whether it may begin its handshake now; then `begin_handshake`, and `end_handshake`.
  [[nodiscard]] Limit judge_handshake(const Endpoint& client, Standing standing, uint64_t now_ns);
  void begin_handshake(Standing standing);
  void end_handshake(Standing standing);
  // Moves a connection of one who has been proved since; not while its handshake is under way.
  void renew(Standing& standing, const Endpoint& client, uint64_t now_ns);

  // Whether more of a client's may be read or answered now; if not, in so much time it may be asked
  // again.
  [[nodiscard]] Limit judge_request(const Endpoint& client, uint64_t now_ns);
  [[nodiscard]] static uint64_t wait_ns(uint64_t now_ns) { return ns_per_s - now_ns % ns_per_s; }
  void charge(const Endpoint& client, uint64_t spent_ns, uint64_t now_ns);
  // It was given what not everybody is given, or has signed what it asked.
  void prove(const Endpoint& client, uint64_t now_ns);
  // It was here: if that is remembered of it, it is for proved_s from now on.
  void note_seen(const Endpoint& client, uint64_t now_ns);
  [[nodiscard]] bool is_proved(const Endpoint& client, uint64_t now_ns) const;
  [[nodiscard]] size_t proved_count(uint64_t now_ns) const;

 private:
  static constexpr uint64_t ns_per_s = 1'000'000'000;
  using Client = std::array<uint8_t, 7>;  // its family's size, and the address or /48

  [[nodiscard]] static Client client_of(const Endpoint& endpoint);
  [[nodiscard]] static bool is_fresh(uint64_t proved_at_s, uint64_t now_ns) {
    return now_ns / ns_per_s - proved_at_s < proved_s;
  }
  void turn(uint64_t now_ns);
  [[nodiscard]] Limit judge_time(const Client& client, bool is_stranger) const;

  std::function<bool(Bytes address)> is_named_;
  uint64_t second_ = 0;
  // In this second, and beyond their parts of those before.
  std::map<Client, uint64_t> spent_ns_;
  uint64_t strangers_ns_ = 0;
  uint32_t strangers_handshakes_ = 0;
  // Now, by Standing.
  std::array<uint32_t, 2> under_way_{};
  std::array<uint32_t, 2> connections_{};
  std::map<Client, uint64_t> proved_;  // when last, in seconds
};

}  // namespace holdfast::transfer
