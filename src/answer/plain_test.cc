// SPDX-License-Identifier: GPL-3.0-or-later
// Plain answers against those of the long way, byte by byte.
#include "answer/plain.h"

#include <gtest/gtest.h>

#include "answer/test_server.h"

namespace holdfast::answer {
namespace {

using wire::TestPacket;
using Octets = std::vector<uint8_t>;

constexpr const char* zone_text = R"($ORIGIN example.test.
$TTL 300
@ SOA ns1 host.ns1 1 7200 3600 1209600 60
@ NS ns1
ns1 A 192.0.2.1
www A 192.0.2.2
www A 192.0.2.3
www AAAA 2001:db8::2
www TXT "one" "two"
alias CNAME www
mail MX 10 www
tree DNAME www
a.b.c A 192.0.2.4
*.wild A 192.0.2.5
cut NS ns1.cut
ns1.cut A 192.0.2.6
)";
// Its SOA names others: in a sibling, and in no zone of ours.
constexpr const char* other_text = R"($ORIGIN other.test.
$TTL 300
@ SOA NS.Example.TEST. hostmaster.elsewhere. 1 7200 3600 1209600 600
@ NS ns1.example.test.
www A 192.0.2.7
)";
constexpr std::array names = {"example.test.",
                              "www.example.test.",
                              "WWW.Example.TEST.",
                              "no.example.test.",
                              "NO.eXample.test.",
                              "a.no.example.test.",
                              "ns1.example.test.",
                              "host.ns1.example.test.",
                              "x.ns1.example.test.",
                              "c.example.test.",
                              "alias.example.test.",
                              "mail.example.test.",
                              "x.tree.example.test.",
                              "tree.example.test.",
                              "x.wild.example.test.",
                              "a.cut.example.test.",
                              "other.test.",
                              "no.other.test.",
                              "ns.example.test.",
                              "www.other.test.",
                              "nowhere.",
                              "test.",
                              "."};
constexpr std::array<uint16_t, 9> types = {wire::type_a,  wire::type_aaaa, wire::type_txt,
                                           wire::type_ns, wire::type_soa,  wire::type_mx,
                                           wire::type_ds, wire::type_any,  wire::type_rrsig};

class PlainTest : public testing::Test {
 protected:
  PlainTest() {
    server.add_zone("example.test.", zone_text);
    server.add_zone("other.test.", other_text);
  }

  // Without EDNS, with it, and with DO.
  static std::vector<TestPacket> all_questions() {
    std::vector<TestPacket> packets;
    for (const uint16_t type : types) {
      for (const char* name : names) {
        packets.push_back(TestPacket(7, wire::flag_rd, {1, 0, 0, 0}).question(name, type));
        packets.push_back(TestPacket(8, 0, {1, 0, 0, 1}).question(name, type).opt({}, 1232));
        packets.push_back(
            TestPacket(9, wire::flag_cd, {1, 0, 0, 1}).question(name, type).opt({}, 600, 0x8000));
      }
    }
    return packets;
  }

  // The plain answer, or nothing.
  std::optional<Octets> plain(Bytes packet, size_t room = 512) {
    const zone::MemoryReader zones = server.zones();
    wire::Query query;
    EXPECT_EQ(wire::parse_query(packet, query), wire::QueryError::none);
    zone::NameSearch search;
    search.run(zones, query.qname);
    Octets out(room, 0xEE);
    Outcome outcome;
    if (!answers.write({packet, query, search, zones}, 1232, out, outcome)) return std::nullopt;
    out.resize(outcome.bytes);
    return out;
  }
  std::optional<Octets> plain(const char* name, uint16_t type) {
    return plain(TestPacket(7, 0, {1, 0, 0, 0}).question(name, type).bytes());
  }

  TestServer server;
  PlainAnswers answers;
};

// Twice, as the SOA is kept from the first time on.
TEST_F(PlainTest, AreThoseOfTheLongWay) {
  size_t count = 0;
  for (int round = 0; round < 2; ++round) {
    for (const TestPacket& packet : all_questions()) {
      const auto found = plain(packet.bytes());
      if (!found) continue;
      ++count;
      EXPECT_EQ(*found, server.ask(packet.bytes())) << "plain answer " << count;
    }
  }
  EXPECT_GT(count, 100U);
}

