// SPDX-License-Identifier: GPL-3.0-or-later
// RFC 2136, section by section, over a zone in memory.
#include "transfer/update.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "transfer/serial.h"
#include "wire/rdata_text.h"
#include "wire/types.h"
#include "zone/memory_samples.h"

namespace holdfast::transfer {
namespace {

using wire::class_any;
using wire::class_in;
using wire::class_none;
using zone::sample_name;
using zone::SampleZone;

const std::vector<uint8_t> address{192, 0, 2, 1};
const std::vector<uint8_t> other_address{192, 0, 2, 2};

class UpdateTest : public testing::Test {
 public:
  UpdateTest()
      : memory_(std::move(*zone::Memory::open(zone::sample_options(folder_.file()), epochs_))) {
    SampleZone sample("example");
    sample.soa(10).ns("example", "ns.invalid").a("www.example", load_be32(address.data()));
    sample.add("alias.example", wire::type_cname, SampleZone::name_bytes("www.example"));
    sample.add("www.example", wire::type_txt, {1, 'x'});
    EXPECT_TRUE(memory_.publish(sample.finish(), nullptr).has_value());
    draft_.emplace(*memory_.find(apex_), memory_.reader().hash_key());
    auto setting = std::make_shared<config::TransferSetting>();
    setting->update = {config::parse_update_rule("all.key").value(),
                       config::parse_update_rule("txt.key under:www.example TXT").value()};
    update_.setting = setting;
    update_.key = "all.key.";
    update_.message.zone = apex_;
  }
  UpdateTest& require(const char* owner, uint16_t record_class, uint16_t type,
                      std::vector<uint8_t> rdata = {}) {
    update_.message.prerequisites.push_back(
        {sample_name(owner), type, record_class, 0, std::move(rdata)});
    return *this;
  }
  UpdateTest& change(const char* owner, uint16_t record_class, uint16_t type,
                     std::vector<uint8_t> rdata = {}, uint32_t ttl = 0) {
    update_.message.updates.push_back(
        {sample_name(owner), type, record_class, ttl, std::move(rdata)});
    return *this;
  }
  // What the update gives; the next one starts anew.
  UpdateOutcome apply() {
    const UpdateOutcome outcome =
        apply_update(*draft_, update_, [](bool, uint16_t type) { return type == wire::type_nsec; });
    update_.message.prerequisites.clear();
    update_.message.updates.clear();
    return outcome;
  }
  uint16_t rcode() { return apply().rcode; }
  std::string records(const char* owner) {
    std::vector<std::string> lines;
    for (const zone::DraftRecord& record : draft_->read(sample_name(owner))) {
      std::string line = wire::type_to_text(record.type) + " " + std::to_string(record.ttl);
      for (const uint8_t byte : record.rdata) line += " " + std::to_string(byte);
      lines.push_back(line);
    }
    std::ranges::sort(lines);
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    return text;
  }
  uint32_t serial() {
    for (const zone::DraftRecord& record : draft_->read(apex_)) {
      if (record.type == wire::type_soa) return soa_numbers(record.rdata).serial;
    }
    return 0;
  }
  std::vector<uint8_t> soa(uint32_t serial) {
    for (const zone::DraftRecord& record : draft_->read(apex_)) {
      if (record.type != wire::type_soa) continue;
      std::vector<uint8_t> rdata = record.rdata;
      store_be32(rdata.data() + rdata.size() - 20, serial);
      return rdata;
    }
    return {};
  }

