// SPDX-License-Identifier: GPL-3.0-or-later
#include "server/query_path.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "answer/cookies.h"
#include "answer/decline.h"
#include "base/clock.h"
#include "base/cycles.h"

namespace holdfast::server {

using exchange::CounterLayout;
using exchange::Drop;
using exchange::EdnsFact;
using exchange::Family;
using exchange::InFlight;
using exchange::Protocol;
using exchange::ShieldFate;
using shield::Decision;
using shield::NameFact;

namespace {

// Whether a parser could make anything of it; its counters tell of the others.
bool may_be_question(Bytes message) {
  return message.size() >= wire::header_bytes && (message[2] & 0x80) == 0;
}
// A cookie can only stand in a record behind the question.
bool has_records(Bytes message) { return (message[10] | message[11]) != 0; }

// 0: it lies in none of our zones.
uint64_t apex_hash_of(const zone::NameSearch* search) {
  if (search == nullptr || !search->zone()) return 0;
  return search->hashes().of_last(search->zone()->apex_label_count());
}

NameFact fact_of(const zone::NameSearch& search) {
  const auto& encloser = search.encloser();
  if (!encloser || encloser->labels == search.hashes().label_count()) return NameFact::exists;
  const zone::NodeView& node = encloser->node;
  if (node.has(zone::node_cut) || node.has(zone::node_dname)) return NameFact::exists;
  return node.has(zone::node_has_wildcard) ? NameFact::wildcard : NameFact::absent;
}

}  // namespace

QueryPath::QueryPath(exchange::WorkerSlot& slot, const shield::RefusalTable& refusals,
                     const zone::MemoryReader& zones, const exchange::AnswerPolicy& policy)
    : slot_(slot),
      counters_(slot.counters),
      refusals_(refusals),
      policy_(policy),
      look_ahead_(zones),
      responder_(zones, policy) {}

template <transport::DatagramBatch Batch>
size_t QueryPath::answer_datagrams(Batch& batch) {
  static_assert(Batch::size_max <= exchange::batch_max, "a row of the ReceiveArea for each");
  // Then what an answer takes is of its zone's share.
  const bool is_weighing = shield_ != nullptr && shield_->is_overloaded();
  const uint64_t begun = is_weighing ? cycle_count() : 0;
  const size_t count = batch.receive();
  if (count == 0) return 0;
  look_ahead_.begin();
  const bool is_screening = shield_ != nullptr && shield_->is_enabled();
  is_judging_ = is_screening && shield_->is_overloaded();
  for (size_t i = 0; i < count; ++i) {
    Arrival& arrival = arrivals_[i];
    arrival.message = batch.datagram(i);
    arrival.envelope.open(Protocol::udp, batch.peer(i));
    arrival.envelope.server_address = batch.local_address(i);
    arrival.envelope.server_port = batch.local_port(i);
    in_flight_[i] = InFlight{.protocol = Protocol::udp,
                             .index = static_cast<uint8_t>(i),
                             .batch = static_cast<uint8_t>(count),
                             .bytes = static_cast<uint32_t>(arrival.message.size())}
                        .encode();
  }
  // By itself, so that one source is waited for while the next are hashed.
  for (size_t i = 0; is_screening && i < count; ++i) {
    shield_->look(i, arrivals_[i].envelope.client.address, batch.hop_limit(i));
  }
  for (size_t i = 0; is_judging_ && i < count; ++i) shield_->find(i);
  const uint64_t admitted = take_in(count);
  if (is_screening && !is_judging_) {
    slot_.in_flight.store(InFlight::none, std::memory_order_relaxed);
    shield_->remember_all(admitted);
  }
  look_ahead_.run(slot_.in_flight, in_flight_);
  const uint64_t looked_up = is_weighing ? cycle_count() : 0;
  for (size_t i = 0; i < count; ++i) {
    mark_in_flight(in_flight_[i]);
    const bool is_weighed = is_weighing && arrivals_[i].decision == Decision::look_up;
    const uint64_t answer_begun = is_weighed ? cycle_count() : 0;
    if (is_screening) judge_name(i);
    const size_t size = answer(i, batch.response_room(i));
    if (size > 0) batch.respond(i, size);
    if (is_weighed) shield_->end_answer(i, cycle_count() - answer_begun);
  }
  const uint64_t answered = is_weighing ? cycle_count() : 0;
  slot_.in_flight.store(InFlight::none, std::memory_order_relaxed);

  const transport::SendReport report = batch.send();
  counters_.add(CounterLayout::batches);
  if (report.buffer_full > 0) counters_.count_drop(Drop::send_buffer_full, report.buffer_full);
  if (report.failed > 0) counters_.count_drop(Drop::send_failed, report.failed);
  if (is_weighing) shield_->end_batch(looked_up - begun + cycle_count() - answered, count);
  return count;
}

template size_t QueryPath::answer_datagrams(transport::UdpBatch& batch);
template size_t QueryPath::answer_datagrams(transport::XdpBatch& batch);

size_t QueryPath::on_message(Bytes message, const transport::TcpPeer& peer, MutableBytes out) {
  // A datagram lies in shared memory by itself; of a stream, the supervisor needs a copy.
  std::memcpy(slot_.receive.stream_message.data(), message.data(), message.size());
  slot_.receive.stream_peer = peer.remote;
  in_flight_[0] =
      InFlight{.protocol = Protocol::tcp, .bytes = static_cast<uint32_t>(message.size())}.encode();
  mark_in_flight(in_flight_[0]);
  Arrival& arrival = arrivals_[0];
  arrival.message = message;
  arrival.envelope.open(Protocol::tcp, peer.remote);
  Envelope local;
  local.open(Protocol::tcp, peer.local);
  arrival.envelope.server_address = local.client.address;
  arrival.envelope.server_port = local.client_port;
  is_judging_ = false;
  const bool is_timed = shield_ != nullptr && shield_->is_overloaded();
  const uint64_t begun_ns = is_timed ? SystemClock().monotonic_ns() : 0;
  const uint64_t begun = is_timed ? cycle_count() : 0;
  look_ahead_.begin();
  (void)take_in(1);
  look_ahead_.run(slot_.in_flight, in_flight_);
  const size_t size = answer(0, out);
  slot_.in_flight.store(InFlight::none, std::memory_order_relaxed);
  if (shield_ != nullptr && size > 0) {
    shield::WorkerShield::MessageCost cost;
    if (is_timed) {
      cost.ns = SystemClock().monotonic_ns() - begun_ns;
      cost.ticks = cycle_count() - begun;
      if (arrival.parsed == wire::QueryError::none)
        cost.apex_hash = apex_hash_of(look_ahead_.at(0));
    }
    shield_->end_message(arrival.envelope.client.address, cost);
  }
  return size;
}

void QueryPath::mark_in_flight(uint64_t word) {
  slot_.in_flight.store(word, std::memory_order_relaxed);
  // A fault stops this thread: what comes after must not be moved before.
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

void QueryPath::Envelope::open(Protocol protocol, const sockaddr_in6& from) {
  peer = &from;
  client.protocol = protocol;
  client.encrypted = false;
  if (from.sin6_family == AF_INET6) {
    client.family = Family::ipv6;
    client.address = from.sin6_addr.s6_addr;
    client_port = ntohs(from.sin6_port);
  } else {
    const auto& four = reinterpret_cast<const sockaddr_in&>(from);
    client.family = Family::ipv4;
    client.address = {reinterpret_cast<const uint8_t*>(&four.sin_addr), sizeof(in_addr)};
    client_port = ntohs(four.sin_port);
  }
}

// Messages, whatever carried them, before their names are looked up. Returns a bit for each that
// goes on.
uint64_t QueryPath::take_in(size_t count) {
  static_assert(exchange::batch_max <= 64);
  uint64_t admitted = 0;
  for (size_t index = 0; index < count; ++index) {
    mark_in_flight(in_flight_[index]);
    Arrival& arrival = arrivals_[index];
    arrival.is_parsed = false;
    arrival.decision = Decision::answer;
    arrival.admitted = admit(arrival.message, arrival.envelope) && (!is_judging_ || screen(index));
    if (!arrival.admitted) continue;
    admitted |= uint64_t{1} << index;
    parse(arrival);
    // What is sent to prove itself is not looked up.
    if (arrival.decision == Decision::truncate) continue;
    if (arrival.parsed == wire::QueryError::none) look_ahead_.add(index, arrival.query);
  }
  return admitted;
}

void QueryPath::parse(Arrival& arrival) {
  if (std::exchange(arrival.is_parsed, true)) return;
  arrival.parsed = wire::parse_query(arrival.message, arrival.query);
}

// Under overload, by who asks. False: dropped, and counted.
bool QueryPath::screen(size_t index) {
  Arrival& arrival = arrivals_[index];
  if (!may_be_question(arrival.message) || shield_->judge(index, arrival.message)) {
    return true;
  }
  if (has_records(arrival.message)) {
    parse(arrival);
    if (has_cookie(arrival)) shield_->note_cookie(index);
    if (has_valid_cookie(arrival) && shield_->judge_cookie(index)) return true;
  }
  arrival.decision = shield_->decide_by_source(index);
  return arrival.decision != Decision::drop;
}

bool QueryPath::has_cookie(const Arrival& arrival) const {
  return policy_.cookies_enabled && arrival.parsed == wire::QueryError::none &&
         arrival.query.edns.cookie_present;
}

bool QueryPath::has_valid_cookie(const Arrival& arrival) const {
  if (arrival.parsed != wire::QueryError::none) return false;
  if (arrival.query.edns.server_cookie.empty()) return false;
  return answer::exchange_cookies(arrival.query.edns, arrival.envelope.client, policy_, now_s_)
             .status == answer::CookieStatus::valid;
}

// And by what is asked for, once it has been looked up. In line: as a call of its own it costs 36
// instructions more.
[[gnu::always_inline]] inline void QueryPath::judge_name(size_t index) {
  Arrival& arrival = arrivals_[index];
  const zone::NameSearch* search = look_ahead_.at(index);  // of who was admitted, and is looked up
  NameFact fact = NameFact::exists;
  shield::ZoneWatchEntry* zone = nullptr;
  if (search != nullptr && search->zone()) {
    const wire::SuffixHashes& hashes = search->hashes();
    fact = fact_of(*search);
    zone = shield_->note_name(apex_hash_of(search), search->zone()->apex(), fact,
                              hashes.of_last(hashes.label_count()));
    if (fact == NameFact::exists) {
      shield_->note_existing(index, arrival.message);
    } else if (fact == NameFact::absent && shield_->is_under_attack(zone)) {
      shield_->note_made_up(arrival.message);
    }
  }
  if (arrival.decision != Decision::look_up) return;
  arrival.decision = shield_->decide_by_name(index, shield_->verdict_on(zone), fact);
  arrival.admitted = arrival.decision != Decision::drop;
}

// And after. Returns the size of its response, 0 for none. In line, as `judge_name` is.
[[gnu::always_inline]] inline size_t QueryPath::answer(size_t index, MutableBytes out) {
  const Arrival& arrival = arrivals_[index];
  if (!arrival.admitted) return 0;
  if (arrival.decision == Decision::truncate) return ask_for_proof(index, out);
  const Envelope& envelope = arrival.envelope;
  const wire::Query& query = arrival.query;
  if (policy_.passes_on && arrival.parsed == wire::QueryError::none &&
      PassOn::is_for_control(query)) {
    return pass_on(arrival.message, query, envelope, out);
  }
  const answer::Outcome outcome = responder_.respond(
      arrival.message, arrival.parsed, query, look_ahead_.at(index), envelope.client, now_s_, out);

  account(query, outcome, envelope.client.protocol);
  const size_t size = outcome.silence == answer::Silence::none ? outcome.bytes : 0;
  if (policy_.dnstap_sample_every != 0) sample(arrival.message, envelope, Bytes(out).first(size));
  return size;
}

// In place of an answer: the sender is to show that it receives where it says it is.
size_t QueryPath::ask_for_proof(size_t index, MutableBytes out) {
  const Arrival& arrival = arrivals_[index];
  if (arrival.parsed != wire::QueryError::none || !arrival.query.has_question) {
    shield_->count_cheap_answer(index, ShieldFate::dropped);
    return 0;
  }
  const answer::Outcome outcome =
      answer::ask_for_proof(arrival.query, arrival.envelope.client, policy_, now_s_, out);
  const bool has_cookie = outcome.rcode == wire::rcode_badcookie;
  shield_->count_cheap_answer(index, has_cookie ? ShieldFate::bad_cookie : ShieldFate::truncated);
  account(arrival.query, outcome, Protocol::udp);
  return outcome.bytes;
}

bool QueryPath::admit(Bytes message, const Envelope& envelope) {
  const exchange::Client& client = envelope.client;
  counters_.count_query(client.protocol, client.family, message.size());
  if (envelope.client_port == 0) {
    counters_.count_drop(Drop::source_port_zero);
    return false;
  }
  if (!refusals_.empty() && refusals_.refuses(message, now_.monotonic_ns)) {
    counters_.count_drop(Drop::query_of_death);
    return false;
  }
  if (client.protocol == Protocol::udp || shield_ == nullptr) return true;
  return shield_->admit_message(client.address);
}

// A request for control: 0 if it is on its way there, give_away for a connection that is to go.
size_t QueryPath::pass_on(Bytes message, const wire::Query& query, const Envelope& envelope,
                          MutableBytes out) {
  if (pass_on_ != nullptr && envelope.client.protocol == Protocol::tcp) return give_away;
  if (pass_on_ == nullptr ||
      !pass_on_->pass_datagram(message, *envelope.peer, envelope.server(), now_.monotonic_ns)) {
    return decline(query, envelope, out);
  }
  counters_.count_passed_on(Protocol::udp);
  return 0;
}

size_t QueryPath::on_give_away(int socket, Bytes unread, const transport::TcpPeer& peer,
                               MutableBytes out) {
  Envelope local;
  local.open(Protocol::tcp, peer.local);
  const Endpoint server = local.client_endpoint();
  if (pass_on_->pass_connection(unread, socket, peer.remote, server, now_.monotonic_ns)) {
    counters_.count_passed_on(Protocol::tcp);
    return 0;
  }
  constexpr size_t length_bytes = 2;
  wire::Query query;
  const Bytes message = unread.subspan(length_bytes, load_be16(unread.data()));
  if (wire::parse_query(message, query) != wire::QueryError::none) return 0;
  Envelope envelope;
  envelope.open(Protocol::tcp, peer.remote);
  return decline(query, envelope, out);
}

size_t QueryPath::decline(const wire::Query& query, const Envelope& envelope, MutableBytes out) {
  counters_.add(CounterLayout::not_passed_on);
  const answer::Outcome outcome = answer::decline(query, envelope.client, policy_, now_s_, out);
  account(query, outcome, envelope.client.protocol);
  return outcome.bytes;
}

Endpoint QueryPath::Envelope::client_endpoint() const {
  Endpoint endpoint;
  endpoint.address_size = static_cast<uint8_t>(client.address.size());
  std::ranges::copy(client.address, endpoint.address.begin());
  endpoint.port = client_port;
  return endpoint;
}

Endpoint QueryPath::Envelope::server() const {
  Endpoint endpoint;
  endpoint.address_size = static_cast<uint8_t>(server_address.size());
  std::ranges::copy(server_address, endpoint.address.begin());
  endpoint.port = server_port;
  return endpoint;
}

[[gnu::always_inline]] inline void QueryPath::account(const wire::Query& query,
                                                      const answer::Outcome& outcome,
                                                      Protocol protocol) {
  if (outcome.silence != answer::Silence::none) {
    const bool too_short = outcome.silence == answer::Silence::too_short;
    counters_.count_drop(too_short ? Drop::too_short : Drop::is_response);
    return;
  }
  counters_.count_opcode(query.opcode);
  if (query.has_question) counters_.count_qtype(query.qtype);
  counters_.count_response(protocol, outcome.rcode, outcome.bytes);
  counters_.count_kind(static_cast<size_t>(outcome.kind));
  if (outcome.truncated) counters_.count_truncated(protocol);
  if (!query.edns.present) return;
  counters_.count_edns(EdnsFact::present);
  if (query.edns.dnssec_ok) counters_.count_edns(EdnsFact::dnssec_ok);
  switch (outcome.cookie) {
    case answer::CookieStatus::absent:
      break;
    case answer::CookieStatus::client_only:
      counters_.count_edns(EdnsFact::cookie_client_only);
      break;
    case answer::CookieStatus::valid:
      counters_.count_edns(EdnsFact::cookie_valid);
      break;
    case answer::CookieStatus::invalid:
      counters_.count_edns(EdnsFact::cookie_invalid);
      break;
  }
}

void QueryPath::sample(Bytes message, const Envelope& envelope, Bytes response) {
  if (++since_sample_ < policy_.dnstap_sample_every) return;
  since_sample_ = 0;
  exchange::SampleHeader header;
  header.query_time_ns = now_.wall_ns;
  header.response_time_ns = response.empty() ? 0 : now_.wall_ns;
  header.protocol = envelope.client.protocol;
  header.family = envelope.client.family;
  header.client_port = envelope.client_port;
  header.server_port = envelope.server_port;
  std::ranges::copy(envelope.client.address, header.client_address.begin());
  std::ranges::copy(envelope.server_address, header.server_address.begin());
  header.query_bytes = static_cast<uint16_t>(message.size());
  header.response_bytes = static_cast<uint16_t>(response.size());
  const Bytes head(reinterpret_cast<const uint8_t*>(&header), sizeof header);
  const bool taken = slot_.samples.push({head, message, response});
  counters_.add(taken ? CounterLayout::samples_written : CounterLayout::samples_lost);
}

// The reasons of transport are counted under the same numbers.
static_assert(static_cast<size_t>(transport::RefuseReason::descriptors) + 1 ==
              exchange::tcp_refused_count);
static_assert(static_cast<size_t>(transport::CloseReason::given_away) + 1 ==
              exchange::tcp_closed_count);
static_assert(static_cast<int>(transport::CloseReason::bad_framing) ==
              static_cast<int>(exchange::TcpClosed::bad_framing));
static_assert(static_cast<size_t>(answer::Kind::chaos) + 1 == exchange::kind_count);

void QueryPath::on_accepted() {
  counters_.add(CounterLayout::tcp_accepted);
  counters_.set(CounterLayout::tcp_open, counters_.get(CounterLayout::tcp_open) + 1);
}

void QueryPath::on_refused(transport::RefuseReason reason) {
  counters_.count_tcp_refused(static_cast<exchange::TcpRefused>(reason));
}

void QueryPath::on_closed(transport::CloseReason reason, size_t answers_lost) {
  counters_.count_tcp_closed(static_cast<exchange::TcpClosed>(reason));
  counters_.set(CounterLayout::tcp_open, counters_.get(CounterLayout::tcp_open) - 1);
  if (answers_lost > 0) counters_.count_drop(Drop::connection_closed, answers_lost);
}

}  // namespace holdfast::server
