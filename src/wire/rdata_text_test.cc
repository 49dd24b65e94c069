// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/rdata_text.h"

#include <gtest/gtest.h>

#include "wire/test_packet.h"
#include "wire/types.h"

namespace holdfast::wire {
namespace {

std::string text_of(uint16_t type, const TestPacket& rdata) {
  return rdata_to_text(type, rdata.bytes());
}

uint16_t type_of(std::string_view mnemonic) { return type_from_text(mnemonic).value(); }

TEST(RdataText, WritesARecord) {
  const Name owner = Name::from_text("www.Example.com").value();
  EXPECT_EQ(record_to_text(owner, type_a, 3600, TestPacket().raw({192, 0, 2, 1}).bytes()),
            "www.Example.com. 3600 IN A 192.0.2.1");
  EXPECT_EQ(record_to_text(owner, 65280, 0, TestPacket().raw({0xAB}).bytes()),
            "www.Example.com. 0 IN TYPE65280 \\# 1 AB");
}

TEST(RdataText, GenericForm) {  // RFC 3597 §5
  EXPECT_EQ(rdata_to_generic_text({}), "\\# 0");
  EXPECT_EQ(rdata_to_generic_text(TestPacket().raw({10, 0, 0xFF}).bytes()), "\\# 3 0A00FF");
  EXPECT_EQ(text_of(type_null, TestPacket().raw({1})), "\\# 1 01");
}

TEST(RdataText, MalformedIsGeneric) {
  EXPECT_EQ(text_of(type_a, TestPacket().raw({1, 2, 3})), "\\# 3 010203");
  EXPECT_EQ(text_of(type_mx, TestPacket().u16(1).raw({5, 'a'})), "\\# 4 00010561");
}

TEST(RdataText, FieldsOfEachKind) {
  EXPECT_EQ(text_of(type_soa,
                    TestPacket().name("ns.x.").name("a\\.b.x.").u32(1).u32(2).u32(3).u32(4).u32(5)),
            "ns.x. a\\.b.x. 1 2 3 4 5");
  EXPECT_EQ(text_of(type_ns, TestPacket().name("\\<a\\@.x-y_z.")), "\\060a\\064.x-y_z.");
  EXPECT_EQ(text_of(type_ns, TestPacket().name(".")), ".");
  EXPECT_EQ(text_of(type_aaaa, TestPacket().u32(0x20010DB8).u32(0).u32(0).u32(1)), "2001:db8::1");
  EXPECT_EQ(text_of(type_txt, TestPacket().raw({3, 'a', '"', 9, 0})), "\"a\\\"\\009\" \"\"");
  EXPECT_EQ(text_of(type_ds, TestPacket().u16(60485).u8(5).u8(1).raw({0x2B, 0xB1})),
            "60485 5 1 2BB1");
  EXPECT_EQ(text_of(type_dnskey, TestPacket().u16(257).u8(3).u8(13).text("foobar")),
            "257 3 13 Zm9vYmFy");
  EXPECT_EQ(text_of(type_naptr, TestPacket().u16(1).u16(2).raw({1, 'u', 0, 1, '!'}).name("r.")),
            "1 2 \"u\" \"\" \"!\" r.");
  EXPECT_EQ(text_of(type_of("EUI48"), TestPacket().raw({0, 0, 0x5E, 0, 0x53, 0x2A})),
            "00-00-5e-00-53-2a");
  EXPECT_EQ(text_of(type_of("NID"), TestPacket().u16(10).u32(0x00144FFF).u32(0xFF20EE64)),
            "10 0014:4fff:ff20:ee64");
  EXPECT_EQ(text_of(type_of("IPN"), TestPacket().u32(1).u32(0)), "4294967296");
  EXPECT_EQ(text_of(type_of("URI"), TestPacket().u16(10).u16(1).text("ftp://a/")),
            "10 1 \"ftp://a/\"");
}

TEST(RdataText, Signatures) {
  TestPacket rdata;
  rdata.u16(type_a).u8(13).u8(2).u32(60).u32(1767225600).u32(1735689600).u16(7).name("x.");
  rdata.text("foo");
  EXPECT_EQ(text_of(type_rrsig, rdata), "A 13 2 60 20260101000000 20250101000000 7 x. Zm9v");
}

TEST(RdataText, TypeBitmaps) {
  EXPECT_EQ(text_of(type_nsec, TestPacket().name("b.").raw({0, 6, 0x40, 1, 0, 0, 0, 3, 4, 1, 8})),
            "b. A MX RRSIG NSEC TYPE1028");
  EXPECT_EQ(text_of(type_nsec, TestPacket().name("b.")), "b.");
  EXPECT_EQ(text_of(type_nsec3, TestPacket().raw({1, 1, 0, 5, 0, 5}).text("fooba")),
            "1 1 5 - CPNMUOJ1");
  EXPECT_EQ(text_of(type_nsec3, TestPacket().raw({1, 1, 0, 5, 0, 1, 'f'})), "\\# 7 01010005000166");
  EXPECT_EQ(text_of(type_nsec3param, TestPacket().raw({1, 0, 0, 5, 2, 0xAA, 0xBB})), "1 0 5 AABB");
  // Zeros at a window's end would be lost.
  EXPECT_EQ(text_of(type_nsec, TestPacket().name(".").raw({0, 2, 0x40, 0})), "\\# 5 0000024000");
}

TEST(RdataText, ServiceParameters) {
  TestPacket rdata;
  rdata.u16(1).name(".");
  rdata.u16(0).u16(4).u16(1).u16(3);
  rdata.u16(1).u16(6).raw({2, 'h', '2', 2, 'h', '3'});
  rdata.u16(2).u16(0);
  rdata.u16(3).u16(2).u16(8443);
  rdata.u16(4).u16(8).raw({192, 0, 2, 1, 192, 0, 2, 2});
  rdata.u16(5).u16(3).text("foo");
  rdata.u16(6).u16(16).u32(0x20010DB8).u32(0).u32(0).u32(1);
  rdata.u16(7).u16(4).text("/q{?").u16(8).u16(0).u16(667).u16(3).text("a\"b").u16(668).u16(0);
  EXPECT_EQ(text_of(type_https, rdata),
            "1 . mandatory=alpn,port alpn=h2,h3 no-default-alpn port=8443 "
            "ipv4hint=192.0.2.1,192.0.2.2 ech=Zm9v ipv6hint=2001:db8::1 dohpath=\"/q{?\" ohttp "
            "key667=\"a\\\"b\" key668");
  EXPECT_EQ(text_of(type_svcb, TestPacket().u16(0).name("pool.x.")), "0 pool.x.");
  // A comma inside a protocol's name.
  EXPECT_EQ(text_of(type_svcb, TestPacket().u16(1).name(".").u16(1).u16(4).raw({3, 'a', ',', 'b'})),
            "\\# 11 0001000001000403612C62");
}

TEST(RdataText, Locations) {
  TestPacket rdata;
  rdata.raw({0, 0x12, 0x16, 0x13}).u32(0x80000000U + 188543000U).u32(0x80000000U - 17612001U);
  rdata.u32(10000000 - 250);
  EXPECT_EQ(text_of(29, rdata), "52 22 23.000 N 4 53 32.001 W -2.50m 1.00m 10000.00m 10.00m");
  TestPacket version;
  version.raw({1, 0x12, 0x16, 0x13}).u32(0).u32(0).u32(0);
  EXPECT_EQ(text_of(29, version).substr(0, 5), "\\# 16");
}

TEST(RdataText, PrefixLists) {
  TestPacket rdata;
  rdata.raw({0, 1, 21, 0x83, 192, 168, 32}).raw({0, 2, 8, 1, 0xFF}).raw({0, 1, 0, 0});
  EXPECT_EQ(text_of(42, rdata), "!1:192.168.32.0/21 2:ff00::/8 1:0.0.0.0/0");
  EXPECT_EQ(text_of(42, {}), "\\# 0");
  EXPECT_EQ(text_of(42, TestPacket().raw({0, 3, 0, 0})), "\\# 4 00030000");
}

TEST(RdataText, TypesWithTheirOwnOrder) {
  EXPECT_EQ(text_of(11, TestPacket().raw({10, 0, 0, 1, 6, 0, 0, 0, 0x40})), "10.0.0.1 6 25");
  EXPECT_EQ(text_of(22, TestPacket().raw({0x47, 0x00})), "0x4700");
  EXPECT_EQ(text_of(type_nxt, TestPacket().name("b.").raw({0x42})), "b. A SOA");
  EXPECT_EQ(text_of(38, TestPacket().u8(64).u32(1).u32(2).name("p.")), "64 ::1:0:2 p.");
  EXPECT_EQ(text_of(38, TestPacket().u8(0).u32(0x20010000).u32(0).u32(0).u32(9)), "0 2001::9");
  EXPECT_EQ(text_of(45, TestPacket().raw({10, 0, 2}).text("foo")), "10 0 2 . Zm9v");
  EXPECT_EQ(text_of(45, TestPacket().raw({10, 0, 0})), "10 0 0 .");
  EXPECT_EQ(text_of(45, TestPacket().raw({10, 3, 2}).name("g.").text("foo")), "10 3 2 g. Zm9v");
  EXPECT_EQ(text_of(55, TestPacket().raw({2, 2, 0, 3, 0xAA, 0xBB}).text("foo").name("r.")),
            "2 AABB Zm9v r.");
  EXPECT_EQ(text_of(type_dsync, TestPacket().u16(type_cds).u8(1).u16(5359).name("d.")),
            "CDS NOTIFY 5359 d.");
  EXPECT_EQ(text_of(257, TestPacket().u8(128).raw({5}).text("issue").text("ca; a=\"b\"")),
            "128 issue \"ca; a=\\\"b\\\"\"");
  EXPECT_EQ(text_of(259, TestPacket().u32(1).u32(2).u8(3).raw({1, 'm'})), "1 2 3 \"m\" -");
  EXPECT_EQ(text_of(260, TestPacket().raw({10, 0x81, 192, 0, 2, 1})), "10 1 1 192.0.2.1");
  EXPECT_EQ(text_of(260, TestPacket().raw({10, 0})), "10 0 0 .");
}

}  // namespace
}  // namespace holdfast::wire