  const wire::Name apex_ = sample_name("example");
  zone::SampleFolder folder_;
  EpochBoard epochs_;
  zone::Memory memory_;
  std::optional<zone::Draft> draft_;
  Update update_;
};

TEST_F(UpdateTest, Section24Prerequisites) {
  // §2.4.1 RRset exists, whatever its values
  EXPECT_EQ(require("www.example", class_any, wire::type_a).rcode(), wire::rcode_noerror);
  EXPECT_EQ(require("www.example", class_any, wire::type_mx).rcode(), rcode_nxrrset);
  // §2.4.2 with these values
  EXPECT_EQ(require("www.example", class_in, wire::type_a, address).rcode(), wire::rcode_noerror);
  EXPECT_EQ(require("www.example", class_in, wire::type_a, other_address).rcode(), rcode_nxrrset);
  EXPECT_EQ(require("www.example", class_in, wire::type_a, address)
                .require("WWW.example", class_in, wire::type_a, other_address)
                .rcode(),
            rcode_nxrrset);
  EXPECT_EQ(require("none.example", class_in, wire::type_a, address).rcode(), rcode_nxrrset);
  // §2.4.3 does not exist
  EXPECT_EQ(require("www.example", class_none, wire::type_mx).rcode(), wire::rcode_noerror);
  EXPECT_EQ(require("www.example", class_none, wire::type_a).rcode(), rcode_yxrrset);
  // §2.4.4 name is in use
  EXPECT_EQ(require("www.example", class_any, wire::type_any).rcode(), wire::rcode_noerror);
  EXPECT_EQ(require("none.example", class_any, wire::type_any).rcode(), wire::rcode_nxdomain);
  // §2.4.5 is not in use
  EXPECT_EQ(require("none.example", class_none, wire::type_any).rcode(), wire::rcode_noerror);
  EXPECT_EQ(require("www.example", class_none, wire::type_any).rcode(), wire::rcode_yxdomain);
}

TEST_F(UpdateTest, APrerequisiteThatFailsChangesNothing) {
  require("none.example", class_any, wire::type_any);
  const UpdateOutcome outcome = change("new.example", class_in, wire::type_a, address).apply();
  EXPECT_EQ(outcome.rcode, wire::rcode_nxdomain);
  EXPECT_FALSE(outcome.has_changed);
  EXPECT_EQ(records("new.example"), "");
  EXPECT_EQ(serial(), 10U);
}

TEST_F(UpdateTest, Section251And3422Additions) {
  EXPECT_TRUE(change("new.example", class_in, wire::type_a, address, 60).apply().has_changed);
  EXPECT_EQ(records("new.example"), "A 60 192 0 2 1\n");
  EXPECT_EQ(serial(), 11U);
  // A copy replaces, and the newest TTL is that of the set (RFC 2181 §5.2).
  change("new.example", class_in, wire::type_a, other_address, 70);
  EXPECT_TRUE(apply().has_changed);
  EXPECT_EQ(records("new.example"), "A 70 192 0 2 1\nA 70 192 0 2 2\n");
  EXPECT_FALSE(change("new.example", class_in, wire::type_a, address, 70).apply().has_changed);
  EXPECT_EQ(serial(), 12U);
}

TEST_F(UpdateTest, Section3422Aliases) {
  const auto target = SampleZone::name_bytes("a.example");
  // Not where other records are, and nothing beside one; both in silence.
  EXPECT_FALSE(change("www.example", class_in, wire::type_cname, target).apply().has_changed);
  EXPECT_FALSE(change("alias.example", class_in, wire::type_a, address).apply().has_changed);
  EXPECT_TRUE(change("alias.example", class_in, wire::type_cname, target, 5).apply().has_changed);
  EXPECT_EQ(records("alias.example").substr(0, 7), "CNAME 5");
  EXPECT_EQ(draft_->read(sample_name("alias.example")).size(), 1U);
  // In one update one after another.
  change("alias.example", class_any, wire::type_any);
  change("alias.example", class_in, wire::type_a, address, 6);
  EXPECT_TRUE(apply().has_changed);
  EXPECT_EQ(records("alias.example"), "A 6 192 0 2 1\n");
}

TEST_F(UpdateTest, Section3422Soa) {
  EXPECT_FALSE(change("www.example", class_in, wire::type_soa, soa(20)).apply().has_changed);
  EXPECT_FALSE(change("example", class_in, wire::type_soa, soa(9)).apply().has_changed);
  EXPECT_FALSE(change("example", class_in, wire::type_soa, soa(10)).apply().has_changed);
  EXPECT_TRUE(change("example", class_in, wire::type_soa, soa(20), 300).apply().has_changed);
  EXPECT_EQ(serial(), 20U);
  // RFC 1982: half the numbers are after it.
  EXPECT_FALSE(
      change("example", class_in, wire::type_soa, soa(20 + 0x80000000U)).apply().has_changed);
  EXPECT_TRUE(
      change("example", class_in, wire::type_soa, soa(20 + 0x7fffffffU), 300).apply().has_changed);
}

TEST_F(UpdateTest, Section36SerialsSkipZero) {
  for (const uint32_t high : {0x7fffffffU, 0xfffffffeU, 0xffffffffU}) {
    change("example", class_in, wire::type_soa, soa(high), 300);
    ASSERT_TRUE(apply().has_changed);
    ASSERT_EQ(serial(), high);
  }
  ASSERT_TRUE(change("new.example", class_in, wire::type_a, address).apply().has_changed);
  EXPECT_EQ(serial(), 1U);
}

TEST_F(UpdateTest, Section252And3423RrsetsGo) {
  EXPECT_TRUE(change("www.example", class_any, wire::type_txt).apply().has_changed);
  EXPECT_EQ(records("www.example"), "A 300 192 0 2 1\n");
  EXPECT_FALSE(change("www.example", class_any, wire::type_mx).apply().has_changed);
  EXPECT_TRUE(change("www.example", class_any, wire::type_any).apply().has_changed);
  EXPECT_EQ(records("www.example"), "");
  // The apex keeps SOA and NS.
  change("example", class_in, wire::type_a, address);
  EXPECT_TRUE(apply().has_changed);
  EXPECT_TRUE(change("example", class_any, wire::type_any).apply().has_changed);
  EXPECT_EQ(draft_->read(apex_).size(), 2U);
  EXPECT_FALSE(change("example", class_any, wire::type_ns).apply().has_changed);
  EXPECT_FALSE(change("example", class_any, wire::type_soa).apply().has_changed);
}

TEST_F(UpdateTest, Section254And3424RecordsGo) {
  EXPECT_FALSE(change("www.example", class_none, wire::type_a, other_address).apply().has_changed);
  EXPECT_TRUE(change("www.example", class_none, wire::type_a, address).apply().has_changed);
  EXPECT_EQ(records("www.example"), "TXT 300 1 120\n");
  EXPECT_FALSE(change("example", class_none, wire::type_soa, soa(11)).apply().has_changed);
  // The last NS of the apex stays, another goes; names compare whatever their case.
  const auto last = SampleZone::name_bytes("NS.Invalid");
  EXPECT_FALSE(change("example", class_none, wire::type_ns, last).apply().has_changed);
  change("example", class_in, wire::type_ns, SampleZone::name_bytes("ns2.invalid"), 300);
  EXPECT_TRUE(apply().has_changed);
  EXPECT_TRUE(change("example", class_none, wire::type_ns, last).apply().has_changed);
  EXPECT_EQ(draft_->read(apex_).size(), 2U);
}

TEST_F(UpdateTest, Section33Permissions) {
  update_.key = "txt.key.";
  EXPECT_EQ(change("www.example", class_in, wire::type_txt, {1, 'y'}).rcode(), wire::rcode_noerror);
  EXPECT_EQ(change("a.www.example", class_in, wire::type_txt, {1, 'y'}).rcode(),
            wire::rcode_noerror);
  EXPECT_EQ(change("www.example", class_in, wire::type_a, address).rcode(), wire::rcode_refused);
  EXPECT_EQ(change("mail.example", class_in, wire::type_txt, {1, 'y'}).rcode(),
            wire::rcode_refused);
  // All of a name, among it what it may not remove.
  EXPECT_EQ(change("www.example", class_any, wire::type_any).rcode(), wire::rcode_refused);
  EXPECT_EQ(change("a.www.example", class_any, wire::type_any).rcode(), wire::rcode_noerror);
  // Nothing is done where one of several is not permitted.
  change("b.www.example", class_in, wire::type_txt, {1, 'y'});
  EXPECT_EQ(change("b.www.example", class_in, wire::type_a, address).rcode(), wire::rcode_refused);
  EXPECT_EQ(records("b.www.example"), "");
  update_.key = "all.key.";
  EXPECT_EQ(change("www.example", class_in, wire::type_nsec, {0}).rcode(), wire::rcode_refused);
  update_.key = "unknown.key.";
  EXPECT_EQ(change("www.example", class_in, wire::type_txt, {1, 'y'}).rcode(), wire::rcode_refused);
  EXPECT_FALSE(may_update(*update_.setting, "unknown.key."));
  EXPECT_TRUE(may_update(*update_.setting, "txt.key."));
}

TEST_F(UpdateTest, LaterUpdatesSeeTheEarlierOnes) {
  EXPECT_TRUE(change("new.example", class_in, wire::type_a, address).apply().has_changed);
  require("new.example", class_none, wire::type_any);
  EXPECT_EQ(change("new.example", class_in, wire::type_a, other_address).rcode(),
            wire::rcode_yxdomain);
  EXPECT_EQ(records("new.example"), "A 0 192 0 2 1\n");
}

// What is out of order in a message itself.
class MessageTest : public testing::Test {
 protected:
  struct Raw {
    uint16_t type;
    uint16_t record_class;
    uint32_t ttl;
    std::vector<uint8_t> rdata;
    const char* owner = "www.example";
  };
  static std::vector<uint8_t> message(const std::vector<Raw>& prerequisites,
                                      const std::vector<Raw>& updates,
                                      uint16_t zone_type = wire::type_soa,
                                      uint16_t zone_class = class_in, uint16_t zones = 1) {
    std::vector<uint8_t> bytes;
    const auto put_u16 = [&](size_t value) {
      bytes.push_back(static_cast<uint8_t>(value >> 8));
      bytes.push_back(static_cast<uint8_t>(value));
    };
    for (const size_t field : {size_t{1}, size_t{wire::opcode_update} << 11, size_t{zones},
                               prerequisites.size(), updates.size(), size_t{0}}) {
      put_u16(field);
    }
    const auto put_name = [&](const char* text) {
      const auto name = SampleZone::name_bytes(text);
      bytes.insert(bytes.end(), name.begin(), name.end());
    };
    for (uint16_t i = 0; i < zones; ++i) {
      put_name("example");
      put_u16(zone_type);
      put_u16(zone_class);
    }
    for (const auto* records : {&prerequisites, &updates}) {
      for (const Raw& record : *records) {
        put_name(record.owner);
        put_u16(record.type);
        put_u16(record.record_class);
        put_u16(record.ttl >> 16);
        put_u16(record.ttl);
        put_u16(record.rdata.size());
        bytes.insert(bytes.end(), record.rdata.begin(), record.rdata.end());
      }
    }
    return bytes;
  }
  static uint16_t rcode(const std::vector<uint8_t>& bytes) {
    const auto read = read_update(bytes);
    return read ? uint16_t{wire::rcode_noerror} : read.error();
  }
};

TEST_F(MessageTest, Section31Zone) {
  EXPECT_EQ(rcode(message({}, {})), wire::rcode_noerror);
  EXPECT_EQ(rcode(message({}, {}, wire::type_a)), wire::rcode_formerr);
  EXPECT_EQ(rcode(message({}, {}, wire::type_soa, wire::class_ch)), wire::rcode_notauth);
  EXPECT_EQ(rcode(message({}, {}, wire::type_soa, class_in, 0)), wire::rcode_formerr);
  EXPECT_EQ(rcode(message({}, {}, wire::type_soa, class_in, 2)), wire::rcode_formerr);
  EXPECT_EQ(rcode({1, 2, 3}), wire::rcode_formerr);
}

TEST_F(MessageTest, Section32Prerequisites) {
  const auto of = [](Raw record) { return rcode(message({std::move(record)}, {})); };
  EXPECT_EQ(of({wire::type_a, class_any, 0, {}}), wire::rcode_noerror);
  EXPECT_EQ(of({wire::type_a, class_any, 1, {}}), wire::rcode_formerr);
  EXPECT_EQ(of({wire::type_a, class_any, 0, address}), wire::rcode_formerr);
  EXPECT_EQ(of({wire::type_a, class_none, 0, address}), wire::rcode_formerr);
  EXPECT_EQ(of({wire::type_a, class_in, 0, address}), wire::rcode_noerror);
  EXPECT_EQ(of({wire::type_a, class_in, 0, {1, 2}}), wire::rcode_formerr);
  EXPECT_EQ(of({wire::type_any, class_in, 0, {}}), wire::rcode_formerr);
  EXPECT_EQ(of({wire::type_axfr, class_any, 0, {}}), wire::rcode_formerr);
  EXPECT_EQ(of({wire::type_a, wire::class_ch, 0, address}), wire::rcode_formerr);
  EXPECT_EQ(of({wire::type_a, class_any, 0, {}, "www.elsewhere"}), rcode_notzone);
}

TEST_F(MessageTest, Section341Updates) {
  const auto of = [](Raw record) { return rcode(message({}, {std::move(record)})); };
  EXPECT_EQ(of({wire::type_a, class_in, 60, address}), wire::rcode_noerror);
  EXPECT_EQ(of({wire::type_a, class_in, 60, {}}), wire::rcode_formerr);
  EXPECT_EQ(of({wire::type_any, class_in, 60, {}}), wire::rcode_formerr);
  EXPECT_EQ(of({wire::type_any, class_any, 0, {}}), wire::rcode_noerror);
  EXPECT_EQ(of({wire::type_a, class_any, 60, {}}), wire::rcode_formerr);
  EXPECT_EQ(of({wire::type_a, class_any, 0, address}), wire::rcode_formerr);
  EXPECT_EQ(of({wire::type_axfr, class_any, 0, {}}), wire::rcode_formerr);
  EXPECT_EQ(of({wire::type_a, class_none, 0, address}), wire::rcode_noerror);
  EXPECT_EQ(of({wire::type_a, class_none, 1, address}), wire::rcode_formerr);
  EXPECT_EQ(of({wire::type_any, class_none, 0, {}}), wire::rcode_formerr);
  EXPECT_EQ(of({wire::type_a, wire::class_ch, 0, address}), wire::rcode_formerr);
  EXPECT_EQ(of({wire::type_a, class_in, 0, address, "elsewhere"}), rcode_notzone);
}

}  // namespace
}  // namespace holdfast::transfer
