// SPDX-License-Identifier: GPL-3.0-or-later
// What needs no token; tests/dnssec/token_test.py signs with one.
#include "dnssec/token_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "dnssec/key_file.h"
#include "dnssec/zone_key.h"

namespace holdfast::dnssec {
namespace {

using testing::HasSubstr;

TokenUri uri(const std::string& more) {
  return TokenUri::from_text("pkcs11:token=t;id=%01?module-path=" + more).value();
}

ZoneKey token_key(uint8_t algorithm) {
  const AlgorithmInfo& info = *find_algorithm(algorithm);
  const PrivateKey ours = PrivateKey::generate(info).value();
  return {wire::Name::from_text("a.test").value(), flags_ksk,
          PrivateKey::in_token(info, uri("/none.so&pin-source=file:/pin"), ours.public_key())};
}

TEST(TokenKey, IsKeptInFilesAsWhereItIs) {
  std::string folder = testing::TempDir() + "holdfast-token-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  for (const uint8_t algorithm : {rsa_sha256, ecdsa_p256_sha256, ecdsa_p384_sha384, ed25519}) {
    ZoneKey key = token_key(algorithm);
    key.times.activate = 1'800'000'000;
    ASSERT_TRUE(save_key(key, folder));
    const auto loaded = load_key(folder + "/" + key_file_stem(key) + ".key");
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->dnskey_rdata(), key.dnskey_rdata());
    EXPECT_EQ(loaded->times, key.times);
    ASSERT_NE(loaded->key().token(), nullptr);
    EXPECT_EQ(loaded->key().token()->to_text(), key.key().token()->to_text());
  }
  EXPECT_EQ(load_keys(folder, wire::Name::from_text("a.test").value())->size(), 4U);
  std::filesystem::remove_all(folder);
}

TEST(TokenKey, ItsSizeIsThatOfItsPublicKey) {
  for (const AlgorithmInfo& info : all_algorithms()) {
    const PrivateKey ours = PrivateKey::generate(info).value();
    const PrivateKey theirs = PrivateKey::in_token(info, uri("/none.so"), ours.public_key());
    EXPECT_EQ(theirs.bits(), ours.bits()) << info.mnemonic;
    const bool by_rsa = info.is_rsa();
    EXPECT_THAT(theirs.bits(),
                testing::AnyOf(by_rsa ? 2048U : 256U, by_rsa ? 4096U : 384U, by_rsa ? 3072U : 456U))
        << info.mnemonic;
  }
}

TEST(TokenKey, ALibraryThatIsNotThereOrNoneIsTold) {
  const AlgorithmInfo& info = *find_algorithm(ecdsa_p256_sha256);
  const auto missing = Signer::make(token_key(ecdsa_p256_sha256).key());
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("/none.so"));
  const auto made = make_token_key(uri("/proc/self/exe"), info, 0, "a");
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message,
              testing::AnyOf(HasSubstr("/proc/self/exe"), HasSubstr("cannot dynamically load")));
}

}  // namespace
}  // namespace holdfast::dnssec
