// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/packer.h"

#include <utility>

#include "transfer/tsig.h"
#include "wire/query.h"
#include "wire/rdata.h"

namespace holdfast::transfer {

namespace {

constexpr size_t reserved_bytes = tsig_bytes_max + 32;  // TSIG, and OPT with small options
constexpr size_t message_bytes_max = 65535 - reserved_bytes;
constexpr uint16_t pointer_bits = 0xC000;
constexpr size_t pointer_reach = 0x4000;
constexpr size_t ancount_at = 6;
constexpr uint16_t question_pointer = pointer_bits | wire::header_bytes;

void put_u16(std::vector<uint8_t>& to, unsigned value) {
  to.push_back(static_cast<uint8_t>(value >> 8));
  to.push_back(static_cast<uint8_t>(value));
}
void put_bytes(std::vector<uint8_t>& to, Bytes bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

}  // namespace

Packer::Packer(wire::NameView apex, uint16_t qtype, Take take)
    : apex_(apex), qtype_(qtype), take_(std::move(take)) {
  begin_message();
}

void Packer::begin_message() {
  message_.clear();
  message_.reserve(packed_bytes_target + reserved_bytes);
  put_u16(message_, 0);
  put_u16(message_, wire::flag_qr | wire::flag_aa);
  for (const unsigned count : {1U, 0U, 0U, 0U}) put_u16(message_, count);
  put_bytes(message_, apex_.view().bytes());
  put_u16(message_, qtype_);
  put_u16(message_, wire::class_in);
  count_ = 0;
  last_owner_at_ = 0;
}

Result<void> Packer::add(wire::NameView owner, uint16_t type, uint32_t ttl, Bytes rdata) {
  while (true) {
    const size_t start = message_.size();
    put_owner(owner);
    put_u16(message_, type);
    put_u16(message_, wire::class_in);
    put_u16(message_, ttl >> 16);
    put_u16(message_, ttl & 0xffff);
    put_rdata(type, rdata);
    const size_t limit = count_ == 0 ? message_bytes_max : packed_bytes_target;
    if (message_.size() <= limit && count_ < 0xffff) break;
    if (count_ == 0) {
      return fail("a record of " + std::to_string(rdata.size()) + " bytes at " + owner.to_text() +
                  " fits no message of a transfer");
    }
    message_.resize(start);
    TRY(hand_over());
  }
  ++count_;
  ++records_;
  return {};
}

Result<void> Packer::finish() {
  if (count_ == 0) return {};
  return hand_over();
}

Result<void> Packer::hand_over() {
  store_be16(message_.data() + ancount_at, count_);
  TRY(take_(message_));
  begin_message();
  return {};
}

void Packer::put_owner(wire::NameView owner) {
  if (last_owner_at_ != 0 && owner == last_owner_) {
    put_u16(message_, static_cast<unsigned>(pointer_bits | last_owner_at_));
    return;
  }
  const size_t at = message_.size();
  put_name(owner);
  if (at >= pointer_reach) return;
  last_owner_at_ = at;
  last_owner_.assign(owner);
}

void Packer::put_name(wire::NameView name) {
  const wire::NameView apex = apex_;
  if (apex.is_root() || !name.is_at_or_below(apex)) return put_bytes(message_, name.bytes());
  put_bytes(message_, name.bytes().first(name.size() - apex.size()));
  put_u16(message_, question_pointer);
}

void Packer::put_rdata(uint16_t type, Bytes rdata) {
  const size_t length_at = message_.size();
  put_u16(message_, 0);
  const wire::CompressibleNames names = wire::compressible_names(type);
  size_t at = names.offset;
  put_bytes(message_, rdata.first(std::min(at, rdata.size())));
  for (int i = 0; i < names.count && at < rdata.size(); ++i) {
    const size_t size = wire::uncompressed_name_size(rdata.subspan(at));
    if (size == 0) break;  // never in a zone
    put_name(wire::NameView(rdata.subspan(at, size)));
    at += size;
  }
  if (at < rdata.size()) put_bytes(message_, rdata.subspan(at));
  store_be16(message_.data() + length_at, static_cast<uint16_t>(message_.size() - length_at - 2));
}

}  // namespace holdfast::transfer
