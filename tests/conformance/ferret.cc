// SPDX-License-Identifier: GPL-3.0-or-later
// Asks every question of the Ferret set with its zone alone in the server.
//
// usage: conformance_ferret SOURCE_DIRECTORY. Exits with 1 on a wrong answer, 77 without the data.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "answer/test_reply.h"
#include "answer/test_server.h"
#include "ferret_judge.h"

namespace {

using namespace holdfast;
using namespace holdfast::conformance;

constexpr int exit_skipped = 77;

std::string find_data(const char* source_directory) {
  std::vector<std::filesystem::path> folders;
  if (const char* shared = std::getenv("HOLDFAST_SHARED")) folders.emplace_back(shared);
  folders.push_back(std::filesystem::path(source_directory) / "../shared");
  for (const auto& folder : folders) {
    const auto file = folder / "conformance/ferret.jsonl.xz";
    if (std::filesystem::exists(file)) return file.string();
  }
  return {};
}

struct ClosePipe {
  void operator()(FILE* pipe) const { pclose(pipe); }
};

// Calls `visit(line)` for each line of a compressed file; false if it cannot be read.
template <typename Visit>
bool for_each_line(const std::string& path, Visit&& visit) {
  const std::string command = "xz -dc '" + path + "'";
  const std::unique_ptr<FILE, ClosePipe> pipe(popen(command.c_str(), "r"));
  if (!pipe) return false;
  std::string line;
  char part[4096];
  while (std::fgets(part, sizeof part, pipe.get()) != nullptr) {
    line += part;
    if (!line.ends_with('\n')) continue;
    visit(line);
    line.clear();
  }
  return true;
}

Given ask(answer::TestServer& server, const FerretCase& ferret_case) {
  const auto qtype = wire::type_from_text(ferret_case.qtype);
  CHECK(qtype.has_value());
  wire::TestPacket packet(1, 0, {1, 0, 0, 0});
  packet.question(ferret_case.qname, *qtype);
  server.add_zone(ferret_case.apex, ferret_case.zone);
  const auto response = server.ask(packet.bytes());
  server.remove_zone(ferret_case.apex);
  const auto reply = answer::TestReplyReader(response).read();
  CHECK(reply.problem.empty());
  Given ours;
  ours.servers = "ours ";
  ours.rcode = wire::rcode_to_text(reply.rcode);
  ours.authoritative = (reply.flags & wire::flag_aa) != 0;
  for (const auto& line : reply.answer) ours.answer.insert(normalize(line));
  for (const auto& line : reply.authority) ours.authority.insert(normalize(line));
  for (const auto& line : reply.additional) ours.additional.insert(normalize(line));
  return ours;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s SOURCE_DIRECTORY\n", argv[0]);
    return 2;
  }
  const std::string path = find_data(argv[1]);
  if (path.empty()) {
    std::printf("skipped: no conformance/ferret.jsonl.xz in HOLDFAST_SHARED or ../shared\n");
    return exit_skipped;
  }
  answer::TestServer server;
  size_t cases = 0;
  size_t wrong = 0;
  const bool was_read = for_each_line(path, [&](const std::string& line) {
    const FerretCase ferret_case = read_case(line);
    const std::string verdict = judge(ferret_case, ask(server, ferret_case));
    ++cases;
    if (verdict.empty()) return;
    ++wrong;
    std::printf("%s\n", verdict.c_str());
  });
  std::printf("%zu of %zu cases are right\n", cases - wrong, cases);
  return was_read && cases > 0 && wrong == 0 ? 0 : 1;
}
