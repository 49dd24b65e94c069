// SPDX-License-Identifier: GPL-3.0-or-later
// Any packet gets a well-formed response within its bounds, or none, whatever it asks of zones with
// every construct, and the same one when it was looked up ahead, among others. The first byte
// chooses the client.
#include "answer/test_reply.h"
#include "answer/test_server.h"
#include "dnssec/nsec3_hash.h"

using namespace holdfast;

namespace {

constexpr const char* plain_zone = R"($ORIGIN plain.test.
$TTL 300
@ SOA ns hostmaster 1 7200 3600 1209600 60
@ NS ns
@ NS ns.cut
@ MX 10 mail.other.test.
ns A 192.0.2.1
ns AAAA 2001:db8::1
* TXT "wildcard"
*.alias CNAME x.alias
loop DNAME loop
away DNAME signed.test.
hashed CNAME nothing.hashed.test.
a.ent A 192.0.2.2
cut NS ns.cut
cut NS ns.other.test.
ns.cut A 192.0.2.3
many A 192.0.2.4
many A 192.0.2.5
many TXT "twenty bytes of text" "and more" ""
)";

constexpr const char* signed_zone = R"($ORIGIN signed.test.
$TTL 300
@ SOA ns hostmaster 7 7200 3600 1209600 60
@ RRSIG SOA 13 2 300 20300101000000 20200101000000 1 signed.test. AAAA
@ NS ns.plain.test.
@ RRSIG NS 13 2 300 20300101000000 20200101000000 1 signed.test. AAAA
@ NSEC *.w NS SOA RRSIG NSEC
@ RRSIG NSEC 13 2 300 20300101000000 20200101000000 1 signed.test. AAAA
*.w A 192.0.2.6
*.w RRSIG A 13 3 300 20300101000000 20200101000000 1 signed.test. AAAA
*.w NSEC cut A RRSIG NSEC
*.w RRSIG NSEC 13 3 300 20300101000000 20200101000000 1 signed.test. AAAA
cut NS ns.cut
ns.cut A 192.0.2.7
cut NSEC @ NS RRSIG NSEC
cut RRSIG NSEC 13 3 300 20300101000000 20200101000000 1 signed.test. AAAA
)";

// RFC 5155 hashes without salt and extra iterations: hashed.test., *.hashed.test.
constexpr const char* hashed_zone = R"($ORIGIN hashed.test.
$TTL 300
@ SOA ns.plain.test. hostmaster 9 7200 3600 1209600 60
@ RRSIG SOA 13 2 300 20300101000000 20200101000000 1 hashed.test. AAAA
@ NS ns.plain.test.
@ NSEC3PARAM 1 0 0 -
* TXT "any"
* RRSIG TXT 13 2 300 20300101000000 20200101000000 1 hashed.test. AAAA
cut NS ns.cut
ns.cut A 192.0.2.8
@APEX@ NSEC3 1 1 0 - @WILDCARD@ NS SOA RRSIG NSEC3PARAM
@APEX@ RRSIG NSEC3 13 3 300 20300101000000 20200101000000 1 hashed.test. AAAA
@WILDCARD@ NSEC3 1 1 0 - @APEX@ TXT RRSIG
@WILDCARD@ RRSIG NSEC3 13 3 300 20300101000000 20200101000000 1 hashed.test. AAAA
)";

std::string label_of(const char* name) {
  const auto label = dnssec::nsec3_label(dnssec::nsec3_hash(*wire::Name::from_text(name), {}, 0));
  return {label.begin(), label.end()};
}

std::string with_hashes(std::string text) {
  const std::pair<const char*, std::string> marks[] = {{"@APEX@", label_of("hashed.test.")},
                                                       {"@WILDCARD@", label_of("*.hashed.test.")}};
  for (const auto& [mark, label] : marks) {
    for (size_t at = text.find(mark); at != std::string::npos; at = text.find(mark)) {
      text.replace(at, std::string_view(mark).size(), label);
    }
  }
  return text;
}

answer::TestServer& server() {
  static answer::TestServer instance;
  static const bool filled = [] {
    instance.add_zone("plain.test.", plain_zone);
    instance.add_zone("signed.test.", signed_zone);
    instance.add_zone("hashed.test.", with_hashes(hashed_zone));
    instance.add_unavailable_zone("broken.test.");
    CHECK(instance.policy.version_bind.assign("holdfast"));
    CHECK(instance.policy.nsid.assign(std::string(128, 'n')));
    return true;
  }();
  CHECK(filled);
  return instance;
}

size_t bytes_allowed(const wire::Query& query, const answer::TestServer& asked) {
  if (asked.client.protocol == exchange::Protocol::tcp) return 65535;
  if (!query.edns.present) return 512;
  return std::max<size_t>(512,
                          std::min(query.edns.payload_bytes, asked.policy.udp_payload_bytes_max));
}

void check_response(Bytes packet, const std::vector<uint8_t>& response, const wire::Query& query) {
  const auto reply = answer::TestReplyReader(response).read();
  CHECK(reply.problem.empty());
  CHECK(reply.id == query.id);
  CHECK((reply.flags & wire::flag_qr) != 0);
  CHECK((reply.flags & (wire::flag_ra | wire::flag_ad)) == 0);
  CHECK((reply.flags & 0x7800) == (query.flags & 0x7800));
  CHECK(reply.has_opt == query.edns.present);
  if (!query.has_question) return;
  CHECK(response.size() >= query.question_end);
  CHECK(std::equal(packet.begin() + wire::header_bytes,
                   packet.begin() + static_cast<ptrdiff_t>(query.question_end),
                   response.begin() + wire::header_bytes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  answer::TestServer& asked = server();
  asked.client.protocol = (data[0] & 1) != 0 ? exchange::Protocol::tcp : exchange::Protocol::udp;
  asked.client.encrypted = (data[0] & 2) != 0;
  asked.policy.udp_payload_bytes_max = (data[0] & 4) != 0 ? 4096 : 1232;
  const Bytes packet(data + 1, size - 1);
  wire::Query query;
  const auto parsed = wire::parse_query(packet, query);
  const auto response = asked.ask(packet);
  const bool silent =
      parsed == wire::QueryError::too_short || parsed == wire::QueryError::is_response;
  CHECK(silent == response.empty());
  // The packet before this one stands for the others of a batch.
  static std::vector<uint8_t> before;
  const auto together = asked.ask_together(std::array{Bytes(before), packet, packet});
  CHECK(together[1] == response && together[2] == response);
  before.assign(packet.begin(), packet.end());
  CHECK(silent == (asked.outcome.silence != answer::Silence::none));
  if (silent) return 0;
  CHECK(response.size() <= bytes_allowed(query, asked));
  check_response(packet, response, query);
  return 0;
}
