// SPDX-License-Identifier: GPL-3.0-or-later
// Reads any DNS message record by record, for tools, tests and transfers. Requests on the way of a
// query are read by wire/query.h instead.
//
// A MessageReader refers to the message's bytes and is valid as long as they are. Names and RDATA
// come decompressed into buffers of the caller's. It stops at the first fault and stays there. No
// allocation.
#pragma once

#include "wire/name.h"
#include "wire/query.h"
#include "wire/response_writer.h"
#include "wire/types.h"

namespace holdfast::wire {

constexpr size_t rdata_bytes_max = 65535;

struct MessageHeader {
  uint16_t id = 0;
  uint16_t flags = 0;
  uint16_t questions = 0;
  uint16_t answers = 0;
  uint16_t authorities = 0;
  uint16_t additionals = 0;

  [[nodiscard]] uint8_t opcode() const { return static_cast<uint8_t>((flags >> 11) & 15); }
  [[nodiscard]] uint8_t rcode() const { return static_cast<uint8_t>(flags & 15); }
};

struct MessageQuestion {
  Name name;
  uint16_t type = 0;
  uint16_t record_class = 0;
};

struct MessageRecord {
  Section section = Section::answer;
  Name owner;
  uint16_t type = 0;
  uint16_t record_class = 0;
  uint32_t ttl = 0;
  Bytes rdata;  // uncompressed; in the message or in the reader's buffer, until the next call
};

class MessageReader {
 public:
  enum class Step : uint8_t { item, end, fault };

  // `scratch` takes RDATA that has to be decompressed; rdata_bytes_max is always enough.
  MessageReader(Bytes message, MutableBytes scratch);

  // All zero if there is no whole header.
  [[nodiscard]] const MessageHeader& header() const { return header_; }

  // The questions, one a call; then the records of all sections, one a call.
  [[nodiscard]] Step next_question(MessageQuestion& question);
  // Passes over the questions that are left.
  [[nodiscard]] Step next_record(MessageRecord& record);

  // Bytes behind the last record, once `next_record` has given `end`.
  [[nodiscard]] size_t trailing_bytes() const { return message_.size() - position_; }

 private:
  [[nodiscard]] Step fail();
  [[nodiscard]] bool read_fields(ByteReader& reader, MessageRecord& record);
  [[nodiscard]] bool expand_rdata(size_t start, size_t size, MessageRecord& record);

  Bytes message_;
  MutableBytes scratch_;
  MessageHeader header_;
  size_t position_ = 0;
  uint32_t questions_read_ = 0;
  uint32_t records_read_ = 0;
  bool failed_ = false;
};

}  // namespace holdfast::wire
