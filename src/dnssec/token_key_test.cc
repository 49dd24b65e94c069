// SPDX-License-Identifier: GPL-3.0-or-later
// tests/dnssec/token_test.py signs with a token.
#include "dnssec/token_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

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

constexpr const char* soft_module = "/usr/lib/softhsm/libsofthsm2.so";

// SoftHSM with a token "t" of this test's own, in `folder`.
void make_soft_token(const std::string& folder) {
  std::filesystem::create_directory(folder + "/tokens");
  std::ofstream(folder + "/conf") << "directories.tokendir = " << folder << "/tokens\n"
                                  << "objectstore.backend = file\nlog.level = ERROR\n";
  std::ofstream(folder + "/pin") << "4711\n";
  ::setenv("SOFTHSM2_CONF", (folder + "/conf").c_str(), 1);
  ASSERT_EQ(std::system("softhsm2-util --init-token --free --label t --so-pin 123456 --pin 4711 "
                        ">/dev/null"),
            0);
}

TEST(TokenKey, OneThatIsRemovedIsGone) {
  if (!std::filesystem::exists(soft_module)) GTEST_SKIP() << "SoftHSM is not installed";
  std::string folder = testing::TempDir() + "holdfast-token-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  make_soft_token(folder);
  const TokenUri token =
      TokenUri::from_text("pkcs11:token=t?module-path=" + std::string(soft_module) +
                          "&pin-source=file:" + folder + "/pin")
          .value();
  const AlgorithmInfo& info = *find_algorithm(ecdsa_p256_sha256);
  const auto stays = make_token_key(token, info, 0, "example.");
  const auto goes = make_token_key(token, info, 0, "example.");
  ASSERT_TRUE(stays && goes) << (stays ? goes : stays).error().message;
  EXPECT_TRUE(token_public_key(goes->uri, info).has_value());
  const auto removed = remove_token_key(goes->uri, info);
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_THAT(token_public_key(goes->uri, info).error().message, HasSubstr("has no such key"));
  EXPECT_FALSE(TokenSigner::open(goes->uri, info).has_value());
  EXPECT_TRUE(TokenSigner::open(stays->uri, info).has_value());
  EXPECT_FALSE(remove_token_key(goes->uri, info).has_value());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace holdfast::dnssec
