// SPDX-License-Identifier: GPL-3.0-or-later
// The answer to one request, message by message: a single one, or a transfer.
//
// Thread: the owner's.
#pragma once

#include <memory>
#include <optional>

#include "transfer/message_source.h"
#include "transfer/tsig.h"
#include "wire/query.h"

namespace holdfast::transfer {

class Reply {
 public:
  // One whole message without its TSIG.
  Reply(std::vector<uint8_t> message, TsigChain tsig);
  // All messages of `source`, made to answer `query`, which was read from bytes that need not last.
  // `expire_s`: what is to be said to one who asks for it (RFC 7314).
  Reply(std::shared_ptr<const MessageSource> source, const wire::Query& query, TsigChain tsig,
        std::optional<uint32_t> expire_s = std::nullopt);

  // All messages are made as long as blocks of padding_block_bytes are: what goes within TLS and
  // was asked so (RFC 7830 §4, RFC 8467 §4.1).
  void pad() { pads_ = true; }

  // The next message, signed; none at the end. After an error the client must not take what it has
  // for a whole answer: end the connection.
  [[nodiscard]] Result<std::optional<std::vector<uint8_t>>> next(uint64_t now_s);
  [[nodiscard]] bool is_transfer() const { return source_ != nullptr; }
  // Who asked has signed it with one of our keys.
  [[nodiscard]] bool is_to_signed() const {
    return tsig_.is_signed() && tsig_.error() == TsigError::none;
  }
  [[nodiscard]] uint64_t records() const { return source_ ? source_->records() : 0; }

 private:
  void adapt(std::vector<uint8_t>& message) const;

  std::vector<uint8_t> single_;
  std::shared_ptr<const MessageSource> source_;
  size_t position_ = 0;
  TsigChain tsig_;
  uint16_t id_ = 0;
  bool recursion_desired_ = false;
  bool has_edns_ = false;
  bool pads_ = false;
  std::optional<uint32_t> expire_s_;
  uint16_t qtype_ = 0;
  wire::Name qname_;  // in the case of the question
};

// A response without records: header, question, and OPT with the extended error if the request had
// OPT.
[[nodiscard]] std::vector<uint8_t> make_response(const wire::Query& query, uint16_t rcode,
                                                 std::optional<uint16_t> extended_error);

}  // namespace holdfast::transfer
