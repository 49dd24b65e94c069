// SPDX-License-Identifier: GPL-3.0-or-later
// Every verdict of the XDP program, over IPv4 and over IPv6 alike: what brings it about, and that
// none has been left out.
#include <functional>
#include <set>

#include "shield/test_gate_orders.h"

namespace holdfast::shield {
namespace {

using Octets = std::vector<uint8_t>;

class VerdictsGateTest : public ShieldGateTest, public testing::WithParamInterface<bool> {
 protected:
  void SetUp() override {
    ShieldGateTest::SetUp();
    if (IsSkipped()) return;
    common().cookies_enabled = 1;
    if (is_ipv6()) use_ipv6();
  }
  [[nodiscard]] bool is_ipv6() const { return GetParam(); }

  // A frame that differs from a plain question of a new stranger by what `change` does, under no
  // order or under those of level 1. `tries`: budgets and windows have to be used up first.
  enum class Under { nothing, orders };
  void see(Verdict expected, Under under, const std::function<void()>& change, int tries = 1) {
    const TestFrame frame = frame_;
    const ShieldOrders before = orders();
    orders().level = under == Under::orders ? 1 : 0;
    next_stranger();
    change();
    Verdict verdict = run();
    for (int i = 1; i < tries && verdict != expected; ++i) verdict = run();
    EXPECT_EQ(verdict, expected);
    seen_.insert(expected.reason);
    orders() = before;
    frame_ = frame;
  }
  void see_beyond(Verdict expected, Under under, const std::function<void()>& change) {
    see(
        expected, under,
        [&] {
          change();
          usleep(12'000);  // a tick, so that the budget is the new one's
        },
        400);
  }
  void next_stranger() {
    const std::string number = std::to_string(++strangers_ + 10);
    frame_.from = (is_ipv6() ? "2001:db8:" + number + "::2" : "198.51." + number + ".2");
  }
  void ask(const char* name) {
    const wire::Name wanted = *wire::Name::from_text(name);
    const Bytes bytes = wanted.view().bytes();
    frame_.payload.assign(question.begin(), question.begin() + 12);
    frame_.payload.insert(frame_.payload.end(), bytes.begin(), bytes.end());
    frame_.payload.insert(frame_.payload.end(), {0, 1, 0, 1});
  }
  void begin_stream(uint8_t flags) {
    frame_.protocol = 6;
    frame_.payload = {0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0};
  }
  void add_client_cookie() {
    frame_.payload[11] = 1;
    const Octets opt{0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 12, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
    frame_.payload.insert(frame_.payload.end(), opt.begin(), opt.end());
  }
  void fill_names() {
    NameFilterWriter writer(*names_);
    writer.begin();
    ASSERT_TRUE(writer.begin_zone(*wire::Name::from_text("example."), 2));
    writer.add_name(*wire::Name::from_text("example."));
    writer.deny_with(soa, NameFilterWriter::Proofs::none);
    writer.show();
  }

  static const inline Octets soa{0xc0, 12, 0, 6, 0, 1, 0, 0, 1, 44, 0, 22, 0, 0, 0, 0, 0,
                                 1,    0,  0, 0, 2, 0, 0, 0, 3, 0,  0, 0,  4, 0, 0, 1, 44};
  std::set<int> seen_;
  uint32_t strangers_ = 0;

  void see_what_is_passed();
  void see_what_is_never_answered();
  void see_classes();
  void see_replies();
  void see_floods();
};

void VerdictsGateTest::see_what_is_passed() {
  const auto none = Under::nothing;
  const size_t ip_bytes = is_ipv6() ? 0 : 20;
  see(taken, none, [] {});
  gate_->set_lane(xdp_lane_trusted);
  see(taken_as(xdp_taken_trusted), none, [] {});
  gate_->set_lane(xdp_lane_others);
  see(passed(xdp_passed_protocol), none, [&] { frame_.protocol = 58; });
  see(passed(xdp_passed_syn), none, [&] { begin_stream(0x02); });
  see(passed(xdp_passed_stream), none, [&] { begin_stream(0x10); });
  see(passed(xdp_passed_destination), none, [&] { frame_.to_port = 54; });
  see(passed(xdp_passed_fragment), none, [&] {
    if (is_ipv6()) {
      frame_.extension_header = 44;
    } else {
      frame_.fragment_word = 0x2000;
    }
  });
  see(passed(xdp_passed_options), none, [&] {
    if (is_ipv6()) {
      frame_.extension_header = 0;
    } else {
      frame_.option_bytes = 4;
    }
  });
  see(passed(xdp_passed_length), none,
      [&] { frame_.ip_length = static_cast<uint16_t>(ip_bytes + 8 + question.size() + 1); });
  see(passed(xdp_passed_surplus), none,
      [&] { frame_.udp_length = static_cast<uint16_t>(8 + question.size() - 1); });
  see(passed(xdp_passed_opcode), none, [&] { frame_.payload[2] = 5 << 3; });
  gate_->set_door(0, xdp_door_closed);
  see(passed(xdp_passed_closed), none, [] {});
  gate_->set_door(0, xdp_door_kernel);
  see(passed(xdp_passed_shielded), none, [] {});
  gate_->set_door(0, xdp_door_open);
}

void VerdictsGateTest::see_what_is_never_answered() {
  for (const Under under : {Under::nothing, Under::orders}) {
    see(dropped(xdp_dropped_response), under, [&] { frame_.payload[2] |= 0x80; });
    see(dropped(xdp_dropped_source_port), under, [&] { frame_.from_port = 0; });
    see(dropped(xdp_dropped_source), under, [&] { frame_.from = is_ipv6() ? "::1" : "127.0.0.1"; });
    see(dropped(xdp_dropped_short), under, [&] { frame_.payload.resize(11); });
  }
}

// Each class, let through and not.
void VerdictsGateTest::see_classes() {
  const auto both = [&](XdpGateReason admitted, XdpGateReason refused, ShieldClass share,
                        const std::function<void()>& change) {
    see(taken_as(admitted), Under::orders, change);
    orders().share[share] = 0;
    see(dropped(refused), Under::orders, change);
    orders().share[share] = all_of_them;
  };
  both(xdp_taken_proved, xdp_dropped_proved, shield_proved,
       [&] { remember(1, usual_hop, SHIELD_FLAG_PROVED); });
  both(xdp_taken_known, xdp_dropped_known, shield_known, [&] { remember(9); });
  both(xdp_taken_known_odd, xdp_dropped_known_odd, shield_known_odd,
       [&] { remember(9, usual_hop - 5); });
  both(xdp_taken_unknown_slow, xdp_dropped_unknown_slow, shield_unknown_slow, [] {});
  both(xdp_taken_unknown_fast, xdp_dropped_unknown_fast, shield_unknown_fast,
       [&] { remember(9, usual_hop, SHIELD_FLAG_DENIED); });
  fill_names();
  both(xdp_taken_absent_name, xdp_dropped_absent_name, shield_absent_name,
       [&] { ask("x1.example."); });
}

void VerdictsGateTest::see_replies() {
  gate_->set_replies(true);
  orders().truncate_per_s = 1'000'000;
  orders().share[shield_unknown_slow] = 0;
  see_beyond(replied(xdp_replied_truncated), Under::orders, [] {});
  see_beyond(replied(xdp_replied_cookie), Under::orders, [&] { add_client_cookie(); });
  see_beyond(replied(xdp_replied_nxdomain), Under::orders, [&] {
    orders().known_floor = 0;
    remember(9);
    ask("x1.example.");
  });
  gate_->set_replies(false);
  orders().share[shield_unknown_slow] = all_of_them;
}

void VerdictsGateTest::see_floods() {
  see_beyond(dropped(xdp_dropped_unjudged), Under::orders, [&] { orders().admit_per_s = 0; });
  see_beyond(dropped(xdp_dropped_syn), Under::nothing, [&] {
    orders().syn_per_s = 1;
    begin_stream(0x02);
  });
  see_beyond(dropped(xdp_dropped_malformed), Under::orders, [&] {
    orders().admit_per_s = 0;
    frame_.payload[5] = 2;
  });
  see_beyond(dropped(xdp_dropped_opcode), Under::orders, [&] {
    orders().admit_per_s = 0;
    frame_.payload[2] = 5 << 3;
  });
}

TEST_P(VerdictsGateTest, EachIsReached) {
  see_what_is_passed();
  see_what_is_never_answered();
  see_classes();
  see_replies();
  see_floods();
  sockets_.clear();
  see(passed(xdp_passed_no_socket), Under::nothing, [] {});
  for (int reason = 0; reason < xdp_gate_reasons; ++reason) {
    EXPECT_TRUE(seen_.contains(reason)) << xdp_gate_reason_names[static_cast<size_t>(reason)];
  }
}

INSTANTIATE_TEST_SUITE_P(Families, VerdictsGateTest, testing::Bool(), [](const auto& family) {
  return std::string(family.param ? "IPv6" : "IPv4");
});

}  // namespace
}  // namespace holdfast::shield
