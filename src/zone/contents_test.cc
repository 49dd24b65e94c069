// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/contents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "wire/types.h"

namespace holdfast::zone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

wire::Name name(std::string_view text) { return *wire::Name::from_text(text); }

Bytes bytes_of(const std::string& text) {
  return Bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

std::string name_rdata(std::string_view text) {
  const wire::Name target = name(text);
  const Bytes bytes = target.view().bytes();
  return std::string(bytes.begin(), bytes.end());
}

// An RRSIG with no signature bytes.
std::string rrsig_rdata(uint16_t covered, uint8_t key_tag, std::string_view signer) {
  std::string rdata(18, '\0');
  rdata[0] = static_cast<char>(covered >> 8);
  rdata[1] = static_cast<char>(covered & 0xFF);
  rdata[17] = static_cast<char>(key_tag);
  return rdata + name_rdata(signer);
}

class Builder {
 public:
  explicit Builder(std::string_view apex) : contents_(name(apex)) {}

  Builder& add(std::string_view owner, uint16_t type, const std::string& rdata, uint32_t ttl = 300,
               uint32_t line = 0) {
    contents_.add(name(owner), type, ttl, bytes_of(rdata), Place{line, 0});
    return *this;
  }
  Builder& add_a(std::string_view owner, char last = 1) {
    return add(owner, wire::type_a, std::string("\x0a\x00\x00", 3) + last);
  }
  Builder& add_ns(std::string_view owner, std::string_view target) {
    return add(owner, wire::type_ns, name_rdata(target));
  }
  Contents finish() {
    const auto finished = contents_.finish();
    EXPECT_TRUE(finished.has_value()) << (finished ? "" : finished.error().message);
    return std::move(contents_);
  }
  Result<void> try_finish() { return contents_.finish(); }

 private:
  Contents contents_;
};

std::string flags_text(uint16_t flags) {
  std::string text;
  for (const auto& [flag, letter] : {std::pair{node_apex, 'a'},
                                     {node_cut, 'c'},
                                     {node_occluded, 'o'},
                                     {node_dname, 'd'},
                                     {node_empty, 'e'},
                                     {node_has_wildcard, 'w'},
                                     {node_nsec3, '3'}}) {
    if ((flags & flag) != 0) text += letter;
  }
  return text;
}

// "owner flags TYPE/records+signatures ..." for each node.
std::vector<std::string> describe(const Contents& contents) {
  std::vector<std::string> lines;
  Contents::Cursor cursor(contents);
  while (const StagedNode* node = cursor.next()) {
    std::string line = node->owner.to_text() + " " + flags_text(node->flags);
    for (const StagedRrset& rrset : node->rrsets) {
      line += " " + wire::type_to_text(rrset.type) + "/" + std::to_string(rrset.rdata.size());
      if (!rrset.signatures.empty()) line += "+" + std::to_string(rrset.signatures.size());
    }
    lines.push_back(line);
  }
  return lines;
}

// A sorted zone with a few names before and behind it that belong elsewhere.
TEST(Contents, AFewOutOfOrderComeToTheirPlaces) {
  Builder mixed("example.");
  Builder sorted("example.");
  const auto label = [](size_t i) { return "n" + std::to_string(1000 + i) + ".example"; };
  for (const char* owner : {"example", "z.example", "n1500.example", "a.n1007.example"}) {
    mixed.add_a(owner, 2);
  }
  for (size_t i = 0; i < 1000; ++i) mixed.add_a(label(i));
  mixed.add_a("n1003.example", 2).add_a("b.example", 2).add_a("z.example", 3);
  sorted.add_a("example", 2).add_a("b.example", 2);
  for (size_t i = 0; i < 1000; ++i) {
    sorted.add_a(label(i));
    if (i == 3 || i == 500) sorted.add_a(label(i), 2);
    if (i == 7) sorted.add_a("a.n1007.example", 2);
  }
  sorted.add_a("z.example", 2).add_a("z.example", 3);
  EXPECT_EQ(describe(mixed.finish()), describe(sorted.finish()));
}

TEST(Contents, PartsFollowEachOtherUpToABound) {
  Contents whole(name("example."));
  const std::string rdata("\x0a\x00\x00\x01", 4);
  size_t parts = 0;
  for (; parts < 1000; ++parts) {
    Contents part(name("example."));
    const std::string owner = "n" + std::to_string(999 - parts) + ".example.";
    part.add(name(owner), wire::type_a, 300, bytes_of(rdata), Place{1, 0});
    if (!whole.append(std::move(part), static_cast<uint32_t>(parts))) break;
  }
  EXPECT_EQ(parts, 64U);
  ASSERT_TRUE(whole.finish().has_value());
  Contents::Cursor cursor(whole);
  EXPECT_TRUE(cursor.next()->owner.to_text() == "example.");
  for (size_t line = parts; line > 0; --line) {
    const StagedNode* node = cursor.next();
    ASSERT_NE(node, nullptr);
    EXPECT_EQ(node->owner.to_text(), "n" + std::to_string(1000 - line) + ".example.");
    EXPECT_EQ(node->place.line, line);
  }
  EXPECT_EQ(cursor.next(), nullptr);
}

TEST(Contents, WalksInCanonicalOrder) {  // the example of RFC 4034 §6.1
  const Contents contents = Builder("example.")
                                .add_a("z.example")
                                .add_a("yljkjljk.a.example")
                                .add_a("\\001.z.example")
                                .add_a("Z.a.example")
                                .add_a("*.z.example")
                                .add_a("example")
                                .add_a("zABC.a.EXAMPLE")
                                .add_a("a.example")
                                .add_a("\\200.z.example")
                                .finish();
  EXPECT_THAT(describe(contents),
              ElementsAre("example. a A/1", "a.example.  A/1", "yljkjljk.a.example.  A/1",
                          "Z.a.example.  A/1", "zABC.a.example.  A/1", "z.example. w A/1",
                          "\\001.z.example.  A/1", "*.z.example.  A/1", "\\200.z.example.  A/1"));
  EXPECT_EQ(contents.node_count(), 9U);
  EXPECT_EQ(contents.record_count(), 9U);
}

TEST(Contents, SortsManyNamesAsTheComparisonDoes) {
  std::mt19937 random(7);
  Contents contents(name("example."));
  std::string label;
  for (int i = 0; i < 20000; ++i) {
    wire::Name owner = name("example.");
    for (size_t labels = 1 + random() % 4; labels > 0; --labels) {
      // Few different bytes, 0 and 1 among them, make long common prefixes.
      label.assign(1, static_cast<char>(1 + random() % 20));
      while (label.size() <= static_cast<size_t>(label[0])) {
        label += static_cast<char>("\0\1aAb"[random() % 5]);
      }
      wire::Name longer;
      ASSERT_TRUE(longer.assign_joined(bytes_of(label), owner));
      owner = longer;
    }
    contents.add(owner, wire::type_txt, 1, bytes_of(std::string("\1x", 2)));
  }
  ASSERT_TRUE(contents.finish().has_value());
  Contents::Cursor cursor(contents);
  wire::Name previous(cursor.next()->owner);
  size_t nodes = 1;
  while (const StagedNode* node = cursor.next()) {
    ASSERT_LT(wire::compare_canonical(previous, node->owner), 0)
        << previous.view().to_text() << " before " << node->owner.to_text();
    previous.assign(node->owner);
    ++nodes;
  }
  EXPECT_EQ(nodes, contents.node_count());
}

TEST(Contents, GroupsSortsAndDropsCopies) {
  const std::string low("\x0a\x00\x00\x01", 4);
  const std::string high("\x0a\x00\x00\x02", 4);
  const Contents contents = Builder("example.")
                                .add("www.example", wire::type_a, high, 300, 7)
                                .add("www.example", wire::type_a, low, 200, 8)
                                .add("mail.example", wire::type_a, low, 60, 9)
                                .add("WWW.example", wire::type_a, high, 400, 3)
                                .finish();
  EXPECT_EQ(contents.record_count(), 3U);
  EXPECT_EQ(contents.dropped_copies(), 1U);
  Contents::Cursor cursor(contents);
  ASSERT_NE(cursor.next(), nullptr);
  ASSERT_NE(cursor.next(), nullptr);
  const StagedNode* node = cursor.next();
  ASSERT_NE(node, nullptr);
  EXPECT_EQ(node->owner.to_text(), "www.example.");
  ASSERT_EQ(node->rrsets.size(), 1U);
  const StagedRrset& rrset = node->rrsets[0];
  ASSERT_EQ(rrset.rdata.size(), 2U);
  EXPECT_TRUE(std::ranges::equal(rrset.rdata[0], bytes_of(low)));
  EXPECT_EQ(rrset.ttl, 200U);
  EXPECT_EQ(rrset.ttl_highest, 400U);
  EXPECT_EQ(rrset.dropped_copies, 1U);
  EXPECT_EQ(rrset.place.line, 7U);
  EXPECT_EQ(cursor.next(), nullptr);
}

TEST(Contents, CopiesOfNamesDifferInCaseOnly) {
  const Contents contents = Builder("example.")
                                .add_ns("example", "NS1.example.")
                                .add_ns("example", "ns1.EXAMPLE.")
                                .add("example", wire::type_txt, "\1a")
                                .add("example", wire::type_txt, "\1A")
                                .finish();
  EXPECT_THAT(describe(contents), ElementsAre("example. a NS/1 TXT/2"));
}

TEST(Contents, AttachesSignaturesToWhatTheyCover) {
  const Contents contents =
      Builder("example.")
          .add("example", wire::type_rrsig, rrsig_rdata(wire::type_a, 2, "example."))
          .add_a("example")
          .add("example", wire::type_rrsig, rrsig_rdata(wire::type_a, 1, "example."), 100)
          .add("example", wire::type_rrsig, rrsig_rdata(wire::type_a, 1, "EXAMPLE."))
          .add("example", wire::type_rrsig, rrsig_rdata(wire::type_mx, 1, "example."))
          .finish();
  EXPECT_THAT(describe(contents), ElementsAre("example. a A/1+2 RRSIG/1"));
  Contents::Cursor cursor(contents);
  EXPECT_EQ(cursor.next()->rrsets[0].signature_ttl, 100U);
  EXPECT_EQ(contents.dropped_copies(), 1U);
}

TEST(Contents, EmptyNonTerminalsComeBeforeTheirFirstDescendant) {
  const Contents contents =
      Builder("example.").add_a("a.b.c.example").add_a("d.c.example").add_a("x.example").finish();
  EXPECT_THAT(describe(contents),
              ElementsAre("example. ae", "c.example. e", "b.c.example. e", "a.b.c.example.  A/1",
                          "d.c.example.  A/1", "x.example.  A/1"));
  EXPECT_EQ(contents.node_count(), 6U);
  EXPECT_EQ(contents.record_count(), 3U);
}

TEST(Contents, WithoutRecordsHasAnApex) {
  const Contents contents = Builder("example.").finish();
  EXPECT_THAT(describe(contents), ElementsAre("example. ae"));
}

TEST(Contents, TheRootZone) {
  const Contents contents = Builder(".").add_ns("com", "ns.nic.com").add_a("ns.nic.com").finish();
  EXPECT_THAT(describe(contents),
              ElementsAre(". ae", "com. c NS/1", "nic.com. oe", "ns.nic.com. o A/1"));
}

TEST(Contents, OccludesBelowCutsAndDnames) {
  const Contents contents = Builder("example.")
                                .add_ns("example", "ns.example.")
                                .add_ns("cut.example", "ns.cut.example.")
                                .add_ns("deep.cut.example", "ns.example.")
                                .add_a("*.cut.example")
                                .add("dname.example", wire::type_dname, name_rdata("example.org."))
                                .add_a("below.dname.example")
                                .add_a("dnames.example")
                                .finish();
  EXPECT_THAT(describe(contents),
              ElementsAre("example. a NS/1", "cut.example. c NS/1", "*.cut.example. o A/1",
                          "deep.cut.example. o NS/1", "dname.example. d DNAME/1",
                          "below.dname.example. o A/1", "dnames.example.  A/1"));
}

TEST(Contents, WildcardParentsAreFlagged) {
  const Contents contents = Builder("example.")
                                .add_a("a.*.b.example")  // an empty "*"
                                .add_a("!.c.example")
                                .add_a("*.!.c.example")
                                .add_a("*.c.example")
                                .finish();
  EXPECT_THAT(describe(contents),
              ElementsAre("example. ae", "b.example. ew", "*.b.example. e", "a.*.b.example.  A/1",
                          "c.example. ew", "!.c.example. w A/1", "*.!.c.example.  A/1",
                          "*.c.example.  A/1"));
}

TEST(Contents, Nsec3OwnersComeApart) {
  const std::string hash_low = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.";
  const std::string hash_high = "35mthgpgcu1qg68fab165klnsnk3dpvl.example.";
  const Contents contents =
      Builder("example.")
          .add(hash_high, wire::type_nsec3, "x")
          .add_a("example")
          .add(hash_low, wire::type_nsec3, "y")
          .add("www.example.", wire::type_a, "abcd")
          .add(hash_low, wire::type_rrsig, rrsig_rdata(wire::type_nsec3, 1, "example."))
          .add_a(hash_high)  // an ordinary name that looks like a hash
          .add(hash_high, wire::type_rrsig, rrsig_rdata(wire::type_a, 1, "example."))
          .finish();
  EXPECT_THAT(describe(contents),
              ElementsAre("example. a A/1", hash_high + "  A/1+1", "www.example.  A/1",
                          hash_low + " 3 NSEC3/1+1", hash_high + " 3 NSEC3/1"));
  EXPECT_EQ(contents.node_count(), 5U);
  EXPECT_EQ(contents.record_count(), 7U);
}

TEST(Contents, RefusesAnRrsetThatNoMessageCarries) {
  Builder builder("example.");
  for (int i = 0; i < 257; ++i) {
    std::string rdata(253, 'x');
    rdata[0] = static_cast<char>(252);
    rdata[1] = static_cast<char>(i / 100);
    rdata[2] = static_cast<char>(i % 100);
    builder.add("big.example", wire::type_txt, rdata);
  }
  const auto finished = builder.try_finish();
  ASSERT_FALSE(finished.has_value());
  EXPECT_THAT(finished.error().message, HasSubstr("big.example. TXT: 257 records"));
}

TEST(Contents, RefusesTooManyTypesAtAName) {
  Builder builder("example.");
  Builder allowed("example.");
  for (uint16_t i = 0; i <= Contents::types_per_name_max; ++i) {
    builder.add("www.example", static_cast<uint16_t>(1000 + i), "x");
    if (i > 0) allowed.add("www.example", static_cast<uint16_t>(1000 + i), "x");
  }
  EXPECT_TRUE(allowed.try_finish().has_value());
  const auto finished = builder.try_finish();
  ASSERT_FALSE(finished.has_value());
  EXPECT_THAT(finished.error().message, HasSubstr("www.example.: 129 record types"));
}

TEST(Contents, PlacesSurviveLongFiles) {
  Builder builder("example.");
  builder.add("www.example", 1000, "a", 1, 10);
  builder.add("www.example", 1001, "b", 1, 10 + 65535);
  builder.add("www.example", 1002, "c", 1, 10 + 65536);
  builder.add("www.example", 1003, "d", 1, 5);
  const Contents contents = builder.finish();
  Contents::Cursor cursor(contents);
  ASSERT_NE(cursor.next(), nullptr);
  const StagedNode* node = cursor.next();
  ASSERT_EQ(node->rrsets.size(), 4U);
  EXPECT_EQ(node->rrsets[1].place.line, 10U + 65535U);
  EXPECT_EQ(node->rrsets[2].place.line, 10U + 65536U);
  EXPECT_EQ(node->rrsets[3].place.line, 5U);
}

}  // namespace
}  // namespace holdfast::zone
