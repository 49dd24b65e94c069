// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/load.h"

#include <gmock/gmock.h>

#include "config/print.h"

namespace holdfast::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

LoadOutcome parse(std::string_view text) {
  return parse_config(text, "holdfast.toml", "/etc/holdfast");
}

std::string complaints(std::string_view text) { return parse(text).problems.to_text(); }

TEST(LoadConfig, TheExampleOfTheManualHoldsWhatItSays) {
  const LoadOutcome outcome = parse(R"(
[server]
listen  = ["127.0.0.1@5300", "::1@5300"]
workers = 3
state   = "state"
user    = "holdfast"
[metrics]
listen = "[::1]:9153"
[[zone]]
name = "example.com"
file = "zones/example.com.zone"
[[zones]]
directory = "/srv/zones"
)");
  ASSERT_THAT(outcome.problems.to_text(), IsEmpty());
  const Config& config = *outcome.config;
  ASSERT_EQ(config.server.listen.size(), 2U);
  EXPECT_EQ(config.server.listen[1].to_text(), "::1@5300");
  EXPECT_EQ(config.server.workers, 3U);
  EXPECT_EQ(config.server.state, "/etc/holdfast/state");
  EXPECT_EQ(config.metrics.listen->to_url_text(), "[::1]:9153");
  ASSERT_EQ(config.zones.size(), 1U);
  EXPECT_EQ(config.zones[0].file, "/etc/holdfast/zones/example.com.zone");
  EXPECT_EQ(config.zones[0].line, 9U);
  ASSERT_EQ(config.directories.size(), 1U);
  EXPECT_EQ(config.directories[0].directory, "/srv/zones");
}

TEST(LoadConfig, AnEmptyFileIsAllDefaults) {
  const LoadOutcome outcome = parse("");
  ASSERT_TRUE(outcome.config);
  EXPECT_EQ(print_toml(*outcome.config), print_toml(default_config()));
  EXPECT_EQ(outcome.config->server.listen.size(), 2U);
  EXPECT_EQ(outcome.config->metrics.listen->to_url_text(), "127.0.0.1:9153");
}

TEST(LoadConfig, AnUnknownKeyNamesTheNearestKnownOne) {
  EXPECT_EQ(complaints("[server]\nlisen = []\n"),
            "holdfast.toml:2:1: unknown key server.lisen; the nearest known one is server.listen");
  EXPECT_EQ(complaints("[sever]\n"),
            "holdfast.toml:1:2: unknown section [sever]; the nearest known one is [server]");
  EXPECT_THAT(complaints("workers = 3"), HasSubstr("'workers' belongs into [server]"));
  EXPECT_THAT(complaints("[server]\nidle_ms = 500"), HasSubstr("'idle_ms' belongs into [tcp]"));
  EXPECT_THAT(complaints("[log]\nzzzzzzzz = 1"), HasSubstr("expected one of level, format"));
  EXPECT_THAT(complaints("[[zone]]\nname='a.'\nfile='a'\nfiel='b'"), HasSubstr("zone.file"));
}

struct Refusal {
  const char* text;
  const char* place;
  const char* sentence;
};

class LoadConfigRefuses : public ::testing::TestWithParam<Refusal> {};

TEST_P(LoadConfigRefuses, WithPlaceValueAndExpectation) {
  const std::string message = complaints(GetParam().text);
  EXPECT_THAT(message, StartsWith(std::string("holdfast.toml:") + GetParam().place + ": "));
  EXPECT_THAT(message, HasSubstr(GetParam().sentence));
  EXPECT_THAT(message, Not(HasSubstr("\n")));
}

