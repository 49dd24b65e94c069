// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the difference between a published version of a zone and its successor, from the nodes that
// zone memory finds changed (zone::NodeChange).
//
// The cost is that of the changed names. Owner: the thread that writes zone memory; `before` is
// valid until the successor is published.
#pragma once

#include "transfer/record_list.h"
#include "zone/contents.h"

namespace holdfast::transfer {

class DifferenceRecorder {
 public:
  // A difference of more than `bytes_max` is given up.
  DifferenceRecorder(const zone::ZoneView& before, const HashKey& key, size_t bytes_max);

  void add(const zone::StagedNode& node);
  // None if it was given up, or if the SOA is as it was: then the two versions cannot be told apart
  // by others.
  [[nodiscard]] std::optional<Difference> take();

 private:
  [[nodiscard]] std::optional<zone::NodeView> find_before(const zone::StagedNode& node) const;
  void compare(wire::NameView owner, const std::optional<zone::NodeView>& before,
               const zone::StagedNode& after);

  zone::ZoneView before_;
  HashKey key_;
  size_t bytes_max_;
  bool is_given_up_ = false;
  RecordList soa_before_;
  RecordList soa_after_;
  RecordList removed_;
  RecordList added_;
};

}  // namespace holdfast::transfer
