// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/types.h"

#include <gtest/gtest.h>

namespace holdfast::wire {
namespace {

TEST(Types, EveryNumberHasATextThatReadsBack) {
  for (unsigned type = 0; type < 0x10000; ++type) {
    const auto number = static_cast<uint16_t>(type);
    EXPECT_EQ(type_from_text(type_to_text(number)), number);
    EXPECT_EQ(type_from_text("TYPE" + std::to_string(type)), number);
  }
}

TEST(Types, MnemonicsInAnyCase) {
  EXPECT_EQ(type_to_text(type_aaaa), "AAAA");
  EXPECT_EQ(type_from_text("aAaA"), type_aaaa);
  EXPECT_EQ(type_from_text("nsap-ptr"), 23);
  EXPECT_EQ(type_from_text("type65535"), 65535);
  EXPECT_EQ(type_to_text(65280), "TYPE65280");
}

TEST(Types, RefusesWhatIsNoType) {
  for (const char* text : {"", "AA", "TYPE", "TYPE65536", "TYPE-1", "TYPE1x", "TYPE 1", "1"}) {
    EXPECT_FALSE(type_from_text(text)) << text;
  }
}

TEST(Types, MetaTypes) {  // RFC 6895 §3.1
  for (const uint16_t type : {type_opt, type_tsig, type_axfr, type_any}) {
    EXPECT_TRUE(is_meta_type(type)) << type;
  }
  for (const uint16_t type : {type_a, type_dsync, type_resinfo}) {
    EXPECT_FALSE(is_meta_type(type)) << type;
  }
  EXPECT_TRUE(is_meta_type(128));
  EXPECT_FALSE(is_meta_type(127));
  EXPECT_FALSE(is_meta_type(256));
}

TEST(Types, Rcodes) {
  EXPECT_EQ(rcode_to_text(rcode_nxdomain), "NXDOMAIN");
  EXPECT_EQ(rcode_to_text(rcode_badvers), "BADVERS");
  EXPECT_EQ(rcode_to_text(4000), "RCODE4000");
}

}  // namespace
}  // namespace holdfast::wire
