// SPDX-License-Identifier: GPL-3.0-or-later
#include <benchmark/benchmark.h>

#include "answer/test_server.h"

namespace holdfast::answer {
namespace {

constexpr const char* zone_text = R"($ORIGIN bench.test.
$TTL 300
@ SOA ns hostmaster 1 7200 3600 1209600 60
@ RRSIG SOA 13 2 300 20300101000000 20200101000000 1 bench.test. @SIG@
@ NS ns
@ NSEC cut NS SOA RRSIG NSEC
@ RRSIG NSEC 13 2 300 20300101000000 20200101000000 1 bench.test. @SIG@
ns A 192.0.2.1
cut NS ns1.cut
cut NS ns2.cut
ns1.cut A 192.0.2.2
ns2.cut A 192.0.2.3
cut DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000001
cut RRSIG DS 13 3 300 20300101000000 20200101000000 1 bench.test. @SIG@
cut NSEC www NS DS RRSIG NSEC
cut RRSIG NSEC 13 3 300 20300101000000 20200101000000 1 bench.test. @SIG@
www A 192.0.2.4
www RRSIG A 13 3 300 20300101000000 20200101000000 1 bench.test. @SIG@
www NSEC @ A RRSIG NSEC
www RRSIG NSEC 13 3 300 20300101000000 20200101000000 1 bench.test. @SIG@
alias CNAME www
)";

std::string signed_text() {
  std::string text = zone_text;
  const std::string signature = std::string(86, 'A') + "==";  // 64 bytes, as P-256 makes them
  for (size_t at = text.find("@SIG@"); at != std::string::npos; at = text.find("@SIG@")) {
    text.replace(at, 5, signature);
  }
  return text;
}

enum class Dnssec : uint8_t { off, on };

// Parse and answer, as a worker does for each packet of a batch.
void ask(benchmark::State& state, const char* qname, Dnssec dnssec) {
  TestServer server;
  server.add_zone("bench.test.", signed_text());
  wire::TestPacket packet(1, 0, {1, 0, 0, 1});
  packet.question(qname, wire::type_a).opt({}, 1232, dnssec == Dnssec::on ? 0x8000 : 0);
  const zone::MemoryReader zones = server.zones();
  Responder responder(zones, server.policy);
  std::vector<uint8_t> out(1232);
  wire::Query query;
  for (auto _ : state) {
    const auto parsed = wire::parse_query(packet.bytes(), query);
    auto outcome =
        responder.respond(packet.bytes(), parsed, query, server.client, server.now_s, out);
    benchmark::DoNotOptimize(outcome);
  }
}

BENCHMARK_CAPTURE(ask, positive, "www.bench.test", Dnssec::off);
BENCHMARK_CAPTURE(ask, alias, "alias.bench.test", Dnssec::off);
BENCHMARK_CAPTURE(ask, name_error, "nothing.bench.test", Dnssec::off);
BENCHMARK_CAPTURE(ask, referral, "a.cut.bench.test", Dnssec::off);
BENCHMARK_CAPTURE(ask, refused, "www.example.com", Dnssec::off);
BENCHMARK_CAPTURE(ask, positive_signed, "www.bench.test", Dnssec::on);
BENCHMARK_CAPTURE(ask, name_error_signed, "nothing.bench.test", Dnssec::on);
BENCHMARK_CAPTURE(ask, referral_signed, "a.cut.bench.test", Dnssec::on);

}  // namespace
}  // namespace holdfast::answer
