// SPDX-License-Identifier: GPL-3.0-or-later
// Cursors that read and write big-endian bytes within bounds; nothing else touches packet bytes.
//
// A read past the end returns false (or zero and `failed()`), a write past the end changes nothing
// and sets `failed()`. Neither throws nor allocates. Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace holdfast {

using Bytes = std::span<const uint8_t>;
using MutableBytes = std::span<uint8_t>;

[[nodiscard]] inline uint16_t load_be16(const uint8_t* at) {
  return static_cast<uint16_t>((at[0] << 8) | at[1]);
}
[[nodiscard]] inline uint32_t load_be32(const uint8_t* at) {
  return (uint32_t{at[0]} << 24) | (uint32_t{at[1]} << 16) | (uint32_t{at[2]} << 8) | at[3];
}
inline void store_be16(uint8_t* at, uint16_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}
inline void store_be32(uint8_t* at, uint32_t value) {
  store_be16(at, static_cast<uint16_t>(value >> 16));
  store_be16(at + 2, static_cast<uint16_t>(value));
}

class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : bytes_(bytes) {}

  [[nodiscard]] size_t position() const { return position_; }
  [[nodiscard]] size_t remaining() const { return bytes_.size() - position_; }
  [[nodiscard]] bool failed() const { return failed_; }

  uint8_t read_u8() {
    if (!require(1)) return 0;
    return bytes_[position_++];
  }
  uint16_t read_u16() {
    if (!require(2)) return 0;
    position_ += 2;
    return load_be16(bytes_.data() + position_ - 2);
  }
  uint32_t read_u32() {
    if (!require(4)) return 0;
    position_ += 4;
    return load_be32(bytes_.data() + position_ - 4);
  }
  // `count` bytes, or an empty span and failed().
  Bytes read_bytes(size_t count) {
    if (!require(count)) return {};
    position_ += count;
    return bytes_.subspan(position_ - count, count);
  }
  bool skip(size_t count) {
    if (!require(count)) return false;
    position_ += count;
    return true;
  }

 private:
  bool require(size_t count) {
    if (remaining() >= count) return true;
    failed_ = true;
    return false;
  }

  Bytes bytes_;
  size_t position_ = 0;
  bool failed_ = false;
};

class ByteWriter {
 public:
  explicit ByteWriter(MutableBytes bytes) : bytes_(bytes) {}

  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] size_t room() const { return bytes_.size() - size_; }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] uint8_t* data() { return bytes_.data(); }
  [[nodiscard]] Bytes written() const { return bytes_.first(size_); }

  void write_u8(uint8_t value) {
    if (!require(1)) return;
    bytes_[size_++] = value;
  }
  void write_u16(uint16_t value) {
    if (!require(2)) return;
    store_be16(bytes_.data() + size_, value);
    size_ += 2;
  }
  void write_u32(uint32_t value) {
    if (!require(4)) return;
    store_be32(bytes_.data() + size_, value);
    size_ += 4;
  }
  void write_bytes(Bytes bytes) {
    if (!require(bytes.size()) || bytes.empty()) return;
    std::memcpy(bytes_.data() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  // Takes back everything after `size`; used to undo a half-written RRset.
  void truncate(size_t size) {
    if (size < size_) size_ = size;
    failed_ = false;
  }

 private:
  bool require(size_t count) {
    if (room() >= count) return true;
    failed_ = true;
    return false;
  }

  MutableBytes bytes_;
  size_t size_ = 0;
  bool failed_ = false;
};

}  // namespace holdfast
