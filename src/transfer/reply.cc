// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/reply.h"

#include <algorithm>

#include "answer/edns.h"

namespace holdfast::transfer {

namespace {

constexpr uint16_t opt_payload_bytes = 1232;
constexpr size_t arcount_at = 10;
constexpr size_t message_bytes_max = 65535;
constexpr size_t option_head_bytes = 4;
constexpr unsigned opcode_bits = 0x7800;

void put_u16(std::vector<uint8_t>& to, unsigned value) {
  to.push_back(static_cast<uint8_t>(value >> 8));
  to.push_back(static_cast<uint8_t>(value));
}

// RFC 6891 §6.1.2, RFC 8914 §2.
void append_opt(std::vector<uint8_t>& message, uint16_t rcode,
                std::optional<uint16_t> extended_error,
                std::optional<uint32_t> expire_s = std::nullopt) {
  message.push_back(0);
  put_u16(message, wire::type_opt);
  put_u16(message, opt_payload_bytes);
  put_u16(message, static_cast<unsigned>(rcode >> 4) << 8);
  put_u16(message, 0);
  put_u16(message, (extended_error ? 6U : 0U) + (expire_s ? 8U : 0U));
  if (extended_error) {
    put_u16(message, wire::option_ede);
    put_u16(message, 2);
    put_u16(message, *extended_error);
  }
  if (expire_s) {
    put_u16(message, wire::option_expire);
    put_u16(message, 4);
    put_u16(message, *expire_s >> 16);
    put_u16(message, *expire_s & 0xffff);
  }
  const uint16_t additionals = load_be16(message.data() + arcount_at);
  store_be16(message.data() + arcount_at, static_cast<uint16_t>(additionals + 1));
}

// Behind the options of the OPT record that ends the message.
void append_padding(std::vector<uint8_t>& message, size_t tsig_bytes) {
  const auto opt = find_opt(message);
  if (!opt) return;
  const size_t unpadded = message.size() + option_head_bytes + tsig_bytes;
  const size_t blocks = (unpadded + answer::padding_block_bytes - 1) / answer::padding_block_bytes;
  const size_t padded = std::min(blocks * answer::padding_block_bytes, message_bytes_max);
  if (padded < unpadded) return;
  put_u16(message, wire::option_padding);
  put_u16(message, static_cast<unsigned>(padded - unpadded));
  message.resize(padded - tsig_bytes);
  constexpr size_t rdlength_at = 9;  // behind the root's name, type, class and TTL
  uint8_t* length = message.data() + *opt + rdlength_at;
  store_be16(length,
             static_cast<uint16_t>(load_be16(length) + option_head_bytes + padded - unpadded));
}

}  // namespace

Reply::Reply(std::vector<uint8_t> message, TsigChain tsig)
    : single_(std::move(message)), tsig_(std::move(tsig)) {}

Reply::Reply(std::shared_ptr<const MessageSource> source, const wire::Query& query, TsigChain tsig,
             std::optional<uint32_t> expire_s)
    : source_(std::move(source)),
      tsig_(std::move(tsig)),
      id_(query.id),
      recursion_desired_((query.flags & wire::flag_rd) != 0),
      has_edns_(query.edns.present),
      expire_s_(query.edns.expire ? expire_s : std::nullopt),
      qtype_(query.qtype),
      qname_(query.qname) {}

Result<std::optional<std::vector<uint8_t>>> Reply::next(uint64_t now_s) {
  std::vector<uint8_t> message;
  if (source_ == nullptr) {
    if (position_ == 1) return std::nullopt;
    message = std::move(single_);
  } else {
    if (position_ == source_->message_count()) return std::nullopt;
    message = TRY(source_->read(position_));
    adapt(message);
  }
  ++position_;
  if (pads_) append_padding(message, tsig_.response_bytes());
  tsig_.sign_response(message, now_s);
  return message;
}

void Reply::adapt(std::vector<uint8_t>& message) const {
  store_be16(message.data(), id_);
  if (recursion_desired_) message[2] |= wire::flag_rd >> 8;
  const Bytes name = qname_.view().bytes();
  std::ranges::copy(name, message.begin() + wire::header_bytes);
  store_be16(message.data() + wire::header_bytes + name.size(), qtype_);
  if (has_edns_ && (position_ == 0 || pads_))
    append_opt(message, wire::rcode_noerror, std::nullopt, expire_s_);
}

std::vector<uint8_t> make_response(const wire::Query& query, uint16_t rcode,
                                   std::optional<uint16_t> extended_error) {
  std::vector<uint8_t> message;
  put_u16(message, query.id);
  const unsigned copied = opcode_bits | (query.opcode == wire::opcode_query ? wire::flag_rd : 0);
  put_u16(message, wire::flag_qr | (query.flags & copied) | (rcode & 15U));
  put_u16(message, query.has_question ? 1 : 0);
  for (int i = 0; i < 3; ++i) put_u16(message, 0);
  if (query.has_question) {
    const Bytes name = query.qname.bytes();
    message.insert(message.end(), name.begin(), name.end());
    put_u16(message, query.qtype);
    put_u16(message, query.qclass);
  }
  if (query.edns.present) append_opt(message, rcode, extended_error);
  return message;
}

}  // namespace holdfast::transfer
