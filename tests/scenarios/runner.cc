// SPDX-License-Identifier: GPL-3.0-or-later
// usage: scenario_runner FILE. Asks each question of a scenario; exits with 1 on a wrong answer.
#include <algorithm>
#include <cstdio>

#include "answer/test_reply.h"
#include "answer/test_server.h"
#include "scenario.h"

namespace {

using namespace holdfast;
using namespace holdfast::scenarios;

struct Flag {
  uint16_t bit;
  const char* name;
};
constexpr Flag flags[] = {{wire::flag_aa, "aa"}, {wire::flag_tc, "tc"}, {wire::flag_rd, "rd"},
                          {wire::flag_ra, "ra"}, {wire::flag_ad, "ad"}, {wire::flag_cd, "cd"}};

struct Request {
  wire::TestPacket packet;
  exchange::Protocol protocol = exchange::Protocol::udp;
};

Request make_request(const Case& asked) {
  uint16_t header_flags = 0;
  bool edns = false;
  uint32_t opt_ttl = 0;
  unsigned payload_bytes = 1232;
  unsigned qclass = wire::class_in;
  Request request;
  for (const std::string& option : asked.options) {
    if (option == "do") {
      edns = true;
      opt_ttl = 0x8000;
    } else if (option == "tcp") {
      request.protocol = exchange::Protocol::tcp;
    } else if (option == "rd") {
      header_flags |= wire::flag_rd;
    } else if (option == "cd") {
      header_flags |= wire::flag_cd;
    } else if (option == "class=CH") {
      qclass = wire::class_ch;
    } else if (option.starts_with("payload=")) {
      edns = true;
      payload_bytes = static_cast<unsigned>(std::stoul(option.substr(8)));
    } else {
      std::fprintf(stderr, "line %zu: unknown option '%s'\n", asked.line, option.c_str());
      std::exit(2);
    }
  }
  const auto qtype = wire::type_from_text(asked.qtype);
  CHECK(qtype.has_value());
  request.packet =
      wire::TestPacket(0xCAFE, header_flags, {1, 0, 0, edns ? uint16_t{1} : uint16_t{0}});
  request.packet.question(asked.qname, *qtype, qclass);
  if (edns) request.packet.opt({}, payload_bytes, opt_ttl);
  return request;
}

std::string result_of(const answer::TestReply& reply) {
  std::string text = wire::rcode_to_text(reply.rcode);
  for (const Flag& flag : flags) {
    if ((reply.flags & flag.bit) != 0) text += std::string(" ") + flag.name;
  }
  return text;
}

std::string in_lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return text;
}

bool stands_for(const std::string& expected, const std::string& record) {
  const std::string pattern = in_lower_case(expected);
  if (!pattern.ends_with("...")) return pattern == in_lower_case(record);
  return in_lower_case(record).starts_with(pattern.substr(0, pattern.size() - 3));
}

// Each expected line takes one record, and no record is left over.
bool same_records(const std::vector<std::string>& expected, std::vector<std::string> records) {
  for (const std::string& line : expected) {
    const auto found = std::ranges::find_if(
        records, [&](const std::string& record) { return stands_for(line, record); });
    if (found == records.end()) return false;
    records.erase(found);
  }
  return records.empty();
}

void print_section(const char* name, const std::vector<std::string>& records) {
  if (!records.empty()) std::printf("%s\n", name);
  for (const std::string& record : records) std::printf("  %s\n", record.c_str());
}

bool is_right(const Case& asked, const answer::TestReply& reply) {
  return reply.problem.empty() && reply.id == 0xCAFE && result_of(reply) == asked.expected &&
         same_records(asked.answer, reply.answer) &&
         same_records(asked.authority, reply.authority) &&
         same_records(asked.additional, reply.additional);
}

bool run(answer::TestServer& server, const std::string& path, const Case& asked) {
  const Request request = make_request(asked);
  server.client.protocol = request.protocol;
  const auto response = server.ask(request.packet.bytes());
  const answer::TestReply reply = answer::TestReplyReader(response).read();
  if (is_right(asked, reply)) return true;
  std::printf("%s:%zu: %s: %s %s is answered so:\n", path.c_str(), asked.line, asked.title.c_str(),
              asked.qname.c_str(), asked.qtype.c_str());
  if (!reply.problem.empty()) std::printf("problem: %s\n", reply.problem.c_str());
  std::printf("is %s\n", result_of(reply).c_str());
  print_section("answer", reply.answer);
  print_section("authority", reply.authority);
  print_section("additional", reply.additional);
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FILE\n", argv[0]);
    return 2;
  }
  const Scenario scenario = read_scenario(argv[1]);
  answer::TestServer server;
  for (const ZoneText& zone : scenario.zones) {
    if (zone.available) {
      server.add_zone(zone.apex, zone.text);
    } else {
      server.add_unavailable_zone(zone.apex);
    }
  }
  server.policy.zones_complete = scenario.zones_complete;
  CHECK(server.policy.version_bind.assign("holdfast 1"));
  size_t wrong = 0;
  for (const Case& asked : scenario.cases) wrong += run(server, argv[1], asked) ? 0U : 1U;
  std::printf("%zu of %zu answers are right\n", scenario.cases.size() - wrong,
              scenario.cases.size());
  return wrong == 0 && !scenario.cases.empty() ? 0 : 1;
}
