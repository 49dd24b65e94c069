// SPDX-License-Identifier: GPL-3.0-or-later
// Sends what a ResolverModel has due, from each resolver's own address, and tells it what came
// back.
//
// Real sockets in the load's namespace, whose own all clients' addresses are, so UDP, TCP and the
// kernel's checks of both are real. An answer counts if its id and question are those of the slot.
// Bound: tcp_connections_max; a question that finds none free is not sent and times out. One
// thread.
#pragma once

#include <sys/socket.h>

#include <memory>

#include "drill/question_list.h"
#include "drill/resolver_model.h"
#include "drill/sealed_command.h"

namespace holdfast::drill {

constexpr size_t tcp_connections_max = 1024;

class ResolverSockets {
 public:
  // `questions` without EDNS: each resolver has its own. The seal is checked first.
  [[nodiscard]] static Result<ResolverSockets> open(const SealedSurroundings& surroundings,
                                                    const Population& population,
                                                    const QuestionList& questions,
                                                    AddressFamily family, uint16_t server_port);
  ResolverSockets(ResolverSockets&& other) noexcept;
  ResolverSockets& operator=(ResolverSockets&&) = delete;
  ResolverSockets(const ResolverSockets&) = delete;
  ResolverSockets& operator=(const ResolverSockets&) = delete;
  ~ResolverSockets();

  // Which of the questions are for names that exist: denying one is a wrong answer. Without it none
  // is.
  void expect_existing(std::vector<bool> exists);
  void send(const std::vector<ModelSend>& sends);
  // Waits until something comes or `timeout_ns` is over; what is to be sent because of it is
  // appended.
  void receive(uint64_t timeout_ns, ResolverModel& model, std::vector<ModelSend>& sends);

 private:
  struct State;
  explicit ResolverSockets(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace holdfast::drill
