// SPDX-License-Identifier: GPL-3.0-or-later
// Prints a zone as it is served, in zone file form, chunk by chunk from zone memory.
//
// A printer fixes the version of the zone that it began with, and keeps its memory from being
// reused while it lives; so their number is bounded (exchange::control_readers) and the control
// socket bounds their time. Thread: one, beside the one that writes zone memory.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "exchange/panel.h"
#include "zone/view.h"

namespace holdfast::control {

class ZonePrinter {
 public:
  // The next whole lines, about chunk_bytes; empty at the end.
  [[nodiscard]] std::string next_chunk();

 private:
  friend class ZonePrinters;
  static constexpr size_t chunk_bytes = size_t{64} << 10;
  explicit ZonePrinter(const zone::ZoneView& zone) : zone_(zone) {}
  void print_node(const zone::NodeView& node, std::string& text) const;

  zone::ZoneView zone_;
  size_t position_ = 0;
};

class ZonePrinters {
 public:
  ZonePrinters(const zone::MemoryReader& memory, EpochBoard& epochs)
      : memory_(memory), epochs_(epochs) {}
  // The error says that the zone has no contents, or that too many are being printed.
  [[nodiscard]] Result<std::shared_ptr<ZonePrinter>> begin(wire::NameView apex);

 private:
  zone::MemoryReader memory_;
  EpochBoard& epochs_;
  std::array<bool, exchange::control_readers> is_taken_{};
};

}  // namespace holdfast::control
