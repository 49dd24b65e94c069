// SPDX-License-Identifier: GPL-3.0-or-later
// Writes one staged node as the bytes of zone memory (zone/layout.h), and checks such bytes.
//
// Used by the writer of zone memory; its buffer is reused from node to node.
#pragma once

#include <vector>

#include "base/error.h"
#include "zone/contents.h"
#include "zone/layout.h"

namespace holdfast::zone {

class NodeFormat {
 public:
  // Fails if an RRset does not fit the 65,535 bytes of a message, or a bound of the layout.
  // The reference, `older`, `born` and what the places for glue refer to are left for the caller to
  // fill in.
  [[nodiscard]] Result<void> encode(const StagedNode& node, size_t apex_bytes);

  [[nodiscard]] Bytes bytes() const { return bytes_; }
  // Of the node that was encoded last.
  [[nodiscard]] bool same_as(const layout::Node* published) const;

 private:
  std::vector<uint8_t> bytes_;
  size_t records_begin_ = 0;
};

// True if all of the node lies within `bytes_left` and every length in it is in order.
[[nodiscard]] bool node_is_sound(const layout::Node* node, uint64_t bytes_left, size_t apex_bytes);

}  // namespace holdfast::zone
