// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/served_keys.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "dnssec/rollover_model.h"
#include "dnssec/rrsig.h"

namespace holdfast::dnssec {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr RolloverTimes times = rollover_times;

enum class Holding : uint8_t { on, off };

// A zone with one secondary that may be cut off for longer than `propagation_s`.
class ServedKeysTest : public RolloverModel {
 protected:
  // As control does: what is held is written down before it is signed.
  void live_for(uint64_t seconds, Holding holding = Holding::on) {
    for (const uint64_t end_s = now_s_ + seconds; now_s_ < end_s;) {
      if (holding == Holding::on) save(hold_for_secondaries(keys_, served_, now_s_, times));
      const uint64_t at_s = now_s_;
      run_for(step_s);
      if (!is_cut_) secondary_ = moments_.at(at_s);
      at_secondary_[at_s] = secondary_;
      served_ = note_served(served_, keys_, {{see()}}, at_s);
    }
  }
  [[nodiscard]] SeenServer see() const {
    SeenServer seen{.server = "it"};
    if (is_silent_) seen.error = "does not answer";
    seen.dnskeys.rdata = secondary_.dnskeys;
    seen.soa = {.rdata = secondary_.soa, .signatures = secondary_.soa_signatures};
    return seen;
  }

  // Pairs of DNSKEY from one server and data from the other, both within their TTL, that do not
  // validate: how many.
  [[nodiscard]] size_t mismatches() const {
    size_t count = 0;
    for (const auto& [here_s, here] : moments_) {
      for (const auto& [there_s, there] : at_secondary_) {
        count += count_mismatch(here, here_s, there, there_s);
        count += count_mismatch(there, there_s, here, here_s);
      }
    }
    return count;
  }
  static size_t count_mismatch(const Moment& keys, uint64_t keys_s, const Moment& data,
                               uint64_t data_s) {
    const bool is_kept =
        data_s >= keys_s ? data_s - keys_s < times.dnskey_ttl_s : keys_s - data_s < times.ttl_max_s;
    if (!is_kept) return 0;
    const auto fits = [&](const std::vector<uint8_t>& rrsig) {
      return std::ranges::any_of(keys.dnskeys, [&](const auto& dnskey) {
        return key_tag(dnskey) == load_be16(rrsig.data() + 16);
      });
    };
    return std::ranges::any_of(data.soa_signatures, fits) ? 0 : 1;
  }
  // Versions at the secondary whose DNSKEY has nothing of what the parent has.
  [[nodiscard]] size_t unchained() const {
    size_t count = 0;
    const wire::Name apex = wire::Name::from_text("example").value();
    for (const auto& [at_s, moment] : at_secondary_) {
      const auto ds = std::prev(ds_.upper_bound(at_s));
      const bool is_chained = std::ranges::any_of(moment.dnskeys, [&](const auto& dnskey) {
        return holds_ds_of(ds->second, apex, dnskey);
      });
      count += is_chained ? 0 : 1;
    }
    return count;
  }

