// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/packer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "transfer/tsig.h"
#include "wire/query.h"

namespace holdfast::transfer {

namespace {

constexpr size_t reserved_bytes = tsig_bytes_max + 32;  // TSIG, and OPT with small options
constexpr size_t message_bytes_max = 65535 - reserved_bytes;
constexpr size_t record_bytes_max = wire::name_bytes_max + 10 + 65535;
constexpr uint16_t pointer_bits = 0xC000;
constexpr size_t pointer_reach = 0x4000;
constexpr size_t ancount_at = 6;
constexpr uint16_t question_pointer = pointer_bits | wire::header_bytes;
// Of a record as in zone memory (zone/view.h).
constexpr size_t pointer_bytes = 2;
constexpr size_t length_at = 10;
constexpr size_t head_bytes = 12;

}  // namespace

Packer::Packer(wire::NameView apex, uint16_t qtype, Take take)
    : apex_(apex),
      qtype_(qtype),
      take_(std::move(take)),
      message_(message_bytes_max + record_bytes_max) {
  begin_message();
}

void Packer::begin_message() {
  size_ = 0;
  put_u16(0);
  put_u16(wire::flag_qr | wire::flag_aa);
  for (const unsigned count : {1U, 0U, 0U, 0U}) put_u16(count);
  put(apex_.view().bytes());
  put_u16(qtype_);
  put_u16(wire::class_in);
  count_ = 0;
  last_owner_at_ = 0;
}

Result<void> Packer::add(wire::NameView owner, uint16_t type, uint32_t ttl, Bytes rdata) {
  if (!owner.is_at_or_below(apex_)) {
    return fail(owner.to_text() + " is not in zone " + apex_.view().to_text());
  }
  const Bytes relative = owner.bytes().first(owner.size() - apex_.view().size());
  const wire::CompressibleNames names = wire::compressible_names(type);
  while (true) {
    const size_t start = size_;
    put_owner(relative);
    put_u16(type);
    put_u16(wire::class_in);
    put_u16(ttl >> 16);
    put_u16(ttl & 0xffff);
    put_rdata(names, rdata);
    if (TRY(keep(start, relative, rdata.size()))) return {};
  }
}

Result<void> Packer::add_set(Bytes relative_owner, Bytes records) {
  if (records.empty()) return {};
  const wire::CompressibleNames names =
      wire::compressible_names(load_be16(records.data() + pointer_bytes));
  while (!records.empty()) {
    const size_t rdata_bytes = load_be16(records.data() + length_at);
    const Bytes record = records.first(head_bytes + rdata_bytes);
    const size_t start = size_;
    put_owner(relative_owner);
    if (names.count == 0) {
      put(record.subspan(pointer_bytes));
    } else {
      put(record.subspan(pointer_bytes, length_at - pointer_bytes));
      put_rdata(names, record.subspan(head_bytes));
    }
    if (TRY(keep(start, relative_owner, rdata_bytes))) records = records.subspan(record.size());
  }
  return {};
}

Result<bool> Packer::keep(size_t start, Bytes relative_owner, size_t rdata_bytes) {
  const size_t limit = count_ == 0 ? message_bytes_max : packed_bytes_target;
  if (size_ <= limit && count_ < 0xffff) {
    ++count_;
    ++records_;
    return true;
  }
  if (count_ == 0) {
    wire::Name owner;
    CHECK(owner.assign_joined(relative_owner, apex_));
    return fail("a record of " + std::to_string(rdata_bytes) + " bytes at " +
                owner.view().to_text() + " fits no message of a transfer");
  }
  size_ = start;
  TRY(hand_over());
  return false;
}

Result<void> Packer::finish() {
  if (count_ == 0) return {};
  return hand_over();
}

Result<void> Packer::hand_over() {
  store_be16(message_.data() + ancount_at, count_);
  TRY(take_(Bytes(message_).first(size_)));
  begin_message();
  return {};
}

void Packer::put(Bytes bytes) {
  std::copy(bytes.begin(), bytes.end(), message_.data() + size_);
  size_ += bytes.size();
}

void Packer::put_u16(unsigned value) {
  store_be16(message_.data() + size_, static_cast<uint16_t>(value));
  size_ += 2;
}

// Case included, so that each is sent as it is.
void Packer::put_owner(Bytes relative_owner) {
  const Bytes last = Bytes(message_).subspan(last_owner_at_, last_owner_bytes_);
  if (last_owner_at_ != 0 && std::ranges::equal(relative_owner, last)) {
    return put_u16(static_cast<unsigned>(pointer_bits | last_owner_at_));
  }
  if (!relative_owner.empty() && size_ < pointer_reach) {
    last_owner_at_ = size_;
    last_owner_bytes_ = relative_owner.size();
  }
  put(relative_owner);
  if (!apex_.view().is_root()) return put_u16(question_pointer);
  message_[size_++] = 0;
}

void Packer::put_name(wire::NameView name) {
  const wire::NameView apex = apex_;
  if (apex.is_root() || !name.is_at_or_below(apex)) return put(name.bytes());
  put(name.bytes().first(name.size() - apex.size()));
  put_u16(question_pointer);
}

void Packer::put_rdata(const wire::CompressibleNames& names, Bytes rdata) {
  const size_t length_begin = size_;
  put_u16(0);
  size_t at = names.offset;
  put(rdata.first(std::min(at, rdata.size())));
  for (int i = 0; i < names.count && at < rdata.size(); ++i) {
    const size_t size = wire::uncompressed_name_size(rdata.subspan(at));
    if (size == 0) break;  // never in a zone
    put_name(wire::NameView(rdata.subspan(at, size)));
    at += size;
  }
  if (at < rdata.size()) put(rdata.subspan(at));
  store_be16(message_.data() + length_begin, static_cast<uint16_t>(size_ - length_begin - 2));
}

}  // namespace holdfast::transfer
