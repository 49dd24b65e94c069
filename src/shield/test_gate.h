// SPDX-License-Identifier: GPL-3.0-or-later
// Runs the XDP program in the kernel over frames of a test's own, for tests. The frames go nowhere.
#pragma once

#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <linux/bpf.h>
#include <sys/socket.h>

#include "base/shared_memory.h"
#include "base/test_frame.h"
#include "shield/program_memory.h"
#include "shield/source_block.h"
#include "shield/xdp_gate.h"
#include "shield/xdp_gate_reasons.h"

namespace holdfast::shield {

struct Verdict {
  uint32_t action;
  XdpGateReason reason;
  friend bool operator==(const Verdict&, const Verdict&) = default;
};
inline void PrintTo(const Verdict& verdict, std::ostream* out) {
  *out << "action " << verdict.action << ", ";
  *out << (verdict.reason < xdp_gate_reasons ? xdp_gate_reason_names[verdict.reason] : "none");
}

constexpr Verdict passed(XdpGateReason reason) { return {XDP_PASS, reason}; }
constexpr Verdict dropped(XdpGateReason reason) { return {XDP_DROP, reason}; }
constexpr Verdict replied(XdpGateReason reason) { return {XDP_TX, reason}; }
constexpr Verdict taken_as(XdpGateReason reason) { return {XDP_REDIRECT, reason}; }
constexpr Verdict taken = taken_as(xdp_taken_others);

inline Endpoint endpoint(const char* text) { return *parse_endpoint(text, 53); }

class GateTest : public testing::Test {
 protected:
  static constexpr std::array<uint8_t, 6> our_hardware{2, 0, 0, 0, 0, 1};
  // id, flags (RD), one question: "a." A IN.
  static const inline std::vector<uint8_t> question{0xab, 0xcd, 0x01, 0x00, 0, 1, 0, 0, 0, 0,
                                                    0,    0,    1,    'a',  0, 0, 1, 0, 1};

  void SetUp() override { load({}); }

  void load(const XdpGateMaps& maps) {
    auto loaded = XdpGate::load(maps, 1);
    if (!loaded) GTEST_SKIP() << "needs CAP_BPF and CAP_NET_ADMIN: " << loaded.error().message;
    gate_.emplace(*std::move(loaded));
    gate_->set_hardware_address(our_hardware);
    const std::array destinations{endpoint("192.0.2.1@53"), endpoint("2001:db8::1@53")};
    ASSERT_EQ(gate_->set_destinations(destinations), 0U);
    gate_->set_door(0, xdp_door_open);
    put_socket(xdp_lane_others);
    frame_.payload = question;
  }

  // A socket that is bound nowhere is enough for the program to choose it.
  void put_socket(XdpGateLane lane) {
    const UniqueFd& socket = sockets_.emplace_back(::socket(AF_XDP, SOCK_RAW, 0));
    ASSERT_TRUE(socket.valid());
    ASSERT_TRUE(gate_->set_socket(0, lane, socket.get()));
  }

  void use_ipv6() {
    frame_.from = "2001:db8::2";
    frame_.to = "2001:db8::1";
  }

  // What became of the frame is in `out_` afterwards.
  Verdict run_bytes(std::vector<uint8_t> bytes) {
    std::array<uint64_t, xdp_gate_reasons> before{};
    for (size_t i = 0; i < before.size(); ++i) before[i] = count(i);
    out_.assign(4096, 0);
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.data_in = bytes.data();
    options.data_size_in = static_cast<uint32_t>(bytes.size());
    options.data_out = out_.data();
    options.data_size_out = static_cast<uint32_t>(out_.size());
    options.repeat = 1;
    EXPECT_EQ(bpf_prog_test_run_opts(gate_->program(), &options), 0);
    out_.resize(options.data_size_out);
    Verdict verdict{options.retval, xdp_gate_reasons};
    uint64_t changes = 0;
    for (size_t i = 0; i < before.size(); ++i) {
      changes += count(i) - before[i];
      if (count(i) != before[i]) verdict.reason = static_cast<XdpGateReason>(i);
    }
    EXPECT_EQ(changes, 1U) << "each packet is counted once";
    return verdict;
  }
  Verdict run() { return run_bytes(frame_.build()); }
  [[nodiscard]] uint64_t count(size_t reason) const {
    return gate_->count(0, static_cast<XdpGateReason>(reason));
  }

  std::optional<XdpGate> gate_;
  std::vector<UniqueFd> sockets_;
  TestFrame frame_;
  std::vector<uint8_t> out_;
};

}  // namespace holdfast::shield
