// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/rdata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "wire/test_packet.h"

namespace holdfast::wire {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint16_t type_wks = 11;
constexpr uint16_t type_a6 = 38;
constexpr uint16_t type_apl = 42;
constexpr uint16_t type_ipseckey = 45;
constexpr uint16_t type_hip = 55;
constexpr uint16_t type_amtrelay = 260;

bool well_formed(uint16_t type, const TestPacket& rdata) {
  return rdata_is_well_formed(type, rdata.bytes());
}

std::vector<std::string> names_of(uint16_t type, const TestPacket& rdata, RdataField kind) {
  std::vector<std::string> names;
  for_each_rdata_name(type, rdata.bytes(), [&](size_t offset, NameView name, RdataField field) {
    if (field == kind) names.push_back(std::to_string(offset) + " " + name.to_text());
  });
  return names;
}

TestPacket soa() {
  return TestPacket().name("ns.Example.").name("Admin.").u32(1).u32(2).u32(3).u32(4).u32(5);
}

TEST(Rdata, FindsNames) {
  using enum RdataField;
  EXPECT_THAT(names_of(type_soa, soa(), name_compressible),
              ElementsAre("0 ns.Example.", "12 Admin."));
  EXPECT_THAT(names_of(type_mx, TestPacket().u16(5).name("m."), name_compressible),
              ElementsAre("2 m."));
  EXPECT_THAT(names_of(type_srv, TestPacket().u16(1).u16(2).u16(3).name("S."), name_folded),
              ElementsAre("6 S."));
  EXPECT_THAT(names_of(type_nsec, TestPacket().name("N.").raw({0, 1, 0x40}), name),
              ElementsAre("0 N."));
  EXPECT_THAT(names_of(type_a, TestPacket().u32(1), name), IsEmpty());
}

TEST(Rdata, CompressibleNamesAgreeWithTheTable) {
  const auto example_of = [](uint16_t type) {
    switch (type) {
      case type_soa:
        return soa();
      case type_minfo:
        return TestPacket().name("a.").name("b.");
      case type_mx:
        return TestPacket().u16(5).name("m.");
      default:
        return TestPacket().name("n.example.");
    }
  };
  size_t types = 0;
  for (unsigned type = 0; type < 0x10000; ++type) {
    const auto number = static_cast<uint16_t>(type);
    const CompressibleNames expected = compressible_names(number);
    if (expected.count == 0) continue;
    ++types;
    const TestPacket rdata = example_of(number);
    size_t at = expected.offset;
    size_t count = 0;
    EXPECT_TRUE(for_each_rdata_name(number, rdata.bytes(),
                                    [&](size_t offset, NameView name, RdataField field) {
                                      EXPECT_EQ(field, RdataField::name_compressible) << type;
                                      EXPECT_EQ(offset, at) << type;
                                      at += name.size();
                                      ++count;
                                    }));
    EXPECT_EQ(count, expected.count) << type;
  }
  EXPECT_EQ(types, 11U);  // RFC 3597 §4
}

TEST(Rdata, OnlyTypesOfRfc1035AreCompressible) {
  for (const uint16_t type : {type_rp, type_srv, type_naptr, type_dname, type_rrsig, type_kx}) {
    EXPECT_EQ(compressible_names(type).count, 0) << type;
  }
}

TEST(Rdata, FoldsTheNamesThatFold) {  // RFC 6840 §5.1: RRSIG does, NSEC does not
  const auto folded = [](uint16_t type, const TestPacket& rdata) {
    std::vector<uint8_t> bytes(rdata.bytes().begin(), rdata.bytes().end());
    EXPECT_TRUE(fold_rdata_names(type, bytes));
    return bytes;
  };
  const auto bytes_of = [](const TestPacket& rdata) {
    return std::vector<uint8_t>(rdata.bytes().begin(), rdata.bytes().end());
  };
  EXPECT_EQ(folded(type_mx, TestPacket().u16(0x4142).name("MAIL.x.")),
            bytes_of(TestPacket().u16(0x4142).name("mail.x.")));
  const TestPacket nsec = TestPacket().name("NEXT.").raw({0, 1, 0x40});
  EXPECT_EQ(folded(type_nsec, nsec), bytes_of(nsec));
  const TestPacket hinfo = TestPacket().raw({1, 'A', 1, 'B'});
  EXPECT_EQ(folded(type_hinfo, hinfo), bytes_of(hinfo));
  const TestPacket unknown = TestPacket().text("ABC");
  EXPECT_EQ(folded(65280, unknown), bytes_of(unknown));
}

TEST(Rdata, WantsEveryByteOfFixedForms) {
  EXPECT_TRUE(well_formed(type_a, TestPacket().u32(1)));
  EXPECT_FALSE(well_formed(type_a, TestPacket().u16(1)));
  EXPECT_FALSE(well_formed(type_a, TestPacket().u32(1).u8(0)));
  EXPECT_FALSE(well_formed(type_a, {}));
  const TestPacket whole = soa();
  EXPECT_TRUE(well_formed(type_soa, whole));
  for (size_t size = 0; size < whole.bytes().size(); ++size) {
    EXPECT_FALSE(rdata_is_well_formed(type_soa, whole.bytes().first(size))) << size;
  }
}

TEST(Rdata, RefusesCompressedNames) {
  EXPECT_FALSE(well_formed(type_ns, TestPacket().raw({1, 'a', 0xC0, 12})));
}

TEST(Rdata, TextIsOneStringOrMore) {
  EXPECT_FALSE(well_formed(type_txt, {}));
  EXPECT_TRUE(well_formed(type_txt, TestPacket().raw({0})));
  EXPECT_TRUE(well_formed(type_txt, TestPacket().raw({1, 'a', 0, 2, 'b', 'c'})));
  EXPECT_FALSE(well_formed(type_txt, TestPacket().raw({1, 'a', 2, 'b'})));
}

TEST(Rdata, BitmapWindowsAscendAndAreNotEmpty) {
  const auto bitmap = [](std::initializer_list<unsigned> bytes) {
    return well_formed(type_nsec, TestPacket().name("a.").raw(bytes));
  };
  EXPECT_TRUE(bitmap({}));
  EXPECT_TRUE(bitmap({0, 1, 0x40, 1, 1, 0x40}));
  EXPECT_FALSE(bitmap({1, 1, 0x40, 0, 1, 0x40}));
  EXPECT_FALSE(bitmap({0, 1, 0x40, 0, 1, 0x40}));
  EXPECT_FALSE(bitmap({0, 0}));
  EXPECT_FALSE(bitmap({0, 2, 0x40}));
  EXPECT_FALSE(well_formed(type_nsec,
                           TestPacket().name("a.").u8(0).u8(33).raw(std::vector<uint8_t>(33, 1))));
}

TEST(Rdata, Nsec3HashIsNotEmpty) {
  EXPECT_TRUE(well_formed(type_nsec3, TestPacket().raw({1, 0, 0, 0, 0, 1, 7})));
  EXPECT_FALSE(well_formed(type_nsec3, TestPacket().raw({1, 0, 0, 0, 0, 0})));
}

TEST(Rdata, ServiceParametersAscend) {
  const auto parameters = [](std::initializer_list<unsigned> bytes) {
    return well_formed(type_svcb, TestPacket().u16(1).name(".").raw(bytes));
  };
  EXPECT_TRUE(parameters({}));
  EXPECT_TRUE(parameters({0, 1, 0, 1, 2, 0, 3, 0, 0}));
  EXPECT_FALSE(parameters({0, 3, 0, 0, 0, 1, 0, 0}));
  EXPECT_FALSE(parameters({0, 1, 0, 0, 0, 1, 0, 0}));
  EXPECT_FALSE(parameters({0, 1, 0, 9, 1}));
}

TEST(Rdata, PrefixListsFitTheirFamily) {
  EXPECT_TRUE(well_formed(type_apl, {}));
  EXPECT_TRUE(well_formed(type_apl, TestPacket().raw({0, 1, 24, 0x83, 192, 0, 2})));
  EXPECT_FALSE(well_formed(type_apl, TestPacket().raw({0, 1, 33, 0})));
  EXPECT_FALSE(well_formed(type_apl, TestPacket().raw({0, 1, 24, 5, 1, 2, 3, 4, 5})));
  EXPECT_FALSE(well_formed(type_apl, TestPacket().raw({0, 1, 24, 4, 1})));
}

TEST(Rdata, GatewaysFollowTheirKind) {
  const auto key = [](unsigned kind, const TestPacket& gateway) {
    return well_formed(type_ipseckey,
                       TestPacket().raw({10, kind, 2}).raw(gateway.bytes()).raw({1}));
  };
  EXPECT_TRUE(key(0, {}));
  EXPECT_TRUE(key(1, TestPacket().u32(1)));
  EXPECT_FALSE(key(2, TestPacket().u32(1)));
  EXPECT_TRUE(key(3, TestPacket().name("gw.")));
  EXPECT_FALSE(key(4, {}));
  EXPECT_TRUE(well_formed(type_amtrelay, TestPacket().raw({10, 0x80})));
  EXPECT_TRUE(well_formed(type_amtrelay, TestPacket().raw({10, 0x81, 1, 2, 3, 4})));
  EXPECT_FALSE(well_formed(type_amtrelay, TestPacket().raw({10, 0x80, 1})));
}

TEST(Rdata, HostIdentityHasItsLengthsInFront) {
  TestPacket hip;
  hip.raw({2, 2, 0, 3, 0xAA, 0xBB, 1, 2, 3}).name("rv.").name("rv2.");
  EXPECT_TRUE(well_formed(type_hip, hip));
  EXPECT_THAT(names_of(type_hip, hip, RdataField::name), ElementsAre("9 rv.", "13 rv2."));
  EXPECT_FALSE(well_formed(type_hip, TestPacket().raw({9, 2, 0, 3, 0xAA})));
}

TEST(Rdata, A6HasAsMuchOfTheAddressAsItsPrefixLeaves) {
  EXPECT_TRUE(well_formed(type_a6, TestPacket().raw({128}).name("a.")));
  EXPECT_TRUE(well_formed(type_a6, TestPacket().raw({120, 7}).name("a.")));
  EXPECT_FALSE(well_formed(type_a6, TestPacket().raw({129}).name("a.")));
  EXPECT_FALSE(well_formed(type_a6, TestPacket().raw({120}).name("a.")));
}

TEST(Rdata, UnknownTypesAreOpaque) {
  EXPECT_FALSE(has_rdata_layout(65280));
  EXPECT_TRUE(well_formed(65280, {}));
  EXPECT_TRUE(well_formed(65280, TestPacket().raw({1, 2, 3})));
  EXPECT_TRUE(has_rdata_layout(type_wks));
}

TEST(Rdata, PartsCoverTheRdata) {
  const TestPacket rdata = soa();
  RdataParts parts(type_soa, rdata.bytes());
  RdataPart part;
  size_t at = 0;
  while (parts.next(part)) {
    EXPECT_EQ(part.offset, at);
    at += part.bytes.size();
  }
  EXPECT_TRUE(parts.well_formed());
  EXPECT_EQ(at, rdata.bytes().size());
  EXPECT_FALSE(parts.next(part));
  EXPECT_TRUE(parts.well_formed());
}

}  // namespace
}  // namespace holdfast::wire
