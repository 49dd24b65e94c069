// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/response_writer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "wire/case_fold.h"
#include "wire/rdata.h"

namespace holdfast::wire {

namespace {

constexpr uint16_t pointer_bits = 0xC000;
constexpr size_t pointer_reach = 0x4000;  // RFC 1035 §4.1.4: 14 bits of offset
constexpr size_t record_head_bytes = 12;  // pointer, type, class, ttl, rdlength
constexpr size_t ttl_offset = 6;
constexpr size_t rdlength_offset = 10;

// A cheap filter before labels are compared; equal suffixes have equal tags.
uint16_t tag_of(Bytes label, uint16_t parent) {
  const unsigned ends = to_lower(label.front()) * 251U + to_lower(label.back()) * 17U;
  return static_cast<uint16_t>(ends + label.size() * 4099U + size_t{parent} * 40503U);
}

size_t record_size(const uint8_t* record) {
  return record_head_bytes + load_be16(record + rdlength_offset);
}

}  // namespace

ResponseWriter::ResponseWriter(MutableBytes out, size_t bytes_max)
    : out_(out.data()), limit_(std::min(out.size(), bytes_max)) {
  CHECK(limit_ >= header_bytes);
}

bool ResponseWriter::write_question(NameView qname, uint16_t qtype, uint16_t qclass) {
  CHECK(size_ == header_bytes);
  if (limit_ - size_ < qname.size() + 4) return false;
  std::memcpy(out_ + size_, qname.data(), qname.size());
  size_ += qname.size();
  store_be16(out_ + size_, qtype);
  store_be16(out_ + size_ + 2, qclass);
  size_ += 4;
  qname_ = qname;
  has_question_ = true;
  return true;
}

void ResponseWriter::reserve(size_t bytes) {
  reserved_ = std::min(bytes, limit_ - size_);
  limit_ -= reserved_;
}

bool ResponseWriter::add(Section section, NameView owner, const Records& records, uint32_t ttl_max,
                         const Records& signatures) {
  const Mark before = mark();
  uint16_t pointer = pointer_into_question(owner);
  const bool fits = write_records(owner, pointer, records, ttl_max) &&
                    (signatures.count == 0 || write_records(owner, pointer, signatures, ttl_max));
  if (!fits) {
    roll_back(before);
    return false;
  }
  auto& count = counts_[static_cast<size_t>(section)];
  count = static_cast<uint16_t>(count + records.count + signatures.count);
  return true;
}

// `owner_pointer` is what stands for the owner, or 0, and then becomes what does afterwards.
bool ResponseWriter::write_records(NameView owner, uint16_t& owner_pointer, const Records& records,
                                   uint32_t ttl_max) {
  CHECK(records.count > 0 && records.bytes.size() >= record_head_bytes);
  const uint16_t type = load_be16(records.bytes.data() + 2);
  const bool copyable =
      owner_pointer != 0 && type != type_dname && compressible_names(type).count == 0;
  return copyable ? copy_records(owner_pointer, records, ttl_max)
                  : rewrite_records(owner, owner_pointer, records, ttl_max);
}

ResponseWriter::Mark ResponseWriter::mark() const { return {size_, remembered_, counts_}; }

void ResponseWriter::roll_back(const Mark& mark) {
  size_ = mark.size;
  remembered_ = mark.remembered;
  counts_ = mark.counts;
}

bool ResponseWriter::append_meta(Bytes record) {
  limit_ += reserved_;
  reserved_ = 0;
  if (!write(record)) return false;
  ++counts_[static_cast<size_t>(Section::additional)];
  return true;
}

size_t ResponseWriter::finish(uint16_t id, uint16_t flags) {
  store_be16(out_, id);
  store_be16(out_ + 2, flags);
  store_be16(out_ + 4, has_question_ ? 1 : 0);
  for (size_t i = 0; i < counts_.size(); ++i) store_be16(out_ + 6 + 2 * i, counts_[i]);
  return size_;
}

bool ResponseWriter::write(Bytes bytes) {
  if (limit_ - size_ < bytes.size()) return false;
  std::memcpy(out_ + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
  return true;
}

uint16_t ResponseWriter::pointer_into_question(NameView owner) const {
  if (!has_question_ || owner.is_root() || !qname_.is_at_or_below(owner)) return 0;
  return static_cast<uint16_t>(pointer_bits | (header_bytes + qname_.size() - owner.size()));
}

// The records as they are, but for the owner's pointer and the TTL.
bool ResponseWriter::copy_records(uint16_t owner_pointer, const Records& records,
                                  uint32_t ttl_max) {
  uint8_t* at = out_ + size_;
  if (!write(records.bytes)) return false;
  if (owner_pointer == (pointer_bits | header_bytes) && ttl_max == ttl_unlimited) return true;
  for (const uint8_t* end = out_ + size_; at < end; at += record_size(at)) {
    store_be16(at, owner_pointer);
    if (load_be32(at + ttl_offset) > ttl_max) store_be32(at + ttl_offset, ttl_max);
  }
  return true;
}

// `owner_pointer` may be 0: then the owner is written once and the later records point to it.
bool ResponseWriter::rewrite_records(NameView owner, uint16_t& owner_pointer,
                                     const Records& records, uint32_t ttl_max) {
  for (size_t at = 0; at < records.bytes.size();) {
    const uint8_t* record = records.bytes.data() + at;
    const size_t bytes = record_size(record);
    if (owner_pointer != 0) {
      const std::array<uint8_t, 2> pointer{static_cast<uint8_t>(owner_pointer >> 8),
                                           static_cast<uint8_t>(owner_pointer)};
      if (!write(pointer)) return false;
    } else {
      const size_t owner_position = size_;
      if (!write_name(owner, Form::compressed)) return false;
      if (!owner.is_root() && (out_[owner_position] & 0xC0) == 0xC0) {
        owner_pointer = load_be16(out_ + owner_position);
      } else if (!owner.is_root() && owner_position < pointer_reach) {
        owner_pointer = static_cast<uint16_t>(pointer_bits | owner_position);
      }
    }
    uint8_t* head = out_ + size_;
    if (!write(Bytes(record + 2, record_head_bytes - 2))) return false;
    const uint32_t ttl = std::min(load_be32(record + ttl_offset), ttl_max);
    store_be32(head + ttl_offset - 2, ttl);
    const size_t rdata_start = size_;
    const Bytes rdata(record + record_head_bytes, bytes - record_head_bytes);
    if (!write_rdata(load_be16(record + 2), rdata, owner, owner_pointer)) return false;
    store_be16(head + rdlength_offset - 2, static_cast<uint16_t>(size_ - rdata_start));
    at += bytes;
  }
  return true;
}

bool ResponseWriter::write_rdata(uint16_t type, Bytes rdata, NameView owner,
                                 uint16_t owner_pointer) {
  // RFC 6672 §2.5: never compressed; the CNAME made from it will share most of it.
  if (type == type_dname) return write_name(NameView(rdata), Form::whole);
  const CompressibleNames names = compressible_names(type);
  if (names.count == 0) return write(rdata);
  if (!write(rdata.first(names.offset))) return false;
  Bytes rest = rdata.subspan(names.offset);
  for (size_t i = 0; i < names.count; ++i) {
    const size_t name_bytes = uncompressed_name_size(rest);
    CHECK(name_bytes > 0);
    const NameView name(rest.first(name_bytes));
    rest = rest.subspan(name_bytes);
    // A server next to its zone's apex, a mailbox in it: most names are one label below the owner.
    const bool is_child =
        owner_pointer != 0 && !name.is_root() && name.parent() == owner && !is_in_question(name);
    const bool fits = is_child ? write_child(name.bytes().first(1U + name.data()[0]), owner_pointer)
                               : write_name(name, Form::compressed);
    if (!fits) return false;
  }
  return write(rest);
}

// True if the question's name is `name` or lies below it, perhaps: it has those bytes at its end.
bool ResponseWriter::is_in_question(NameView name) const {
  return has_question_ && qname_.size() >= name.size() &&
         equal_folded(qname_.data() + qname_.size() - name.size(), name.data(), name.size());
}

// A label, with its length, before the suffix that `parent` points to. Not in the question.
bool ResponseWriter::write_child(Bytes label, uint16_t parent) {
  const auto parent_position = static_cast<uint16_t>(parent & ~pointer_bits);
  const Bytes text = label.subspan(1);
  uint16_t pointer = parent;
  if (const uint16_t found = find_suffix(text, parent_position); found != 0) {
    pointer = pointer_bits | found;
  } else {
    const size_t position = size_;
    if (!write(label)) return false;
    (void)remember(text, position, parent_position);
  }
  const std::array<uint8_t, 2> bytes{static_cast<uint8_t>(pointer >> 8),
                                     static_cast<uint8_t>(pointer)};
  return write(bytes);
}

bool ResponseWriter::write_name(NameView name, Form form) {
  std::array<uint8_t, labels_max> offsets;
  const size_t count = name.label_offsets(offsets);
  const auto label = [&](size_t i) {
    return name.bytes().subspan(offsets[i] + 1U, name.data()[offsets[i]]);
  };
  // Labels, from the first, that are not in the message yet.
  const size_t asked = labels_in_question(name, offsets, count);
  size_t left = count - asked;
  auto parent = static_cast<uint16_t>(
      asked > 0 ? header_bytes + question_offsets_[question_labels_ - asked] : 0);
  while (left > 0) {
    const uint16_t found = find_suffix(label(left - 1), parent);
    if (found == 0) break;
    parent = found;
    --left;
  }
  const size_t start = size_;
  if (form == Form::whole || parent == 0) {
    if (!write(name.bytes())) return false;
  } else {
    const std::array<uint8_t, 2> pointer{static_cast<uint8_t>((pointer_bits | parent) >> 8),
                                         static_cast<uint8_t>(parent)};
    const size_t new_bytes = left == count ? name.size() - 1 : offsets[left];
    if (!write(name.bytes().first(new_bytes)) || !write(pointer)) return false;
  }
  while (left-- > 0) {
    const size_t position = start + offsets[left];
    if (!remember(label(left), position, parent)) break;
    parent = static_cast<uint16_t>(position);
  }
  return true;
}

// How many labels at the end of `name` are those of the question's name.
size_t ResponseWriter::labels_in_question(NameView name,
                                          const std::array<uint8_t, labels_max>& offsets,
                                          size_t count) {
  if (!std::exchange(is_question_read_, true) && has_question_) {
    question_labels_ = qname_.label_offsets(question_offsets_);
  }
  size_t same = 0;
  while (same < count && same < question_labels_) {
    const uint8_t* label = name.data() + offsets[count - same - 1];
    const uint8_t* asked = qname_.data() + question_offsets_[question_labels_ - same - 1];
    if (*label != *asked || !equal_folded(label + 1, asked + 1, *label)) break;
    ++same;
  }
  return same;
}

uint16_t ResponseWriter::find_suffix(Bytes label, uint16_t parent) const {
  const uint16_t tag = tag_of(label, parent);
  for (size_t i = 0; i < remembered_; ++i) {
    if (tags_[i] != tag || suffixes_[i].parent != parent) continue;
    const uint8_t* there = out_ + suffixes_[i].position;
    if (there[0] == label.size() && equal_folded(there + 1, label.data(), label.size())) {
      return suffixes_[i].position;
    }
  }
  return 0;
}

bool ResponseWriter::remember(Bytes label, size_t position, uint16_t parent) {
  if (position >= pointer_reach || remembered_ == names_remembered_max) return false;
  tags_[remembered_] = tag_of(label, parent);
  suffixes_[remembered_] = {static_cast<uint16_t>(position), parent};
  ++remembered_;
  return true;
}

}  // namespace holdfast::wire
