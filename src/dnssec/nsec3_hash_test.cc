// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/nsec3_hash.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace holdfast::dnssec {
namespace {

const std::vector<uint8_t> appendix_salt{0xaa, 0xbb, 0xcc, 0xdd};

std::string hashed(const char* name, Bytes salt, uint16_t iterations) {
  const auto label = nsec3_label(nsec3_hash(wire::Name::from_text(name).value(), salt, iterations));
  return {label.begin(), label.end()};
}

struct Vector {
  const char* name;
  const char* label;
};

class AppendixA : public testing::TestWithParam<Vector> {};

// RFC 5155 Appendix A: salt aabbccdd, 12 iterations.
TEST_P(AppendixA, GivesTheOwnerOfTheRfc) {
  EXPECT_EQ(hashed(GetParam().name, appendix_salt, 12), GetParam().label);
}

INSTANTIATE_TEST_SUITE_P(Rfc5155, AppendixA,
                         testing::Values(Vector{"example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"},
                                         Vector{"a.example", "35mthgpgcu1qg68fab165klnsnk3dpvl"},
                                         Vector{"ai.example", "gjeqe526plbf1g8mklp59enfd789njgi"},
                                         Vector{"ns1.example", "2t7b4g4vsa5smi47k61mv5bv1a22bojr"},
                                         Vector{"ns2.example", "q04jkcevqvmu85r014c7dkba38o0ji5r"},
                                         Vector{"w.example", "k8udemvp1j2f7eg6jebps17vp3n8i58h"},
                                         Vector{"*.w.example", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"},
                                         Vector{"x.w.example", "b4um86eghhds6nea196smvmlo4ors995"},
                                         Vector{"y.w.example", "ji6neoaepv8b5o6k4ev33abha8ht9fgc"},
                                         Vector{"x.y.w.example",
                                                "2vptu5timamqttgl4luu9kg21e0aor3s"},
                                         Vector{"xx.example", "t644ebqk9bibcna874givr6joj62mlhv"}));

TEST(Nsec3Hash, FoldsCase) {
  EXPECT_EQ(hashed("X.y.W.eXample", appendix_salt, 12), hashed("x.y.w.example", appendix_salt, 12));
}

// RFC 9276 §3.1: no salt and no extra iterations; then the hash is plain SHA-1 of the wire form.
TEST(Nsec3Hash, WithoutSaltOrIterations) {
  EXPECT_EQ(hashed(".", {}, 0), "bekjp7dgpvsjukll47bk43i3urmq4u2f");
  EXPECT_EQ(hashed("example", {}, 0), "3msev9usmd4br9s97v51r2tdvmr9iqo1");
  EXPECT_NE(hashed("example", {}, 0), hashed("example", {}, 1));
  EXPECT_NE(hashed("example", {}, 0), hashed("example", appendix_salt, 0));
}

TEST(Nsec3Hash, TakesTheLongestNameAndSalt) {
  wire::Name longest;
  const std::vector<uint8_t> label = [] {
    std::vector<uint8_t> bytes(64, 'a');
    bytes[0] = 63;
    return bytes;
  }();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(longest.assign_joined(label, longest));
  const std::vector<uint8_t> salt(nsec3_salt_bytes_max, 7);
  EXPECT_NE(nsec3_hash(longest, salt, 1), nsec3_hash(longest, salt, 2));
}

}  // namespace
}  // namespace holdfast::dnssec
