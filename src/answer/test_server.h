// SPDX-License-Identifier: GPL-3.0-or-later
// A server without sockets for tests: zones from text, in zone memory, asked by packets.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "answer/look_ahead.h"
#include "answer/responder.h"
#include "base/check.h"
#include "wire/test_packet.h"
#include "zone/loader.h"
#include "zone/memory.h"

namespace holdfast::answer {

class TestServer {
 public:
  TestServer() : folder_(make_folder()), epochs_(std::make_unique<EpochBoard>()) {
    zone::MemoryOptions options;
    options.path = folder_ + "/zones.mem";
    options.bytes_max = uint64_t{1} << 30;
    options.hash_key = {0x0123456789abcdefULL, 0xfedcba9876543210ULL};
    auto memory = zone::Memory::open(options, *epochs_);
    if (!memory) fail(memory.error().message);
    memory_ = std::make_unique<zone::Memory>(*std::move(memory));
    policy.zones_complete = true;
    client.address = address_;
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer() {
    memory_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  void add_zone(const std::string& apex, const std::string& text) {
    const auto loaded = zone::load_zone_text(text, apex, name(apex), {});
    if (!loaded.contents) {
      for (const zone::Finding& finding : loaded.report.findings) {
        std::fprintf(stderr, "%s\n", finding.to_text().c_str());
      }
      fail("zone " + apex + " does not load");
    }
    const auto published = memory_->publish(*loaded.contents, {});
    if (!published) fail(published.error().message);
  }
  void add_unavailable_zone(const std::string& apex) {
    const auto entered = memory_->publish_unavailable(name(apex));
    if (!entered) fail(entered.error().message);
  }
  void remove_zone(const std::string& apex) {
    CHECK(memory_->remove(name(apex)));
    memory_->reclaim();
  }

  // The response to a packet, empty if there is none; `outcome` says what it was.
  std::vector<uint8_t> ask(Bytes packet, size_t out_bytes = 65535) {
    const zone::MemoryReader zones = memory_->reader();
    Responder responder(zones, policy);
    wire::Query query;
    const wire::QueryError parsed = wire::parse_query(packet, query);
    std::vector<uint8_t> out(out_bytes, 0xEE);
    epochs_->enter(0);
    outcome = responder.respond(packet, parsed, query, client, now_s, out);
    epochs_->leave(0);
    CHECK(outcome.bytes <= out.size());
    out.resize(outcome.bytes);
    return out;
  }

  // The same for packets that were looked up together.
  std::vector<std::vector<uint8_t>> ask_together(std::span<const Bytes> packets,
                                                 size_t out_bytes = 65535) {
    const zone::MemoryReader zones = memory_->reader();
    Responder responder(zones, policy);
    const auto look_ahead = std::make_unique<LookAhead>(zones);
    std::vector<wire::Query> queries(packets.size());
    std::vector<wire::QueryError> parsed(packets.size());
    std::vector<std::vector<uint8_t>> responses;
    std::atomic<uint64_t> in_hand{0};
    epochs_->enter(0);
    for (size_t i = 0; i < packets.size(); ++i) {
      parsed[i] = wire::parse_query(packets[i], queries[i]);
      if (parsed[i] == wire::QueryError::none) look_ahead->add(i, queries[i]);
    }
    look_ahead->run(in_hand, std::array<uint64_t, LookAhead::size_max>{});
    for (size_t i = 0; i < packets.size(); ++i) {
      std::vector<uint8_t>& out = responses.emplace_back(out_bytes, 0xEE);
      outcome = responder.respond(packets[i], parsed[i], queries[i], look_ahead->at(i), client,
                                  now_s, out);
      out.resize(outcome.bytes);
    }
    epochs_->leave(0);
    return responses;
  }

  [[nodiscard]] zone::MemoryReader zones() const { return memory_->reader(); }

  exchange::AnswerPolicy policy;
  exchange::Client client;
  uint32_t now_s = 1'700'000'000;
  Outcome outcome;

 private:
  static std::string make_folder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "holdfast-answer-XXXXXX").string();
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    return pattern;
  }
  static wire::Name name(const std::string& text) {
    const auto parsed = wire::Name::from_text(text);
    if (!parsed) fail(parsed.error().message);
    return *parsed;
  }
  [[noreturn]] static void fail(const std::string& sentence) {
    std::fprintf(stderr, "%s\n", sentence.c_str());
    std::abort();
  }

  std::string folder_;
  std::array<uint8_t, 4> address_{192, 0, 2, 99};
  std::unique_ptr<EpochBoard> epochs_;
  std::unique_ptr<zone::Memory> memory_;
};

}  // namespace holdfast::answer
