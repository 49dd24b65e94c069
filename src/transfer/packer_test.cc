// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/packer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "transfer/tsig.h"
#include "wire/message.h"

namespace holdfast::transfer {
namespace {

using Octets = std::vector<uint8_t>;

wire::Name name(std::string_view text) { return *wire::Name::from_text(text); }

class PackerTest : public testing::Test {
 protected:
  Packer make(const char* apex = "example.test") {
    return {name(apex), wire::type_axfr, [this](Bytes message) {
              messages_.emplace_back(message.begin(), message.end());
              return Result<void>();
            }};
  }
  // "owner type rdata-in-hex" of all messages, which must be well formed.
  std::vector<std::string> read() {
    std::vector<std::string> lines;
    Octets scratch(wire::rdata_bytes_max);
    for (const Octets& message : messages_) {
      wire::MessageReader reader(message, scratch);
      EXPECT_EQ(reader.header().questions, 1);
      wire::MessageRecord record;
      wire::MessageReader::Step step{};
      while ((step = reader.next_record(record)) == wire::MessageReader::Step::item) {
        lines.push_back(record.owner.view().to_text() + " " + std::to_string(record.type) + " " +
                        std::to_string(record.ttl) + " " + std::to_string(record.rdata.size()));
      }
      EXPECT_EQ(step, wire::MessageReader::Step::end);
      EXPECT_EQ(reader.trailing_bytes(), 0u);
    }
    return lines;
  }
  std::vector<Octets> messages_;
};

TEST_F(PackerTest, CompressesOwnersAndNames) {
  Packer packer = make();
  const std::array<uint8_t, 4> address{192, 0, 2, 1};
  const wire::Name target = name("ns.sub.example.test");
  ASSERT_TRUE(packer.add(name("example.test"), wire::type_ns, 5, target.view().bytes()));
  ASSERT_TRUE(packer.add(name("www.Example.Test"), wire::type_a, 0x01020304, address));
  ASSERT_TRUE(packer.add(name("www.example.test"), wire::type_a, 6, address));
  const wire::Name elsewhere = name("a.test");
  ASSERT_TRUE(
      packer.add(name("x.www.example.test"), wire::type_cname, 7, elsewhere.view().bytes()));
  ASSERT_TRUE(packer.finish());
  EXPECT_EQ(read(),
            (std::vector<std::string>{"example.test. 2 5 21", "www.example.test. 1 16909060 4",
                                      "www.example.test. 1 6 4", "x.www.example.test. 5 7 8"}));
  // Header and question, then 2+10+9, 6+10+4, 2+10+4, 8+10+8.
  ASSERT_EQ(messages_.size(), 1u);
  EXPECT_EQ(messages_[0].size(), 12u + 18 + 21 + 20 + 16 + 26);
  EXPECT_EQ(packer.record_count(), 4u);
}

TEST_F(PackerTest, BeginsAnotherMessageWhenOneIsFull) {
  Packer packer = make();
  const Octets text(201, 200);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(
        packer.add(name("n" + std::to_string(i) + ".example.test"), wire::type_txt, 1, text));
  }
  ASSERT_TRUE(packer.finish());
  EXPECT_GT(messages_.size(), 10u);
  for (const Octets& message : messages_) EXPECT_LE(message.size(), packed_bytes_target);
  EXPECT_EQ(read().size(), 1000u);
}

TEST_F(PackerTest, ALargeRecordHasAMessageOfItsOwn) {
  Packer packer = make();
  const Octets large(60'000, 1);
  ASSERT_TRUE(packer.add(name("a.example.test"), 65280, 1, Octets(10, 1)));
  ASSERT_TRUE(packer.add(name("b.example.test"), 65280, 1, large));
  ASSERT_TRUE(packer.add(name("c.example.test"), 65280, 1, Octets(10, 1)));
  ASSERT_TRUE(packer.finish());
  EXPECT_EQ(messages_.size(), 3u);
  EXPECT_EQ(read().size(), 3u);
  const auto too_large = packer.add(name("d.example.test"), 65280, 1, Octets(65'500, 1));
  ASSERT_FALSE(too_large.has_value());
  EXPECT_EQ(too_large.error().message,
            "a record of 65500 bytes at d.example.test. fits no message of a transfer");
}

TEST_F(PackerTest, TheLargestRecordFillsAMessageToTheByte) {
  // Header, question, owner with its pointer, type to length; and room for TSIG and OPT.
  const size_t most = 65535 - (tsig_bytes_max + 32) - 12 - 18 - 4 - 10;
  for (const bool is_behind_another : {false, true}) {
    messages_.clear();
    Packer packer = make();
    if (is_behind_another) {
      ASSERT_TRUE(packer.add(name("b.example.test"), 65280, 1, Octets(10, 1)));
    }
    ASSERT_TRUE(packer.add(name("b.example.test"), 65280, 1, Octets(most, 1)));
    ASSERT_TRUE(packer.finish());
    ASSERT_EQ(messages_.size(), is_behind_another ? 2U : 1U);
    EXPECT_EQ(messages_.back().size(), 65535 - (tsig_bytes_max + 32));
    EXPECT_EQ(read().back(), "b.example.test. 65280 1 " + std::to_string(most));
    EXPECT_FALSE(packer.add(name("b.example.test"), 65280, 1, Octets(most + 1, 1)).has_value());
  }
}

// A pointer reaches 0x3FFF (RFC 1035 §4.1.4), and no message with a second record is longer.
TEST_F(PackerTest, OwnersBehindALargeRecordAreReadAsTheyWereWritten) {
  const size_t before_rdata = 12 + 18 + 4 + 10;
  size_t together = 0;
  size_t apart = 0;
  for (size_t second_at = 0x3fc0; second_at <= 0x4010; ++second_at) {
    messages_.clear();
    Packer packer = make();
    ASSERT_TRUE(packer.add(name("a.example.test"), 65280, 1, Octets(second_at - before_rdata, 1)));
    for (const uint32_t ttl : {2U, 3U}) {
      ASSERT_TRUE(packer.add(name("longer.example.test"), 65280, ttl, {}));
    }
    ASSERT_TRUE(packer.finish());
    const std::vector<std::string> lines = read();
    ASSERT_EQ(lines.size(), 3U) << second_at;
    EXPECT_EQ(lines[1], "longer.example.test. 65280 2 0") << second_at;
    EXPECT_EQ(lines[2], "longer.example.test. 65280 3 0") << second_at;
    // Owner with its pointer, or the pointer alone; type to length.
    const size_t end = second_at + (9 + 10) + (2 + 10);
    ASSERT_EQ(messages_.size(), end <= packed_bytes_target ? 1U : 2U) << second_at;
    ++(messages_.size() == 1 ? together : apart);
    if (second_at <= packed_bytes_target) {
      EXPECT_LE(messages_[0].size(), packed_bytes_target);
    }
  }
  EXPECT_GT(together, 10U);
  EXPECT_GT(apart, 10U);
}

// As zone memory has it.
void append_record(Octets& records, uint16_t type, uint32_t ttl, Bytes rdata) {
  for (const unsigned value : {0xC00CU, unsigned{type}, 1U, ttl >> 16, ttl & 0xffff}) {
    records.push_back(static_cast<uint8_t>(value >> 8));
    records.push_back(static_cast<uint8_t>(value));
  }
  records.push_back(static_cast<uint8_t>(rdata.size() >> 8));
  records.push_back(static_cast<uint8_t>(rdata.size()));
  records.insert(records.end(), rdata.begin(), rdata.end());
}

TEST_F(PackerTest, SetsArePackedAsTheirRecordsWouldBe) {
  for (const char* apex : {"example.test", "."}) {
    const bool is_root = name(apex).view().is_root();
    std::vector<std::vector<Octets>> made;
    for (const bool as_sets : {false, true}) {
      messages_.clear();
      Packer packer = make(apex);
      for (int i = 0; i < 3000; ++i) {
        const std::string label = "Host" + std::to_string(i / 2);
        const wire::Name owner =
            i == 0 ? name(apex) : name(label + (is_root ? "" : ".example.test"));
        const Bytes relative =
            owner.view().bytes().first(owner.view().size() - name(apex).view().size());
        const uint16_t type = i % 2 == 0 ? wire::type_mx : wire::type_txt;
        Octets records;
        for (unsigned n = 0; n < 3; ++n) {
          Octets rdata{0, static_cast<uint8_t>(n)};
          const wire::Name target = name(n == 2 ? "far.away" : "mx.sub.example.test");
          rdata.insert(rdata.end(), target.view().bytes().begin(), target.view().bytes().end());
          append_record(records, type, 300 + n, rdata);
          if (!as_sets) {
            ASSERT_TRUE(packer.add(owner, type, 300 + n, rdata));
          }
        }
        if (as_sets) {
          ASSERT_TRUE(packer.add_set(relative, records));
        }
      }
      ASSERT_TRUE(packer.add_set({}, {}));
      ASSERT_TRUE(packer.finish());
      EXPECT_EQ(packer.record_count(), 9000u);
      EXPECT_EQ(read().size(), 9000u);
      made.push_back(messages_);
    }
    EXPECT_GT(made[0].size(), 5u);
    EXPECT_EQ(made[0], made[1]);
  }
}

TEST_F(PackerTest, WhatIsNotInTheZoneIsRefused) {
  Packer packer = make();
  const auto added = packer.add(name("a.elsewhere.test"), wire::type_a, 1, Octets(4, 1));
  ASSERT_FALSE(added.has_value());
  EXPECT_EQ(added.error().message, "a.elsewhere.test. is not in zone example.test.");
}

TEST_F(PackerTest, TheRootZoneNeedsNoPointers) {
  Packer packer = make(".");
  ASSERT_TRUE(packer.add(name("."), wire::type_ns, 5, name("a.test").view().bytes()));
  ASSERT_TRUE(packer.add(name("test"), wire::type_ns, 5, name("a.test").view().bytes()));
  ASSERT_TRUE(packer.finish());
  EXPECT_EQ(read(), (std::vector<std::string>{". 2 5 8", "test. 2 5 8"}));
}

// Behind the name at `at`; 0 at a fault. A pointer leads back (RFC 1035 §4.1.4).
size_t skip_name(const Octets& message, size_t at) {
  while (at < message.size() && message[at] != 0) {
    if (message[at] < 64) {
      at += 1U + message[at];
      continue;
    }
    if (message[at] < 0xC0 || at + 2 > message.size()) return 0;
    const size_t target = load_be16(message.data() + at) & 0x3fffU;
    return target >= wire::header_bytes && target < at ? at + 2 : 0;
  }
  return at < message.size() ? at + 1 : 0;
}

// RFC 3597 §4, RFC 4034 §3.1.7 and §4.1.1: a signer or a next name must stand as it is. Read byte
// by byte, as a reader that expands no such name would.
TEST_F(PackerTest, SignaturesStandAsTheyAreAndPointersLeadBack) {
  Packer packer = make();
  Octets signature(18 + 14 + 64, 7);
  const wire::Name signer = name("example.test");
  std::ranges::copy(signer.view().bytes(), signature.begin() + 18);
  constexpr size_t names = 4000;
  for (size_t i = 0; i < names; ++i) {
    const wire::Name owner = name("n" + std::to_string(i) + ".example.test");
    ASSERT_TRUE(packer.add(owner, wire::type_cname, 1, signer.view().bytes()));
    ASSERT_TRUE(packer.add(owner, wire::type_rrsig, 1, signature));
  }
  ASSERT_TRUE(packer.finish());
  size_t signatures = 0;
  for (const Octets& message : messages_) {
    ASSERT_LE(message.size(), packed_bytes_target);
    size_t at = skip_name(message, wire::header_bytes) + 4;
    for (size_t left = load_be16(message.data() + 6); left > 0; --left) {
      at = skip_name(message, at);
      ASSERT_NE(at, 0u);
      const uint16_t type = load_be16(message.data() + at);
      const size_t size = load_be16(message.data() + at + 8);
      at += 10;
      ASSERT_LE(at + size, message.size());
      if (type == wire::type_cname) {
        ASSERT_EQ(skip_name(message, at), at + size);
      } else {
        ASSERT_EQ(Octets(message.begin() + static_cast<ptrdiff_t>(at),
                         message.begin() + static_cast<ptrdiff_t>(at + size)),
                  signature);
        ++signatures;
      }
      at += size;
    }
    ASSERT_EQ(at, message.size());
  }
  EXPECT_EQ(signatures, names);
}

}  // namespace
}  // namespace holdfast::transfer
