// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/signer_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "dnssec/rrset_signer.h"
#include "dnssec/zone_samples.h"
#include "wire/types.h"

namespace holdfast::dnssec {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr RolloverTimes times{
    .dnskey_ttl_s = 100, .ttl_max_s = 300, .ds_ttl_s = 200, .propagation_s = 50};

// Another signer, a parent, and ourselves; each step is kept in a folder and read back, as if the
// process had ended after it.
class SignerGroupTest : public testing::Test {
 protected:
  SignerGroupTest() {
    std::string pattern = testing::TempDir() + "groupXXXXXX";
    folder_ = mkdtemp(pattern.data());
    for (ZoneKey& key : own_) {
      if (key.is_entry_point()) key.times.sync_publish = now_s_;
    }
    const auto is_ksk = [](const ZoneKey& key) { return key.is_entry_point(); };
    const ZoneKey& ksk = *std::ranges::find_if(theirs_, is_ksk);
    OtherSigner other{.name = "other", .since_s = now_s_};
    other.name_servers = {wire::Name::from_text("ns.other.test").value()};
    other.servers = {*parse_endpoint("192.0.2.2", 53)};
    other.keys.push_back({.dnskey = ksk.dnskey_rdata(), .is_announced = true});
    keep({other});
    serve(theirs_);
    parent_.server = "192.0.2.9@53";
    for (const ZoneKey& key : own_) {
      if (key.is_entry_point()) parent_.ds.rdata.push_back(ds_of(key));
    }
  }
  ~SignerGroupTest() override { std::filesystem::remove_all(folder_); }

  std::vector<uint8_t> ds_of(const ZoneKey& key) const {
    return make_ds_rdata(zone_, key.dnskey_rdata(), DsDigest::sha256);
  }
  static const ZoneKey& role(const std::vector<ZoneKey>& keys, bool is_entry_point) {
    return *std::ranges::find_if(
        keys, [&](const ZoneKey& key) { return key.is_entry_point() == is_entry_point; });
  }
  void keep(const std::vector<OtherSigner>& signers) const {
    for (const OtherSigner& signer : signers) ASSERT_TRUE(save_signer(signer, folder_));
  }
  std::vector<OtherSigner> read() const { return load_signers(folder_).value(); }
  OtherSigner other() const { return read().front(); }

