// SPDX-License-Identifier: GPL-3.0-or-later
// What the header and EDNS of a request lead to; what the sections hold is told by scenarios.
#include "answer/responder.h"

#include <gtest/gtest.h>

#include "answer/edns.h"
#include "answer/test_reply.h"
#include "answer/test_server.h"

namespace holdfast::answer {
namespace {

using Octets = std::vector<uint8_t>;
using wire::TestPacket;

constexpr const char* zone_text = R"($ORIGIN example.test.
$TTL 300
@ SOA ns hostmaster 2024 7200 3600 1209600 60
@ NS ns
ns A 192.0.2.1
cut NS ns.cut
ns.cut A 192.0.2.2
big TXT "@LONG@" "@LONG@" "@LONG@"
)";

class ResponderTest : public testing::Test {
 protected:
  TestServer server;

  ResponderTest() {
    std::string text = zone_text;
    for (size_t at = text.find("@LONG@"); at != std::string::npos; at = text.find("@LONG@")) {
      text.replace(at, 6, std::string(200, 'x'));
    }
    server.add_zone("example.test.", text);
  }

  TestReply ask(const TestPacket& packet) {
    response = server.ask(packet.bytes());
    return TestReplyReader(response).read();
  }
  TestReply ask_with_options(const TestPacket& options, const char* qname = "ns.example.test",
                             uint16_t qtype = wire::type_a) {
    TestPacket packet(7, 0, {1, 0, 0, 1});
    packet.question(qname, qtype).opt(options);
    return ask(packet);
  }
  static TestPacket plain(const char* qname, uint16_t qtype = wire::type_a, uint16_t flags = 0) {
    TestPacket packet(7, flags, {1, 0, 0, 0});
    packet.question(qname, qtype);
    return packet;
  }
  static uint16_t extended_error(const TestReply& reply) {
    const auto* value = reply.option(wire::option_ede);
    return value != nullptr && value->size() == 2 ? load_be16(value->data()) : 0xFFFF;
  }

