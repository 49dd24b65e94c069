// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/query.h"

#include <gtest/gtest.h>

#include "wire/test_packet.h"

namespace holdfast::wire {
namespace {

TestPacket query_with_opt(const TestPacket& options) {
  TestPacket packet(0x1234, flag_rd, {1, 0, 0, 1});
  packet.question("www.example.com.", type_a).opt(options);
  return packet;
}

QueryError parse(const TestPacket& packet, Query& query) {
  return parse_query(packet.bytes(), query);
}

QueryError parse(const TestPacket& packet) {
  Query query;
  return parse(packet, query);
}

QueryError parse_options(const TestPacket& options) { return parse(query_with_opt(options)); }

TestPacket bytes_of_size(unsigned size) {
  TestPacket data;
  for (unsigned i = 0; i < size; ++i) data.u8(i);
  return data;
}

TEST(Query, ReadsHeaderAndQuestion) {
  TestPacket packet(0xBEEF, flag_rd | flag_cd | flag_ad, {1, 0, 0, 0});
  packet.question("WwW.example.COM.", type_aaaa, class_ch);
  Query query;
  ASSERT_EQ(parse(packet, query), QueryError::none);
  EXPECT_EQ(query.id, 0xBEEF);
  EXPECT_EQ(query.flags, flag_rd | flag_cd | flag_ad);
  EXPECT_EQ(query.opcode, opcode_query);
  ASSERT_TRUE(query.has_question);
  EXPECT_EQ(query.qname.to_text(), "WwW.example.COM.");
  EXPECT_EQ(query.qtype, type_aaaa);
  EXPECT_EQ(query.qclass, class_ch);
  EXPECT_EQ(query.question_end, packet.bytes().size());
  EXPECT_FALSE(query.edns.present);
  EXPECT_EQ(query.edns.payload_bytes, 512);
  EXPECT_FALSE(query.has_tsig);
}

TEST(Query, EveryPrefixOfAPacketIsRefused) {
  const TestPacket options = TestPacket().option(option_nsid, {}).option(10, bytes_of_size(24));
  const TestPacket packet = query_with_opt(options);
  for (size_t size = 0; size < packet.bytes().size(); ++size) {
    Query query;
    const QueryError expected = size < 12 ? QueryError::too_short : QueryError::malformed;
    EXPECT_EQ(parse_query(packet.bytes().first(size), query), expected) << size;
  }
  EXPECT_EQ(parse(packet), QueryError::none);
}

TEST(Query, ResponsesAreNotQuestions) {
  TestPacket packet(1, flag_qr, {1, 0, 0, 0});
  packet.question("example.com.", type_a);
  EXPECT_EQ(parse(packet), QueryError::is_response);
}

TEST(Query, TakesAnyHeaderBitsAndRcode) {  // RFC 8906 §3.1.3
  TestPacket packet(1, 0x07FF, {1, 0, 0, 0});
  packet.question("example.com.", type_a);
  EXPECT_EQ(parse(packet), QueryError::none);
}

TEST(Query, WantsExactlyOneQuestion) {
  EXPECT_EQ(parse(TestPacket(1, 0, {0, 0, 0, 0})), QueryError::malformed);
  TestPacket two(1, 0, {2, 0, 0, 0});
  two.question("a.", type_a).question("b.", type_a);
  Query query;
  EXPECT_EQ(parse(two, query), QueryError::malformed);
  EXPECT_FALSE(query.has_question);
}

TEST(Query, WithoutAQuestionOnlyForACookie) {  // RFC 7873 §5.4
  Query query;
  TestPacket cookie(1, 0, {0, 0, 0, 1});
  cookie.opt(TestPacket().option(option_cookie, bytes_of_size(8)));
  EXPECT_EQ(parse(cookie, query), QueryError::none);
  EXPECT_FALSE(query.has_question);
  EXPECT_EQ(query.question_end, header_bytes);
  TestPacket nsid(1, 0, {0, 0, 0, 1});
  nsid.opt(TestPacket().option(option_nsid, {}));
  EXPECT_EQ(parse(nsid), QueryError::malformed);
  TestPacket version(1, 0, {0, 0, 0, 1});
  version.opt({}, 1232, 1U << 16);
  EXPECT_EQ(parse(version), QueryError::none);
}

TEST(Query, RefusesBadQuestionNames) {
  const auto question_of = [](std::initializer_list<unsigned> name) {
    TestPacket packet(1, 0, {1, 0, 0, 0});
    packet.raw(name).u16(type_a).u16(class_in);
    return parse(packet);
  };
  EXPECT_EQ(question_of({1, 'a', 0}), QueryError::none);
  EXPECT_EQ(question_of({0}), QueryError::none);
  EXPECT_EQ(question_of({1, 'a', 0xC0, 0}), QueryError::malformed);
  EXPECT_EQ(question_of({0xC0, 12}), QueryError::malformed);
  EXPECT_EQ(question_of({0x40, 'a', 0}), QueryError::malformed);
  EXPECT_EQ(question_of({0x80, 'a', 0}), QueryError::malformed);
}

TEST(Query, BoundsTheQuestionNameAt255Bytes) {
  const auto name_of_last_label = [](unsigned size) {
    TestPacket packet(1, 0, {1, 0, 0, 0});
    for (int i = 0; i < 3; ++i) packet.u8(63).text(std::string(63, 'x'));
    packet.u8(size).text(std::string(size, 'y')).u8(0).u16(type_a).u16(class_in);
    return parse(packet);
  };
  EXPECT_EQ(name_of_last_label(61), QueryError::none);
  EXPECT_EQ(name_of_last_label(62), QueryError::malformed);
}

TEST(Query, ReadsEdns) {
  TestPacket packet(1, 0, {1, 0, 0, 1});
  packet.question("example.com.", type_a).opt({}, 4096, 0x8000);
  Query query;
  ASSERT_EQ(parse(packet, query), QueryError::none);
  EXPECT_TRUE(query.edns.present);
  EXPECT_TRUE(query.edns.dnssec_ok);
  EXPECT_EQ(query.edns.version, 0);
  EXPECT_EQ(query.edns.payload_bytes, 4096);
}

TEST(Query, RaisesASmallPayloadTo512) {  // RFC 6891 §6.2.3
  TestPacket packet(1, 0, {1, 0, 0, 1});
  packet.question("example.com.", type_a).opt({}, 100);
  Query query;
  ASSERT_EQ(parse(packet, query), QueryError::none);
  EXPECT_EQ(query.edns.payload_bytes, 512);
}

TEST(Query, LeavesOptionsOfOtherVersionsUnread) {
  TestPacket packet(1, 0, {1, 0, 0, 1});
  packet.question("example.com.", type_a).opt(TestPacket().raw({1, 2, 3}), 1232, 100U << 16);
  Query query;
  ASSERT_EQ(parse(packet, query), QueryError::none);
  EXPECT_EQ(query.edns.version, 100);
}

TEST(Query, ReadsOptions) {
  TestPacket options;
  options.option(option_nsid, TestPacket().text("payload")).option(option_expire, {});
  options.option(option_keepalive, {}).option(option_padding, bytes_of_size(100));
  options.option(option_zoneversion, {}).option(65001, bytes_of_size(3));
  options.option(option_cookie, bytes_of_size(24));
  const TestPacket packet = query_with_opt(options);  // what the query refers to
  Query query;
  ASSERT_EQ(parse(packet, query), QueryError::none);
  EXPECT_TRUE(query.edns.nsid);
  EXPECT_TRUE(query.edns.expire);
  EXPECT_TRUE(query.edns.keepalive);
  EXPECT_TRUE(query.edns.padding);
  EXPECT_TRUE(query.edns.zoneversion);
  EXPECT_TRUE(query.edns.cookie_present);
  ASSERT_EQ(query.edns.client_cookie.size(), 8);
  ASSERT_EQ(query.edns.server_cookie.size(), 16);
  EXPECT_EQ(query.edns.server_cookie[0], 8);
}

TEST(Query, RefusesBadOptionLengths) {
  EXPECT_EQ(parse_options(TestPacket().u16(option_nsid).u16(4).raw({1, 2, 3})),
            QueryError::malformed);
  EXPECT_EQ(parse_options(TestPacket().u16(option_nsid).u8(0)), QueryError::malformed);
  EXPECT_EQ(parse_options(TestPacket().option(option_nsid, {}).u8(7)), QueryError::malformed);
  EXPECT_EQ(parse_options(TestPacket().option(option_expire, bytes_of_size(3))),
            QueryError::malformed);
}

TEST(Query, IgnoresPayloadsThatMeanNothing) {  // RFC 5001 §2.1, RFC 7828 §3.3.1, RFC 9660 §3.2
  for (const uint16_t code : {option_nsid, option_keepalive, option_zoneversion, option_padding}) {
    EXPECT_EQ(parse_options(TestPacket().option(code, bytes_of_size(3))), QueryError::none) << code;
  }
}

TEST(Query, RefusesCookiesOfWrongLength) {  // RFC 7873 §5.2.2
  for (unsigned size = 0; size <= 60; ++size) {
    const bool good = size == 8 || (size >= 16 && size <= 40);
    EXPECT_EQ(parse_options(TestPacket().option(option_cookie, bytes_of_size(size))),
              good ? QueryError::none : QueryError::malformed)
        << size;
  }
}

TEST(Query, TheFirstOfTwoCookiesCounts) {  // RFC 7873 §5.2
  TestPacket options;
  options.option(option_cookie, bytes_of_size(8)).option(option_cookie, bytes_of_size(40));
  Query query;
  ASSERT_EQ(parse(query_with_opt(options), query), QueryError::none);
  EXPECT_TRUE(query.edns.server_cookie.empty());
}

TEST(Query, RefusesTwoOpts) {  // RFC 6891 §6.1.1
  TestPacket packet(1, 0, {1, 0, 0, 2});
  packet.question("example.com.", type_a).opt({}).opt({});
  Query query;
  EXPECT_EQ(parse(packet, query), QueryError::malformed);
  EXPECT_TRUE(query.has_question);
  EXPECT_TRUE(query.edns.present);
}

TEST(Query, RefusesOptWithAnotherOwner) {
  TestPacket packet(1, 0, {1, 0, 0, 1});
  packet.question("example.com.", type_a).record("example.com.", type_opt, 0, {});
  EXPECT_EQ(parse(packet), QueryError::malformed);
}

TEST(Query, RefusesOptOutsideTheAdditionalSection) {
  TestPacket in_answer(1, 0, {1, 1, 0, 0});
  in_answer.question("example.com.", type_a).opt({});
  EXPECT_EQ(parse(in_answer), QueryError::malformed);
  TestPacket in_authority(1, 0, {1, 0, 1, 0});
  in_authority.question("example.com.", type_a).opt({});
  EXPECT_EQ(parse(in_authority), QueryError::malformed);
}

TEST(Query, WalksOverOtherRecords) {  // as in IXFR, RFC 1995 §3
  TestPacket packet(1, 0, {1, 0, 1, 2});
  packet.question("example.com.", type_ixfr);
  packet.raw({0xC0, 12}).u16(type_soa).u16(class_in).u32(0).u16(4).u32(7);
  packet.record("x.", type_a, 0, TestPacket().u32(1)).opt({});
  Query query;
  ASSERT_EQ(parse(packet, query), QueryError::none);
  EXPECT_TRUE(query.edns.present);
  EXPECT_LT(query.question_end, packet.bytes().size());
}

TEST(Query, RefusesOwnersThatPointForwardsOrIntoTheHeader) {
  for (const unsigned target : {0U, 11U, 29U, 30U, 200U}) {
    TestPacket packet(1, 0, {1, 1, 0, 0});
    packet.question("example.com.", type_a);  // ends at 29
    packet.raw({0xC0, target}).u16(type_a).u16(class_in).u32(0).u16(0);
    EXPECT_EQ(parse(packet), QueryError::malformed) << target;
  }
}

TEST(Query, CountsThatThePacketCannotHoldAreRefused) {
  TestPacket packet(1, 0, {1, 0xFFFF, 0xFFFF, 0xFFFF});
  packet.question("example.com.", type_a);
  EXPECT_EQ(parse(packet), QueryError::malformed);
}

TEST(Query, IgnoresBytesBehindTheLastRecord) {
  TestPacket packet(1, 0, {1, 0, 0, 0});
  packet.question("example.com.", type_a).raw({0, 0, 0});
  EXPECT_EQ(parse(packet), QueryError::none);
}

TEST(Query, NotesTsigWhichMustBeLast) {  // RFC 8945 §5.1
  TestPacket last(1, 0, {1, 0, 0, 2});
  last.question("example.com.", type_a).opt({}).record("key.", type_tsig, 0, {});
  Query query;
  ASSERT_EQ(parse(last, query), QueryError::none);
  EXPECT_TRUE(query.has_tsig);
  TestPacket first(1, 0, {1, 0, 0, 2});
  first.question("example.com.", type_a).record("key.", type_tsig, 0, {}).opt({});
  EXPECT_EQ(parse(first), QueryError::malformed);
  TestPacket in_answer(1, 0, {1, 1, 0, 0});
  in_answer.question("example.com.", type_a).record("key.", type_tsig, 0, {});
  EXPECT_EQ(parse(in_answer), QueryError::malformed);
}

TEST(Query, OtherOpcodesAreReadAsFarAsTheyGo) {  // RFC 8906 §3.1.4
  Query query;
  ASSERT_EQ(parse(TestPacket(1, 15U << 11, {0, 0, 0, 0}), query), QueryError::none);
  EXPECT_EQ(query.opcode, 15);
  EXPECT_FALSE(query.has_question);
  TestPacket update(1, opcode_update << 11, {1, 0, 0, 1});
  update.question("example.com.", type_soa).opt({});
  ASSERT_EQ(parse(update, query), QueryError::none);
  EXPECT_EQ(query.opcode, opcode_update);
  EXPECT_TRUE(query.has_question);
  EXPECT_TRUE(query.edns.present);
  TestPacket garbage(1, 7U << 11, {9, 9, 9, 9});
  garbage.raw({0xFF, 0xFF});
  ASSERT_EQ(parse(garbage, query), QueryError::none);
  EXPECT_FALSE(query.has_question);
}

TEST(Query, KeepsNothingOfTheOneBefore) {
  Query query;
  query.id = 1;
  query.flags = 2;
  query.opcode = 3;
  query.has_question = true;
  query.qtype = 4;
  query.qclass = 5;
  query.question_end = 77;
  query.edns.present = query.edns.nsid = query.edns.cookie_present = true;
  query.has_tsig = true;
  query.tsig_start = 6;
  ASSERT_NE(parse_query({}, query), QueryError::none);
  const Query fresh;
  EXPECT_EQ(query.id, fresh.id);
  EXPECT_EQ(query.flags, fresh.flags);
  EXPECT_EQ(query.opcode, fresh.opcode);
  EXPECT_EQ(query.has_question, fresh.has_question);
  EXPECT_EQ(query.qname.size(), fresh.qname.size());
  EXPECT_EQ(query.qtype, fresh.qtype);
  EXPECT_EQ(query.qclass, fresh.qclass);
  EXPECT_EQ(query.question_end, fresh.question_end);
  EXPECT_FALSE(query.edns.present || query.edns.nsid || query.edns.cookie_present);
  EXPECT_EQ(query.has_tsig, fresh.has_tsig);
  EXPECT_EQ(query.tsig_start, fresh.tsig_start);
}

TEST(Query, StartsAfresh) {
  Query query;
  ASSERT_EQ(parse(query_with_opt(TestPacket().option(option_nsid, {})), query), QueryError::none);
  ASSERT_EQ(parse(TestPacket(2, 0, {0, 0, 0, 0}), query), QueryError::malformed);
  EXPECT_FALSE(query.has_question);
  EXPECT_FALSE(query.edns.present);
  EXPECT_FALSE(query.edns.nsid);
}

}  // namespace
}  // namespace holdfast::wire
