// SPDX-License-Identifier: GPL-3.0-or-later
// Asks several servers the same questions and prints, as a JSON object a line, those to which the
// first server's reply is not equal to every other's. Where that was over UDP, "whole" is what the
// first server says over TCP.
//
// usage: differ NAME=ADDRESS@PORT ... <questions
// A question a line: NAME TYPE-NUMBER EDNS TRANSPORT, EDNS one of n (none), e (EDNS), d (DO),
// TRANSPORT u or t. The last line of output counts what was asked.
#include <cstdio>
#include <iostream>
#include <optional>
#include <sstream>
#include <thread>

#include "asker.h"

namespace holdfast::interop {
namespace {

constexpr size_t chunk_questions = 32768;  // message ids are 16 bits; bounds memory too

std::optional<Server> parse_server(const std::string& text) {
  const size_t equals = text.find('=');
  const size_t at = text.find('@');
  if (equals == std::string::npos || at == std::string::npos || at < equals) return std::nullopt;
  return Server{text.substr(0, equals), text.substr(equals + 1, at - equals - 1),
                static_cast<uint16_t>(std::stoi(text.substr(at + 1)))};
}

std::optional<Question> parse_question(const std::string& line) {
  std::istringstream fields(line);
  Question question;
  char edns = 0;
  char transport = 0;
  if (!(fields >> question.name >> question.type >> edns >> transport)) return std::nullopt;
  if (name_from_text(question.name).empty()) return std::nullopt;
  question.edns = edns == 'd'   ? EdnsMode::dnssec_ok
                  : edns == 'e' ? EdnsMode::plain
                                : EdnsMode::none;
  question.transport = transport == 't' ? Transport::tcp : Transport::udp;
  return question;
}

void ask_all(const Server& server, const std::vector<Question>& questions,
             std::vector<Reply>& replies) {
  std::vector<uint32_t> over_udp;
  std::vector<uint32_t> over_tcp;
  for (uint32_t index = 0; index < questions.size(); ++index) {
    (questions[index].transport == Transport::udp ? over_udp : over_tcp).push_back(index);
  }
  ask_udp(server, questions, over_udp, replies);
  ask_tcp(server, questions, over_tcp, replies);
}

void print_difference(const Question& question, const std::vector<Server>& servers,
                      const std::vector<std::vector<Reply>>& replies, const Reply& whole,
                      size_t index) {
  std::string line =
      "{\"name\":" + json_string(question.name) + ",\"type\":" + std::to_string(question.type) +
      ",\"edns\":" + std::to_string(static_cast<int>(question.edns)) + ",\"over\":\"" +
      (question.transport == Transport::udp ? "udp" : "tcp") + "\",\"replies\":{";
  for (size_t server = 0; server < servers.size(); ++server) {
    if (server > 0) line += ',';
    line += json_string(servers[server].name) + ":" + replies[server][index].to_json();
  }
  line += '}';
  if (question.transport == Transport::udp) line += ",\"whole\":" + whole.to_json();
  std::cout << line << "}\n";
}

size_t compare_chunk(const std::vector<Server>& servers, const std::vector<Question>& questions) {
  std::vector<std::vector<Reply>> replies(servers.size(), std::vector<Reply>(questions.size()));
  {
    std::vector<std::jthread> threads;
    for (size_t server = 0; server < servers.size(); ++server) {
      threads.emplace_back([&, server] { ask_all(servers[server], questions, replies[server]); });
    }
  }
  std::vector<uint32_t> different;
  for (uint32_t index = 0; index < questions.size(); ++index) {
    for (size_t server = 1; server < servers.size(); ++server) {
      if (replies[0][index].same_as(replies[server][index])) continue;
      different.push_back(index);
      break;
    }
  }
  std::vector<Reply> whole(questions.size());
  ask_tcp(servers[0], questions, different, whole);
  for (const uint32_t index : different) {
    print_difference(questions[index], servers, replies, whole[index], index);
  }
  return different.size();
}

int run(int argc, char** argv) {
  std::vector<Server> servers;
  for (int index = 1; index < argc; ++index) {
    const std::optional<Server> server = parse_server(argv[index]);
    if (!server) {
      std::fprintf(stderr, "differ: '%s' is not NAME=ADDRESS@PORT\n", argv[index]);
      return 2;
    }
    servers.push_back(*server);
  }
  std::vector<Question> questions;
  size_t asked = 0;
  size_t different = 0;
  std::string line;
  bool more = true;
  while (more) {
    more = static_cast<bool>(std::getline(std::cin, line));
    if (more) {
      const std::optional<Question> question = parse_question(line);
      if (!question) {
        std::fprintf(stderr, "differ: '%s' is not a question\n", line.c_str());
        return 2;
      }
      questions.push_back(*question);
    }
    if (questions.size() == chunk_questions || (!more && !questions.empty())) {
      asked += questions.size();
      different += compare_chunk(servers, questions);
      questions.clear();
    }
  }
  std::cout << "{\"asked\":" << asked << ",\"different\":" << different << "}\n";
  return 0;
}

}  // namespace
}  // namespace holdfast::interop

int main(int argc, char** argv) { return holdfast::interop::run(argc, argv); }
