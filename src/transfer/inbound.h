// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the messages that answer a request for a transfer, and says what they amount to: nothing
// new, a whole zone, or differences (RFC 5936 §2.2, RFC 1995 §4).
//
// Strict: the first thing that is out of order ends it with a sentence, and nothing of it is used.
// No I/O. Bounds: `bytes_max` of records; no message without records. Thread: the owner's.
#pragma once

#include <optional>
#include <vector>

#include "base/error.h"
#include "transfer/record_list.h"
#include "wire/message.h"
#include "zone/contents.h"

namespace holdfast::transfer {

struct InboundRequest {
  wire::Name apex;
  uint16_t id = 0;
  // With a serial it is an IXFR from there; without, an AXFR.
  std::optional<uint32_t> serial;
  uint64_t bytes_max = 0;
};

class Inbound {
 public:
  explicit Inbound(const InboundRequest& request);

  enum class Step : uint8_t { more, done };
  // The next message, without its TSIG. After an error or `done`, no more.
  [[nodiscard]] Result<Step> take(Bytes message);

  // Once `take` has said done:
  enum class Kind : uint8_t { up_to_date, whole, differences };
  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] uint32_t serial() const { return serial_; }
  // Not finished. Of `whole` alone.
  [[nodiscard]] zone::Contents& contents() { return *contents_; }
  // From the request's serial on, each from where the one before ends. Of `differences` alone.
  [[nodiscard]] std::vector<Difference>& differences() { return differences_; }
  // The EXPIRE option of the answer (RFC 7314 §4).
  [[nodiscard]] std::optional<uint32_t> expire_s() const { return expire_s_; }
  [[nodiscard]] uint64_t record_count() const { return records_; }
  [[nodiscard]] uint64_t byte_count() const { return bytes_; }

  // What the server said to the first message, if that was an error: a RCODE.
  [[nodiscard]] std::optional<uint16_t> refusal() const { return refusal_; }

 private:
  enum class State : uint8_t { first_soa, second, whole, removed, added, ended };

  [[nodiscard]] Result<void> check_header(const wire::MessageHeader& header);
  [[nodiscard]] Result<void> check_record(const wire::MessageRecord& record);
  void take_options(const wire::MessageRecord& record);
  [[nodiscard]] Result<void> take_record(const wire::MessageRecord& record);
  [[nodiscard]] Result<void> take_first(const wire::MessageRecord& record);
  [[nodiscard]] Result<void> take_second(const wire::MessageRecord& record);
  [[nodiscard]] Result<void> take_soa(const wire::MessageRecord& record, uint32_t serial);
  [[nodiscard]] Result<void> begin_difference(const wire::MessageRecord& record, uint32_t from);
  void add(const wire::MessageRecord& record);

  InboundRequest request_;
  State state_ = State::first_soa;
  Kind kind_ = Kind::up_to_date;
  bool is_first_message_ = true;
  uint32_t serial_ = 0;
  std::vector<uint8_t> soa_;  // RDATA of the first
  uint32_t soa_ttl_ = 0;
  std::optional<zone::Contents> contents_;
  std::vector<Difference> differences_;
  std::optional<uint16_t> refusal_;
  std::optional<uint32_t> expire_s_;
  uint64_t records_ = 0;
  uint64_t bytes_ = 0;
  std::vector<uint8_t> scratch_;
};

}  // namespace holdfast::transfer
