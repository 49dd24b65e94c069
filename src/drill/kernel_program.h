// SPDX-License-Identifier: GPL-3.0-or-later
// A program for the kernel from the bytes embedded in this one: opened, given its constants and map
// sizes, loaded, and its memory shared with us.
//
// Owner: one thread. All is gone from the kernel when the KernelProgram is, but for set_on().
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"

struct bpf_link;
struct bpf_map;
struct bpf_object;

namespace holdfast::drill {

// Memory of a map, mapped; given back when it goes.
class MappedMemory {
 public:
  MappedMemory() = default;
  explicit MappedMemory(MutableBytes bytes) : bytes_(bytes) {}
  MappedMemory(MappedMemory&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedMemory& operator=(MappedMemory&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MappedMemory();

  [[nodiscard]] MutableBytes bytes() const { return bytes_; }

 private:
  MutableBytes bytes_;
};

class KernelProgram {
 public:
  // `object` is what bpf.cmake embeds; errors call the program `name`.
  [[nodiscard]] static Result<KernelProgram> open(Bytes object, std::string name);

  // Before load(). Constants are what the program declares `const volatile` (`.rodata`).
  [[nodiscard]] Result<void> set_constants(Bytes constants);
  [[nodiscard]] Result<void> resize(const char* map, uint32_t entries, uint32_t value_bytes = 0);
  // `map` is that of another program, already loaded, instead of an own one.
  [[nodiscard]] Result<void> share(const char* map, int other_map_fd);
  // Of an object's programs only `function` is loaded.
  [[nodiscard]] Result<void> load(const char* function);

  // After load().
  [[nodiscard]] int program_fd() const;
  [[nodiscard]] Result<int> map_fd(const char* map) const;
  // The whole of an array map.
  [[nodiscard]] Result<MappedMemory> map_memory(const char* map) const;
  // The program's variables that start as zero (`.bss`), as it sees them.
  [[nodiscard]] Result<MappedMemory> variables() const;
  // To an interface of the calling thread's namespace, until the KernelProgram goes.
  [[nodiscard]] Result<void> attach(unsigned interface_index);
  // The same in place of what may be attached, and for good: until the interface goes or another
  // program is set in its place.
  [[nodiscard]] Result<void> set_on(unsigned interface_index);

 private:
  struct Close {
    void operator()(bpf_object* object) const;
    void operator()(bpf_link* link) const;
  };

  KernelProgram(std::unique_ptr<bpf_object, Close> object, std::string name);
  [[nodiscard]] Result<bpf_map*> find_map(const char* map) const;
  // The map that the compiler makes for a section, whatever comes before its name.
  [[nodiscard]] Result<bpf_map*> find_section_map(std::string_view section) const;

  std::unique_ptr<bpf_object, Close> object_;
  std::unique_ptr<bpf_link, Close> link_;
  std::string name_;
  std::string function_;
};

}  // namespace holdfast::drill
