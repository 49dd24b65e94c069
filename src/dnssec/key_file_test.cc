// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/key_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "dnssec/equal_tags.h"
#include "dnssec/key_time.h"
#include "dnssec/rrset_signer.h"
#include "dnssec/signature_check.h"
#include "wire/types.h"

namespace holdfast::dnssec {
namespace {

class KeyFile : public testing::Test {
 protected:
  KeyFile() {
    std::string path = testing::TempDir() + "key-file-XXXXXX";
    directory_ = ::mkdtemp(path.data());
  }
  ~KeyFile() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string stem(const ZoneKey& key) const {
    return directory_ + "/" + key_file_stem(key);
  }
  void rewrite(const std::string& path, const std::string& from, const std::string& to) {
    std::ifstream in(path);
    std::string text((std::istreambuf_iterator<char>(in)), {});
    ASSERT_NE(text.find(from), std::string::npos);
    text.replace(text.find(from), from.size(), to);
    std::ofstream(path) << text;
  }

  std::string directory_;
};

ZoneKey make_key(uint8_t algorithm, const char* zone = "Example.com") {
  return {wire::Name::from_text(zone).value(), flags_ksk,
          PrivateKey::generate(*find_algorithm(algorithm), 1024).value()};
}

class EachAlgorithm : public KeyFile, public testing::WithParamInterface<AlgorithmInfo> {};

TEST_P(EachAlgorithm, ComesBackAndSigns) {
  ZoneKey key = make_key(GetParam().number);
  key.times.created = 1700000000;
  key.times.remove = 1800000000;
  ASSERT_TRUE(save_key(key, directory_).has_value());
  const auto loaded = load_keys(directory_, key.zone());
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  ASSERT_EQ(loaded->size(), 1U);
  EXPECT_EQ(loaded->front().dnskey_rdata(), key.dnskey_rdata());
  EXPECT_EQ(loaded->front().times, key.times);

  auto signer = RrsetSigner::make(loaded->front());
  ASSERT_TRUE(signer.has_value());
  const std::vector<uint8_t> address{192, 0, 2, 1};
  const Bytes rdata = address;
  std::vector<uint8_t> rrsig;
  ASSERT_TRUE(signer->sign(key.zone(), wire::type_a, 60, {&rdata, 1}, {100, 200}, rrsig));
  const Bytes dnskey = key.dnskey_rdata();
  SignatureCheck check(key.zone(), {&dnskey, 1});
  size_t used = 0;
  EXPECT_EQ(
      check.check({key.zone(), wire::type_a, 60, {&rdata, 1}}, rrsig, 150, Depth::signatures, used),
      SignatureFault::none);
}

INSTANTIATE_TEST_SUITE_P(All, EachAlgorithm,
                         testing::ValuesIn(all_algorithms().begin(), all_algorithms().end()),
                         [](const auto& of) { return std::string(of.param.mnemonic); });

TEST_F(KeyFile, NamesAreThoseOfBind) {
  const ZoneKey key = make_key(13, "a/b.Example");
  EXPECT_TRUE(key_file_stem(key).starts_with("Ka%2Fb.example.+013+")) << key_file_stem(key);
  EXPECT_EQ(key_file_stem(key).size(), std::string("Ka%2Fb.example.+013+00000").size());
  EXPECT_EQ(zone_in_file_name(wire::NameView()), ".");
}

TEST_F(KeyFile, SecretIsForItsOwnerAlone) {
  const ZoneKey key = make_key(15);
  ASSERT_TRUE(save_key(key, directory_).has_value());
  struct stat status{};
  ASSERT_EQ(::stat((stem(key) + ".private").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(KeyFile, OneWithoutItsPublicFileIsPassedOver) {
  const ZoneKey key = make_key(15);
  ASSERT_TRUE(save_key(key, directory_).has_value());
  std::filesystem::remove(stem(key) + ".key");
  const auto loaded = load_keys(directory_, key.zone());
  ASSERT_TRUE(loaded.has_value());
  EXPECT_TRUE(loaded->empty());
}

TEST_F(KeyFile, PairsThatDoNotMatchAreRefused) {
  const ZoneKey key = make_key(15);
  const ZoneKey other = make_key(15);
  ASSERT_TRUE(save_key(key, directory_).has_value());
  ASSERT_TRUE(save_key(other, directory_).has_value());
  std::filesystem::copy_file(stem(other) + ".private", stem(key) + ".private",
                             std::filesystem::copy_options::overwrite_existing);
  const auto loaded = load_key(stem(key) + ".key");
  ASSERT_FALSE(loaded.has_value());
  EXPECT_NE(loaded.error().message.find("is not the private key"), std::string::npos)
      << loaded.error().message;
}

TEST_F(KeyFile, MistakesAreNamed) {
  ZoneKey key = make_key(13);
  key.times.publish = 1700000000;
  ASSERT_TRUE(save_key(key, directory_).has_value());
  const std::string secret = stem(key) + ".private";
  rewrite(secret, "20231114221320", "2023-11-14");
  EXPECT_NE(load_key(secret).error().message.find("Publish is \"2023-11-14\""), std::string::npos);
  rewrite(secret, "2023-11-14", "20231114221320");
  rewrite(secret, "Algorithm: 13", "Algorithm: 14");
  EXPECT_NE(load_key(secret).error().message.find("but its .key file says"), std::string::npos);
  rewrite(secret, "Algorithm: 14", "Algorithm: 13");
  rewrite(secret, "PrivateKey:", "PublicKey:");
  EXPECT_NE(load_key(secret).error().message.find("no PrivateKey"), std::string::npos);
}

TEST(KeyTime, BothWays) {
  EXPECT_EQ(key_time_text(1700000000), "20231114221320");
  EXPECT_EQ(parse_key_time("20231114221320"), 1700000000U);
  EXPECT_EQ(parse_key_time("20231114221320 (Tue Nov 14 22:13:20 2023)"), 1700000000U);
  EXPECT_EQ(parse_key_time("19700101000000"), 0U);
  EXPECT_EQ(parse_key_time("20240229000000"), 1709164800U);
  for (const char* wrong :
       {"", "2023111422132", "202311142213200", "20230229000000", "20231314221320",
        "20231114241320", "2023111422132x", "19691231235959", "xxxx1114221320"}) {
    EXPECT_FALSE(parse_key_time(wrong).has_value()) << wrong;
  }
}

TEST(ZoneKey, IsUsedAsItsTimesSay) {
  ZoneKey key = make_key(15);
  EXPECT_TRUE(key.is_active_at(0));
  EXPECT_FALSE(key.is_sync_published_at(0));
  key.times = {.created = 10, .publish = 20, .activate = 30, .inactive = 40, .remove = 50};
  key.times.sync_publish = 35;
  EXPECT_FALSE(key.is_published_at(19));
  EXPECT_TRUE(key.is_published_at(20));
  EXPECT_FALSE(key.is_active_at(29));
  EXPECT_TRUE(key.is_active_at(30));
  EXPECT_TRUE(key.is_sync_published_at(35));
  EXPECT_FALSE(key.is_active_at(40));
  EXPECT_TRUE(key.is_published_at(49));
  EXPECT_FALSE(key.is_published_at(50));
  EXPECT_FALSE(key.is_sync_published_at(50));
}

TEST_F(KeyFile, AnotherKeyIsNeverReplaced) {
  const EqualTags equal = find_equal_tags(flags_ksk, flags_ksk);
  const ZoneKey there(wire::Name::from_text("example").value(), flags_ksk, equal.first);
  const ZoneKey other(there.zone(), flags_ksk, equal.second);
  ASSERT_EQ(key_file_stem(there), key_file_stem(other));
  ASSERT_TRUE(save_key(there, directory_));
  EXPECT_TRUE(save_key(there, directory_));
  const auto saved = save_key(other, directory_);
  ASSERT_FALSE(saved);
  EXPECT_THAT(saved.error().message, testing::HasSubstr(key_file_stem(there)));
  EXPECT_EQ(load_keys(directory_, there.zone())->at(0).dnskey_rdata(), there.dnskey_rdata());
}

}  // namespace
}  // namespace holdfast::dnssec
