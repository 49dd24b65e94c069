// SPDX-License-Identifier: GPL-3.0-or-later
// The file of zone memory on disk: made, mapped, grown, marked as closed or in use.
//
// The mapping covers all that the file may ever become, so that it never moves; blocks are reserved
// before they are written to, so that a full disk is an error here and never a signal. Only one
// process has the file open for writing; a lock on it says so. Owner: the writer of zone memory.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "zone/layout.h"

namespace holdfast::zone {

// Address space that is mapped to a file or to nothing; unmapped at the end.
class Mapping {
 public:
  Mapping() = default;
  Mapping(uint8_t* base, size_t bytes) : base_(base), bytes_(bytes) {}
  Mapping(Mapping&& other) noexcept
      : base_(std::exchange(other.base_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  [[nodiscard]] uint8_t* base() const { return base_; }

 private:
  uint8_t* base_ = nullptr;
  size_t bytes_ = 0;
};

// When the pages of a part that the file has grown by are made: at once, which takes some 2 ms for
// each MiB, or one by one when they are first written to.
enum class Pages : uint8_t { filled, filled_by_use };

class MemoryFile {
 public:
  // An existing file, if there is one; an error if it cannot be opened or another process still
  // writes to it after lock_wait_ms. Its header has not been looked at.
  [[nodiscard]] static Result<std::optional<MemoryFile>> open(const std::string& path,
                                                              uint64_t bytes_max,
                                                              uint32_t lock_wait_ms);
  // A new, empty one with a valid header. `put_in_place` gives it its name.
  [[nodiscard]] static Result<MemoryFile> make(const std::string& path, uint64_t bytes_max,
                                               const HashKey& hash_key);
  // Takes the path, and with it the place of any file that had it.
  [[nodiscard]] Result<void> put_in_place();

  [[nodiscard]] bool header_is_ours() const;
  // Why this file cannot be used further, or nothing: not ours, of another format, or not closed
  // before the machine restarted.
  [[nodiscard]] std::optional<std::string> why_unusable() const;
  [[nodiscard]] bool was_closed_clean() const;
  // On disk before any other change; after an error nothing may be changed.
  [[nodiscard]] Result<void> mark_in_use();
  [[nodiscard]] Result<void> mark_closed_clean();
  // An error of the disk is reported once, by what comes first, and the kernel takes its pages for
  // written from then on: it may drop them, and read older ones. So it is kept in the header, and
  // such a file is not marked as closed any more.
  void note_unwritten();
  [[nodiscard]] bool has_unwritten() const;

  [[nodiscard]] uint8_t* base() const { return mapping_.base(); }
  [[nodiscard]] layout::FileHeader* header() const {
    return layout::at<layout::FileHeader>(base(), 0);
  }
  [[nodiscard]] uint64_t bytes() const { return bytes_; }
  // Reserves blocks up to `bytes`, at most bytes_max, and fills them if told to; all or none.
  [[nodiscard]] Result<void> grow_to(uint64_t bytes, Pages pages);
  // Has the disk hold what these bytes of the file are now, and waits for that; both are multiples
  // of a page, but for the file's end.
  [[nodiscard]] Result<void> write_out(uint64_t first, uint64_t bytes);
  // Has the next write_out of these take all of their pages for changed.
  void touch(uint64_t first, uint64_t bytes);
  // What is left for us of the file system that the file lies in.
  [[nodiscard]] Result<uint64_t> disk_bytes_free() const;
  [[nodiscard]] uint64_t bytes_max() const { return bytes_max_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  MemoryFile() = default;
  [[nodiscard]] Result<void> map();

  std::string path_;
  std::string temporary_path_;  // of a new file without its place
  uint64_t bytes_max_ = 0;
  uint64_t bytes_ = 0;
  UniqueFd fd_;
  Mapping mapping_;
};

// Makes the pages that these bytes of a mapped file lie in, to be written to: where blocks that are
// reserved do not guarantee that (btrfs, ZFS), a full disk is an error here and no signal later. A
// kernel that cannot (before 5.14) makes them when they are written to.
[[nodiscard]] Result<void> fill_pages(uint8_t* first, uint64_t bytes);

// /proc/sys/kernel/random/boot_id: another one after each start of the machine.
[[nodiscard]] Result<std::array<char, 40>> read_boot_id();

}  // namespace holdfast::zone
