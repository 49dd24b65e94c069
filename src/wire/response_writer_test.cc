// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/response_writer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace holdfast::wire {
namespace {

using Octets = std::vector<uint8_t>;

Octets octets(NameView name) { return {name.bytes().begin(), name.bytes().end()}; }
Octets octets(std::string_view name) { return octets(Name::from_text(name).value()); }

Octets joined(std::initializer_list<Octets> parts) {
  Octets all;
  for (const Octets& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// Records as zone memory holds them.
struct RecordSet {
  Octets bytes;
  uint16_t count = 0;

  RecordSet& add(uint16_t type, uint32_t ttl, const Octets& rdata) {
    const size_t at = bytes.size();
    bytes.resize(at + 12);
    store_be16(&bytes[at], 0xC00C);
    store_be16(&bytes[at + 2], type);
    store_be16(&bytes[at + 4], class_in);
    store_be32(&bytes[at + 6], ttl);
    store_be16(&bytes[at + 10], static_cast<uint16_t>(rdata.size()));
    bytes.insert(bytes.end(), rdata.begin(), rdata.end());
    ++count;
    return *this;
  }
  operator Records() const { return {bytes, count}; }  // NOLINT(google-explicit-constructor)
};

// A record read back, with what it took in the message.
struct ReadRecord {
  std::string owner;
  uint16_t type = 0;
  uint32_t ttl = 0;
  Octets rdata;
  size_t rdata_at = 0;
};

class ResponseWriterTest : public testing::Test {
 protected:
  Name qname = Name::from_text("wWw.Example.Com").value();
  std::vector<uint8_t> buffer = Octets(65535, 0xEE);

  ResponseWriter writer(size_t bytes_max = 65535) {
    ResponseWriter result(buffer, bytes_max);
    EXPECT_TRUE(result.write_question(qname, type_a, class_in));
    return result;
  }

  Bytes message(ResponseWriter& from) { return Bytes(buffer).first(from.finish(1, flag_qr)); }

  std::vector<ReadRecord> read(Bytes bytes) {
    std::vector<ReadRecord> records;
    size_t at = header_bytes + qname.view().size() + 4;
    while (at < bytes.size()) {
      Name owner;
      EXPECT_EQ(read_name(bytes, at, owner), NameError::none);
      ByteReader reader(bytes.subspan(at));
      ReadRecord record{owner.view().to_text(), reader.read_u16(), 0, {}, 0};
      EXPECT_EQ(reader.read_u16(), class_in);
      record.ttl = reader.read_u32();
      const uint16_t size = reader.read_u16();
      record.rdata_at = at + reader.position();
      const Bytes rdata = reader.read_bytes(size);
      EXPECT_FALSE(reader.failed());
      record.rdata.assign(rdata.begin(), rdata.end());
      at += reader.position();
      records.push_back(record);
    }
    return records;
  }

  std::string name_at(Bytes bytes, size_t at) {
    Name name;
    EXPECT_EQ(read_name(bytes, at, name), NameError::none);
    return name.view().to_text();
  }
};

TEST_F(ResponseWriterTest, HeaderAndQuestionKeepTheCaseAsked) {
  auto out = writer();
  const Bytes bytes = message(out);
  const Octets head{0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(Octets(bytes.begin(), bytes.end()), joined({head, octets(qname), {0, 1, 0, 1}}));
}

TEST_F(ResponseWriterTest, CopiesRecordsOfTheQuestionsName) {
  auto out = writer();
  const RecordSet addresses =
      RecordSet().add(type_a, 60, {192, 0, 2, 1}).add(type_a, 60, {192, 0, 2, 2});
  const size_t before = out.size();
  ASSERT_TRUE(out.add(Section::answer, Name::from_text("www.example.com").value(), addresses));
  EXPECT_EQ(Octets(buffer.begin() + static_cast<ptrdiff_t>(before),
                   buffer.begin() + static_cast<ptrdiff_t>(out.size())),
            addresses.bytes);
  EXPECT_EQ(out.count(Section::answer), 2);
}

TEST_F(ResponseWriterTest, PointsToTheQuestionForAncestors) {
  auto out = writer();
  ASSERT_TRUE(out.add(Section::authority, Name::from_text("COM").value(),
                      RecordSet().add(type_txt, 60, {1, 'x'})));
  const size_t at = header_bytes + qname.view().size() + 4;
  EXPECT_EQ(load_be16(&buffer[at]), 0xC000 + header_bytes + 4 + 8);
}

TEST_F(ResponseWriterTest, CompressesNamesInRdataOfRfc1035Types) {
  auto out = writer();
  const RecordSet servers = RecordSet()
                                .add(type_ns, 60, octets("ns1.example.com"))
                                .add(type_ns, 60, octets("ns2.NS1.example.com"));
  ASSERT_TRUE(out.add(Section::authority, Name::from_text("example.com").value(), servers));
  const RecordSet mail = RecordSet().add(type_mx, 60, joined({{0, 10}, octets("ns1.example.com")}));
  ASSERT_TRUE(out.add(Section::answer, qname, mail));
  const Bytes bytes = message(out);
  const auto records = read(bytes);
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].rdata.size(), 4U + 2U);  // ns1 and a pointer
  EXPECT_EQ(records[1].rdata.size(), 4U + 2U);
  EXPECT_EQ(records[2].rdata.size(), 2U + 2U);
  // In the case of what stood there first, the question.
  EXPECT_EQ(name_at(bytes, records[0].rdata_at), "ns1.Example.Com.");
  EXPECT_EQ(name_at(bytes, records[1].rdata_at), "ns2.ns1.Example.Com.");
  EXPECT_EQ(name_at(bytes, records[2].rdata_at + 2), "ns1.Example.Com.");
}

TEST_F(ResponseWriterTest, NamesNextToTheirOwnerAreSharedLikeAllOthers) {
  auto out = writer();
  const auto apex = Name::from_text("Example.com").value();
  // Twice the same; the question's name itself; one below the first; one that ends like the owner.
  const RecordSet servers = RecordSet()
                                .add(type_ns, 60, octets("ns1.example.com"))
                                .add(type_ns, 60, octets("NS1.example.com"))
                                .add(type_ns, 60, octets("www.example.com"))
                                .add(type_ns, 60, octets("a.ns1.example.com"))
                                .add(type_ns, 60, octets("notexample.com"));
  ASSERT_TRUE(out.add(Section::authority, apex, servers));
  const auto glue = Name::from_text("ns1.example.com").value();
  ASSERT_TRUE(out.add(Section::additional, glue, RecordSet().add(type_a, 60, {192, 0, 2, 1})));
  const Bytes bytes = message(out);
  const auto records = read(bytes);
  ASSERT_EQ(records.size(), 6U);
  const std::array<size_t, 5> sizes{4 + 2, 2, 2, 2 + 2, 11 + 2};
  const std::array<const char*, 5> names{"ns1.Example.Com.", "ns1.Example.Com.", "wWw.Example.Com.",
                                         "a.ns1.Example.Com.", "notexample.Com."};
  for (size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_EQ(records[i].rdata.size(), sizes[i]) << i;
    EXPECT_EQ(name_at(bytes, records[i].rdata_at), names[i]) << i;
  }
  EXPECT_EQ(records[5].owner, "ns1.Example.Com.");
}

TEST_F(ResponseWriterTest, CompressesBothNamesOfSoaAndKeepsItsNumbers) {
  auto out = writer();
  const Octets numbers(20, 9);
  const RecordSet soa = RecordSet().add(
      type_soa, 600, joined({octets("ns.example.com"), octets("ns.example.com"), numbers}));
  ASSERT_TRUE(out.add(Section::authority, Name::from_text("example.com").value(), soa, 300));
  const auto records = read(message(out));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].ttl, 300U);
  ASSERT_EQ(records[0].rdata.size(), 5U + 2U + 20U);
  EXPECT_TRUE(std::equal(numbers.begin(), numbers.end(), records[0].rdata.end() - 20));
}