  Octets response;
};

TEST_F(ResponderTest, NeverAnswersResponsesOrHalfHeaders) {
  EXPECT_TRUE(server.ask(plain("ns.example.test", wire::type_a, wire::flag_qr).bytes()).empty());
  EXPECT_EQ(server.outcome.silence, Silence::is_response);
  EXPECT_TRUE(server.ask(plain("ns.example.test").bytes().first(11)).empty());
  EXPECT_EQ(server.outcome.silence, Silence::too_short);
}

// RFC 1035 §4.1.1, RFC 4035 §3.1.6, RFC 8906 §8.1.3.
TEST_F(ResponderTest, CopiesRdAndCdAndNoOtherFlag) {
  const auto all = wire::flag_rd | wire::flag_cd | wire::flag_ad | wire::flag_ra | wire::flag_aa |
                   wire::flag_tc | 0x0040;
  const auto reply = ask(plain("ns.example.test", wire::type_a, static_cast<uint16_t>(all)));
  EXPECT_EQ(reply.flags, wire::flag_qr | wire::flag_aa | wire::flag_rd | wire::flag_cd);
  EXPECT_EQ(reply.id, 7);
  EXPECT_FALSE(reply.has_opt);
}

TEST_F(ResponderTest, UnknownOpcodesAreNotImplemented) {  // RFC 8906 §8.1.4
  for (const unsigned opcode : {1U, 2U, 3U, 4U, 5U, 6U, 15U}) {
    const auto reply =
        ask(plain("example.test", wire::type_soa, static_cast<uint16_t>(opcode << 11)));
    EXPECT_EQ(reply.rcode, wire::rcode_notimp);
    EXPECT_EQ((reply.flags >> 11) & 15U, opcode);
  }
  const auto header_only = ask(TestPacket(9, 15 << 11, {0, 0, 0, 0}));
  EXPECT_EQ(header_only.rcode, wire::rcode_notimp);
  EXPECT_EQ(response.size(), wire::header_bytes);
}

TEST_F(ResponderTest, MalformedRequestsGetFormerr) {
  const auto two_questions =
      ask(TestPacket(9, 0, {2, 0, 0, 0}).question("a.", 1).question("b.", 1));
  EXPECT_EQ(two_questions.rcode, wire::rcode_formerr);
  const auto none = ask(TestPacket(9, 0, {0, 0, 0, 0}));
  EXPECT_EQ(none.rcode, wire::rcode_formerr);
  const auto bad_cookie =
      ask_with_options(TestPacket().option(wire::option_cookie, TestPacket().text("seven77")));
  EXPECT_EQ(bad_cookie.rcode, wire::rcode_formerr);
  EXPECT_EQ(server.outcome.kind, Kind::error);
}

TEST_F(ResponderTest, OtherVersionsOfEdnsGetBadvers) {  // RFC 6891 §6.1.3
  TestPacket packet(7, 0, {1, 0, 0, 1});
  packet.question("ns.example.test", wire::type_a).opt({}, 1232, 1U << 16 | 0x8000);
  const auto reply = ask(packet);
  EXPECT_EQ(reply.rcode, wire::rcode_badvers);
  EXPECT_EQ((reply.opt_ttl >> 16) & 0xFF, 0U);  // our version
  EXPECT_TRUE(reply.answer.empty());
  EXPECT_EQ(server.outcome.rcode, wire::rcode_badvers);
}

TEST_F(ResponderTest, EdnsIsAnsweredWithOurPayloadAndTheDoBitAsAsked) {
  TestPacket packet(7, 0, {1, 0, 0, 1});
  packet.question("ns.example.test", wire::type_a).opt({}, 4096, 0x8000 | 0x4000);
  const auto reply = ask(packet);
  EXPECT_EQ(reply.opt_payload_bytes, 1232);
  EXPECT_EQ(reply.opt_ttl, 0x8000U);  // RFC 6891 §6.1.4: unknown flags stay zero
  EXPECT_TRUE(reply.options.empty());
}

TEST_F(ResponderTest, UnknownOptionsAreIgnored) {
  const auto reply = ask_with_options(TestPacket().option(100, TestPacket().text("x")));
  EXPECT_EQ(reply.rcode, wire::rcode_noerror);
  EXPECT_EQ(reply.answer.size(), 1U);
  EXPECT_TRUE(reply.options.empty());
}

TEST_F(ResponderTest, SizeIsBoundedByClientAndPolicy) {
  EXPECT_EQ(ask(plain("big.example.test", wire::type_txt)).flags & wire::flag_tc, wire::flag_tc);
  EXPECT_TRUE(server.outcome.truncated);
  TestPacket offers(7, 0, {1, 0, 0, 1});
  offers.question("big.example.test", wire::type_txt).opt({}, 1232);
  EXPECT_EQ(ask(offers).answer.size(), 1U);
  server.policy.udp_payload_bytes_max = 600;
  EXPECT_EQ(ask(offers).flags & wire::flag_tc, wire::flag_tc);
  EXPECT_EQ(ask(offers).opt_payload_bytes, 600);
  server.client.protocol = exchange::Protocol::tcp;
  EXPECT_EQ(ask(plain("big.example.test", wire::type_txt)).answer.size(), 1U);
}

TEST_F(ResponderTest, Nsid) {  // RFC 5001
  const TestPacket asked = TestPacket().option(wire::option_nsid, {});
  EXPECT_EQ(ask_with_options(asked).option(wire::option_nsid), nullptr);
  ASSERT_TRUE(server.policy.nsid.assign("ams1"));
  const auto reply = ask_with_options(asked);
  ASSERT_NE(reply.option(wire::option_nsid), nullptr);
  EXPECT_EQ(*reply.option(wire::option_nsid), (Octets{'a', 'm', 's', '1'}));
}

TEST_F(ResponderTest, ExpireIsToldByTheAuthority) {  // RFC 7314 §2, §3.1, §3.3
  const TestPacket asked = TestPacket().option(wire::option_expire, {});
  const auto reply = ask_with_options(asked, "example.test", wire::type_soa);
  ASSERT_NE(reply.option(wire::option_expire), nullptr);
  EXPECT_EQ(load_be32(reply.option(wire::option_expire)->data()), 1209600U);
  EXPECT_NE(ask_with_options(asked).option(wire::option_expire), nullptr);
  EXPECT_NE(ask_with_options(asked, "nothing.example.test").option(wire::option_expire), nullptr);
  EXPECT_EQ(ask_with_options(asked, "x.cut.example.test").option(wire::option_expire), nullptr);
  EXPECT_EQ(ask_with_options(asked, "elsewhere.").option(wire::option_expire), nullptr);
}

TEST_F(ResponderTest, ZoneversionTellsLabelsAndSerial) {  // RFC 9660 §2, §3.2
  const TestPacket asked = TestPacket().option(wire::option_zoneversion, {});
  const Octets version{2, 0, 0, 0, 7, 232};
  for (const char* qname : {"ns.example.test", "nothing.example.test", "x.cut.example.test"}) {
    const auto reply = ask_with_options(asked, qname);
    ASSERT_NE(reply.option(wire::option_zoneversion), nullptr) << qname;
    EXPECT_EQ(*reply.option(wire::option_zoneversion), version);
  }
  EXPECT_EQ(ask_with_options(asked, "elsewhere.").option(wire::option_zoneversion), nullptr);
}

TEST_F(ResponderTest, KeepaliveOverTcpAlone) {  // RFC 7828 §3.3.2
  const TestPacket asked = TestPacket().option(wire::option_keepalive, {});
  EXPECT_EQ(ask_with_options(asked).option(wire::option_keepalive), nullptr);
  server.client.protocol = exchange::Protocol::tcp;
  const auto reply = ask_with_options(asked);
  ASSERT_NE(reply.option(wire::option_keepalive), nullptr);
  EXPECT_EQ(load_be16(reply.option(wire::option_keepalive)->data()), 100);
}

TEST_F(ResponderTest, PaddingOverEncryptedTransportsAlone) {  // RFC 7830 §4, RFC 8467 §4.1
  const TestPacket asked = TestPacket().option(wire::option_padding, {});
  server.client.protocol = exchange::Protocol::tcp;
  EXPECT_EQ(ask_with_options(asked).option(wire::option_padding), nullptr);
  server.client.encrypted = true;
  EXPECT_NE(ask_with_options(asked).option(wire::option_padding), nullptr);
  EXPECT_EQ(response.size(), padding_block_bytes);
  const auto longer = ask_with_options(asked, "big.example.test", wire::type_txt);
  EXPECT_TRUE(longer.problem.empty());
  EXPECT_EQ(response.size(), 2 * padding_block_bytes);
}

TEST_F(ResponderTest, CookieComesBackWithAServerCookie) {  // RFC 7873 §5.2
  const auto reply =
      ask_with_options(TestPacket().option(wire::option_cookie, TestPacket().text("client 8")));
  ASSERT_NE(reply.option(wire::option_cookie), nullptr);
  const Octets cookie = *reply.option(wire::option_cookie);
  ASSERT_EQ(cookie.size(), 24U);
  EXPECT_EQ(Octets(cookie.begin(), cookie.begin() + 8),
            (Octets{'c', 'l', 'i', 'e', 'n', 't', ' ', '8'}));
  EXPECT_EQ(server.outcome.cookie, CookieStatus::client_only);
  const auto again =
      ask_with_options(TestPacket().option(wire::option_cookie, TestPacket().raw(cookie)));
  EXPECT_EQ(server.outcome.cookie, CookieStatus::valid);
  EXPECT_EQ(*again.option(wire::option_cookie), cookie);
}

TEST_F(ResponderTest, ACookieMayBeAskedForAlone) {  // RFC 7873 §5.4
  TestPacket packet(7, 0, {0, 0, 0, 1});
  packet.opt(TestPacket().option(wire::option_cookie, TestPacket().text("client 8")));
  const auto reply = ask(packet);
  EXPECT_EQ(reply.rcode, wire::rcode_noerror);
  EXPECT_TRUE(reply.question.empty());
  EXPECT_NE(reply.option(wire::option_cookie), nullptr);
}

TEST_F(ResponderTest, EveryRefusalSaysWhy) {  // RFC 8914 §4
  server.add_unavailable_zone("broken.test.");
  const auto outside = ask_with_options({}, "www.elsewhere.test");
  EXPECT_EQ(outside.rcode, wire::rcode_refused);
  EXPECT_EQ(extended_error(outside), wire::ede_not_authoritative);
  EXPECT_EQ(server.outcome.kind, Kind::refused);
  const auto broken = ask_with_options({}, "www.broken.test");
  EXPECT_EQ(broken.rcode, wire::rcode_servfail);
  EXPECT_EQ(extended_error(broken), wire::ede_invalid_data);
  const auto transfer = ask_with_options({}, "example.test", wire::type_axfr);
  EXPECT_EQ(transfer.rcode, wire::rcode_refused);
  EXPECT_EQ(extended_error(transfer), wire::ede_prohibited);
  const auto meta = ask_with_options({}, "example.test", 200);
  EXPECT_EQ(meta.rcode, wire::rcode_notimp);
  EXPECT_EQ(extended_error(meta), wire::ede_not_supported);
  server.policy.zones_complete = false;
  const auto loading = ask_with_options({}, "www.elsewhere.test");
  EXPECT_EQ(loading.rcode, wire::rcode_servfail);
  EXPECT_EQ(extended_error(loading), wire::ede_not_ready);
  EXPECT_EQ(ask_with_options({}).rcode, wire::rcode_noerror);  // what is loaded is answered
}

TEST_F(ResponderTest, ATsigIsAnsweredWithBadkey) {  // RFC 8945 §5.2.1
  TestPacket tsig;
  tsig.name("hmac-sha256.")
      .u16(0)
      .u32(1700000000)
      .u16(300)
      .u16(4)
      .text("0123")
      .u16(7)
      .u16(0)
      .u16(0);
  TestPacket packet(7, 0, {1, 0, 0, 1});
  packet.question("ns.example.test", wire::type_a).record("key.name.", wire::type_tsig, 0, tsig);
  const auto reply = ask(packet);
  EXPECT_EQ(reply.rcode, wire::rcode_notauth);
  EXPECT_TRUE(reply.has_tsig);
  EXPECT_TRUE(reply.answer.empty());
  // No MAC, the ID as it came, BADKEY, no other data.
  EXPECT_EQ(Octets(response.end() - 8, response.end()), (Octets{0, 0, 0, 7, 0, 17, 0, 0}));

  TestPacket short_tsig(7, 0, {1, 0, 0, 1});
  short_tsig.question("ns.example.test", wire::type_a)
      .record("key.name.", wire::type_tsig, 0, TestPacket().text("x"));
  EXPECT_EQ(ask(short_tsig).rcode, wire::rcode_formerr);
}

TEST_F(ResponderTest, OutcomeTellsTheKind) {
  const auto kind_of = [&](const char* qname, uint16_t qtype) {
    ask(plain(qname, qtype));
    return server.outcome.kind;
  };
  EXPECT_EQ(kind_of("ns.example.test", wire::type_a), Kind::positive);
  EXPECT_EQ(kind_of("ns.example.test", wire::type_mx), Kind::no_data);
  EXPECT_EQ(kind_of("nothing.example.test", wire::type_a), Kind::name_error);
  EXPECT_EQ(kind_of("x.cut.example.test", wire::type_a), Kind::referral);
}

}  // namespace
}  // namespace holdfast::answer
