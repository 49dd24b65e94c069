// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/new_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dnssec/equal_tags.h"

namespace holdfast::dnssec {
namespace {

using testing::HasSubstr;

const wire::Name zone = wire::Name::from_text("example").value();

// Gives these keys in order, the last of them for ever.
MakeKey giver(std::vector<PrivateKey> keys, int& given) {
  return [keys = std::move(keys), &given]() -> Result<PrivateKey> {
    return keys[std::min(static_cast<size_t>(given++), keys.size() - 1)];
  };
}

TEST(NewKey, IsMadeAnewWhereAnotherHasItsTag) {
  const EqualTags equal = find_equal_tags(flags_ksk, flags_zsk);
  const ZoneKey ksk(zone, flags_ksk, equal.first);
  const PrivateKey free = make_unlike(equal);
  int given = 0;
  const auto key =
      make_new_key(zone, flags_zsk, TakenTags({&ksk, 1}), giver({equal.second, free}, given));
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(given, 2);
  EXPECT_EQ(key->key().public_key(), free.public_key());
}

TEST(NewKey, IsMadeAnewWhereAnotherWouldHaveItsTagOnceRevoked) {
  for (const bool is_the_new_one : {false, true}) {
    const uint16_t revoked = flags_ksk | flag_revoked;
    const EqualTags equal =
        is_the_new_one ? find_equal_tags(flags_ksk, revoked) : find_equal_tags(revoked, flags_ksk);
    const ZoneKey there(zone, flags_ksk, equal.first);
    const ZoneKey made(zone, flags_ksk, equal.second);
    ASSERT_NE(there.tag(), made.tag());
    EXPECT_TRUE(TakenTags({&there, 1}).holds(made.dnskey_rdata()));
  }
}

TEST(NewKey, OfAnotherSignerCountsAsWell) {
  const EqualTags equal = find_equal_tags(flags_zsk, flags_zsk);
  TakenTags others;
  others.add(ZoneKey(zone, flags_zsk, equal.first).dnskey_rdata());
  TakenTags all;
  all.add(others);
  EXPECT_TRUE(all.holds(ZoneKey(zone, flags_zsk, equal.second).dnskey_rdata()));
  EXPECT_FALSE(TakenTags().holds(ZoneKey(zone, flags_zsk, equal.second).dnskey_rdata()));
}

TEST(NewKey, IsNotTriedForEver) {
  const ZoneKey there(zone, flags_ksk, PrivateKey::generate(*find_algorithm(ed25519)).value());
  int given = 0;
  const auto key =
      make_new_key(zone, flags_ksk, TakenTags({&there, 1}), giver({there.key()}, given));
  ASSERT_FALSE(key.has_value());
  EXPECT_EQ(given, key_tries_max);
  EXPECT_THAT(key.error().message, HasSubstr("example."));
}

TEST(NewKey, AnErrorOfItsMakingIsPassedOn) {
  const auto key = make_new_key(zone, flags_ksk, {}, [] { return fail("no token"); });
  ASSERT_FALSE(key.has_value());
  EXPECT_EQ(key.error().message, "no token");
}

}  // namespace
}  // namespace holdfast::dnssec
