// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "wire/types.h"
#include "zone/entry.h"

namespace holdfast::zone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

// What a zone must have, so that the case stands alone.
constexpr std::string_view head =
    "@ 300 IN SOA ns hostmaster 1 3600 900 604800 300\n@ 300 IN NS ns\nns 300 IN A 192.0.2.1\n";

LoadOutcome load(std::string_view text, LoadOptions options = {}) {
  const auto apex = wire::Name::from_text("example.com");
  return load_zone_text(text, "test.zone", *apex, options);
}

LoadOutcome load_after_head(std::string_view text) {
  return load(std::string(head) + std::string(text));
}

std::string hex(Bytes bytes) {
  std::string text;
  for (const uint8_t byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

std::vector<std::string> describe(const LoadOutcome& outcome) {
  std::vector<std::string> lines;
  for (const Finding& finding : outcome.report.findings) {
    if (finding.severity == Severity::error) lines.push_back("error " + finding.to_text());
  }
  if (!outcome.contents) return lines;
  Contents::Cursor cursor(*outcome.contents);
  while (const StagedNode* node = cursor.next()) {
    for (const StagedRrset& rrset : node->rrsets) {
      const std::string start = node->owner.to_text() + " " + std::to_string(rrset.ttl) + " " +
                                wire::type_to_text(rrset.type) + " ";
      for (const Bytes& rdata : rrset.rdata) lines.push_back(start + hex(rdata));
      for (const Bytes& rdata : rrset.signatures) lines.push_back(start + "sig " + hex(rdata));
    }
  }
  return lines;
}

// The records below the names of `head`.
std::vector<std::string> describe_rest(std::string_view text) {
  std::vector<std::string> lines = describe(load_after_head(text));
  std::erase_if(lines, [](const std::string& line) {
    return line.starts_with("example.com. ") || line.starts_with("ns.example.com. ");
  });
  return lines;
}

std::vector<std::string> errors(const LoadOutcome& outcome) {
  EXPECT_FALSE(outcome.contents.has_value());
  EXPECT_TRUE(outcome.report.has_errors());
  std::vector<std::string> texts;
  for (const Finding& finding : outcome.report.findings) texts.push_back(finding.to_text());
  return texts;
}

std::vector<std::string> errors_of_rest(std::string_view text) {
  return errors(load_after_head(text));
}

// Each must read as the RDATA after it, and so must its generic form.
struct TypeCase {
  const char* text;
  const char* rdata;
};

constexpr TypeCase library_lacks[] = {
    {"MD a.b.", "0161016200"},
    {"MF a.b.", "0161016200"},
    {"MB a.b.", "0161016200"},
    {"MG a.b.", "0161016200"},
    {"MR a", "0161076578616d706c6503636f6d00"},
    {"WKS 10.0.0.1 TCP 25 80",
     "0a0000010600000040000000000000"
     "80"},
    {"WKS 10.0.0.1 17", "0a00000111"},
    {"X25 311061700956", "0c333131303631373030393536"},
    {"ISDN 150862028003217 004",
     "0f3135303836323032383030333231370330"
     "3034"},
    {"NSAP 0x47.0005.80.005a00", "47000580005a00"},
    {"NSAP-PTR a.b.", "0161016200"},
    {"SIG A 13 2 300 20300101000000 20200101000000 7 a.b. AAAA",
     "00010d020000012c70dbd8805e0be1000007016101620000"
     "0000"},
    {"PX 10 a.b. c.d.",
     "000a0161016200"
     "0163016400"},
    {"GPOS -32.6882 116.8652 10.0", "082d33322e36383832083131362e383635320431302e30"},
    {"NXT a.b. A NS", "016101620060"},
    {"EID e32c6f78163a9348", "e32c6f78163a9348"},
    {"NIMLOC 32251a030067", "32251a030067"},
    {"ATMA 39.246f00", "0039246f00"},
    {"ATMA +358.400", "01333538343030"},
    {"A6 64 ::1 a.b.", "4000000000000000010161016200"},
    {"A6 0 ::1", "0000000000000000000000000000000001"},
    {"SINK 1 0 AAEC", "0100000102"},
    {"HIP 2 20010010 AwE= rvs.a.",
     "04020002200100100301037276730161"
     "00"},
    {"NINFO text", "0474657874"},
    {"RKEY 0 3 13 AwEB", "0000030d030101"},
    {"TALINK a.b. .", "016101620000"},
    {"DSYNC CDS NOTIFY 5300 a.b.", "003b0114b40161016200"},
    {"DSYNC CSYNC 200 53 .", "003ec8003500"},
    {"HHIT AwEB", "030101"},
    {"BRID AwEB", "030101"},
    {"AVC \"a b\"", "03612062"},
    {"DOA 1 2 3 \"text/plain\" AwE=", "0000000100000002030a746578742f706c61696e0301"},
    {"DOA 0 0 0 \"\" -", "00000000000000000000"},
    {"AMTRELAY 10 0 0 .", "0a00"},
    {"AMTRELAY 10 1 1 203.0.113.15", "0a81cb00710f"},
    {"AMTRELAY 10 0 3 a.b.", "0a030161016200"},
    {"RESINFO qnamemin infourl=https://a.b",
     "08716e616d656d696e13696e666f75726c3d68747470733a2f2f612e62"},
    {"WALLET \"BTC\" \"abc\"",
     "034254430361"
     "6263"},
    {"CLA TLS1.3", "06544c53312e33"},
    {"IPN 976.0", ""},
    {"IPN 4196183048192000", "000ee86800000000"},
    {"TA 1 8 2 ABCD", "00010802abcd"},
    {"DLV 1 8 2 ABCD", "00010802abcd"},
};

TEST(Loader, ReadsEveryTypeThatTheLibraryDoesNotKnow) {
  for (const TypeCase& type_case : library_lacks) {
    const std::string text = std::string("x 60 IN ") + type_case.text + "\n";
    if (*type_case.rdata == '\0') {
      EXPECT_THAT(errors_of_rest(text), ElementsAre(HasSubstr("test.zone:4: "))) << text;
      continue;
    }
    const std::vector<std::string> read = describe_rest(text);
    ASSERT_EQ(read.size(), 1U) << text;
    EXPECT_THAT(read[0], testing::EndsWith(std::string(" ") + type_case.rdata)) << text;
    const std::string mnemonic = text.substr(8, text.find(' ', 8) - 8);
    const std::string rdata = type_case.rdata;
    EXPECT_EQ(describe_rest("x 60 IN " + mnemonic + " \\# " + std::to_string(rdata.size() / 2) +
                            " " + rdata + "\n"),
              read);
    // The same over several lines, with a comment and a blank owner.
    std::string folded =
        "x 60 TXT a\n 60 " + mnemonic + " ( ; comment \" ( \n" + text.substr(9 + mnemonic.size());
    folded.insert(folded.size() - 1, "\n )");
    std::vector<std::string> with_txt = read;
    with_txt.push_back("x.example.com. 60 TXT 0161");
    EXPECT_THAT(describe_rest(folded), testing::UnorderedElementsAreArray(with_txt)) << folded;
  }
}

TEST(Loader, ReadsFormsThatTheLibraryRefuses) {
  static constexpr TypeCase cases[] = {
      {"x 60 CLASS1 A 1.2.3.4", "x.example.com. 60 A 01020304"},
      {"x 60 ((A (1.2.3.4)))", "x.example.com. 60 A 01020304"},
      {"x 60 NSEC y A DSYNC",
       "x.example.com. 60 NSEC 0179076578616d706c6503636f6d00000940000000000000"
       "0020"},
      {"x 60 HTTPS 1 . dohpath=/q{?dns} ohttp tls-supported-groups=29,23",
       "x.example.com. 60 HTTPS 000100000700082f717b3f646e737d00080000000900"
       "04001d0017"},
      {"x+y 60 A 1.2.3.4", "x+y.example.com. 60 A 01020304"},
      {"x\xc3\xa9 60 A 1.2.3.4", "x\\195\\169.example.com. 60 A 01020304"},
      {"x 60 CNAME y~z", "x.example.com. 60 CNAME 03797e7a076578616d706c6503636f6d00"},
      {"x 60 TXT \"\xc3\xa9 \\\"\\\xc3\" \xfc\\\xfc ; \xc3\xa9",
       "x.example.com. 60 TXT 05c3a92022c302fcfc"},
      {"x 60 CAA 0 issue \"\xc3\xa9\"", "x.example.com. 60 CAA 00056973737565c3a9"},
      {"x 60 CNAME \xc3\xa9", "x.example.com. 60 CNAME 02c3a9076578616d706c6503636f6d00"},
      {"x 60 HTTPS 1 . dohpath=\"/\xc3\xa9\"", "x.example.com. 60 HTTPS 000100000700032fc3a9"},
      {"x 60 SRV 1 2 3 y~z",
       "x.example.com. 60 SRV 00010002000303797e7a076578616d706c6503636f6d00"},
      {"x 60 RRSIG DSYNC 13 2 300 20300101000000 20200101000000 7 a.b. AAAA",
       "x.example.com. 60 RRSIG 00420d020000012c70dbd8805e0be1000007016101620000"
       "0000"},
      {"$ORIGIN sub\nx 60 A 1.2.3.4", "x.sub.example.com. 60 A 01020304"},
      {"$ORIGIN a\n$ORIGIN b\nx 60 A 1.2.3.4", "x.b.a.example.com. 60 A 01020304"},
      {"$ORIGIN a.example.com.\n; comment\n$origin b ; comment\nx 60 A 1.2.3.4",
       "x.b.a.example.com. 60 A 01020304"},
  };
  for (const TypeCase& form : cases) {
    EXPECT_THAT(describe_rest(std::string(form.text) + "\n"), ElementsAre(form.rdata)) << form.text;
    EXPECT_THAT(describe_rest(form.text), ElementsAre(form.rdata)) << "no final line feed";
  }
}

TEST(Loader, ReadsWhatOperatorsWrite) {
  EXPECT_THAT(describe_rest("a A 1.1.1.1\r\n\tA 1.1.1.2\r\nb 1h30m IN A 1.1.1.3\r\n"
                            "c IN 1W A 1.1.1.4\r\nd\\.e TXT \"a;b\" c\\032d\r\n"),
              ElementsAre("a.example.com. 300 A 01010101", "a.example.com. 300 A 01010102",
                          "b.example.com. 5400 A 01010103", "c.example.com. 604800 A 01010104",
                          "d\\.e.example.com. 604800 TXT 03613b6203632064"));
  EXPECT_THAT(describe_rest("in A 1.1.1.1\na A 1.1.1.2\n@.x A 1.1.1.3\n"), testing::SizeIs(3));
}

TEST(Loader, TakesTtlsFromWhereRfc1035And2308Say) {
  // Without $TTL the last one stated; with it the default; none at all: the option.
  EXPECT_THAT(describe_rest("a A 1.1.1.1\nb 5 A 1.1.1.1\nc A 1.1.1.1\n$TTL 7\nd A 1.1.1.1\n"
                            "e 9 A 1.1.1.1\nf A 1.1.1.1\n$TTL 0\ng A 1.1.1.1\n"),
              ElementsAre("a.example.com. 300 A 01010101", "b.example.com. 5 A 01010101",
                          "c.example.com. 5 A 01010101", "d.example.com. 7 A 01010101",
                          "e.example.com. 9 A 01010101", "f.example.com. 7 A 01010101",
                          "g.example.com. 0 A 01010101"));
  LoadOptions options;
  options.default_ttl = 42;
  EXPECT_THAT(describe(load("@ SOA ns h 1 1 1 1 1\n@ NS ns\nns A 192.0.2.1\n", options)),
              testing::Each(HasSubstr(" 42 ")));
  // The same for records that are read the other way.
  EXPECT_THAT(describe_rest("b 5 WALLET a\nc WALLET b\n$TTL 7\nd WALLET b\n"),
              ElementsAre("b.example.com. 5 WALLET 0161", "c.example.com. 5 WALLET 0162",
                          "d.example.com. 7 WALLET 0162"));
  EXPECT_THAT(errors_of_rest("a 2147483648 A 1.1.1.1\nb 99999999999 A 1.1.1.1\n"),
              ElementsAre(HasSubstr("test.zone:4: a.example.com. A: TTL 2147483648 is over"),
                          HasSubstr("test.zone:5: ")));
  EXPECT_THAT(errors_of_rest("$TTL 2147483648\n$TTL x\n$TTL\n"),
              ElementsAre(HasSubstr("test.zone:4: $TTL"), HasSubstr("test.zone:5: $TTL"),
                          HasSubstr("test.zone:6: $TTL")));
}

TEST(Loader, Generates) {
  EXPECT_THAT(
      describe_rest("$GENERATE 1-2 a$ A 10.0.0.$\n$GENERATE 8-10/2 b${-8,2} 9 A 10.0.0.1\n"),
      ElementsAre("a1.example.com. 300 A 0a000001", "a2.example.com. 300 A 0a000002",
                  "b00.example.com. 9 A 0a000001", "b02.example.com. 9 A 0a000001"));
  EXPECT_THAT(describe_rest("$GENERATE 31-31 ${0,4,x}-${0,3,X}-${0,3,o} TXT \"$ ${1}\" \\$ $$\n"),
              ElementsAre("001f-01F-037.example.com. 300 TXT 053331203332012401"
                          "24"));
  EXPECT_THAT(describe_rest("$GENERATE 26-26 ${0,7,n}.${0,0,N} IN A 1.1.1.1\n"),
              ElementsAre("a.1.0.0.A.1.example.com. 300 A 01010101"));
  EXPECT_THAT(describe_rest("$GENERATE 1-1 w$ WALLET \"k$\"\n"),
              ElementsAre("w1.example.com. 300 WALLET 026b31"));
  EXPECT_THAT(describe_rest("$GENERATE 1-5000 a$ A 10.0.0.1\n"), testing::SizeIs(5000));
}

TEST(Loader, NamesWhatIsWrongWithGenerate) {
  EXPECT_THAT(errors_of_rest("\n\n$GENERATE 1-300 a A 10.0.0.$\n"),
              ElementsAre(HasSubstr("test.zone:6: invalid IPv4 address in 'a A 10.0.0.256'")))
      << "one for all";
  EXPECT_THAT(errors_of_rest("$GENERATE 3-1 a A 1.1.1.1\n$GENERATE 1-3/0 a A 1.1.1.1\n"
                             "$GENERATE x a A 1.1.1.1\n$GENERATE 1-2 a${1 A 1.1.1.1\n"
                             "$GENERATE 0-16777216 a$ A 1.1.1.1\n$GENERATE 1-2\n"),
              ElementsAre(HasSubstr(":4: $GENERATE range '3-1' ends before it begins"),
                          HasSubstr(":5: $GENERATE range '1-3/0' has a step of 0"),
                          HasSubstr(":6: $GENERATE range 'x' is not of the form"),
                          HasSubstr(":7: $GENERATE: '${1 A"),
                          HasSubstr(":8: $GENERATE range '0-16777216' gives 16777217 records"),
                          HasSubstr(":9: $GENERATE is followed by")));
}

TEST(Loader, NamesFileLineAndValueOfEachFault) {
  EXPECT_THAT(errors_of_rest("a A 1.1.1.300\n"      // 4
                             "b FOO x\n"            // 5
                             "c CH TXT x\n"         // 6
                             "$FOO bar\n"           // 7
                             "d TXT \"x\n"          // 8
                             "e A ( 1.1.1.1\n f\n"  // 10
                             ),
              ElementsAre("test.zone:4: invalid IPv4 address in 'a A 1.1.1.300'",
                          "test.zone:5: unknown record type 'FOO' in 'b FOO x'",
                          "test.zone:6: class CH where only IN is served, in 'c CH TXT x'",
                          HasSubstr("test.zone:7: unknown directive '$FOO'"),
                          "test.zone:8: a quote is not closed on its line in 'd TXT \"x'",
                          HasSubstr("test.zone:10: more data than the type of the record takes, "
                                    "or a parenthesis is not closed")));
  EXPECT_THAT(
      errors_of_rest("x.example.org. A 1.1.1.1\na ANY \\# 0\nb OPT \\# 0\n"),
      ElementsAre("test.zone:4: x.example.org. A: the owner is outside the zone example.com.",
                  HasSubstr("test.zone:5: a.example.com. ANY: a record of this type"),
                  HasSubstr("test.zone:6: b.example.com. OPT: a record of this type")));
  EXPECT_THAT(errors_of_rest("a A \\# 1 00\nb NS \\# 1 05\nc TYPE46 \\# 2 0001\n"),
              testing::Each(HasSubstr("does not have the form of this type")));
  EXPECT_THAT(errors(load(" A 1.1.1.1\n")), ElementsAre(HasSubstr("test.zone:1: no owner")));
  EXPECT_THAT(errors_of_rest("a DSYNC CDS NOTIFY 70000 b.\nb AMTRELAY 1 2 0 .\nc HIP 2\n"),
              ElementsAre(HasSubstr("'70000' is not a port from 0 to 65535"),
                          HasSubstr("discovery bit is 0 or 1, not 2"),
                          HasSubstr("expected a host identity tag")));
  const std::string long_label(64, 'a');
  EXPECT_THAT(errors_of_rest(long_label + " A 1.1.1.1\n"), testing::SizeIs(1));
}

TEST(Loader, LinesOfMultilineRecordsAreTheirFirst) {
  const LoadOutcome outcome = load_after_head(
      "; comment\n\nx TXT ( a ; one\n b )\n\n$TTL 5\n; (\ny TXT a\nz WALLET (\na\n)\n");
  ASSERT_TRUE(outcome.contents.has_value());
  Contents::Cursor cursor(*outcome.contents);
  std::vector<std::string> places;
  while (const StagedNode* node = cursor.next()) {
    places.push_back(node->owner.to_text() + std::to_string(node->place.line));
  }
  EXPECT_THAT(places, ElementsAre("example.com.1", "ns.example.com.3", "x.example.com.6",
                                  "y.example.com.11", "z.example.com.12"));
}

TEST(Loader, ParenthesesMayCloseOnALaterLine) {
  EXPECT_THAT(
      describe_rest("x A ( 1.1.1.1\n\n ; ) not here\n ) ; here\ny WALLET ( a\n ) \n\tWALLET b\n"
                    "z A ( 1.1.1.1\n)\nz A 1.1.1.2"),
      ElementsAre("x.example.com. 300 A 01010101", "y.example.com. 300 WALLET 0161",
                  "y.example.com. 300 WALLET 0162", "z.example.com. 300 A 01010101",
                  "z.example.com. 300 A 01010102"));
  EXPECT_THAT(errors_of_rest("x A ( 1.1.1.1\n2.2.2.2 )\ny A 1.1.1.1\n"),
              testing::Contains(HasSubstr("test.zone:5: more data than the type")));
  EXPECT_THAT(errors_of_rest("x A 1.1.1.1 )\ny A y\n"),
              ElementsAre(HasSubstr("test.zone:4: ')' without '('"),
                          HasSubstr("test.zone:5: invalid address")));
}

TEST(Loader, BoundsTheFindingsAndKeepsErrors) {
  LoadOptions options;
  options.findings_max = 5;
  std::string text(head);
  for (int i = 0; i < 20; ++i) text += "x A y\n";
  const LoadOutcome outcome = load(text, options);
  EXPECT_EQ(outcome.report.findings.size(), 5U);
  EXPECT_EQ(outcome.report.findings_suppressed, 15U);
  EXPECT_TRUE(outcome.report.has_errors());
}

TEST(Loader, StopsAtSoManyErrors) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "x ( y\n";  // each might reach to the end of the file
  const LoadOutcome outcome = load(text);
  EXPECT_EQ(outcome.report.findings.size() + outcome.report.findings_suppressed, errors_max + 1);
}

TEST(Loader, BoundsAnEntry) {
  const std::string blanks(entry_bytes_max, ' ');
  EXPECT_THAT(errors_of_rest("x WALLET a" + blanks + "b\ny WALLET a\n"),
              ElementsAre(HasSubstr("test.zone:4: a line of more than 1 MiB in 'x WALLET a'")));
  EXPECT_THAT(
      errors_of_rest("x WALLET ( a" + blanks + "\n)\n"),
      testing::Contains(HasSubstr("test.zone:4: a parenthesis is not closed within 1 MiB")));
}

class LoaderFiles : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::path(testing::TempDir()) /
                 ("loader" + std::to_string(::getpid()) +
                  testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(directory_ / "parts");
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& name, std::string_view text) {
    const std::string path = (directory_ / name).string();
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  static LoadOutcome load_file(const std::string& path, LoadOptions options = {}) {
    const auto apex = wire::Name::from_text("example.com");
    return load_zone_file(path, *apex, options);
  }

  std::filesystem::path directory_;
};

TEST_F(LoaderFiles, IncludesRelativeToTheIncludingFile) {
  write("parts/one", "a A 1.1.1.1\n$INCLUDE two sub\n A 1.1.1.2\n$ORIGIN other\n");
  write("parts/two", "b A 1.1.1.3\n$TTL 77\n");
  const std::string path = write("main.zone", std::string(head) +
                                                  "$INCLUDE parts/one in ; comment\n A 1.1.1.4\n"
                                                  "c A 1.1.1.5\n$INCLUDE \"parts/two\"");
  const LoadOutcome outcome = load_file(path);
  EXPECT_THAT(
      describe(outcome),
      ElementsAre(HasSubstr(" NS "), HasSubstr(" SOA "), "b.example.com. 77 A 01010103",
                  "c.example.com. 77 A 01010105", "a.in.example.com. 77 A 01010101",
                  "a.in.example.com. 77 A 01010102", "b.sub.in.example.com. 300 A 01010103",
                  "ns.example.com. 77 A 01010104", HasSubstr("ns.example.com. 77 A c0000201")))
      << "the owner before $INCLUDE is the owner after it; the TTLs of an RRset become one";
}

TEST_F(LoaderFiles, NamesTheFileOfAFault) {
  const std::string part = write("parts/one", "\na A x\n");
  const std::string path = write("main.zone", std::string(head) + "$INCLUDE parts/one\nb A y\n");
  const LoadOutcome outcome = load_file(path);
  EXPECT_THAT(errors(outcome), ElementsAre(HasSubstr(part + ":2: "), HasSubstr(path + ":5: ")));
  EXPECT_THAT(outcome.report.files, ElementsAre(path, part));
}

TEST_F(LoaderFiles, RefusesCyclesDepthAndMissingFiles) {
  const std::string self = write("self.zone", "$INCLUDE ./parts/../self.zone\n");
  EXPECT_THAT(errors(load_file(self)), ElementsAre(HasSubstr("the file includes itself")));
  for (size_t i = 0; i <= include_depth_max; ++i) {
    write("deep" + std::to_string(i), "$INCLUDE deep" + std::to_string(i + 1) + "\n");
  }
  EXPECT_THAT(errors(load_file((directory_ / "deep0").string())),
              ElementsAre(HasSubstr("nested more than 16 deep")));
  const LoadOutcome missing = load_file(write("main.zone", "$INCLUDE nowhere\n"));
  EXPECT_THAT(errors(missing),
              ElementsAre(testing::AllOf(HasSubstr("main.zone:1: $INCLUDE: "),
                                         HasSubstr("nowhere: No such file or directory"))));
  EXPECT_EQ(missing.report.files.size(), 2U) << "the missing one is watched too";
  LoadOptions options;
  options.includes = Includes::refuse;
  EXPECT_THAT(errors(load_file(self, options)), ElementsAre(HasSubstr("$INCLUDE is not allowed")));
}

TEST_F(LoaderFiles, BoundsTheFilesOfAZone) {
  // Each level doubles: without a bound 2^16 reads of the last file.
  write("twice16", "; nothing\n");
  for (int i = 0; i < 16; ++i) {
    const std::string line = "$INCLUDE twice" + std::to_string(i + 1) + "\n";
    write("twice" + std::to_string(i), line + line);
  }
  EXPECT_THAT(errors(load_file((directory_ / "twice0").string())),
              testing::Contains(HasSubstr("more than 10000 files are read")));
}

TEST_F(LoaderFiles, OneClearSentenceForWhatIsNoZoneFile) {
  EXPECT_THAT(errors(load_file((directory_ / "nowhere").string())),
              ElementsAre(HasSubstr("nowhere: No such file or directory")));
  EXPECT_THAT(errors(load_file(directory_.string())),
              ElementsAre(HasSubstr(": is a directory, not a zone file")));
  EXPECT_THAT(errors(load_file(write("empty", ""))), ElementsAre(HasSubstr("the file is empty")));
  EXPECT_THAT(errors(load_file(write("junk", std::string("\x1f\x8b\x08\0\0", 5)))),
              ElementsAre(HasSubstr("not a zone file: byte 3 is zero")));
  const std::string large = write("large", "x");
  std::filesystem::resize_file(large, file_bytes_max + 1);
  EXPECT_THAT(errors(load_file(large)), ElementsAre(HasSubstr("17179869185 bytes; a zone file")));
  EXPECT_THAT(errors(load_file("/dev/null")), ElementsAre(HasSubstr("is not a regular file")));
}

TEST_F(LoaderFiles, SeveralThreadsLoadDifferentZones) {
  std::vector<std::string> paths;
  for (int i = 0; i < 4; ++i) {
    paths.push_back(
        write("z" + std::to_string(i),
              std::string(head) + "$GENERATE 0-" + std::to_string(i * 1000) + " x$ WALLET $\n"));
  }
  std::vector<size_t> counts(paths.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < paths.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int repeat = 0; repeat < 5; ++repeat) {
        counts[i] = load_file(paths[i]).contents->record_count();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(counts, ElementsAre(4, 1004, 2004, 3004));
}

}  // namespace
}  // namespace holdfast::zone
