// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/answerer.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "answer/test_server.h"
#include "base/shared_memory.h"
#include "exchange/handover.h"
#include "transfer/out_server.h"
#include "wire/message.h"
#include "wire/test_packet.h"

namespace holdfast::transfer {
namespace {

using Octets = std::vector<uint8_t>;
using wire::TestPacket;

constexpr const char* zone_text =
    "@ 300 SOA ns1 host 100 3600 600 86400 300\n@ NS ns1\nns1 A 192.0.2.1\n"
    "www A 192.0.2.80\n";
constexpr uint64_t now_s = 1'700'000'000;

class AnswererTest : public testing::Test {
 protected:
  AnswererTest() {
    server_.add_zone("example.test", zone_text);
    server_.add_zone("secret.test", zone_text);
    server_.add_unavailable_zone("broken.test");
    clock_.set_wall_s(now_s);
    config_.keys.push_back({.name = "key.test",
                            .algorithm = "hmac-sha256",
                            .secret = "MDEyMzQ1Njc4OWFiY2RlZg==",
                            .secret_file = {},
                            .line = 0});
    allow("example.test", "192.0.2.0/24");
    allow("broken.test", "192.0.2.0/24");
    allow("secret.test", "any key.test");
    apply();
  }
  ~AnswererTest() override { std::filesystem::remove_all(folder_); }
  static std::string make_folder() {
    std::string pattern = testing::TempDir() + "answererXXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    return pattern;
  }
  void allow(const std::string& zone, const char* rule) {
    config::ZoneSetting setting;
    setting.name = zone;
    setting.transfer.transfer_to.push_back(*config::parse_access_rule(rule));
    config_.zones.push_back(setting);
  }
  void apply() {
    settings_.publish(std::make_shared<const Settings>(config_, config::list_zones(config_).zones));
  }
  static TestPacket query(const char* qname, uint16_t qtype) {
    TestPacket packet(0x1234, wire::flag_rd, {1, 0, 0, 0});
    packet.question(qname, qtype);
    return packet;
  }
  static TestPacket ixfr(uint32_t serial) {
    TestPacket packet(0x1234, 0, {1, 0, 1, 0});
    packet.question("example.test", wire::type_ixfr);
    TestPacket soa;
    soa.name("ns1.example.test").name("host.example.test").u32(serial);
    for (const uint32_t number : {3600U, 600U, 86400U, 300U}) soa.u32(number);
    packet.record("example.test", wire::type_soa, 0, soa);
    return packet;
  }

  // All messages of the reply.
  std::vector<Octets> ask(Bytes packet, const char* from = "192.0.2.7@4000",
                          exchange::Protocol protocol = exchange::Protocol::tcp) {
    std::optional<Reply> reply;
    auto answer = answerer_.answer({.message = {packet.begin(), packet.end()},
                                    .protocol = protocol,
                                    .client = *parse_endpoint(from, 53)},
                                   [&](Reply later) { reply = std::move(later); });
    EXPECT_EQ(answer.comes_later, reply.has_value());
    if (answer.reply) reply = std::move(answer.reply);
    std::vector<Octets> messages;
    if (!reply) return messages;
    while (true) {
      auto next = reply->next(now_s);
      EXPECT_TRUE(next.has_value());
      if (!next || !*next) return messages;
      messages.push_back(**next);
    }
  }
  // The RCODE of a reply of one message without records.
  unsigned rcode(Bytes packet, const char* from = "192.0.2.7@4000",
                 exchange::Protocol protocol = exchange::Protocol::tcp) {
    const auto messages = ask(packet, from, protocol);
    if (messages.size() != 1) return 999;
    EXPECT_EQ(load_be16(messages[0].data() + 6), 0);
    EXPECT_EQ(load_be16(messages[0].data()), 0x1234);
    return messages[0][3] & 15U;
  }
  static std::vector<std::string> records(const std::vector<Octets>& messages) {
    std::vector<std::string> lines;
    Octets scratch(wire::rdata_bytes_max);
    for (const Octets& message : messages) {
      wire::MessageReader reader(message, scratch);
      wire::MessageRecord record;
      while (reader.next_record(record) == wire::MessageReader::Step::item) {
        if (record.type == wire::type_tsig || record.type == wire::type_opt) continue;
        record.owner.fold_case();
        lines.push_back(record.owner.view().to_text() + " " + std::to_string(record.type));
      }
    }
    return lines;
  }

