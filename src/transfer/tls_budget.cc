// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/tls_budget.h"

#include <algorithm>
#include <utility>

namespace holdfast::transfer {

namespace {

constexpr size_t at(TlsBudget::Standing standing) { return static_cast<size_t>(standing); }
constexpr size_t of_strangers = at(TlsBudget::Standing::stranger);
constexpr size_t of_proved = at(TlsBudget::Standing::proved);

}  // namespace

const char* TlsBudget::text(Limit limit) {
  switch (limit) {
    case Limit::none:
      break;
    case Limit::client_time:
      return "one of them has had a tenth of a processor";
    case Limit::strangers_time:
      return "those that have shown nothing have had three tenths of a processor";
    case Limit::handshakes:
      return "too many handshakes are begun";
    case Limit::connections:
      return "those that have shown nothing hold three quarters of the connections";
  }
  return "";
}

TlsBudget::Client TlsBudget::client_of(const Endpoint& endpoint) {
  constexpr size_t prefix_bytes = 6;  // of a /48
  Client client{endpoint.address_size};
  std::copy_n(endpoint.address.begin(), std::min<size_t>(endpoint.address_size, prefix_bytes),
              client.begin() + 1);
  return client;
}

void TlsBudget::turn(uint64_t now_ns) {
  const uint64_t seconds = now_ns / ns_per_s - std::exchange(second_, now_ns / ns_per_s);
  if (seconds == 0) return;
  const auto forgive = [seconds](uint64_t& spent_ns, uint64_t a_second_max) {
    spent_ns -= std::min(spent_ns, seconds * a_second_max);
  };
  for (auto& [client, spent_ns] : spent_ns_) forgive(spent_ns, client_ns_a_second_max);
  std::erase_if(spent_ns_, [](const auto& spent) { return spent.second == 0; });
  forgive(strangers_ns_, strangers_ns_a_second_max);
  strangers_handshakes_ = 0;
}

TlsBudget::Limit TlsBudget::judge_time(const Client& client, bool is_stranger) const {
  const auto spent = spent_ns_.find(client);
  if (spent != spent_ns_.end() && spent->second >= client_ns_a_second_max) {
    return Limit::client_time;
  }
  // Where so many have been, another could not be told from them.
  const bool has_room = spent != spent_ns_.end() || spent_ns_.size() < clients_max;
  if (is_stranger && (strangers_ns_ >= strangers_ns_a_second_max || !has_room)) {
    return Limit::strangers_time;
  }
  return Limit::none;
}

TlsBudget::Limit TlsBudget::judge_connection(const Endpoint& client, uint64_t now_ns) {
  turn(now_ns);
  const bool is_stranger = !is_proved(client, now_ns);
  if (const Limit limit = judge_time(client_of(client), is_stranger); limit != Limit::none) {
    return limit;
  }
  if (is_stranger && connections_[of_strangers] >= strangers_connections_max) {
    return Limit::connections;
  }
  return Limit::none;
}

TlsBudget::Standing TlsBudget::begin(const Endpoint& client, uint64_t now_ns) {
  turn(now_ns);
  const Standing standing = is_proved(client, now_ns) ? Standing::proved : Standing::stranger;
  ++connections_[at(standing)];
  return standing;
}

void TlsBudget::end(Standing standing) { --connections_[at(standing)]; }

TlsBudget::Limit TlsBudget::judge_handshake(const Endpoint& client, Standing standing,
                                            uint64_t now_ns) {
  if (const Limit limit = judge_request(client, now_ns); limit != Limit::none) return limit;
  if (under_way_[of_strangers] + under_way_[of_proved] >= handshakes_max) return Limit::handshakes;
  if (standing == Standing::stranger &&
      (under_way_[of_strangers] >= strangers_handshakes_max ||
       strangers_handshakes_ >= strangers_handshakes_a_second_max)) {
    return Limit::handshakes;
  }
  return Limit::none;
}

void TlsBudget::begin_handshake(Standing standing) {
  ++under_way_[at(standing)];
  if (standing == Standing::stranger) ++strangers_handshakes_;
}

void TlsBudget::end_handshake(Standing standing) { --under_way_[at(standing)]; }

void TlsBudget::renew(Standing& standing, const Endpoint& client, uint64_t now_ns) {
  if (standing == Standing::proved || !is_proved(client, now_ns)) return;
  --connections_[of_strangers];
  ++connections_[of_proved];
  standing = Standing::proved;
}

TlsBudget::Limit TlsBudget::judge_request(const Endpoint& client, uint64_t now_ns) {
  turn(now_ns);
  return judge_time(client_of(client), !is_proved(client, now_ns));
}

void TlsBudget::charge(const Endpoint& client, uint64_t spent_ns, uint64_t now_ns) {
  turn(now_ns);
  const Client key = client_of(client);
  if (spent_ns_.size() < clients_max || spent_ns_.contains(key)) spent_ns_[key] += spent_ns;
  if (!is_proved(client, now_ns)) strangers_ns_ += spent_ns;
}

void TlsBudget::prove(const Endpoint& client, uint64_t now_ns) {
  const Client key = client_of(client);
  if (!proved_.contains(key) && proved_.size() >= proved_max) {
    proved_.erase(
        std::ranges::min_element(proved_, {}, [](const auto& proved) { return proved.second; }));
  }
  proved_[key] = now_ns / ns_per_s;
}

void TlsBudget::note_seen(const Endpoint& client, uint64_t now_ns) {
  const auto found = proved_.find(client_of(client));
  if (found != proved_.end() && is_fresh(found->second, now_ns)) found->second = now_ns / ns_per_s;
}

bool TlsBudget::is_proved(const Endpoint& client, uint64_t now_ns) const {
  const auto found = proved_.find(client_of(client));
  if (found != proved_.end() && is_fresh(found->second, now_ns)) return true;
  return is_named_ && is_named_(client.address_bytes());
}

size_t TlsBudget::proved_count(uint64_t now_ns) const {
  return static_cast<size_t>(std::ranges::count_if(
      proved_, [&](const auto& proved) { return is_fresh(proved.second, now_ns); }));
}

}  // namespace holdfast::transfer
