// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/roll_warnings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

ProblemList warnings_of(const std::string& text) {
  const LoadOutcome outcome = parse_config(text, "a.toml", "/none");
  EXPECT_TRUE(outcome.config.has_value()) << outcome.problems.to_text();
  const ZoneList list = list_zones(*outcome.config);
  EXPECT_TRUE(list.problems.empty()) << list.problems.to_text();
  return roll_warnings(*outcome.config, list.zones);
}

constexpr const char* head = "[server]\nstate = \"/tmp/none\"\n";
std::string policy(const std::string& more) {
  return std::string(head) + "[[policy]]\nname = \"p\"\n" + more;
}
std::string zone(const std::string& name, const std::string& more = "notify = [\"192.0.2.2\"]\n") {
  return "[[zone]]\nname = \"" + name + "\"\nfile = \"a.zone\"\npolicy = \"p\"\n" + more;
}

TEST(RollWarnings, NameThePlaceAndWhatIsMissing) {
  const ProblemList warnings =
      warnings_of(policy("zsk_lifetime_s = 7776000\npropagation_s = 120\n") + zone("a.test") +
                  zone("b.test", "transfer_to = [\"192.0.2.3\"]\n") + zone("c.test", ""));
  ASSERT_EQ(warnings.problems.size(), 1U);
  EXPECT_THAT(warnings.to_text(),
              AllOf(HasSubstr("a.toml:3:1: policy \"p\""), HasSubstr("zsk_lifetime_s = 7776000"),
                    HasSubstr("secondaries is empty"), HasSubstr("120 s"), HasSubstr("(notify)"),
                    HasSubstr("zone a.test. and 1 more")));
}

TEST(RollWarnings, EachReasonOfARollCounts) {
  for (const char* reason : {"zsk_lifetime_s = 1", "ksk_lifetime_s = 1", "roll_algorithm = true"}) {
    const ProblemList warnings = warnings_of(policy(std::string(reason) + "\n") +
                                             zone("a.test", "transfer_to = [\"192.0.2.3\"]\n"));
    EXPECT_THAT(warnings.to_text(),
                AllOf(HasSubstr(reason), HasSubstr("(transfer_to)"), Not(HasSubstr("more"))));
  }
}

TEST(RollWarnings, NoneWhereNothingIsAmiss) {
  EXPECT_THAT(warnings_of(policy("") + zone("a.test")).problems, IsEmpty());
  EXPECT_THAT(warnings_of(policy("zsk_lifetime_s = 1\n") + zone("a.test", "")).problems, IsEmpty());
  EXPECT_THAT(
      warnings_of(policy("zsk_lifetime_s = 1\nsecondaries = [\"192.0.2.2\"]\n") + zone("a.test"))
          .problems,
      IsEmpty());
}

}  // namespace
}  // namespace holdfast::config