  answer::TestServer server_;
  SharedObject<exchange::Panel> panel_ = *SharedObject<exchange::Panel>::create("a test");
  config::Config config_ = config::default_config();
  SettingsBoard settings_;
  ManualClock clock_;
  OutCounters counters_;
  std::string folder_ = make_folder();
  History history_{folder_};
  std::string notified_;
  Answerer answerer_{{.panel = *panel_,
                      .zones = server_.zones(),
                      .settings = settings_,
                      .state_directory = testing::TempDir(),
                      .clock = clock_,
                      .counters = counters_,
                      .history = history_,
                      .on_notify =
                          [this](wire::NameView apex, const Endpoint& from, const wire::Name*) {
                            notified_ = apex.to_text() + " " + from.to_text();
                            return apex == wire::Name::from_text("example.test")->view();
                          },
                      .update_counters = update_counters_,
                      .on_update =
                          [this](const Update& update, const std::function<void(uint16_t)>& done) {
                            updated_ = update.key + " " + update.source;
                            done(wire::rcode_servfail);
                          },
                      .on_forward =
                          [this](const Octets& message, const std::vector<config::Remote>& to,
                                 const std::function<void(Octets)>& done) {
                            forwarded_ = to.front().to_text();
                            Octets response = message;
                            response[2] |= 0x80;
                            done(forward_works_ ? response : Octets());
                          }}};
  UpdateCounters update_counters_;
  std::string updated_;
  std::string forwarded_;
  bool forward_works_ = true;
};

const std::vector<std::string> whole_zone{"example.test. 6", "example.test. 2",
                                          "ns1.example.test. 1", "www.example.test. 1",
                                          "example.test. 6"};

TEST_F(AnswererTest, SoManySpoolsAreKept) {
  for (size_t i = 0; i < Answerer::spools_max + 4; ++i) {
    const std::string zone = "z" + std::to_string(i) + ".test";
    server_.add_zone(zone, zone_text);
    allow(zone, "192.0.2.0/24");
    apply();
    EXPECT_EQ(records(ask(query(zone.c_str(), wire::type_axfr).bytes())).size(), 5U) << zone;
  }
  size_t files = 0;  // those without a name
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code ignored;
    const std::string path = std::filesystem::read_symlink(entry.path(), ignored).string();
    files += path.find("/#") != std::string::npos ? 1U : 0U;
  }
  EXPECT_EQ(files, Answerer::spools_max);
}

TEST_F(AnswererTest, GivesAZoneToWhomItIsAllowed) {
  const auto messages = ask(query("Example.TEST", wire::type_axfr).bytes());
  EXPECT_EQ(records(messages), whole_zone);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(load_be16(messages[0].data()), 0x1234);
  EXPECT_EQ(load_be16(messages[0].data() + 2), wire::flag_qr | wire::flag_aa | wire::flag_rd);
  // The question in the case in which it was asked.
  EXPECT_EQ(std::string(messages[0].begin() + 13, messages[0].begin() + 20), "Example");
}

TEST_F(AnswererTest, RefusesEverybodyElse) {
  EXPECT_EQ(rcode(query("example.test", wire::type_axfr).bytes(), "198.51.100.1@4000"),
            wire::rcode_refused);
  EXPECT_EQ(rcode(query("example.test", wire::type_axfr).bytes(), "::1@4000"), wire::rcode_refused);
  EXPECT_EQ(rcode(query("secret.test", wire::type_axfr).bytes()), wire::rcode_refused);
  EXPECT_EQ(rcode(query("www.example.test", wire::type_axfr).bytes()), wire::rcode_notauth);
  EXPECT_EQ(rcode(query("other.test", wire::type_axfr).bytes()), wire::rcode_notauth);
  EXPECT_EQ(rcode(query("broken.test", wire::type_axfr).bytes()), wire::rcode_servfail);
  EXPECT_EQ(counters_.refused.load(), 5u);
}

TEST_F(AnswererTest, GivesASecretZoneToTheKeyAlone) {
  const auto plain = query("secret.test", wire::type_axfr);
  Octets request(plain.bytes().begin(), plain.bytes().end());
  TsigChain client;
  client.sign_request(settings_.read()->keys().find(*wire::Name::from_text("key.test")), request,
                      now_s);
  auto messages = ask(request, "2001:db8::1@5000");
  EXPECT_EQ(records(messages).size(), 5u);
  for (Octets& message : messages) {
    EXPECT_TRUE(client.verify_response(message, now_s).has_value());
  }
  // The same signature over another question.
  request[13] = 'S';
  const auto rejected = ask(request);
  ASSERT_EQ(rejected.size(), 1u);
  EXPECT_EQ(rejected[0][3] & 15U, wire::rcode_notauth);
}

TEST_F(AnswererTest, SignsOrdinaryAnswers) {
  const auto plain = query("www.example.test", wire::type_a);
  Octets request(plain.bytes().begin(), plain.bytes().end());
  TsigChain client;
  client.sign_request(settings_.read()->keys().find(*wire::Name::from_text("key.test")), request,
                      now_s);
  auto messages = ask(request, "192.0.2.7@4000", exchange::Protocol::udp);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(records(messages), (std::vector<std::string>{"www.example.test. 1"}));
  EXPECT_TRUE(client.verify_response(messages[0], now_s).has_value());
}

TEST_F(AnswererTest, TransfersDoNotFitDatagrams) {
  EXPECT_EQ(rcode(query("example.test", wire::type_axfr).bytes(), "192.0.2.7@4000",
                  exchange::Protocol::udp),
            wire::rcode_formerr);
  // RFC 1995 §2: the SOA alone says so.
  const auto answer = ask(ixfr(99).bytes(), "192.0.2.7@4000", exchange::Protocol::udp);
  EXPECT_EQ(records(answer), (std::vector<std::string>{"example.test. 6"}));
}

TEST_F(AnswererTest, AnIxfrIsTheSoaOrTheWholeZone) {
  EXPECT_EQ(records(ask(ixfr(100).bytes())).size(), 1u);
  EXPECT_EQ(records(ask(ixfr(101).bytes())).size(), 1u);
  const auto whole = ask(ixfr(99).bytes());
  EXPECT_EQ(records(whole), whole_zone);
  const size_t question_type = 12 + 14;
  EXPECT_EQ(load_be16(whole[0].data() + question_type), wire::type_ixfr);
  EXPECT_EQ(rcode(query("example.test", wire::type_ixfr).bytes()), wire::rcode_formerr);
}

// From serial 98, which lacked www, over 99, in which it had another address.
TEST_F(AnswererTest, GivesKnownDifferences) {
  const auto difference = [&](uint32_t from, const char* removed, const char* added) {
    Difference made{.from = from, .to = from + 1, .removed = {}, .added = {}};
    const std::array<uint8_t, 4> address{192, 0, 2, 80};
    for (auto* list : {&made.removed, &made.added}) {
      const uint32_t serial = list == &made.removed ? from : from + 1;
      TestPacket soa;
      soa.name("ns1.example.test").name("host.example.test").u32(serial);
      for (int i = 0; i < 4; ++i) soa.u32(300);
      list->add({*wire::Name::from_text("example.test"), wire::type_soa, 300, soa.bytes()});
    }
    if (*removed != 0) made.removed.add({*wire::Name::from_text(removed), 1, 300, address});
    if (*added != 0) made.added.add({*wire::Name::from_text(added), 1, 300, address});
    return made;
  };
  const wire::Name apex = *wire::Name::from_text("example.test");
  const Difference first = difference(98, "", "old.example.test");
  const Difference second = difference(99, "old.example.test", "www.example.test");
  ASSERT_TRUE(history_.add(apex, &first, "a test", now_s).has_value());
  ASSERT_TRUE(history_.add(apex, &second, "a test", now_s).has_value());
  const std::vector<std::string> one{"example.test. 6",     "example.test. 6",
                                     "old.example.test. 1", "example.test. 6",
                                     "www.example.test. 1", "example.test. 6"};
  EXPECT_EQ(records(ask(ixfr(99).bytes())), one);
  EXPECT_EQ(records(ask(ixfr(98).bytes())).size(), 9u);
  EXPECT_EQ(records(ask(ixfr(97).bytes())), whole_zone);
  EXPECT_EQ(records(ask(ixfr(99).bytes(), "192.0.2.7@4000", exchange::Protocol::udp)), one);
}

TEST_F(AnswererTest, HeedsTheNotifyOfAPrimary) {
  const auto notify = [](const char* zone) {
    TestPacket packet(0x1234, wire::opcode_notify << 11 | wire::flag_aa, {1, 0, 0, 0});
    packet.question(zone, wire::type_soa);
    return packet;
  };
  const auto accepted = ask(notify("example.test").bytes());
  ASSERT_EQ(accepted.size(), 1u);
  EXPECT_EQ(load_be16(accepted[0].data() + 2), 0xA400);
  EXPECT_EQ(notified_, "example.test. 192.0.2.7@4000");
  EXPECT_EQ(rcode(notify("secret.test").bytes()), wire::rcode_refused);
}

TEST_F(AnswererTest, UpdatesAreRefusedUnlessSignedAndPermitted) {
  const auto update = [](const char* zone) {
    TestPacket packet(0x1234, wire::opcode_update << 11, {1, 0, 0, 0});
    packet.question(zone, wire::type_soa);
    return packet;
  };
  config_.zones.front().transfer.update = {*config::parse_update_rule("key.test")};
  apply();
  EXPECT_EQ(rcode(update("example.test").bytes()), wire::rcode_refused);  // not signed
  EXPECT_EQ(rcode(update("secret.test").bytes()), wire::rcode_refused);   // no rules
  EXPECT_EQ(rcode(update("unknown.test").bytes()), wire::rcode_notauth);
  EXPECT_EQ(rcode(update("www.example.test").bytes()), wire::rcode_notauth);
  TestPacket of_other_type(0x1234, wire::opcode_update << 11, {1, 0, 0, 0});
  of_other_type.question("example.test", wire::type_a);
  EXPECT_EQ(rcode(of_other_type.bytes()), wire::rcode_formerr);
  EXPECT_EQ(updated_, "");
  EXPECT_EQ(update_counters_.refused, 5U);
}

TEST_F(AnswererTest, UpdatesOfASecondaryZoneGoToItsPrimaryOrNowhere) {
  TestPacket update(0x1234, wire::opcode_update << 11, {1, 0, 0, 0});
  update.question("example.test", wire::type_soa);
  config::TransferSetting& setting = config_.zones.front().transfer;
  setting.primaries = {*config::parse_remote("192.0.2.99")};
  apply();
  EXPECT_EQ(rcode(update.bytes()), wire::rcode_notauth);
  EXPECT_EQ(forwarded_, "");
  setting.forward_updates = true;
  apply();
  EXPECT_EQ(rcode(update.bytes()), wire::rcode_noerror);
  EXPECT_EQ(forwarded_, "192.0.2.99@53");
  forward_works_ = false;
  EXPECT_EQ(rcode(update.bytes()), wire::rcode_servfail);
  EXPECT_EQ(update_counters_.forwarded, 2U);
}

// The monotonic clock begins somewhere, perhaps long ago.
TEST_F(AnswererTest, TheTimeOfAReplyThatComesLaterCountsFromItsRequest) {
  config::TransferSetting& setting = config_.zones.front().transfer;
  setting.primaries = {*config::parse_remote("192.0.2.99")};
  setting.forward_updates = true;
  apply();
  clock_.advance_ms(uint64_t{OutServer::transfer_s_max} * 2000);

  boost::asio::io_context context;
  const auto handover = exchange::HandoverPair::make();
  ASSERT_TRUE(handover.has_value());
  const OutServer out({.context = context,
                       .handover = handover->control.get(),
                       .tls_listeners = {},
                       .settings = settings_,
                       .answerer = answerer_,
                       .counters = counters_,
                       .clock = clock_});
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd client(ends[0]);
  const UniqueFd server(ends[1]);
  TestPacket update(0x1234, wire::opcode_update << 11, {1, 0, 0, 0});
  update.question("example.test", wire::type_soa);
  Octets framed{0, static_cast<uint8_t>(update.bytes().size())};
  framed.insert(framed.end(), update.bytes().begin(), update.bytes().end());
  exchange::HandoverHeader header{.protocol = exchange::Protocol::tcp, .client = {}, .server = {}};
  header.client.sin6_family = AF_INET6;
  ASSERT_TRUE(exchange::HandoverSender(handover->answer.get()).send(header, framed, server.get()));
  Octets received(512);
  ssize_t got = -1;
  for (int turns = 0; turns < 1200 && got < 0; ++turns) {
    context.run_one_for(std::chrono::milliseconds(50));
    got = ::recv(client.get(), received.data(), received.size(), MSG_DONTWAIT);
  }
  ASSERT_EQ(got, static_cast<ssize_t>(framed.size()));
  EXPECT_EQ(load_be16(received.data() + 2), 0x1234);
}

TEST_F(AnswererTest, AVersionGoesOnWhileTheNextIsServed) {
  const auto request = query("example.test", wire::type_axfr);
  auto reply = answerer_
                   .answer({.message = {request.bytes().begin(), request.bytes().end()},
                            .protocol = exchange::Protocol::tcp,
                            .client = *parse_endpoint("192.0.2.7@4000", 53)},
                           {})
                   .reply;
  ASSERT_TRUE(reply.has_value());
  server_.add_zone("example.test",
                   "@ 300 SOA ns1 host 101 3600 600 86400 300\n@ NS ns1\n"
                   "ns1 A 192.0.2.1\n");
  const auto old_message = reply->next(now_s);
  ASSERT_TRUE(old_message.has_value() && old_message->has_value());
  EXPECT_EQ(records({**old_message}), whole_zone);
  EXPECT_EQ(records(ask(request.bytes())).size(), 4u);
  clock_.advance_ms(3'600'000);
  answerer_.tidy();
  EXPECT_EQ(records(ask(request.bytes())).size(), 4u);
}

TEST_F(AnswererTest, SaysWhatItDoesNotDo) {
  TestPacket update(0x1234, wire::opcode_update << 11, {1, 0, 0, 0});
  update.question("example.test", wire::type_soa);
  EXPECT_EQ(rcode(update.bytes()), wire::rcode_refused);  // nobody may
  EXPECT_EQ(rcode(TestPacket(0x1234, 0, {1, 0, 0, 0}).bytes()), wire::rcode_formerr);
  EXPECT_TRUE(ask(TestPacket(1, wire::flag_qr, {0, 0, 0, 0}).bytes()).empty());
}

}  // namespace
}  // namespace holdfast::transfer
