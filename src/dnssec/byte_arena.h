// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps bytes at places that do not change until all of them go.
//
// Bound: its owner's. One thread at a time.
#pragma once

#include <cstring>
#include <memory>
#include <vector>

#include "base/bytes.h"

namespace holdfast::dnssec {

class ByteArena {
 public:
  Bytes keep(Bytes bytes) {
    if (bytes.empty()) return {};
    const MutableBytes room = take(bytes.size());
    std::memcpy(room.data(), bytes.data(), bytes.size());
    return room;
  }

 private:
  static constexpr size_t block_bytes = 16384;

  MutableBytes take(size_t size) {
    if (blocks_.empty() || room_ < size) {
      const size_t block = size > block_bytes ? size : block_bytes;
      blocks_.push_back(std::make_unique_for_overwrite<uint8_t[]>(block));
      next_ = blocks_.back().get();
      room_ = block;
    }
    uint8_t* begin = next_;
    next_ += size;
    room_ -= size;
    return {begin, size};
  }

  std::vector<std::unique_ptr<uint8_t[]>> blocks_;
  uint8_t* next_ = nullptr;
  size_t room_ = 0;
};

}  // namespace holdfast::dnssec
