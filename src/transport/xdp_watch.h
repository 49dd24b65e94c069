// SPDX-License-Identifier: GPL-3.0-or-later
// Tells when nobody takes what a queue receives, and when somebody does again.
//
// The owner looks some times a second and hands in where the rings stand. Bound: stuck_ns without
// a step while something waits, or while no frame is free, closes the queue; taken up to the last
// one it is opened again. Pure.
#pragma once

#include <cstdint>

namespace holdfast::transport {

struct XdpBacklog {
  uint32_t waiting = 0;      // received and not taken, of all lanes
  uint32_t taken = 0;        // running count, modulo 2^32
  uint32_t free_frames = 0;  // in the fill ring
};

class XdpWatch {
 public:
  enum class Verdict : uint8_t { nothing_new, close, open };
  // A worker that died has a successor within milliseconds; one that hangs is ended after 5 s.
  static constexpr uint64_t stuck_ns = 2'000'000'000;

  Verdict look(const XdpBacklog& now, uint64_t now_ns) {
    const bool is_stuck = now.waiting > 0 || now.free_frames == 0;
    const bool has_moved = now.taken != taken_;
    taken_ = now.taken;
    if (!is_stuck || has_moved) good_ns_ = now_ns;
    if (!closed_ && now_ns - good_ns_ >= stuck_ns) {
      closed_ = true;
      return Verdict::close;
    }
    if (closed_ && !is_stuck) {
      closed_ = false;
      return Verdict::open;
    }
    return Verdict::nothing_new;
  }

 private:
  uint64_t good_ns_ = 0;  // when it was last seen to be well
  uint32_t taken_ = 0;
  bool closed_ = false;
};

}  // namespace holdfast::transport