INSTANTIATE_TEST_SUITE_P(
    , LoadConfigRefuses,
    ::testing::Values(
        Refusal{"[server]\nworkers = -1", "2:11",
                "server.workers is -1; expected a whole number from 0 to 256"},
        Refusal{"[server]\nworkers = 257", "2:11", "is 257; expected a whole number"},
        Refusal{"[server]\nworkers = 4294967296", "2:11", "is 4294967296; expected"},
        Refusal{"[server]\nworkers = 2.5", "2:11", "is 2.5; expected a whole number"},
        Refusal{"[server]\nworkers = \"2\"", "2:11", "is \"2\"; expected a whole number"},
        Refusal{"[server]\nlisten = \"::1@53\"", "2:10", "is \"::1@53\"; expected 1 to 64 strings"},
        Refusal{"[server]\nlisten = []", "2:10", "is an array of 0; expected 1 to 64"},
        Refusal{"[server]\nlisten = [\"::1@53\", 7]", "2:21", "server.listen holds 7; expected"},
        Refusal{"[server]\nlisten = [\"localhost@53\"]", "2:11", "'localhost@53' is not an IPv4"},
        Refusal{"[server]\nlisten = [\"::1@0\"]", "2:11", "needs a port from 1 to 65535"},
        Refusal{"[server]\nlisten = [\"::1\", \"0::1@53\"]", "2:18", "names ::1@53 twice"},
        Refusal{"[server]\nstate = \"\"", "2:9", "server.state is \"\"; expected the path"},
        Refusal{"[server]\nuser = \"a b\"", "2:8", "server.user is \"a b\"; expected the name"},
        Refusal{"[server]\nversion = \"caf\u00e9\"", "2:11", "expected printable ASCII"},
        Refusal{"[server]\nnsid = \"0xabc\"", "2:8", "server.nsid is \"0xabc\"; expected"},
        Refusal{"[metrics]\nlisten = \"127.0.0.1@9153\"", "2:10", "expected \"address:port\""},
        Refusal{"[cookies]\nenabled = \"yes\"", "2:11", "is \"yes\"; expected true or false"},
        Refusal{"[log]\nlevel = \"loud\"", "2:9", "one of \"debug\", \"info\", \"warning\""},
        Refusal{"[answers]\nudp_payload_bytes_max = 511", "2:25", "from 512 to 4096"},
        Refusal{"[dnstap]\nsocket = \"a\"\nfile = \"b\"", "3:8",
                "dnstap.socket and dnstap.file are both set"},
        Refusal{"[[zone]]\nname = \"a.test\"", "1:1", "[[zone]] without 'file'"},
        Refusal{"[[zone]]\nname = \"a..test\"\nfile = \"a\"", "2:8", "zone.name is \"a..test\""},
        Refusal{"[[zone]]\nname = \"m\u00fcnchen.test\"\nfile = \"a\"", "2:8", "xn-- form"},
        Refusal{"[zone]\nname = \"a.test\"\nfile = \"a\"", "1:1", "[[zone]], in double brackets"},
        Refusal{"zones = [\"zones\"]", "1:10", "an entry of 'zones' is \"zones\""},
        Refusal{"[[server]]", "1:1", "'server' is an array; expected a section [server]"},
        Refusal{"[server]\nlisten = [", "2:11", ""},
        Refusal{"[server]\ncaf\u00e9 = 1", "2:4", "\u00e9"},
        Refusal{"[server]\n'caf\u00e9' = 1", "2:1", "unknown key server.caf\u00e9"},
        Refusal{"[server]\nuser = '\xE9'", "2:9", "byte 0xe9 begins no letter; expected text"},
        Refusal{"[server]\n[server]", "2:1", ""}));

TEST(LoadConfig, ReportsEverythingThatIsWrongInTheOrderOfTheFile) {
  const LoadOutcome outcome = parse("[tcp]\nidle_ms = 1\n[log]\nformat = 'xml'\n[cokies]\n");
  EXPECT_FALSE(outcome.config);
  ASSERT_EQ(outcome.problems.problems.size(), 3U);
  EXPECT_EQ(outcome.problems.problems[0].line, 2U);
  EXPECT_EQ(outcome.problems.problems[1].line, 4U);
  EXPECT_EQ(outcome.problems.problems[2].line, 5U);
}

TEST(LoadConfig, CountsWhatIsBeyondTheBoundOfProblems) {
  std::string text = "[log]\n";
  for (size_t i = 0; i < problems_max + 7; ++i) text += "key" + std::to_string(i) + " = 1\n";
  const LoadOutcome outcome = parse(text);
  EXPECT_EQ(outcome.problems.problems.size(), problems_max);
  EXPECT_EQ(outcome.problems.suppressed, 7U);
  EXPECT_THAT(outcome.problems.to_text(), HasSubstr("\nand 7 more"));
}