TEST_F(ResponseWriterTest, LeavesNamesOfOtherTypesWhole) {  // RFC 3597 §4
  auto out = writer();
  const Octets target = octets("wWw.example.com");
  ASSERT_TRUE(out.add(Section::answer, qname, RecordSet().add(type_dname, 60, target)));
  ASSERT_TRUE(out.add(Section::answer, Name::from_text("other.org").value(),
                      RecordSet().add(type_srv, 60, joined({{0, 0, 0, 0, 0, 1}, target}))));
  const auto records = read(message(out));
  EXPECT_EQ(records[0].rdata, target);
  EXPECT_EQ(records[1].rdata.size(), 6 + target.size());
}

TEST_F(ResponseWriterTest, PointsIntoTheTargetOfADname) {  // RFC 6672 §2.5: it is whole itself
  auto out = writer();
  const Octets target = octets("far.away.Example.org");
  ASSERT_TRUE(out.add(Section::answer, Name::from_text("com").value(),
                      RecordSet().add(type_dname, 60, target)));
  ASSERT_TRUE(out.add(Section::answer, qname,
                      RecordSet().add(type_cname, 60, octets("www.far.away.example.org"))));
  const Bytes bytes = message(out);
  const auto records = read(bytes);
  EXPECT_EQ(records[0].rdata, target);
  EXPECT_EQ(records[1].rdata.size(), 4U + 2U);
  EXPECT_EQ(name_at(bytes, records[1].rdata_at), "www.far.away.Example.org.");
}

TEST_F(ResponseWriterTest, WritesAForeignOwnerOnceAndPointsToIt) {
  auto out = writer();
  const RecordSet texts =
      RecordSet().add(type_txt, 60, {1, 'a'}).add(type_txt, 60, {1, 'b'}).add(type_txt, 60, {0});
  const size_t before = out.size();
  ASSERT_TRUE(out.add(Section::answer, Name::from_text("Other.org").value(), texts));
  EXPECT_EQ(out.size() - before, (11 - 2) + texts.bytes.size());
  const auto records = read(message(out));
  ASSERT_EQ(records.size(), 3U);
  for (const ReadRecord& record : records) EXPECT_EQ(record.owner, "Other.org.");
}

