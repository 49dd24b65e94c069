// SPDX-License-Identifier: GPL-3.0-or-later
// Writes one DNS response into the caller's buffer: header, question, RRsets, OPT.
//
// RRsets come in the form of zone memory and are written whole or not at all. Owners and the names
// in rdata of RFC 1035's types (RFC 3597 §4) are compressed against what stands in the message
// already, ignoring case, so a name may appear in the case of the question; the question itself
// is never altered. Never writes past `bytes_max`. No allocation. Bound: names_remembered_max
// suffixes are remembered for compression; further ones cost bytes, not correctness.
#pragma once

#include "wire/name.h"
#include "wire/query.h"

namespace holdfast::wire {

enum class Section : uint8_t { answer, authority, additional };

// Records of one type and owner, each  C0 0C | type | class | ttl | rdlength | rdata.
struct Records {
  Bytes bytes;
  uint16_t count = 0;
};

constexpr uint32_t ttl_unlimited = 0xFFFFFFFF;

class ResponseWriter {
 public:
  // `out` holds at least the header. Bytes beyond `bytes_max` are never touched.
  ResponseWriter(MutableBytes out, size_t bytes_max);

  // At most once, before any records. `qname` outlives the writer. False if there is no room.
  [[nodiscard]] bool write_question(NameView qname, uint16_t qtype, uint16_t qclass);

  // Keeps `bytes` free at the end, for the OPT record. Before any records.
  void reserve(size_t bytes);

  // Records of one owner, and the RRSIGs over them, if any. False, and nothing written, if not all
  // of them fit. TTLs are lowered to `ttl_max`.
  [[nodiscard]] bool add(Section section, NameView owner, const Records& records,
                         uint32_t ttl_max = ttl_unlimited, const Records& signatures = {});

  // Where the message stands, to take back what was added since.
  struct Mark {
    size_t size;
    size_t remembered;
    std::array<uint16_t, 3> counts;
  };
  [[nodiscard]] Mark mark() const;
  void roll_back(const Mark& mark);

  // A whole OPT or TSIG record, out of what was reserved. After all others.
  [[nodiscard]] bool append_meta(Bytes record);

  [[nodiscard]] size_t size() const { return size_; }
  // What append_meta could still take.
  [[nodiscard]] size_t room_with_reserve() const { return limit_ + reserved_ - size_; }
  [[nodiscard]] uint16_t count(Section section) const {
    return counts_[static_cast<size_t>(section)];
  }

  // Writes the header; returns the message's size. `flags` is the header's second word.
  size_t finish(uint16_t id, uint16_t flags);

  static constexpr size_t names_remembered_max = 64;

 private:
  // One label in the message and the remembered position of the suffix that follows it.
  struct Suffix {
    uint16_t position;
    uint16_t parent;  // 0: the root; perhaps in the question
  };

  [[nodiscard]] bool write(Bytes bytes);
  // The names in rdata of other types than RFC 1035's are whole, but may be pointed to.
  enum class Form : uint8_t { compressed, whole };
  [[nodiscard]] bool write_name(NameView name, Form form);
  [[nodiscard]] bool write_rdata(uint16_t type, Bytes rdata, NameView owner,
                                 uint16_t owner_pointer);
  [[nodiscard]] bool write_child(Bytes label, uint16_t parent);
  [[nodiscard]] bool is_in_question(NameView name) const;
  [[nodiscard]] bool write_records(NameView owner, uint16_t& owner_pointer, const Records& records,
                                   uint32_t ttl_max);
  [[nodiscard]] bool copy_records(uint16_t owner_pointer, const Records& records, uint32_t ttl_max);
  [[nodiscard]] bool rewrite_records(NameView owner, uint16_t& owner_pointer,
                                     const Records& records, uint32_t ttl_max);
  // The pointer that stands for `owner` if it is the question's name or an ancestor of it, or 0.
  [[nodiscard]] uint16_t pointer_into_question(NameView owner) const;
  [[nodiscard]] size_t labels_in_question(NameView name,
                                          const std::array<uint8_t, labels_max>& offsets,
                                          size_t count);
  [[nodiscard]] uint16_t find_suffix(Bytes label, uint16_t parent) const;
  [[nodiscard]] bool remember(Bytes label, size_t position, uint16_t parent);

  uint8_t* out_;
  size_t limit_;  // without what is reserved
  size_t reserved_ = 0;
  size_t size_ = header_bytes;
  NameView qname_;
  bool has_question_ = false;
  std::array<uint16_t, 3> counts_{};
  // Where the question's labels begin in it, once a name has been held against it.
  bool is_question_read_ = false;
  size_t question_labels_ = 0;
  std::array<uint8_t, labels_max> question_offsets_;
  // Suffixes that stand behind the question. Only the first remembered_ entries mean anything.
  size_t remembered_ = 0;
  std::array<uint16_t, names_remembered_max> tags_;
  std::array<Suffix, names_remembered_max> suffixes_;
};

}  // namespace holdfast::wire
