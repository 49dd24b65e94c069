// SPDX-License-Identifier: GPL-3.0-or-later
// Answering never allocates: every kind of answer is given with the allocator counted.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "answer/test_server.h"

namespace {

size_t allocations = 0;

void* allocate(size_t bytes) {
  ++allocations;
  void* memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

void* operator new(size_t bytes) { return allocate(bytes); }
void* operator new[](size_t bytes) { return allocate(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

namespace holdfast::answer {
namespace {

constexpr const char* zone_text = R"($ORIGIN example.test.
$TTL 300
@ SOA ns hostmaster 2024 7200 3600 1209600 60
@ NS ns
@ NSEC alias NS SOA RRSIG NSEC
ns A 192.0.2.1
alias CNAME ns
below DNAME ns
*.wild A 192.0.2.3
cut NS ns.cut
ns.cut A 192.0.2.2
)";

TEST(Allocation, NoneOnTheWayOfAQuery) {
  TestServer server;
  server.add_zone("example.test.", zone_text);
  const zone::MemoryReader zones = server.zones();
  Responder responder(zones, server.policy);
  std::vector<uint8_t> out(65535);
  for (const char* qname :
       {"ns.example.test", "alias.example.test", "x.below.example.test", "y.wild.example.test",
        "x.cut.example.test", "nothing.example.test", "wild.example.test", "www.elsewhere."}) {
    wire::TestPacket packet(1, 0, {1, 0, 0, 1});
    const wire::TestPacket cookie =
        wire::TestPacket().option(wire::option_cookie, wire::TestPacket().text("12345678"));
    packet.question(qname, wire::type_a).opt(cookie, 1232, 0x8000);
    const size_t before = allocations;
    wire::Query query;
    const auto parsed = wire::parse_query(packet.bytes(), query);
    const auto outcome =
        responder.respond(packet.bytes(), parsed, query, server.client, server.now_s, out);
    EXPECT_EQ(allocations, before) << qname;
    EXPECT_GT(outcome.bytes, wire::header_bytes);
  }
  EXPECT_GT(allocations, 0U);  // the counter counts
}

}  // namespace
}  // namespace holdfast::answer
