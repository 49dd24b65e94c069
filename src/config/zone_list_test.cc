// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/zone_list.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace holdfast::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ZonesFolder : public ::testing::Test {
 protected:
  ZonesFolder() {
    std::string pattern = testing::TempDir() + "holdfast-zones-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~ZonesFolder() override { std::filesystem::remove_all(folder_); }
  ZonesFolder(const ZonesFolder&) = delete;
  ZonesFolder& operator=(const ZonesFolder&) = delete;

  void touch(const std::string& name) const { std::ofstream(folder_ + "/" + name).flush(); }
  ZoneList list(const std::string& more = {}) const {
    const LoadOutcome outcome =
        parse_config("[[zones]]\ndirectory = '.'\n" + more, "holdfast.toml", folder_);
    EXPECT_TRUE(outcome.config) << outcome.problems.to_text();
    return list_zones(*outcome.config);
  }
  static std::vector<std::string> names(const ZoneList& list) {
    std::vector<std::string> names;
    names.reserve(list.zones.size());
    for (const ZoneSource& zone : list.zones) names.push_back(zone.name);
    return names;
  }

  std::string folder_;
};

TEST_F(ZonesFolder, EveryNameDotZoneIsAZone) {
  for (const char* name : {"example.com.zone", "Example.NET..zone", "@.zone", "test.zone",
                           "0\\04725.2.0.192.in-addr.arpa.zone"}) {
    touch(name);
  }
  for (const char* name :
       {"readme.txt", "example.org.zone~", ".zone", ".#a.test.zone", "a.test.zone.bak"}) {
    touch(name);
  }
  std::filesystem::create_directory(folder_ + "/folder.zone");
  const ZoneList found = list();
  EXPECT_THAT(found.problems.to_text(), ::testing::IsEmpty());
  EXPECT_THAT(names(found), ElementsAre(".", "0/25.2.0.192.in-addr.arpa.", "example.com.",
                                        "example.net.", "test."));
  EXPECT_THAT(found.zones[2].file, ::testing::EndsWith("/example.com.zone"));
}

TEST_F(ZonesFolder, ZonesAreGroupedByTheirAccount) {
  touch("a.test.zone");
  const ZoneList found = list(
      "account = 'x'\n[[zone]]\nname = 'b.test'\nfile = 'b'\naccount = 'y'\n"
      "[[zone]]\nname = 'c.test'\nfile = 'c'\n");
  EXPECT_THAT(names(found), ElementsAre("b.test.", "c.test.", "a.test."));
  EXPECT_EQ(*found.zones[0].account, "y");
  EXPECT_EQ(found.zones[1].account, nullptr);
  EXPECT_EQ(*found.zones[2].account, "x");
}

TEST_F(ZonesFolder, ComesAfterTheZonesThatAreNamed) {
  touch("b.test.zone");
  touch("c.test.zone");
  const ZoneList found = list("[[zone]]\nname = 'Z.test'\nfile = 'z'\n");
  EXPECT_THAT(names(found), ElementsAre("z.test.", "b.test.", "c.test."));
  EXPECT_EQ(found.zones[0].file, folder_ + "/z");
}

TEST_F(ZonesFolder, AZoneGivenTwiceIsRefusedWithBothPlaces) {
  touch("a.test.zone");
  touch("A.TEST.zone");
  touch("b.test.zone");
  const ZoneList found = list("[[zone]]\nname = 'B.test.'\nfile = 'other'\n");
  const std::string text = found.problems.to_text();
  EXPECT_EQ(found.problems.problems.size(), 2U) << text;
  EXPECT_THAT(text, HasSubstr("zone a.test. is given by"));
  EXPECT_THAT(text, HasSubstr("zone b.test. is given by " + folder_ + "/other and by"));
}

TEST_F(ZonesFolder, AFileNameThatIsNoZoneNameIsRefused) {
  touch("a..test.zone");
  EXPECT_THAT(list().problems.to_text(),
              ::testing::AllOf(HasSubstr("holdfast.toml:1:1: "), HasSubstr("a..test.zone: "),
                               HasSubstr("expected a file name NAME.zone")));
}

TEST_F(ZonesFolder, PoliciesAreFoundByName) {
  touch("a.test.zone");
  const ZoneList found = list(
      "policy = 'p'\n[[policy]]\nname = 'p'\nzonemd = true\n"
      "[[zone]]\nname = 'b.test'\nfile = 'b'\npolicy = 'default'\n"
      "[[zone]]\nname = 'c.test'\nfile = 'c'\n");
  EXPECT_THAT(found.problems.to_text(), ::testing::IsEmpty());
  ASSERT_THAT(names(found), ElementsAre("b.test.", "c.test.", "a.test."));
  EXPECT_FALSE(found.zones[0].policy->zonemd);
  EXPECT_EQ(found.zones[0].policy->name, "default");
  EXPECT_EQ(found.zones[1].policy, nullptr);
  EXPECT_TRUE(found.zones[2].policy->zonemd);
}

TEST_F(ZonesFolder, AZoneWhosePolicyIsMissingIsNotServedUnsigned) {
  touch("a.test.zone");
  const ZoneList found =
      list("policy = 'q'\n[[zone]]\nname = 'b.test'\nfile = 'b'\npolicy = 'q'\n");
  EXPECT_THAT(names(found), ::testing::IsEmpty());
  EXPECT_THAT(found.problems.to_text(), ::testing::HasSubstr("zones.policy is \"q\""));
  EXPECT_THAT(found.problems.to_text(), ::testing::HasSubstr("zone.policy is \"q\""));
}

TEST_F(ZonesFolder, PoliciesThatAreImpossibleOrGivenTwiceAreRefused) {
  const ZoneList found = list(
      "[[policy]]\nname = 'p'\nsignature_validity_s = 86400\n"
      "[[policy]]\nname = 'p'\n[[policy]]\nname = 'default'\n");
  EXPECT_THAT(found.problems.to_text(), ::testing::HasSubstr("signature_validity_s is 86400"));
  EXPECT_THAT(found.problems.to_text(), ::testing::HasSubstr("which line 3 has already"));
  EXPECT_EQ(found.problems.problems.size(), 2U);
}

TEST_F(ZonesFolder, PoliciesThatContradictThemselvesAreRefused) {
  const ZoneList found = list(
      "[[policy]]\nname = 'a'\nsigners = ['x 192.0.2.2']\n"
      "[[policy]]\nname = 'b'\nsigners = ['x ::1', 'x ::2']\nparents = ['::1']\nunsign = true\n"
      "[[policy]]\nname = 'c'\noffline_ksk = true\nzsk_lifetime_s = 5\nunsign = true\n");
  for (const char* what : {":3:1: policy \"a\": signers without parents", "holds a name twice",
                           "both signers and unsign", "offline_ksk with signers or unsign",
                           "offline_ksk with keys that roll by themselves"}) {
    EXPECT_THAT(found.problems.to_text(), ::testing::HasSubstr(what));
  }
  EXPECT_EQ(found.problems.problems.size(), 5U);
}

TEST_F(ZonesFolder, AFolderThatIsNotThereIsRefused) {
  const ZoneList found = list("[[zones]]\ndirectory = 'missing'\n");
  EXPECT_THAT(found.problems.to_text(),
              ::testing::AllOf(HasSubstr("holdfast.toml:3:1: zones.directory: "),
                               HasSubstr("/missing: No such file or directory")));
}

}  // namespace
}  // namespace holdfast::config
