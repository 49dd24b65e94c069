// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/catalog.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>

#include "zone/loader.h"
#include "zone/memory.h"

namespace holdfast::transfer {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Catalogs as zone memory has them.
class CatalogTest : public testing::Test {
 protected:
  CatalogTest() {
    std::string pattern = testing::TempDir() + "catalogXXXXXX";
    folder_ = mkdtemp(pattern.data());
    memory_.emplace(*zone::Memory::open(
        {.path = folder_ + "/zones.mem", .bytes_max = uint64_t{1} << 28, .hash_key = {3, 5}},
        *epochs_));
  }
  ~CatalogTest() override {
    memory_.reset();
    std::filesystem::remove_all(folder_);
  }
  Result<std::vector<CatalogMember>> read_text(const std::string& text, size_t members_max = 100) {
    const wire::Name apex = *wire::Name::from_text("c.test");
    auto loaded = zone::load_zone_text(text, "test", apex, {});
    if (!loaded.contents) return fail(loaded.report.findings.front().to_text());
    EXPECT_TRUE(memory_->publish(*loaded.contents, [](const zone::StagedNode&) {}).has_value());
    return read_catalog(*memory_->find(apex), members_max);
  }
  Result<std::vector<CatalogMember>> read(const std::string& lines, size_t members_max = 100) {
    return read_text("@ 0 SOA invalid. invalid. 1 1 1 1 0\n@ 0 NS invalid.\n" + lines, members_max);
  }
  std::string why_broken(const std::string& lines, size_t members_max = 100) {
    const auto members = read(lines, members_max);
    return members ? "not broken" : members.error().message;
  }

  std::string folder_;
  std::unique_ptr<EpochBoard> epochs_ = std::make_unique<EpochBoard>();
  std::optional<zone::Memory> memory_;
};

const std::string version_2 = "version 0 TXT \"2\"\n";

TEST_F(CatalogTest, HasMembersWithTheirProperties) {
  const auto members = read(version_2 +
                            "B.zones 0 PTR b.Example.\n"
                            "group.b.zones 0 TXT \"g 2\"\ngroup.b.zones 0 TXT \"g 1\"\n"
                            "coo.b.zones 0 PTR Next.test.\n"
                            "a.zones 0 PTR a.example.\n"
                            "x.ext.a.zones 0 TXT \"of no concern\"\n"
                            "group.a.zones 0 TXT \"two\" \"strings\"\n"
                            "c.zones 0 TXT \"no PTR\"\ngroup.d.zones 0 TXT \"of nothing\"\n"
                            "zones 0 TXT \"x\"\na.other 0 PTR b.example.\n");
  ASSERT_TRUE(members) << members.error().message;
  ASSERT_EQ(members->size(), 2U);
  EXPECT_EQ((*members)[0].zone, "a.example.");
  EXPECT_EQ((*members)[0].unique, "a");
  EXPECT_EQ((*members)[0].group, "");
  EXPECT_EQ((*members)[1].zone, "b.example.");
  EXPECT_EQ((*members)[1].unique, "b");
  EXPECT_EQ((*members)[1].group, "g 1");
  EXPECT_EQ((*members)[1].next_catalog, "next.test.");
}

TEST_F(CatalogTest, MayBeEmpty) {
  const auto members = read(version_2);
  ASSERT_TRUE(members);
  EXPECT_THAT(*members, IsEmpty());
}

TEST_F(CatalogTest, IsNotUnderstoodWithoutItsVersion) {
  const std::string member = "a.zones 0 PTR a.example.\n";
  EXPECT_THAT(why_broken(member), HasSubstr("no version"));
  EXPECT_THAT(why_broken(member + "version 0 TXT \"1\"\n"), HasSubstr("version is not 2"));
  EXPECT_THAT(why_broken(member + "version 0 TXT \"2\" \"2\"\n"), HasSubstr("version is not 2"));
  EXPECT_THAT(why_broken(member + version_2 + "version 0 TXT \"3\"\n"),
              HasSubstr("more than one version"));
}

TEST_F(CatalogTest, IsBrokenAsAWhole) {
  EXPECT_THAT(why_broken(version_2 + "a.zones 0 PTR a.example.\na.zones 0 PTR b.example.\n"),
              HasSubstr("member a names more than one zone"));
  EXPECT_THAT(why_broken(version_2 + "a.zones 0 PTR a.example.\nb.zones 0 PTR A.Example.\n"),
              HasSubstr("zone a.example. is in it twice"));
  EXPECT_THAT(why_broken(version_2 + "a.zones 0 PTR a.example.\ncoo.a.zones 0 PTR b.\n"
                                     "coo.a.zones 0 PTR c.\n"),
              HasSubstr("more than one coo"));
  EXPECT_THAT(why_broken(version_2 + "a.zones 0 PTR a.\nb.zones 0 PTR b.\n", 1),
              HasSubstr("more members than the 1"));
}

TEST_F(CatalogTest, OursIsUnderstood) {
  const auto in_c = std::make_shared<const config::Membership>(
      config::Membership{.catalog = "c.test.", .group = "a \"b\" \\", .next_catalog = "d.test."});
  const auto in_d = std::make_shared<const config::Membership>(
      config::Membership{.catalog = "d.test.", .group = {}, .next_catalog = {}});
  const auto source = [](const char* name, std::shared_ptr<const config::Membership> membership) {
    return config::ZoneSource{.name = name, .file = "f", .membership = std::move(membership)};
  };
  const std::vector<config::ZoneSource> zones{source("x.test.", in_c), source("y.test.", in_d),
                                              source("z.test.", nullptr), source(".", in_c)};
  const std::string text = catalog_head("c.test.", 7) + catalog_text("c.test.", zones);
  EXPECT_EQ(catalog_serial("c.test.", text), 7U);
  EXPECT_EQ(catalog_serial("d.test.", text), 0U);
  EXPECT_EQ(catalog_serial("c.test.", "@ SOA"), 0U);
  const auto members = read_text(text);
  ASSERT_TRUE(members) << members.error().message;
  ASSERT_EQ(members->size(), 2U);
  EXPECT_EQ((*members)[0].zone, ".");
  EXPECT_EQ((*members)[1].zone, "x.test.");
  EXPECT_EQ((*members)[1].group, in_c->group);
  EXPECT_EQ((*members)[1].next_catalog, "d.test.");
}

}  // namespace
}  // namespace holdfast::transfer
