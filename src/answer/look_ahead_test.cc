// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer/look_ahead.h"

#include <gtest/gtest.h>

#include "answer/test_server.h"

namespace holdfast::answer {
namespace {

using wire::TestPacket;

constexpr const char* parent_text = R"($ORIGIN example.test.
$TTL 300
@ SOA ns hostmaster 1 7200 3600 1209600 60
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
alias CNAME www
away CNAME www.child.example.test.
*.wild TXT "any"
deep.er.than.usual A 192.0.2.3
tree DNAME www
cut NS ns1.cut
cut NS ns.deep.er.cut
cut NS ns.elsewhere.test.
cut NS ns.below.tree
ns1.cut A 192.0.2.4
ns.deep.er.cut AAAA 2001:db8::4
child NS ns.child
ns.child A 192.0.2.5
)";
constexpr const char* child_text = R"($ORIGIN child.example.test.
$TTL 300
@ SOA ns hostmaster 2 7200 3600 1209600 60
@ NS ns
ns A 192.0.2.5
www A 192.0.2.6
)";
constexpr std::array names = {"example.test.",
                              "www.example.test.",
                              "WWW.Example.TEST.",
                              "no.example.test.",
                              "a.b.c.d.e.example.test.",
                              "alias.example.test.",
                              "x.tree.example.test.",
                              "er.than.usual.example.test.",
                              "away.example.test.",
                              "x.wild.example.test.",
                              "y.x.wild.example.test.",
                              "cut.example.test.",
                              "a.cut.example.test.",
                              "ns1.cut.example.test.",
                              "child.example.test.",
                              "www.child.example.test.",
                              "no.child.example.test.",
                              "broken.test.",
                              "x.broken.test.",
                              "nowhere.",
                              "."};

class LookAheadTest : public testing::Test {
 protected:
  LookAheadTest() {
    server.add_zone("example.test.", parent_text);
    server.add_zone("child.example.test.", child_text);
    server.add_unavailable_zone("broken.test.");
  }
  static std::vector<TestPacket> all_questions() {
    std::vector<TestPacket> packets;
    for (const uint16_t type : {wire::type_a, wire::type_ns, wire::type_ds, wire::type_any}) {
      for (const char* name : names) {
        packets.push_back(
            TestPacket(7, 0, {1, 0, 0, 1}).question(name, type).opt({}, 1232, 0x8000));
      }
    }
    return packets;
  }

  TestServer server;
};

TEST_F(LookAheadTest, ChangesNoAnswer) {
  const std::vector<TestPacket> packets = all_questions();
  for (size_t first = 0; first < packets.size(); first += LookAhead::size_max) {
    std::vector<Bytes> batch;
    for (size_t i = first; i < std::min(packets.size(), first + LookAhead::size_max); ++i) {
      batch.push_back(packets[i].bytes());
    }
    const auto together = server.ask_together(batch);
    for (size_t i = 0; i < batch.size(); ++i) {
      EXPECT_EQ(together[i], server.ask(batch[i])) << "question " << first + i;
    }
  }
}

TEST_F(LookAheadTest, SaysWhichQuestionItWorksOn) {
  const std::vector<TestPacket> packets = all_questions();
  std::array<wire::Query, 2> queries;
  const zone::MemoryReader zones = server.zones();
  const auto look_ahead = std::make_unique<LookAhead>(zones);
  for (size_t i = 0; i < queries.size(); ++i) {
    ASSERT_EQ(wire::parse_query(packets[i].bytes(), queries[i]), wire::QueryError::none);
  }
  std::array<uint64_t, LookAhead::size_max> marks{};
  for (size_t i = 0; i < marks.size(); ++i) marks[i] = 100 + i;
  std::atomic<uint64_t> in_hand{0};
  for (const size_t index : {5u, 9u}) {
    const auto alone = std::make_unique<LookAhead>(zones);
    alone->add(index, queries[0]);
    alone->run(in_hand, marks);
    EXPECT_EQ(in_hand.load(), 100 + index);
  }
  look_ahead->add(5, queries[0]);
  look_ahead->add(9, queries[1]);
  look_ahead->run(in_hand, marks);
  EXPECT_EQ(in_hand.load(), 109u) << "the last one that it worked on";
}

TEST_F(LookAheadTest, KnowsNothingOfWhatWasNotAdded) {
  const zone::MemoryReader zones = server.zones();
  const auto look_ahead = std::make_unique<LookAhead>(zones);
  wire::Query query;
  const TestPacket chaos = TestPacket(7, 0, {1, 0, 0, 0}).question("version.bind.", 16, 3);
  ASSERT_EQ(wire::parse_query(chaos.bytes(), query), wire::QueryError::none);
  look_ahead->add(0, query);
  EXPECT_EQ(look_ahead->at(0), nullptr) << "class CH is not in zone memory";
  const TestPacket packet = TestPacket(7, 0, {1, 0, 0, 0}).question("www.example.test.", 1);
  ASSERT_EQ(wire::parse_query(packet.bytes(), query), wire::QueryError::none);
  look_ahead->add(0, query);
  EXPECT_NE(look_ahead->at(0), nullptr);
  look_ahead->begin();
  EXPECT_EQ(look_ahead->at(0), nullptr) << "the next batch";
}

}  // namespace
}  // namespace holdfast::answer
