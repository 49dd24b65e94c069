// SPDX-License-Identifier: GPL-3.0-or-later
// One object in anonymous memory that a process shares with the children it forks.
//
// The mapping begins zeroed and lasts until the last process that has it ends; the destructor
// unmaps it here only and does not end the object's life elsewhere. T must not own anything.
// Pages that nobody touches cost no memory.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include "base/error.h"

namespace holdfast {

// Maps `bytes` of zeroed shared memory; `what` names it in the error.
[[nodiscard]] Result<void*> map_shared_memory(size_t bytes, const char* what);
void unmap_shared_memory(void* at, size_t bytes);

template <typename T>
class SharedObject {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  [[nodiscard]] static Result<SharedObject> create(const char* what) {
    void* at = TRY(map_shared_memory(sizeof(T), what));
    // Default initialisation: arrays without an initialiser stay untouched pages.
    return SharedObject(new (at) T);
  }
  SharedObject(SharedObject&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  SharedObject& operator=(SharedObject&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  SharedObject(const SharedObject&) = delete;
  SharedObject& operator=(const SharedObject&) = delete;
  ~SharedObject() {
    if (object_ != nullptr) unmap_shared_memory(object_, sizeof(T));
  }

  [[nodiscard]] T& operator*() const { return *object_; }
  [[nodiscard]] T* operator->() const { return object_; }

 private:
  explicit SharedObject(T* object) : object_(object) {}
  T* object_;
};

}  // namespace holdfast
