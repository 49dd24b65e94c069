// SPDX-License-Identifier: GPL-3.0-or-later
// dnstap: takes samples from the answer processes' rings and sends them to a collector.
//
// Never makes an answer wait: a full ring loses samples (counted by the worker), a collector that
// is away or slow loses frames (counted here). It is tried again each second. A thread of its own.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

#include "config/config.h"
#include "control/dnstap_message.h"
#include "control/frame_stream.h"
#include "exchange/panel.h"

namespace holdfast::control {

class Dnstap {
 public:
  explicit Dnstap(exchange::Panel& panel);
  Dnstap(const Dnstap&) = delete;
  Dnstap& operator=(const Dnstap&) = delete;
  ~Dnstap();

  // Where to and as whom from now on; at start and after a reload that changed it. Any thread.
  void configure(const config::DnstapSettings& settings, DnstapIdentity identity);

  [[nodiscard]] uint64_t frames_written() const { return written_; }
  [[nodiscard]] uint64_t frames_dropped() const { return dropped_; }
  [[nodiscard]] bool is_connected() const { return connected_; }

 private:
  void run();
  // Empties the rings into frames and sends them; false if there was nothing.
  bool drain();
  void add_sample(Bytes record);
  void send();
  void open_when_due();
  void take_settings();

  exchange::Panel& panel_;
  std::mutex mutex_;
  std::shared_ptr<FrameStream> next_stream_;  // guarded by mutex_, with the two below
  DnstapIdentity next_identity_;
  bool has_next_ = false;

  // The thread's own.
  std::shared_ptr<FrameStream> stream_;
  DnstapIdentity identity_;
  std::vector<std::vector<uint8_t>> frames_;
  std::vector<uint8_t> record_;
  uint64_t open_next_ns_ = 0;

  std::atomic<uint64_t> written_{0};
  std::atomic<uint64_t> dropped_{0};
  std::atomic<bool> connected_{false};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace holdfast::control