  // What the other signer's server has from now on, signed with its KSK.
  void serve(const std::vector<ZoneKey>& keys, const std::vector<ZoneKey>& foreign = {}) {
    server_ = {.server = "192.0.2.2@53"};
    for (const auto& of : {keys, foreign}) {
      for (const ZoneKey& key : of) server_.dnskeys.rdata.push_back(key.dnskey_rdata());
    }
    std::ranges::sort(server_.dnskeys.rdata);
    server_.dnskeys.ttl = 80;
    sign(server_.dnskeys, wire::type_dnskey);
  }
  void serve_cds(const std::vector<const ZoneKey*>& keys) {
    server_.cds = {};
    for (const ZoneKey* key : keys) server_.cds.rdata.push_back(ds_of(*key));
    std::ranges::sort(server_.cds.rdata);
    server_.cds.ttl = 80;
    sign(server_.cds, wire::type_cds);
  }
  void sign(SeenRrset& rrset, uint16_t type) const {
    RrsetSigner signer = RrsetSigner::make(role(theirs_, true)).value();
    const std::vector<Bytes> rdata(rrset.rdata.begin(), rrset.rdata.end());
    std::vector<uint8_t> rrsig;
    ASSERT_TRUE(signer.sign(zone_, type, rrset.ttl, rdata,
                            {.inception = static_cast<uint32_t>(now_s_) - 1000,
                             .expiration = static_cast<uint32_t>(now_s_) + 100'000},
                            rrsig));
    rrset.signatures = {rrsig};
  }
  std::vector<std::string> look() {
    std::vector<OtherSigner> signers = read();
    GroupSighting seen{.now_s = now_s_, .parent = see_parent({&parent_, 1}), .signers = {}};
    for (const OtherSigner& signer : signers) {
      seen.signers[signer.name] = see_signer(signer, zone_, {&server_, 1}, seen.parent, now_s_);
    }
    auto said =
        advance(signers, {.zone = zone_, .own = own_, .wanted = wanted_, .times = times}, seen);
    keep(signers);
    return said;
  }
  void pass(uint64_t seconds) {
    now_s_ += seconds;
    look();
  }
  void join() {
    serve(theirs_, {role(own_, false)});
    look();
    pass(150);
    ASSERT_EQ(other().phase, SignerPhase::ds);
    parent_.ds.rdata.push_back(ds_of(role(theirs_, true)));
    look();
    pass(250);
    ASSERT_EQ(other().phase, SignerPhase::name_servers);
    put_name_server();
    look();
    ASSERT_EQ(other().phase, SignerPhase::joined);
  }
  void put_name_server() {
    const Bytes name = name_.view().bytes();
    for (SeenServer* server : {&server_, &parent_}) {
      server->name_servers.rdata = {{name.begin(), name.end()}};
    }
  }

  const wire::Name zone_ = wire::Name::from_text("example").value();
  const wire::Name name_ = wire::Name::from_text("ns.other.test").value();
  std::string folder_;
  uint64_t now_s_ = sample_time_s;
  std::vector<ZoneKey> own_ = make_keys(ed25519, {flags_ksk, flags_zsk});
  std::vector<ZoneKey> theirs_ = make_keys(ed25519, {flags_ksk, flags_zsk});
  std::vector<std::string> wanted_{"other"};
  SeenServer server_;
  SeenServer parent_;
};

TEST_F(SignerGroupTest, OneJoinsStepByStep) {
  look();
  EXPECT_EQ(other().phase, SignerPhase::keys);
  EXPECT_EQ(other().keys.size(), 2U);  // its ZSK as well, which its KSK vouches for
  EXPECT_THAT(other().waits_for, HasSubstr("it to serve our key"));
  ApexAdditions additions;
  add_signers(read(), additions);
  EXPECT_EQ(additions.dnskeys.size(), 2U);
  EXPECT_THAT(additions.announced, IsEmpty());
  EXPECT_EQ(additions.name_servers_out.size(), 1U);
  pass(100'000);
  EXPECT_EQ(other().phase, SignerPhase::keys);  // nobody has our key yet

  serve(theirs_, {role(own_, false)});
  look();
  pass(149);
  EXPECT_EQ(other().phase, SignerPhase::keys);  // caches have DNSKEY without it
  pass(1);
  EXPECT_EQ(other().phase, SignerPhase::ds);
  additions = {};
  add_signers(read(), additions);
  EXPECT_THAT(additions.announced, testing::ElementsAre(role(theirs_, true).dnskey_rdata()));
  look();
  EXPECT_THAT(other().waits_for, HasSubstr("the parent to have a DS of its key"));

  parent_.ds.rdata.push_back(ds_of(role(theirs_, true)));
  look();
  pass(249);
  EXPECT_EQ(other().phase, SignerPhase::ds);
  pass(1);
  EXPECT_EQ(other().phase, SignerPhase::name_servers);
  look();
  EXPECT_THAT(other().waits_for, HasSubstr("the parent to have NS ns.other.test."));
  put_name_server();
  look();
  EXPECT_EQ(other().phase, SignerPhase::joined);
  EXPECT_THAT(other().waits_for, IsEmpty());
}

TEST_F(SignerGroupTest, OneLeavesStepByStep) {
  join();
  wanted_.clear();
  look();
  EXPECT_EQ(other().phase, SignerPhase::leaving_name_servers);
  EXPECT_THAT(other().waits_for, HasSubstr("the parent to drop NS"));
  ApexAdditions additions;
  add_signers(read(), additions);
  EXPECT_EQ(additions.name_servers_out.size(), 1U);
  EXPECT_EQ(additions.dnskeys.size(), 2U);  // its answers are in caches
  parent_.name_servers.rdata.clear();
  look();
  pass(349);
  EXPECT_EQ(other().phase, SignerPhase::leaving_name_servers);
  pass(1);
  EXPECT_EQ(other().phase, SignerPhase::leaving_ds);
  look();
  EXPECT_THAT(other().waits_for, HasSubstr("the parent to drop the DS of its key"));
  parent_.ds.rdata.pop_back();
  look();
  pass(250);
  EXPECT_EQ(other().phase, SignerPhase::left);
  additions = {};
  add_signers(read(), additions);
  EXPECT_THAT(additions.dnskeys, IsEmpty());
  // It is still there, and nothing of it comes back.
  pass(1000);
  EXPECT_EQ(other().phase, SignerPhase::left);
}

TEST_F(SignerGroupTest, OneThatIsWantedAgainTurnsRound) {
  join();
  wanted_.clear();
  look();
  wanted_ = {"other"};
  look();
  EXPECT_EQ(other().phase, SignerPhase::joined);  // nothing had gone yet
  wanted_.clear();
  parent_.name_servers.rdata.clear();
  look();
  pass(350);
  EXPECT_EQ(other().phase, SignerPhase::leaving_ds);
  wanted_ = {"other"};
  look();
  EXPECT_EQ(other().phase, SignerPhase::ds);
}

TEST_F(SignerGroupTest, KeysComeAndGoWithTheirSigner) {
  join();
  std::vector<ZoneKey> next = theirs_;
  next.push_back(make_keys(ed25519, {flags_zsk}).front());
  serve(next, {role(own_, false)});
  put_name_server();
  look();
  EXPECT_EQ(other().keys.size(), 3U);
  ApexAdditions additions;
  add_signers(read(), additions);
  EXPECT_EQ(additions.dnskeys.size(), 3U);
  serve(theirs_, {role(own_, false)});
  look();
  EXPECT_EQ(other().keys.size(), 2U);
}

TEST_F(SignerGroupTest, WhatItsKeysHaveNotSignedIsNotBelieved) {
  look();
  const OtherSigner before = other();
  std::vector<ZoneKey> forged = theirs_;
  forged.push_back(make_keys(ed25519, {flags_zsk}).front());
  serve(forged);
  server_.dnskeys.signatures.front().back() ^= 1;
  look();
  EXPECT_EQ(other().keys.size(), before.keys.size());
  EXPECT_THAT(other().waits_for, HasSubstr("no known key of its has signed"));
  // Nor what comes from keys of its own making alone.
  theirs_ = make_keys(ed25519, {flags_ksk, flags_zsk});
  serve(theirs_);
  look();
  EXPECT_EQ(other().keys.size(), before.keys.size());
  server_.error = "no answer";
  look();
  EXPECT_EQ(other().keys.size(), before.keys.size());
  EXPECT_THAT(other().waits_for, HasSubstr("no answer"));
}

TEST_F(SignerGroupTest, OneWithoutAKnownKeyIsVouchedForByTheParent) {
  OtherSigner stranger = other();
  stranger.keys.clear();
  keep({stranger});
  look();
  EXPECT_THAT(other().keys, IsEmpty());
  parent_.ds.rdata.push_back(ds_of(role(theirs_, true)));
  look();
  EXPECT_EQ(other().keys.size(), 2U);
}

TEST_F(SignerGroupTest, OurZskWaitsUntilAllHaveIt) {
  join();
  const auto make = [] { return PrivateKey::generate(*find_algorithm(ed25519)); };
  const auto rolled = roll_zsk(own_, now_s_, times, make);
  ASSERT_TRUE(rolled);
  own_ = {role(own_, true), rolled->at(0), rolled->at(1)};
  const ZoneKey& next = own_[1];
  look();
  pass(140);
  auto held = hold_for_signers(own_, read(), now_s_, times);
  ASSERT_EQ(held.size(), 2U);  // the old one first: a crash in between leaves both to sign
  EXPECT_EQ(held[0].times.inactive, now_s_ + 150);
  EXPECT_EQ(held[0].times.remove, now_s_ + 150 + 350);
  EXPECT_EQ(held[1].tag(), next.tag());
  EXPECT_EQ(held[1].times.activate, now_s_ + 150);
  const std::vector<ZoneKey> half{own_[0], own_[1], held[0]};
  EXPECT_EQ(hold_for_signers(half, read(), now_s_, times).size(), 1U);
  own_ = {own_[0], held[1], held[0]};

  serve(theirs_, {own_[1], own_[2]});
  put_name_server();
  look();
  EXPECT_THAT(hold_for_signers(own_, read(), now_s_, times), IsEmpty());
  EXPECT_FALSE(is_known_to_all(own_[1], own_, read(), now_s_ + 149, times));
  EXPECT_TRUE(is_known_to_all(own_[1], own_, read(), now_s_ + 150, times));
  EXPECT_TRUE(is_known_to_all(own_[0], own_, read(), now_s_, times));  // a KSK needs not be there
}

TEST_F(SignerGroupTest, ItsCdsSaysWhichKeysItWants) {
  join();
  serve_cds({&role(own_, true), &role(theirs_, true)});
  look();
  EXPECT_THAT(other().waits_for, IsEmpty());
  serve_cds({&role(theirs_, true)});
  look();
  EXPECT_THAT(other().waits_for, HasSubstr("it to serve the CDS of our key"));
}

TEST(OtherSigner, AFileThatIsDamagedIsRefused) {
  std::string pattern = testing::TempDir() + "signerXXXXXX";
  const std::string folder = mkdtemp(pattern.data());
  OtherSigner signer{.name = "a"};
  ASSERT_TRUE(save_signer(signer, folder));
  ASSERT_EQ(load_signers(folder)->size(), 1U);
  std::filesystem::resize_file(folder + "/signer-a",
                               std::filesystem::file_size(folder + "/signer-a") - 3);
  EXPECT_THAT(load_signers(folder).error().message, HasSubstr("cannot be read"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace holdfast::dnssec
