// SPDX-License-Identifier: GPL-3.0-or-later
// One version of a zone as the messages of an AXFR, in a file of no name in the state directory.
//
// Written in one go while its writer stands in an epoch; whoever takes the transfer then may be as
// slow as they like without keeping zone memory from being reused, and any number of them share it
// (docs/decisions/0005-transfers-from-spools.md). Immutable once written; any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "transfer/message_source.h"
#include "zone/view.h"

namespace holdfast::transfer {

class Spool final : public MessageSource {
 public:
  // The error names the directory, or the record that fits no message.
  [[nodiscard]] static Result<std::shared_ptr<const Spool>> write(const zone::ZoneView& zone,
                                                                  const std::string& directory);

  [[nodiscard]] uint32_t serial() const { return serial_; }
  [[nodiscard]] uint32_t generation() const { return generation_; }
  [[nodiscard]] uint64_t bytes() const { return ends_.empty() ? 0 : ends_.back(); }
  [[nodiscard]] uint64_t records() const override { return records_; }
  [[nodiscard]] size_t message_count() const override { return ends_.size(); }
  [[nodiscard]] Result<std::vector<uint8_t>> read(size_t message) const override;

 private:
  Spool() = default;

  UniqueFd file_;
  uint32_t serial_ = 0;
  uint32_t generation_ = 0;
  uint64_t records_ = 0;
  std::vector<uint64_t> ends_;  // of each message in the file
};

}  // namespace holdfast::transfer
