// SPDX-License-Identifier: GPL-3.0-or-later
// A value that one process publishes and many read, in memory that they share.
//
// Two slots and a generation: the writer fills the slot that is not current and then makes it so; a
// reader copies the current slot and looks whether it was overtaken meanwhile. A writer that dies
// half-way leaves the old value. Readers neither lock nor write; a reader repeats its copy only if
// the writer publishes twice within it, so writers publish seldom (management does). All accesses
// are atomic words, so there is no data race. Generation 0: nothing published, the value is T{}.
// One writer at a time, any number of readers.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace holdfast {

template <typename T>
class Published {
  static_assert(std::is_trivially_copyable_v<T>, "shared between processes as bytes");
  static_assert(std::is_default_constructible_v<T>);

 public:
  void publish(const T& value) {
    const uint64_t next = generation_.load(std::memory_order_relaxed) + 1;
    Words words{};
    std::memcpy(words.data(), &value, sizeof(T));
    // Readers that see a word of the new value also see that the generation before it is current.
    std::atomic_thread_fence(std::memory_order_release);
    Slot& slot = slots_[next & 1];
    for (size_t i = 0; i < word_count; ++i) slot[i].store(words[i], std::memory_order_relaxed);
    generation_.store(next, std::memory_order_release);
  }

  // Cheap: one load. A reader compares it with the generation of its copy.
  [[nodiscard]] uint64_t generation() const { return generation_.load(std::memory_order_acquire); }

  // Copies the current value and returns its generation.
  uint64_t read(T& value) const {
    while (true) {
      const uint64_t before = generation_.load(std::memory_order_acquire);
      if (before == 0) {
        value = T{};
        return 0;
      }
      Words words;
      const Slot& slot = slots_[before & 1];
      for (size_t i = 0; i < word_count; ++i) words[i] = slot[i].load(std::memory_order_relaxed);
      std::atomic_thread_fence(std::memory_order_acquire);
      if (generation_.load(std::memory_order_relaxed) != before) continue;
      std::memcpy(static_cast<void*>(&value), words.data(), sizeof(T));
      return before;
    }
  }

 private:
  static constexpr size_t word_count = (sizeof(T) + 7) / 8;
  using Words = std::array<uint64_t, word_count>;
  using Slot = std::array<std::atomic<uint64_t>, word_count>;

  alignas(64) std::atomic<uint64_t> generation_{0};
  alignas(64) std::array<Slot, 2> slots_{};
};

}  // namespace holdfast
