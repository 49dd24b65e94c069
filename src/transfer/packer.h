// SPDX-License-Identifier: GPL-3.0-or-later
// Packs records into the messages of a transfer (RFC 5936 §2.2): each with the question, as many
// records as fit, and room for what is appended later (OPT, TSIG).
//
// Owners are compressed against the question and the owner before; names in the RDATA of RFC 1035's
// types against the question. Messages stay below packed_bytes_target, where pointers reach and
// many transfers can take turns, unless one record needs more. Thread: the owner's.
#pragma once

#include <functional>
#include <vector>

#include "base/error.h"
#include "wire/name.h"

namespace holdfast::transfer {

constexpr size_t packed_bytes_target = 16 * 1024;

class Packer {
 public:
  // The message is the taker's; its ID is 0 and its flags are those of an answer with authority.
  using Take = std::function<Result<void>(std::vector<uint8_t>& message)>;
  Packer(wire::NameView apex, uint16_t qtype, Take take);

  // `owner` is in the zone. The error is the taker's, or says that no message holds the record.
  [[nodiscard]] Result<void> add(wire::NameView owner, uint16_t type, uint32_t ttl, Bytes rdata);
  // Hands over the last message.
  [[nodiscard]] Result<void> finish();
  [[nodiscard]] uint64_t record_count() const { return records_; }

 private:
  void begin_message();
  [[nodiscard]] Result<void> hand_over();
  void put_name(wire::NameView name);
  void put_owner(wire::NameView owner);
  void put_rdata(uint16_t type, Bytes rdata);

  wire::Name apex_;
  uint16_t qtype_;
  Take take_;
  std::vector<uint8_t> message_;
  uint16_t count_ = 0;  // records in it
  wire::Name last_owner_;
  size_t last_owner_at_ = 0;  // 0: none in this message
  uint64_t records_ = 0;
};

}  // namespace holdfast::transfer
