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
#include "wire/rdata.h"

namespace holdfast::transfer {

constexpr size_t packed_bytes_target = 16 * 1024;

class Packer {
 public:
  // The message is the packer's and gone when this returns; its ID is 0 and its flags are those of
  // an answer with authority.
  using Take = std::function<Result<void>(Bytes message)>;
  Packer(wire::NameView apex, uint16_t qtype, Take take);

  // The error is the taker's, or says that the owner is not in the zone, or that no message holds
  // the record.
  [[nodiscard]] Result<void> add(wire::NameView owner, uint16_t type, uint32_t ttl, Bytes rdata);
  // All of `records`, which are of one type and have the form of zone/view.h; their owner has these
  // labels below the apex.
  [[nodiscard]] Result<void> add_set(Bytes relative_owner, Bytes records);
  // Hands over the last message.
  [[nodiscard]] Result<void> finish();
  [[nodiscard]] uint64_t record_count() const { return records_; }

 private:
  void begin_message();
  // Whether what was written from `start` on stays; if not, it is gone, and there is another
  // message to write it into.
  [[nodiscard]] Result<bool> keep(size_t start, Bytes relative_owner, size_t rdata_bytes);
  [[nodiscard]] Result<void> hand_over();
  void put(Bytes bytes);
  void put_u16(unsigned value);
  void put_name(wire::NameView name);
  void put_owner(Bytes relative_owner);
  void put_rdata(const wire::CompressibleNames& names, Bytes rdata);

  wire::Name apex_;
  uint16_t qtype_;
  Take take_;
  // Of a size that whatever is written next fits; `size_` of it is the message.
  std::vector<uint8_t> message_;
  size_t size_ = 0;
  uint16_t count_ = 0;           // records in it
  size_t last_owner_at_ = 0;     // 0: none in this message
  size_t last_owner_bytes_ = 0;  // without the pointer behind its labels
  uint64_t records_ = 0;
};

}  // namespace holdfast::transfer
