// SPDX-License-Identifier: GPL-3.0-or-later
// Asks one server many questions at once, over UDP or over one TCP connection.
//
// Keeps `window` questions in flight, matches replies by message id, repeats what stays unanswered.
// One thread per call; blocking. Bound: 65,536 questions a call.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reply.h"

namespace holdfast::interop {

enum class Transport : uint8_t { udp, tcp };
enum class EdnsMode : uint8_t { none, plain, dnssec_ok };

struct Question {
  std::string name;  // absolute, presentation form
  uint16_t type = 0;
  EdnsMode edns = EdnsMode::none;
  Transport transport = Transport::udp;
};

struct Server {
  std::string name;
  std::string address;  // IPv4
  uint16_t port = 0;
};

// `indexes` of `questions`, all of one transport, are asked; the reply to each goes to the same
// index of `replies`.
void ask_udp(const Server& server, const std::vector<Question>& questions,
             const std::vector<uint32_t>& indexes, std::vector<Reply>& replies);
void ask_tcp(const Server& server, const std::vector<Question>& questions,
             const std::vector<uint32_t>& indexes, std::vector<Reply>& replies);

}  // namespace holdfast::interop
