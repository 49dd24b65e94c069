// SPDX-License-Identifier: GPL-3.0-or-later
// Writes frames to a dnstap collector, over a Unix socket or TCP, or to a file (Frame Streams, by
// libfstrm).
//
// Each operation ends within io_timeout_ms, so that a collector that does not read holds up its own
// stream only. After a failure the stream is closed; opening it again is the owner's to decide.
// Owner: one thread.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/address.h"
#include "base/error.h"

namespace holdfast::control {

class FrameStream {
 public:
  static constexpr unsigned io_timeout_ms = 500;
  // Frames of one system call.
  static constexpr size_t frames_per_write_max = 64;

  struct UnixSocket {
    std::string path;
  };
  struct File {
    std::string path;
  };
  using Target = std::variant<UnixSocket, Endpoint, File>;
  FrameStream(Target target, std::string content_type);
  FrameStream(const FrameStream&) = delete;
  FrameStream& operator=(const FrameStream&) = delete;
  // Says good-bye to the collector, within the same time.
  ~FrameStream();

  // A file that is there is kept as `<path>.previous`: a frame stream has one beginning. Errors
  // name the target.
  [[nodiscard]] Result<void> open();
  [[nodiscard]] bool is_open() const;
  // All of `frames` (at most frames_per_write_max) or an error.
  [[nodiscard]] Result<void> write(std::span<const std::vector<uint8_t>> frames);

  struct Impl;  // named by the callbacks that libfstrm gets

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::control
