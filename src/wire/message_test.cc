// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "wire/rdata_text.h"
#include "wire/test_packet.h"

namespace holdfast::wire {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Step = MessageReader::Step;

struct Reading {
  std::vector<std::string> items;
  Step last = Step::item;
};

// "section owner ttl IN type rdata" of each record.
Reading read_all(Bytes message) {
  std::vector<uint8_t> scratch(rdata_bytes_max);
  MessageReader reader(message, scratch);
  Reading reading;
  MessageRecord record;
  while ((reading.last = reader.next_record(record)) == Step::item) {
    reading.items.push_back(std::to_string(static_cast<int>(record.section)) + " " +
                            record_to_text(record.owner, record.type, record.ttl, record.rdata));
  }
  return reading;
}

// A question for example.com. (at 12) and what follows.
TestPacket reply(unsigned answers, unsigned authorities = 0, unsigned additionals = 0) {
  TestPacket packet(7, flag_qr | flag_aa | 3,
                    {1, static_cast<uint16_t>(answers), static_cast<uint16_t>(authorities),
                     static_cast<uint16_t>(additionals)});
  packet.question("example.com.", type_any);
  return packet;
}

TestPacket& compressed(TestPacket& packet, unsigned type, const TestPacket& rdata) {
  return packet.raw({0xC0, 12})
      .u16(type)
      .u16(class_in)
      .u32(60)
      .u16(rdata.size())
      .raw(rdata.bytes());
}

TEST(Message, ReadsHeaderAndQuestions) {
  const TestPacket packet = reply(0);
  MessageReader reader(packet.bytes(), {});
  EXPECT_EQ(reader.header().id, 7);
  EXPECT_EQ(reader.header().rcode(), 3);
  EXPECT_EQ(reader.header().opcode(), 0);
  MessageQuestion question;
  ASSERT_EQ(reader.next_question(question), Step::item);
  EXPECT_EQ(question.name.view().to_text(), "example.com.");
  EXPECT_EQ(question.type, type_any);
  EXPECT_EQ(reader.next_question(question), Step::end);
}

TEST(Message, ReadsRecordsBySection) {
  TestPacket packet = reply(1, 1, 2);
  compressed(packet, type_a, TestPacket().raw({192, 0, 2, 1}));
  compressed(packet, type_ns, TestPacket().raw({2, 'n', 's', 0xC0, 12}));
  compressed(packet, type_mx, TestPacket().u16(5).raw({0xC0, 12}));
  packet.opt({});
  const Reading reading = read_all(packet.bytes());
  EXPECT_EQ(reading.last, Step::end);
  EXPECT_THAT(
      reading.items,
      ElementsAre("0 example.com. 60 IN A 192.0.2.1", "1 example.com. 60 IN NS ns.example.com.",
                  "2 example.com. 60 IN MX 5 example.com.", "2 . 0 IN OPT \\# 0"));
}

TEST(Message, ExpandsNamesOfAllTypesThatMayArriveCompressed) {
  TestPacket packet = reply(5);
  const TestPacket pointer = TestPacket().raw({0xC0, 12});
  compressed(
      packet, type_soa,
      TestPacket().raw(pointer.bytes()).raw({1, 'a', 0xC0, 12}).u32(1).u32(2).u32(3).u32(4).u32(5));
  compressed(packet, type_srv, TestPacket().u16(1).u16(2).u16(3).raw(pointer.bytes()));
  compressed(packet, type_naptr,
             TestPacket().u16(1).u16(2).raw({1, 'u', 0, 1, 'x'}).raw(pointer.bytes()));
  compressed(packet, type_rp, TestPacket().raw(pointer.bytes()).raw(pointer.bytes()));
  compressed(packet, type_nxt, TestPacket().raw(pointer.bytes()).u8(0x40));
  EXPECT_THAT(read_all(packet.bytes()).items,
              ElementsAre("0 example.com. 60 IN SOA example.com. a.example.com. 1 2 3 4 5",
                          "0 example.com. 60 IN SRV 1 2 3 example.com.",
                          "0 example.com. 60 IN NAPTR 1 2 \"u\" \"\" \"x\" example.com.",
                          "0 example.com. 60 IN RP example.com. example.com.",
                          "0 example.com. 60 IN NXT example.com. A"));
}

TEST(Message, EmptyRdataOfUpdatesIsTaken) {  // RFC 2136 §2.4.1
  TestPacket packet = reply(1);
  compressed(packet, type_ns, {});
  EXPECT_EQ(read_all(packet.bytes()).last, Step::end);
}

TEST(Message, StopsAtTheFirstFault) {
  for (const TestPacket& rdata :
       {TestPacket().raw({0xC0, 60}), TestPacket().raw({0xC0, 41}), TestPacket().raw({5, 'a'})}) {
    TestPacket packet = reply(2);
    compressed(packet, type_ns, rdata);
    compressed(packet, type_a, TestPacket().u32(1));
    const Reading reading = read_all(packet.bytes());
    EXPECT_EQ(reading.last, Step::fault);
    EXPECT_THAT(reading.items, IsEmpty());
  }
}

TEST(Message, ANameEndsWithinItsRdata) {
  TestPacket packet = reply(1);
  packet.raw({0xC0, 12}).u16(type_ns).u16(class_in).u32(60).u16(2).raw({1, 'a', 0});
  EXPECT_EQ(read_all(packet.bytes()).last, Step::fault);
}

TEST(Message, EveryPrefixIsAFault) {
  TestPacket packet = reply(1, 0, 1);
  compressed(packet, type_ns, TestPacket().raw({0xC0, 12})).opt({});
  for (size_t size = 0; size < packet.bytes().size(); ++size) {
    EXPECT_EQ(read_all(packet.bytes().first(size)).last, Step::fault) << size;
  }
  EXPECT_EQ(read_all(packet.bytes()).last, Step::end);
}

TEST(Message, TooSmallScratchIsAFault) {
  TestPacket packet = reply(1);
  compressed(packet, type_ns, TestPacket().raw({0xC0, 12}));
  std::array<uint8_t, 12> scratch;
  MessageReader reader(packet.bytes(), scratch);
  MessageRecord record;
  EXPECT_EQ(reader.next_record(record), Step::fault);
}

TEST(Message, TellsTrailingBytes) {
  TestPacket packet = reply(0);
  packet.raw({1, 2, 3});
  MessageReader reader(packet.bytes(), {});
  MessageRecord record;
  ASSERT_EQ(reader.next_record(record), Step::end);
  EXPECT_EQ(reader.trailing_bytes(), 3U);
}

}  // namespace
}  // namespace holdfast::wire