TEST(LoadConfig, AZoneIsGivenOnceWhateverItsCase) {
  EXPECT_EQ(complaints("[[zone]]\nname = 'example.com'\nfile = 'a'\n"
                       "[[zone]]\nname = 'EXAMPLE.com.'\nfile = 'b'\n"),
            "holdfast.toml:5:8: zone.name is \"EXAMPLE.com.\", which line 1 has already; expected "
            "each zone once");
}

TEST(LoadConfig, ATlsPeerIsNamedBeforeOrAfterItIsDefined) {
  const std::string zone = "[[zone]]\nname = 'a.test'\nprimaries = ['::1 tls=p']\n";
  EXPECT_EQ(complaints(zone),
            "holdfast.toml:3:14: zone.primaries names the tls_peer p., which no [[tls_peer]] "
            "defines");
  const std::string peer = "[[tls_peer]]\nname = 'P.'\n";
  EXPECT_THAT(complaints(zone + peer), HasSubstr("[[tls_peer]] without 'hostname'"));
  EXPECT_EQ(complaints(zone + peer + "hostname = 'ns.test'"), "");
  EXPECT_THAT(complaints(peer + "hostname = 'a.test'\n" + peer + "hostname = 'b.test'"),
              HasSubstr("tls_peer.name is \"P.\", which line 1 has already"));
}

TEST(LoadConfig, TlsThatProvesNothingNeedsAKeyAndNotifyIsInTheClear) {
  const std::string key = "[[key]]\nname = 'k'\nsecret = 'AAAA'\n[[zone]]\nname = 'a.test'\n";
  EXPECT_EQ(complaints(key + "primaries = ['::1 k tls']"), "");
  EXPECT_THAT(complaints(key + "primaries = ['::1 tls']"), HasSubstr("zone.primaries holds"));
  EXPECT_THAT(complaints(key + "file = 'a'\nnotify = ['::1 k tls']"),
              HasSubstr("zone.notify holds"));
}

TEST(LoadConfig, ATokenIsNamedWithoutItsPin) {
  const auto complaint_of = [](const std::string& token) {
    return complaints("[[policy]]\nname = 'p'\ntoken = '" + token + "'");
  };
  EXPECT_EQ(complaint_of("pkcs11:token=t?module-path=/m.so&pin-source=file:/pin"), "");
  for (const char* bad : {"t", "pkcs11:token=t", "pkcs11:token=t;object=k?module-path=/m.so",
                          "pkcs11:token=t?module-path=/m.so&pin-value=4711"}) {
    const std::string complaint = complaint_of(bad);
    EXPECT_THAT(complaint, HasSubstr("policy.token is something else; expected the URI")) << bad;
    EXPECT_THAT(complaint, Not(HasSubstr("4711")));
  }
}

TEST(LoadConfig, AMistypedSecretIsNotShown) {
  const std::string message = complaints("[cookies]\nactive = '0123456789abcdef0123456789abcde'");
  EXPECT_THAT(message,
              AllOf(HasSubstr("holdfast.toml:2:10: cookies.active"),
                    HasSubstr("expected 32 hexadecimal digits"), Not(HasSubstr("0123456789"))));
}

TEST(LoadConfig, ALongValueIsCutInTheMessage) {
  const std::string message = complaints("[log]\nlevel = '" + std::string(5000, 'x') + "'");
  EXPECT_THAT(message, HasSubstr("(5000 bytes)"));
  EXPECT_LT(message.size(), 300U);
}

TEST(LoadConfig, AMissingFileIsOneSentence) {
  const LoadOutcome outcome = load_config("/nonexistent/holdfast.toml");
  EXPECT_FALSE(outcome.config);
  EXPECT_THAT(outcome.problems.to_text(),
              AllOf(HasSubstr("/nonexistent/holdfast.toml"), HasSubstr("No such file")));
}

}  // namespace
}  // namespace holdfast::config