TEST_F(PlainTest, AreMadeForWhatMostAsk) {
  EXPECT_TRUE(plain("www.example.test.", wire::type_a));
  EXPECT_TRUE(plain("www.example.test.", wire::type_mx)) << "no data";
  EXPECT_TRUE(plain("c.example.test.", wire::type_a)) << "an empty non-terminal";
  EXPECT_TRUE(plain("no.example.test.", wire::type_a)) << "no such name";
  EXPECT_TRUE(plain("no.other.test.", wire::type_a));
}

TEST_F(PlainTest, LeaveOthersToTheLongWay) {
  EXPECT_FALSE(plain("alias.example.test.", wire::type_a));
  EXPECT_FALSE(plain("mail.example.test.", wire::type_mx)) << "a name to compress";
  EXPECT_FALSE(plain("x.tree.example.test.", wire::type_a));
  EXPECT_FALSE(plain("x.wild.example.test.", wire::type_a));
  EXPECT_FALSE(plain("a.cut.example.test.", wire::type_a));
  EXPECT_FALSE(plain("x.ns1.example.test.", wire::type_a)) << "the SOA can point to its name";
  EXPECT_FALSE(plain("www.example.test.", wire::type_any));
  EXPECT_FALSE(plain("nowhere.", wire::type_a));
  EXPECT_FALSE(plain(TestPacket(7, 0, {1, 0, 0, 1})
                         .question("www.example.test.", wire::type_a)
                         .opt(TestPacket().option(wire::option_nsid, {}))
                         .bytes()));
}

TEST_F(PlainTest, FitOrAreLeft) {
  const TestPacket packet =
      TestPacket(7, 0, {1, 0, 0, 1}).question("www.example.test.", wire::type_a).opt({}, 1232);
  const size_t size = plain(packet.bytes())->size();
  EXPECT_TRUE(plain(packet.bytes(), size));
  EXPECT_FALSE(plain(packet.bytes(), size - 1));
  const TestPacket denied =
      TestPacket(7, 0, {1, 0, 0, 0}).question("no.example.test.", wire::type_a);
  const size_t denied_size = plain(denied.bytes())->size();
  EXPECT_TRUE(plain(denied.bytes(), denied_size));
  EXPECT_FALSE(plain(denied.bytes(), denied_size - 1));
}

TEST_F(PlainTest, FollowTheZonesSoa) {
  const TestPacket packet =
      TestPacket(7, 0, {1, 0, 0, 0}).question("no.example.test.", wire::type_a);
  const auto before = plain(packet.bytes());
  std::string text = zone_text;
  text.replace(text.find("host.ns1 1"), 10, "admin 2222");
  server.add_zone("example.test.", text);
  const auto after = plain(packet.bytes());
  ASSERT_TRUE(before && after);
  EXPECT_NE(*before, *after);
  EXPECT_EQ(*after, server.ask(packet.bytes()));
}

// More zones than are kept at a time, and the root, whose name has nothing to point to.
TEST_F(PlainTest, ServeManyZonesInTurn) {
  server.add_zone(".",
                  ". 300 SOA a.root.net. b.root.net. 1 7200 3600 1209600 60\n. 300 NS a.net.\n");
  for (int i = 0; i < 200; ++i) {
    const std::string apex = "z" + std::to_string(i) + ".";
    server.add_zone(apex, "@ 300 SOA ns host 1 7200 3600 1209600 60\n@ 300 NS ns.z0.\n");
  }
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 202; ++i) {
      const std::string name =
          i < 200 ? "no.z" + std::to_string(i) + "." : (i == 200 ? "none." : "x.net.");
      const TestPacket packet = TestPacket(7, 0, {1, 0, 0, 0}).question(name, wire::type_a);
      const auto found = plain(packet.bytes());
      EXPECT_EQ(found.has_value(), i != 201) << name;
      if (found) {
        EXPECT_EQ(*found, server.ask(packet.bytes())) << name;
      }
    }
  }
}

}  // namespace
}  // namespace holdfast::answer
