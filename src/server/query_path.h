// SPDX-License-Identifier: GPL-3.0-or-later
// The way of a query through an answer process: receive, admit, parse, answer, account, send.
//
// One file, query_path.cc, holds all of it in that order; docs/life-of-a-query.md tells it. Owner:
// one worker, one thread. On this way there is no lock, no allocation, and no system call but the
// batch's own; server/query_path_test.cc counts them. The caller has entered its epoch and has told
// the time with `begin_turn`.
#pragma once

#include "answer/look_ahead.h"
#include "answer/responder.h"
#include "exchange/panel.h"
#include "exchange/sample.h"
#include "server/pass_on.h"
#include "shield/refusal_table.h"
#include "shield/worker_shield.h"
#include "transport/tcp.h"
#include "transport/udp.h"
#include "transport/xdp_batch.h"
#include "zone/view.h"

namespace holdfast::server {

struct TurnTime {
  uint64_t monotonic_ns = 0;
  uint64_t wall_ns = 0;  // since 1970
};

class QueryPath final : public transport::StreamHandler {
 public:
  // All outlive this. `zones` and `policy` may change between turns.
  QueryPath(exchange::WorkerSlot& slot, const shield::RefusalTable& refusals,
            const zone::MemoryReader& zones, const exchange::AnswerPolicy& policy);

  void begin_turn(const TurnTime& now) {
    now_ = now;
    now_s_ = static_cast<uint32_t>(now.wall_ns / 1'000'000'000);
  }
  // Where requests go that are control's. Without it they are declined.
  void pass_on_by(PassOn* pass_on) { pass_on_ = pass_on; }

  // Under overload it decides who is answered. Without it, everybody is.
  void shield_by(shield::WorkerShield* shield) { shield_ = shield; }

  // Answers what waits at a carrier of datagrams: one batch. Returns how many there were. What the
  // carrier receives lies in the slot's ReceiveArea, for the supervisor.
  template <transport::DatagramBatch Batch>
  size_t answer_datagrams(Batch& batch);

  // TCP: one message of a connection, and what becomes of connections.
  size_t on_message(Bytes message, const transport::TcpPeer& peer, MutableBytes out) override;
  size_t on_give_away(int socket, Bytes unread, const transport::TcpPeer& peer,
                      MutableBytes out) override;
  void on_accepted() override;
  void on_refused(transport::RefuseReason reason) override;
  void on_closed(transport::CloseReason reason, size_t answers_lost) override;

 private:
  // Who sent a message, and to whom. Written where it stays: to copy what was just written in
  // parts waits for all that was written before.
  struct Envelope {
    // By whom; to whom is left as it is.
    void open(exchange::Protocol protocol, const sockaddr_in6& from);
    exchange::Client client;
    uint16_t client_port = 0;
    Bytes server_address;
    uint16_t server_port = 0;
    const sockaddr_in6* peer = nullptr;
    [[nodiscard]] Endpoint client_endpoint() const;
    [[nodiscard]] Endpoint server() const;
  };

  // A message of the batch in hand.
  struct Arrival {
    Bytes message;
    Envelope envelope;
    bool admitted = false;
    bool is_parsed = false;
    shield::Decision decision = shield::Decision::answer;
    wire::QueryError parsed = wire::QueryError::too_short;
    wire::Query query;
  };

  void mark_in_flight(uint64_t word);
  [[nodiscard]] uint64_t take_in(size_t count);
  void parse(Arrival& arrival);
  [[nodiscard]] bool screen(size_t index);
  [[nodiscard]] bool has_cookie(const Arrival& arrival) const;
  [[nodiscard]] bool has_valid_cookie(const Arrival& arrival) const;
  void judge_name(size_t index);
  [[nodiscard]] size_t ask_for_proof(size_t index, MutableBytes out);
  [[nodiscard]] size_t answer(size_t index, MutableBytes out);
  [[nodiscard]] bool admit(Bytes message, const Envelope& envelope);
  [[nodiscard]] size_t pass_on(Bytes message, const wire::Query& query, const Envelope& envelope,
                               MutableBytes out);
  [[nodiscard]] size_t decline(const wire::Query& query, const Envelope& envelope,
                               MutableBytes out);
  void account(const wire::Query& query, const answer::Outcome& outcome,
               exchange::Protocol protocol);
  void sample(Bytes message, const Envelope& envelope, Bytes response);

  exchange::WorkerSlot& slot_;
  exchange::Counters& counters_;
  const shield::RefusalTable& refusals_;
  const exchange::AnswerPolicy& policy_;
  answer::LookAhead look_ahead_;
  answer::Responder responder_;
  PassOn* pass_on_ = nullptr;
  shield::WorkerShield* shield_ = nullptr;
  bool is_judging_ = false;  // who asks in the batch in hand
  std::array<Arrival, exchange::batch_max> arrivals_;
  std::array<uint64_t, exchange::batch_max> in_flight_{};  // InFlight of each
  TurnTime now_;
  uint32_t now_s_ = 0;  // the same since 1970
  uint32_t since_sample_ = 0;
};

// Every carrier there is; query_path.cc holds them.
extern template size_t QueryPath::answer_datagrams(transport::UdpBatch& batch);
extern template size_t QueryPath::answer_datagrams(transport::XdpBatch& batch);

}  // namespace holdfast::server