  bool is_cut_ = false;
  bool is_silent_ = false;
  Moment secondary_;
  std::map<uint64_t, Moment> at_secondary_;
  ServedKeys served_;
};

TEST_F(ServedKeysTest, AZskTakesOverOnceASecondaryThatWasCutOffHasIt) {
  begin({flags_ksk, flags_zsk});
  live_for(200);
  is_cut_ = true;
  save(roll_zsk(keys_, now_s_, times, maker(15)));
  const uint16_t next = keys_.back().tag();
  live_for(1500);
  EXPECT_FALSE(keys_.back().is_active_at(now_s_));
  EXPECT_THAT(served_.waits_for, HasSubstr("it to serve key " + std::to_string(next)));
  is_cut_ = false;
  live_for(200);
  EXPECT_TRUE(keys_.back().is_active_at(now_s_));
  // Signatures of the old one are at the secondary for as long as it is cut off again.
  EXPECT_EQ(mismatches(), 0U);
  live_for(1500);
  EXPECT_EQ(mismatches(), 0U);
  EXPECT_EQ(moments_.rbegin()->second.dnskeys.size(), 2U);
  EXPECT_FALSE(waits_for_secondaries(keys_, served_, now_s_));
  EXPECT_EQ(served_.waits_for, "");
}

TEST_F(ServedKeysTest, AnOldZskStaysWhileASecondaryHasItsSignatures) {
  begin({flags_ksk, flags_zsk});
  live_for(200);
  save(roll_zsk(keys_, now_s_, times, maker(15)));
  live_for(times.dnskey_ttl_s + times.propagation_s);
  is_cut_ = true;  // it takes over now
  live_for(1500);
  EXPECT_TRUE(keys_.back().is_active_at(now_s_));
  EXPECT_EQ(moments_.rbegin()->second.dnskeys.size(), 3U);
  EXPECT_THAT(served_.waits_for, HasSubstr("to have no signatures by key"));
  is_cut_ = false;
  live_for(1000);
  EXPECT_EQ(mismatches(), 0U);
  EXPECT_EQ(moments_.rbegin()->second.dnskeys.size(), 2U);
}

TEST_F(ServedKeysTest, TheParentIsToldOnceASecondaryThatWasCutOffHasTheNewKey) {
  live_for(200);
  is_cut_ = true;
  save(roll_entry_point(keys_, now_s_, times, maker(15)));
  const auto before = moments_.rbegin()->second.cds;
  live_for(1500);
  EXPECT_EQ(moments_.rbegin()->second.cds, before);
  EXPECT_FALSE(confirm_ds(keys_, now_s_, times).has_value());
  is_cut_ = false;
  live_for(1000);
  EXPECT_NE(moments_.rbegin()->second.cds, before);
  is_cut_ = true;  // what it has is good with either DS
  parent_follows();
  save(confirm_ds(keys_, now_s_, times));
  live_for(1000);
  EXPECT_EQ(moments_.rbegin()->second.dnskeys.size(), 1U);
  EXPECT_EQ(unchained(), 0U);
  EXPECT_EQ(mismatches(), 0U);
}

TEST_F(ServedKeysTest, TheParentHearsOfAFirstKeyOnceASecondaryThatWasCutOffHasIt) {
  begin({flags_ksk, flags_zsk});
  keys_[0].times.sync_publish = now_s_;
  served_ = begin_signed({}, keys_);
  EXPECT_TRUE(waits_for_secondaries(keys_, served_, now_s_));
  is_cut_ = true;  // it serves the zone without keys
  live_for(1500);
  const uint64_t joined_s = now_s_;
  for (const auto& [at_s, moment] : moments_) EXPECT_THAT(moment.cds, IsEmpty()) << at_s;
  EXPECT_EQ(served_.waits_for, "it to serve key " + std::to_string(keys_[0].tag()));
  is_cut_ = false;
  live_for(100);
  EXPECT_FALSE(waits_for_secondaries(keys_, served_, now_s_));
  EXPECT_EQ(served_.waits_for, "");
  // It is cut off again, which changes nothing of what caches can hold.
  is_cut_ = true;
  live_for(times.ttl_max_s - 100);
  EXPECT_THAT(moments_.rbegin()->second.cds, IsEmpty());
  live_for(100);
  EXPECT_EQ(moments_.rbegin()->second.cds.size(), 1U);
  EXPECT_GE(*keys_[0].times.sync_publish, joined_s + times.ttl_max_s);
}

TEST_F(ServedKeysTest, AKeyWhoseCdsIsOutIsNoFirstOneAnyMore) {
  begin({flags_ksk, flags_zsk});
  keys_[0].times.sync_publish = now_s_;
  served_ = begin_signed({{{.tag = keys_[0].tag(), .served_s = 1}}}, keys_);
  ASSERT_EQ(served_.keys.size(), 1U);  // what was seen before the zone was unsigned is not so now
  EXPECT_EQ(served_.keys[0].served_s, 0U);
  EXPECT_EQ(followed(served_, keys_, now_s_), served_);
  live_for(times.ttl_max_s + 2 * step_s);
  ASSERT_TRUE(keys_[0].is_sync_published_at(now_s_));
  const ServedKeys after = followed(served_, keys_, now_s_);
  EXPECT_FALSE(after.keys[0].is_first);
  RolloverTimes longer = times;
  longer.ttl_max_s *= 10;
  EXPECT_THAT(hold_for_secondaries(keys_, after, now_s_, longer), IsEmpty());
}

// A roll that begins while the first CDS waits: neither key is asked for before it is there.
TEST_F(ServedKeysTest, AFirstKeyThatIsRolledAtOnceIsNotAskedForMeanwhile) {
  keys_[0].times.sync_publish = now_s_;
  served_ = begin_signed({}, keys_);
  is_cut_ = true;
  live_for(200);
  save(roll_entry_point(keys_, now_s_, times, maker(15)));
  live_for(2000);
  for (const auto& [at_s, moment] : moments_) EXPECT_THAT(moment.cds, IsEmpty()) << at_s;
  is_cut_ = false;
  live_for(1000);
  EXPECT_EQ(moments_.rbegin()->second.cds.size(), 1U);
  EXPECT_TRUE(keys_.back().is_sync_published_at(now_s_));
}

TEST_F(ServedKeysTest, WhatTheParentWasToldOfANewKeyIsNotTakenBack) {
  keys_[0].times.sync_publish = now_s_;
  live_for(200, Holding::off);
  save(roll_entry_point(keys_, now_s_, times, maker(15)));
  live_for(500, Holding::off);
  const std::vector<uint8_t> old = keys_[0].dnskey_rdata();
  const std::vector<uint8_t> next = keys_[1].dnskey_rdata();
  ASSERT_TRUE(keys_[1].is_sync_published_at(now_s_));
  const auto held = [&](const std::vector<uint8_t>& told, const ServedKeys& served,
                        const RolloverTimes& of) {
    const std::vector<Bytes> cdnskeys{told};
    return hold_for_secondaries(keys_, with_told(served, keys_, cdnskeys, now_s_), now_s_, of);
  };
  // Secondaries that are named now have not been asked.
  EXPECT_THAT(held(next, {}, times), IsEmpty());
  // Nobody was there to sign when its time came.
  EXPECT_EQ(held(old, {}, times).size(), 2U);
  RolloverTimes longer = times;
  longer.ttl_max_s *= 10;
  const ServedKeys seen{.keys = {{.tag = keys_[1].tag(),
                                  .served_s = *keys_[1].times.sync_publish - times.ttl_max_s}}};
  EXPECT_THAT(held(old, seen, times), IsEmpty());
  EXPECT_EQ(held(old, seen, longer).size(), 2U);
  EXPECT_THAT(held(next, seen, longer), IsEmpty());
  EXPECT_FALSE(
      waits_for_secondaries(keys_, with_told({}, keys_, std::vector<Bytes>{next}, now_s_), now_s_));
}

// That the model sees what goes wrong without all this.
TEST_F(ServedKeysTest, WithoutItTheZoneWouldBeBogus) {
  begin({flags_ksk, flags_zsk});
  live_for(200, Holding::off);
  is_cut_ = true;
  save(roll_zsk(keys_, now_s_, times, maker(15)));
  save(roll_entry_point(keys_, now_s_, times, maker(15)));
  live_for(1000, Holding::off);
  parent_follows();
  live_for(100, Holding::off);
  EXPECT_GT(mismatches(), 0U);
  EXPECT_GT(unchained(), 0U);
}

TEST_F(ServedKeysTest, ASecondaryThatIsInStepDelaysNothing) {
  begin({flags_ksk, flags_zsk});
  live_for(200);
  save(roll_zsk(keys_, now_s_, times, maker(15)));
  const KeyTimes planned = keys_.back().times;
  live_for(800);
  EXPECT_EQ(keys_.back().times, planned);
  EXPECT_EQ(mismatches(), 0U);
}

TEST_F(ServedKeysTest, OneThatDoesNotAnswerIsWaitedFor) {
  begin({flags_ksk, flags_zsk});
  live_for(200);
  is_silent_ = true;
  save(roll_zsk(keys_, now_s_, times, maker(15)));
  live_for(1000);
  EXPECT_FALSE(keys_.back().is_active_at(now_s_));
  EXPECT_EQ(served_.waits_for, "it: does not answer");
}

TEST_F(ServedKeysTest, SecondariesThatAreNamedLaterLeaveSomeKeyThatSigns) {
  begin({flags_ksk, flags_zsk});
  for (int i = 0; i < 2; ++i) {  // the last is on its way while the one before is not gone
    save(roll_zsk(keys_, now_s_, times, maker(15)));
    live_for(200, Holding::off);
  }
  served_ = {};
  is_silent_ = true;
  live_for(2000);  // each version is verified
  is_silent_ = false;
  live_for(2000);
  EXPECT_EQ(moments_.rbegin()->second.dnskeys.size(), 2U);
}

TEST_F(ServedKeysTest, WhatIsNotCachedAtAllIsWaitedForToo) {
  constexpr RolloverTimes none{
      .dnskey_ttl_s = 0, .ttl_max_s = 0, .ds_ttl_s = 0, .propagation_s = 0};
  begin({flags_ksk, flags_zsk});
  save(roll_zsk(keys_, now_s_, none, maker(15)));
  save(roll_entry_point(keys_, now_s_, none, maker(15)));
  const uint64_t end_s = now_s_ + 3;
  for (; now_s_ < end_s; ++now_s_) {
    save(hold_for_secondaries(keys_, served_, now_s_, none));
    EXPECT_FALSE(keys_[2].is_active_at(now_s_));
    EXPECT_FALSE(keys_[3].is_sync_published_at(now_s_));
  }
  served_.keys = {{.tag = keys_[2].tag(), .served_s = now_s_},
                  {.tag = keys_[3].tag(), .served_s = now_s_}};
  for (const uint64_t until_s = now_s_ + 3; now_s_ < until_s; ++now_s_) {
    save(hold_for_secondaries(keys_, served_, now_s_, none));
    served_ = followed(served_, keys_, now_s_);
    EXPECT_TRUE(keys_[2].is_active_at(now_s_));
    EXPECT_TRUE(keys_[3].is_sync_published_at(now_s_));
    EXPECT_TRUE(keys_[1].is_published_at(now_s_));
  }
  ASSERT_EQ(served_.keys.size(), 3U);
  served_.keys[2].unused_s = now_s_++;
  save(hold_for_secondaries(keys_, served_, now_s_, none));
  EXPECT_FALSE(keys_[1].is_published_at(now_s_));
}

TEST_F(ServedKeysTest, ASignatureOfAnotherAlgorithmUnderTheSameTagIsNotTheKeys) {
  begin({flags_ksk, flags_zsk});
  keys_[1].times.inactive = now_s_ - 1;
  keys_[1].times.remove = now_s_ + 1000;
  std::vector<uint8_t> rrsig(100);
  store_be16(rrsig.data() + rrsig_tag_at, keys_[1].tag());
  for (const uint8_t algorithm : {uint8_t{15}, uint8_t{13}}) {
    rrsig[rrsig_algorithm_at] = algorithm;
    SeenServer seen{.server = "it"};
    seen.soa.signatures = {rrsig};
    const ServedKeys served = note_served({}, keys_, {{seen}}, now_s_);
    const auto known = std::ranges::find(served.keys, keys_[1].tag(), &ServedKey::tag);
    ASSERT_NE(known, served.keys.end());
    EXPECT_EQ(known->unused_s, algorithm == 15 ? 0 : now_s_);
  }
}

TEST_F(ServedKeysTest, AKeyThatHasGoneIsForgotten) {
  begin({flags_ksk, flags_zsk});
  keys_[1].times.inactive = now_s_ - 500;
  keys_[1].times.remove = now_s_;
  served_.keys = {{.tag = keys_[0].tag(), .served_s = 1},
                  {.tag = keys_[1].tag(), .served_s = 1, .unused_s = now_s_ - 400}};
  EXPECT_EQ(followed(served_, keys_, now_s_ - 1), served_);
  EXPECT_EQ(followed(served_, keys_, now_s_).keys.size(), 1U);
  EXPECT_EQ(followed({}, keys_, now_s_), ServedKeys());
  served_.keys[1].unused_s = 0;  // in use somewhere: it is held
  EXPECT_EQ(followed(served_, keys_, now_s_), served_);
}

TEST_F(ServedKeysTest, WhatWasSeenOutlivesTheProcess) {
  std::string folder = testing::TempDir() + "servedXXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  EXPECT_EQ(load_served_keys(folder).value(), ServedKeys());
  const ServedKeys served{.keys = {{.tag = 7, .served_s = 1'800'000'000},
                                   {.tag = 65535, .served_s = 0, .unused_s = 1'800'000'001},
                                   {.tag = 1},
                                   {.tag = 2, .is_first = true}},
                          .waits_for = "192.0.2.2@53 to serve key 7"};
  ASSERT_TRUE(save_served_keys(served, folder).has_value());
  EXPECT_EQ(load_served_keys(folder).value(), served);
  ASSERT_TRUE(remove_served_keys(folder).has_value());
  ASSERT_TRUE(remove_served_keys(folder).has_value());  // there is none
  EXPECT_EQ(load_served_keys(folder).value(), ServedKeys());
  std::ofstream(folder + "/secondaries") << "key 7 20270115080000 -\nkey many - -\n";
  EXPECT_THAT(load_served_keys(folder).error().message, HasSubstr("key many"));
  std::ofstream(folder + "/secondaries") << "key 7 20270115080000 - last\n";
  EXPECT_THAT(load_served_keys(folder).error().message, HasSubstr("last"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace holdfast::dnssec
