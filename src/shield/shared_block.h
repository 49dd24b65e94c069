// SPDX-License-Identifier: GPL-3.0-or-later
// One object that processes share with the children they fork, and with XDP programs if the kernel
// lets them.
//
// Begins zeroed. With programs, and where maps of BPF can be made (CAP_BPF), it lies in one, and
// `map` is the descriptor by which a program reads and writes the same bytes; otherwise it is
// anonymous memory and `map` is -1. A map takes all of its memory at once. Everything else is as
// base/shared_memory.h says. T must not own anything.
#pragma once

#include <new>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/shared_memory.h"

namespace holdfast::shield {

enum class SharedWith : uint8_t { processes, programs };

struct SharedMapping {
  void* at = nullptr;
  UniqueFd map;
};
// `what` names it in the error, and in the kernel's list of maps: at most 15 characters there.
[[nodiscard]] Result<SharedMapping> map_shared_block(size_t bytes, const char* what,
                                                     SharedWith with);

template <typename T>
class SharedBlock {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  [[nodiscard]] static Result<SharedBlock> create(const char* what, SharedWith with) {
    SharedMapping mapping = TRY(map_shared_block(sizeof(T), what, with));
    return SharedBlock(new (mapping.at) T, std::move(mapping.map));
  }
  SharedBlock(SharedBlock&& other) noexcept
      : object_(std::exchange(other.object_, nullptr)), map_(std::move(other.map_)) {}
  SharedBlock& operator=(SharedBlock&& other) noexcept {
    std::swap(object_, other.object_);
    std::swap(map_, other.map_);
    return *this;
  }
  SharedBlock(const SharedBlock&) = delete;
  SharedBlock& operator=(const SharedBlock&) = delete;
  ~SharedBlock() {
    if (object_ != nullptr) unmap_shared_memory(object_, sizeof(T));
  }

  [[nodiscard]] T& operator*() const { return *object_; }
  [[nodiscard]] T* operator->() const { return object_; }
  [[nodiscard]] int map() const { return map_.valid() ? map_.get() : -1; }

 private:
  SharedBlock(T* object, UniqueFd map) : object_(object), map_(std::move(map)) {}
  T* object_;
  UniqueFd map_;
};

}  // namespace holdfast::shield
