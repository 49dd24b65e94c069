// SPDX-License-Identifier: GPL-3.0-or-later
// A test of the XDP program under orders of the shield: level 1, every class let through.
#pragma once

#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "base/hash.h"
#include "shield/name_filter.h"
#include "shield/test_gate.h"

namespace holdfast::shield {

constexpr uint32_t all_of_them = SHIELD_SHARE_ONE;
constexpr uint8_t usual_hop = 64;  // as TestFrame writes it

inline uint64_t monotonic_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000;
}

class ShieldGateTest : public GateTest {
 protected:
  void SetUp() override {
    const auto sources = share_with_programs(&*sources_, sizeof *sources_, "hf_sources");
    const auto names = share_with_programs(&*names_, sizeof *names_, "hf_names");
    if (!sources || !names) GTEST_SKIP() << "needs CAP_BPF";
    ASSERT_NO_FATAL_FAILURE(load({.sources = sources->get(), .names = names->get()}));
    if (IsSkipped()) return;
    put_socket(xdp_lane_trusted);
    gate_->set_worker(0, 3, 1);
    ShieldCommon& common = sources_->common;
    for (size_t i = 0; i < 4; ++i) common.key[i] = 0x9e3779b97f4a7c15U * (i + 1);
    common.enabled = 1;
    common.wall_s = 1'600'000'000;
    ShieldOrders& orders = sources_->orders[3];
    orders.beat_ms = monotonic_ms() + 100'000;  // however slow the test is
    orders.level = 1;
    for (uint32_t& share : orders.share) share = all_of_them;
    orders.admit_per_s = 1'000'000;
    orders.known_slots = 4;
    orders.known_floor = 64;
    orders.unknown_source = 1000;
    orders.unknown_prefix = 1000;
    orders.proved_source = 1000;
    orders.reply_prefix = 100'000;
    NameFilterWriter::set_key(*names_, {0x6a09e667f3bcc908, 0xbb67ae8584caa73b});
  }

  [[nodiscard]] ShieldCommon& common() { return sources_->common; }
  [[nodiscard]] ShieldOrders& orders() { return sources_->orders[3]; }

  // The source of the frame, as it is remembered.
  void remember(uint32_t score, uint8_t hop = usual_hop, uint32_t flags = 0) {
    const uint64_t hash = shield_source_hash(common().key, source().data());
    sources_->history[shield_line_of(hash)].entries[5] =
        shield_tag_of(hash) | uint64_t{hop} << SHIELD_HOP_SHIFT |
        uint64_t{score} << SHIELD_SCORE_SHIFT | uint64_t{flags} << SHIELD_FLAGS_SHIFT;
    gate_->note_known(*sources_);
  }

  [[nodiscard]] std::array<uint32_t, 4> source() const {
    std::array<uint32_t, 4> address{0, 0, htonl(0xffff), 0};
    inet_pton(frame_.is_ipv6() ? AF_INET6 : AF_INET, frame_.from.c_str(),
              frame_.is_ipv6() ? address.data() : &address[3]);
    return address;
  }

  // Rates are counted in windows of 1,024 ms, each place's own: what the frame's source sends
  // now falls into one. The program's clock is that of the last tick, for which a window that has
  // just begun has not. However five windows lie, at some moment a fifth of each is left at least:
  // to wait for more could be to wait for ever.
  void await_window() {
    constexpr uint64_t tick_ms = 16;
    constexpr uint64_t left_ms_min = 150;
    const auto places = rate_places();
    static_assert(std::tuple_size_v<decltype(places)> * (tick_ms + left_ms_min) < 1024);
    const auto is_good = [](uint32_t place) {
      const uint64_t passed_ms = (monotonic_ms() + place) & 1023;
      return passed_ms >= tick_ms && passed_ms <= 1024 - left_ms_min;
    };
    while (!std::ranges::all_of(places, is_good)) usleep(5000);
  }

  // What `count` returns where all that it sends falls into one window. A processor that is away
  // for longer than that makes it begin anew, when what was counted before is forgotten.
  template <typename Count>
  auto within_window(Count count) {
    const auto places = rate_places();
    for (;;) {
      await_window();
      const uint64_t begin_ms = monotonic_ms();
      const auto counted = count();
      const uint64_t end_ms = monotonic_ms();
      const auto is_one = [&](uint32_t place) {
        return (begin_ms + place) >> 10 == (end_ms + place) >> 10;
      };
      if (std::ranges::all_of(places, is_one)) return counted;
      usleep(2 * 1024 * 1000);
    }
  }

  // What becomes of a known source's questions beyond what it may ask, whose windows are short.
  Verdict run_beyond() {
    for (int i = 0; i < 50; ++i) {
      const Verdict verdict = run();
      if (verdict != taken_as(xdp_taken_known)) return verdict;
    }
    return taken_as(xdp_taken_known);
  }

  // The budgets of a queue refill by the clock, which a test does not turn back.
  void spend_budget(uint32_t& per_s) {
    per_s = 0;
    usleep(12'000);  // a tick
    run();
  }

  SharedObject<ShieldSources> sources_ = *SharedObject<ShieldSources>::create("a test");
  SharedObject<NameFilter> names_ = *SharedObject<NameFilter>::create("a test");

 private:
  // Of the frame's source.
  [[nodiscard]] std::array<uint32_t, 5> rate_places() const {
    const uint64_t own = shield_source_hash(sources_->common.key, source().data());
    const uint64_t prefix = shield_prefix_hash(sources_->common.key, source().data());
    return {shield_rate_place(own, 0), shield_rate_place(own ^ SHIELD_SYN_SALT, 0),
            shield_rate_place(prefix, 0), shield_rate_place(prefix ^ SHIELD_REPLY_SALT, 0),
            shield_rate_place(own ^ SHIELD_FORM_SALT, 0)};
  }
};

}  // namespace holdfast::shield
