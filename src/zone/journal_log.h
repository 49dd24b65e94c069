// SPDX-License-Identifier: GPL-3.0-or-later
// The journal's file: entries of any size, in checksummed frames, appended and never changed.
//
// docs/zone-journal.md describes the bytes. Written are frames of at most frame_payload_max bytes
// through a buffer of about that size. An entry that cannot be written leaves the file as it was.
// Owner: the journal; one thread. Errors name the file.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"

namespace holdfast::zone {

enum class EntryKind : uint8_t { whole = 1, difference = 2, removed = 3 };

class JournalLog {
 public:
  static constexpr size_t frame_payload_max = size_t{1} << 20;

  // A complete entry, as `scan` finds it. `head` are the first bytes of its payload.
  struct EntryFacts {
    uint64_t offset = 0;
    uint64_t previous = 0;
    uint64_t bytes = 0;  // in the file, headers included
    EntryKind kind = EntryKind::whole;
    Bytes head;
  };
  using EntryVisitor = std::function<void(const EntryFacts&)>;

  using Warn = std::function<void(std::string)>;
  // A missing file is made; one that is not a journal is kept aside, with a warning.
  [[nodiscard]] static Result<JournalLog> open(const std::string& path, const Warn& warn);
  // Begins a file anew in the place of any that is there.
  [[nodiscard]] static Result<JournalLog> create(const std::string& path);

  // Reads the whole file once after `open`, calls `visit` for each entry that is complete and
  // undamaged, in order, and cuts off an incomplete end. What it skips or cuts is a warning.
  [[nodiscard]] Result<void> scan(const EntryVisitor& visit, const Warn& warn);

  // One entry is written between `begin` and `end`. `previous` is an offset for the reader's use.
  void begin(EntryKind kind, uint64_t previous);
  void append(Bytes bytes);
  // The entry's offset and bytes. On an error it is not in the file.
  [[nodiscard]] Result<EntryFacts> end();
  // Takes the open entry back.
  void abandon();

  // What was appended survives a power failure once this has returned.
  [[nodiscard]] Result<void> sync();
  [[nodiscard]] uint64_t size() const { return written_ + buffer_.size(); }

  // Gives the payload of the entry at `offset` piece by piece; the head alone if `visit` returns
  // false. Returns its facts without `head`, or none if it is damaged. Call `flush` before.
  using PieceVisitor = std::function<bool(Bytes)>;
  [[nodiscard]] Result<std::optional<EntryFacts>> read(uint64_t offset, const PieceVisitor& visit);
  // Writes out what the buffer holds.
  [[nodiscard]] Result<void> flush();

  // Puts this file in the place of `path`, atomically and durably.
  [[nodiscard]] Result<void> replace(const std::string& path);

 private:
  struct FrameHeader;
  struct Assembly;

  JournalLog(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  void begin_frame();
  void end_frame(bool last);
  [[nodiscard]] Result<size_t> read_at(uint64_t offset, MutableBytes bytes) const;
  [[nodiscard]] Result<std::optional<FrameHeader>> read_frame(uint64_t offset);
  [[nodiscard]] Result<uint64_t> find_frame(uint64_t offset);

  UniqueFd fd_;
  std::string path_;
  uint64_t written_ = 0;         // bytes in the file
  std::vector<uint8_t> buffer_;  // those that follow
  std::optional<Error> failure_;

  // The open entry.
  bool open_ = false;
  EntryKind kind_ = EntryKind::whole;
  uint64_t entry_offset_ = 0;
  uint64_t previous_ = 0;
  uint32_t frame_number_ = 0;
  size_t frame_begin_ = 0;  // in buffer_

  std::vector<uint8_t> frame_;  // payload that was read last
};

}  // namespace holdfast::zone