TEST_F(ResponseWriterTest, TheRootOwnsAndIsNamed) {
  auto out = writer();
  const RecordSet root =
      RecordSet().add(type_ns, 60, octets(".")).add(type_ns, 60, octets("a.root-servers.net"));
  ASSERT_TRUE(out.add(Section::authority, NameView(), root));
  const auto records = read(message(out));
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].owner, ".");
  EXPECT_EQ(records[1].owner, ".");
  EXPECT_EQ(records[0].rdata, Octets{0});
}

TEST_F(ResponseWriterTest, AnRrsetThatDoesNotFitLeavesNoTrace) {
  const RecordSet big =
      RecordSet().add(type_ns, 60, octets("ns.other.org")).add(type_ns, 60, octets("ns.third.org"));
  for (size_t room = 0; room < big.bytes.size() + 20; ++room) {
    auto out = writer(header_bytes + qname.view().size() + 4 + room);
    const size_t before = out.size();
    if (!out.add(Section::answer, Name::from_text("owner.net").value(), big)) {
      EXPECT_EQ(out.size(), before);
      EXPECT_EQ(out.count(Section::answer), 0);
    }
    EXPECT_EQ(buffer[header_bytes + qname.view().size() + 4 + room], 0xEE) << room;
    // What was taken back is not pointed to.
    if (out.add(Section::answer, Name::from_text("x.third.org").value(),
                RecordSet().add(type_txt, 1, {0}))) {
      const auto records = read(message(out));
      EXPECT_EQ(records.back().owner, "x.third.org.");
    }
    std::fill(buffer.begin(), buffer.end(), 0xEE);
  }
}

TEST_F(ResponseWriterTest, ReservedRoomIsForOptAlone) {
  const size_t head = header_bytes + qname.view().size() + 4;
  auto out = writer(head + 16 + 11);
  out.reserve(11);
  const RecordSet address = RecordSet().add(type_a, 60, {192, 0, 2, 1});
  ASSERT_TRUE(out.add(Section::answer, qname, address));
  EXPECT_FALSE(out.add(Section::answer, qname, address));
  const Octets opt{0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0};
  EXPECT_FALSE(out.append_meta(joined({opt, {0}})));
  EXPECT_TRUE(out.append_meta(opt));
  const Bytes bytes = message(out);
  EXPECT_EQ(bytes.size(), head + 16 + 11);
  EXPECT_EQ(load_be16(&bytes[10]), 1);
}

TEST_F(ResponseWriterTest, MoreNamesThanAreRemembered) {
  auto out = writer();
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 200; ++i) {
      const auto owner = Name::from_text("host" + std::to_string(i) + ".many.org").value();
      ASSERT_TRUE(out.add(Section::answer, owner, RecordSet().add(type_txt, 60, {0})));
    }
  }
  const auto records = read(message(out));
  ASSERT_EQ(records.size(), 400U);
  for (size_t i = 0; i < 400; ++i) {
    EXPECT_EQ(records[i].owner, "host" + std::to_string(i % 200) + ".many.org.");
  }
}

TEST_F(ResponseWriterTest, NeverPointsBeyondFourteenBits) {
  auto out = writer();
  const RecordSet filler = RecordSet().add(type_txt, 60, Octets(0x3F00, 0));
  ASSERT_TRUE(out.add(Section::answer, qname, filler));
  for (int i = 0; i < 30; ++i) {
    const auto owner = Name::from_text("a.long-enough-label-" + std::to_string(i) + ".org").value();
    const RecordSet two = RecordSet().add(type_txt, 60, {0}).add(type_txt, 60, {1, 'b'});
    ASSERT_TRUE(out.add(Section::answer, owner, two));
  }
  const auto records = read(message(out));
  ASSERT_EQ(records.size(), 61U);
  for (size_t i = 0; i < 60; ++i) {
    EXPECT_EQ(records[i + 1].owner, "a.long-enough-label-" + std::to_string(i / 2) + ".org.");
  }
}

TEST_F(ResponseWriterTest, LabelsThatDifferAreNotTaken) {
  auto out = writer();
  // Equal length and ends, so that the filter lets it through; [ and { differ in more than case.
  ASSERT_TRUE(out.add(Section::answer, Name::from_text("w.[xy].org").value(),
                      RecordSet().add(type_txt, 60, {0})));
  ASSERT_TRUE(out.add(Section::answer, Name::from_text("w.[zy].org").value(),
                      RecordSet().add(type_txt, 60, {0})));
  const auto records = read(message(out));
  EXPECT_EQ(records[0].owner, "w.[xy].org.");
  EXPECT_EQ(records[1].owner, "w.[zy].org.");
}

}  // namespace
}  // namespace holdfast::wire
