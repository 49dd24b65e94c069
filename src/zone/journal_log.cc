// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/journal_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "base/check.h"
#include "zone/crc32c.h"

namespace holdfast::zone {

namespace {

constexpr std::array<uint8_t, 16> file_head{'H', 'O', 'L', 'D', 'F', 'A', 'S', 'T',
                                            '-', 'Z', 'O', 'N', 'E', 'S', 0,   1};
constexpr uint32_t frame_mark = 0x48464A31;  // "HFJ1"
constexpr size_t header_bytes = 40;
constexpr uint8_t part_first = 1;
constexpr uint8_t part_last = 2;
constexpr size_t search_bytes = size_t{256} << 10;
constexpr unsigned file_mode = 0640;

void store_be64(uint8_t* at, uint64_t value) {
  store_be32(at, static_cast<uint32_t>(value >> 32));
  store_be32(at + 4, static_cast<uint32_t>(value));
}
uint64_t load_be64(const uint8_t* at) { return uint64_t{load_be32(at)} << 32 | load_be32(at + 4); }

}  // namespace

struct JournalLog::FrameHeader {
  uint64_t offset = 0;
  uint64_t link = 0;  // of a first frame: the entry's `previous`; of others: the entry's offset
  uint32_t payload_bytes = 0;
  uint32_t payload_checksum = 0;
  EntryKind kind = EntryKind::whole;
  uint8_t part = 0;
  uint32_t number = 0;

  void store(uint8_t* at) const {
    store_be32(at, frame_mark);
    store_be64(at + 8, offset);
    store_be64(at + 16, link);
    store_be32(at + 24, payload_bytes);
    store_be32(at + 28, payload_checksum);
    at[32] = static_cast<uint8_t>(kind);
    at[33] = part;
    store_be16(at + 34, 0);
    store_be32(at + 36, number);
    store_be32(at + 4, crc32c(Bytes(at + 8, header_bytes - 8)));
  }
  [[nodiscard]] static std::optional<FrameHeader> load(const uint8_t* at, uint64_t offset) {
    if (load_be32(at) != frame_mark || load_be64(at + 8) != offset ||
        load_be32(at + 4) != crc32c(Bytes(at + 8, header_bytes - 8))) {
      return std::nullopt;
    }
    FrameHeader header{offset,
                       load_be64(at + 16),
                       load_be32(at + 24),
                       load_be32(at + 28),
                       static_cast<EntryKind>(at[32]),
                       at[33],
                       load_be32(at + 36)};
    if (header.payload_bytes > frame_payload_max || at[32] < 1 || at[32] > 3) return std::nullopt;
    return header;
  }
  [[nodiscard]] uint64_t end() const { return offset + header_bytes + payload_bytes; }
  [[nodiscard]] bool first() const { return (part & part_first) != 0; }
  [[nodiscard]] bool last() const { return (part & part_last) != 0; }
};

// The entry that is being put together from its frames.
struct JournalLog::Assembly {
  bool open = false;
  EntryFacts facts;
  std::vector<uint8_t> head;
  uint32_t next_number = 0;

  // False if the frame does not continue the entry.
  bool add(const FrameHeader& frame, Bytes payload) {
    if (frame.first()) {
      open = true;
      facts = EntryFacts{frame.offset, frame.link, 0, frame.kind, {}};
      head.assign(payload.begin(), payload.end());
      next_number = 0;
    } else if (!open || frame.link != facts.offset || frame.kind != facts.kind) {
      return false;
    }
    if (frame.number != next_number) return false;
    ++next_number;
    facts.bytes = frame.end() - facts.offset;
    return true;
  }
};

Result<JournalLog> JournalLog::create(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, file_mode));
  if (!fd.valid()) return fail_system(path, errno);
  JournalLog log(std::move(fd), path);
  log.buffer_.assign(file_head.begin(), file_head.end());
  TRY(log.flush());
  TRY(sync_directory_of(path));
  return log;
}

Result<JournalLog> JournalLog::open(const std::string& path, const Warn& warn) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd.valid() && errno == ENOENT) return create(path);
  if (!fd.valid()) return fail_system(path, errno);
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_system(path, errno);
  JournalLog log(std::move(fd), path);
  log.written_ = static_cast<uint64_t>(status.st_size);
  std::array<uint8_t, file_head.size()> head{};
  if (TRY(log.read_at(0, head)) == head.size() && head == file_head) return log;
  if (log.written_ > head.size()) {
    const std::string aside = path + ".bad";
    if (std::rename(path.c_str(), aside.c_str()) != 0) return fail_system(path, errno);
    warn(path + ": not a journal of zones of this version; kept aside as " + aside);
  }
  return create(path);
}

Result<void> JournalLog::scan(const EntryVisitor& visit, const Warn& warn) {
  const uint64_t size = written_;
  uint64_t complete = file_head.size();  // the end of the last good entry
  Assembly entry;
  for (uint64_t offset = complete; offset < size;) {
    const auto frame = TRY(read_frame(offset));
    if (!frame) {
      entry.open = false;
      const uint64_t next = TRY(find_frame(offset + 1));
      if (next == size) break;
      warn(path_ + ": " + std::to_string(next - offset) + " damaged bytes at " +
           std::to_string(offset) + " skipped");
      offset = next;
      continue;
    }
    if (!entry.add(*frame, frame_)) entry.open = false;
    offset = frame->end();
    if (!entry.open || !frame->last()) continue;
    entry.facts.head = entry.head;
    visit(entry.facts);
    entry.open = false;
    complete = offset;
  }
  if (complete == size) return {};
  warn(path_ + ": incomplete end of " + std::to_string(size - complete) + " bytes cut off");
  if (::ftruncate(fd_.get(), static_cast<off_t>(complete)) != 0) return fail_system(path_, errno);
  written_ = complete;
  return {};
}

Result<size_t> JournalLog::read_at(uint64_t offset, MutableBytes bytes) const {
  size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::pread(fd_.get(), bytes.data() + filled, bytes.size() - filled,
                                static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_system(path_, errno);
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  return filled;
}

// None if no good frame begins at `offset`. The payload is in frame_.
Result<std::optional<JournalLog::FrameHeader>> JournalLog::read_frame(uint64_t offset) {
  std::array<uint8_t, header_bytes> bytes{};
  if (TRY(read_at(offset, bytes)) < bytes.size()) return std::nullopt;
  const auto header = FrameHeader::load(bytes.data(), offset);
  if (!header) return std::nullopt;
  frame_.resize(header->payload_bytes);
  if (TRY(read_at(offset + header_bytes, frame_)) < frame_.size()) return std::nullopt;
  if (crc32c(frame_) != header->payload_checksum) return std::nullopt;
  return header;
}

// The next place from `offset` on at which a good frame header stands, or the file's size.
Result<uint64_t> JournalLog::find_frame(uint64_t offset) {
  std::vector<uint8_t> bytes(search_bytes);
  while (offset + header_bytes <= written_) {
    const size_t got = TRY(read_at(offset, bytes));
    if (got < header_bytes) break;
    for (size_t at = 0; at + header_bytes <= got; ++at) {
      if (load_be32(bytes.data() + at) != frame_mark) continue;
      if (FrameHeader::load(bytes.data() + at, offset + at)) return offset + at;
    }
    offset += got - header_bytes + 1;
  }
  return written_;
}

void JournalLog::begin(EntryKind kind, uint64_t previous) {
  CHECK(!open_);
  open_ = true;
  kind_ = kind;
  previous_ = previous;
  entry_offset_ = size();
  frame_number_ = 0;
  failure_.reset();
  begin_frame();
}

void JournalLog::begin_frame() {
  frame_begin_ = buffer_.size();
  buffer_.resize(buffer_.size() + header_bytes);
}

void JournalLog::append(Bytes bytes) {
  while (!bytes.empty() && !failure_) {
    const size_t filled = buffer_.size() - frame_begin_ - header_bytes;
    if (filled == frame_payload_max) {
      end_frame(false);
      const auto flushed = flush();
      if (!flushed) failure_ = flushed.error();
      begin_frame();
      continue;
    }
    const size_t count = std::min(frame_payload_max - filled, bytes.size());
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(count));
    bytes = bytes.subspan(count);
  }
}

void JournalLog::end_frame(bool last) {
  uint8_t* at = buffer_.data() + frame_begin_;
  const size_t payload_bytes = buffer_.size() - frame_begin_ - header_bytes;
  FrameHeader header;
  header.offset = written_ + frame_begin_;
  header.link = frame_number_ == 0 ? previous_ : entry_offset_;
  header.payload_bytes = static_cast<uint32_t>(payload_bytes);
  header.payload_checksum = crc32c(Bytes(at + header_bytes, payload_bytes));
  header.kind = kind_;
  header.part =
      static_cast<uint8_t>((frame_number_ == 0 ? part_first : 0) | (last ? part_last : 0));
  header.number = frame_number_++;
  header.store(at);
}

Result<JournalLog::EntryFacts> JournalLog::end() {
  CHECK(open_);
  if (!failure_) {
    end_frame(true);
    if (buffer_.size() >= frame_payload_max) {
      const auto flushed = flush();
      if (!flushed) failure_ = flushed.error();
    }
  }
  if (failure_) {
    const Error failure = *failure_;
    abandon();
    return std::unexpected(failure);
  }
  open_ = false;
  return EntryFacts{entry_offset_, previous_, size() - entry_offset_, kind_, {}};
}

void JournalLog::abandon() {
  CHECK(open_);
  open_ = false;
  if (entry_offset_ >= written_) {
    buffer_.resize(static_cast<size_t>(entry_offset_ - written_));
    return;
  }
  // Its first frames are in the file already. If cutting fails, they are overwritten or, being
  // incomplete, skipped by the next reader.
  buffer_.clear();
  written_ = entry_offset_;
  static_cast<void>(::ftruncate(fd_.get(), static_cast<off_t>(written_)) == 0);
}

Result<void> JournalLog::flush() {
  size_t done = 0;
  while (done < buffer_.size()) {
    const ssize_t written = ::pwrite(fd_.get(), buffer_.data() + done, buffer_.size() - done,
                                     static_cast<off_t>(written_ + done));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const int error_number = written < 0 ? errno : ENOSPC;
      static_cast<void>(::ftruncate(fd_.get(), static_cast<off_t>(written_)) == 0);
      return fail_system(path_, error_number);
    }
    done += static_cast<size_t>(written);
  }
  written_ += buffer_.size();
  buffer_.clear();
  return {};
}

Result<void> JournalLog::sync() {
  CHECK(!open_);
  TRY(flush());
  if (::fdatasync(fd_.get()) != 0) return fail_system(path_, errno);
  return {};
}

Result<std::optional<JournalLog::EntryFacts>> JournalLog::read(uint64_t offset,
                                                               const PieceVisitor& visit) {
  CHECK(!open_ && buffer_.empty());
  Assembly entry;
  for (uint64_t at = offset;;) {
    const auto frame = TRY(read_frame(at));
    if (!frame || frame->first() != (at == offset) || !entry.add(*frame, {})) return std::nullopt;
    if (!visit(frame_) || frame->last()) return entry.facts;
    at = frame->end();
  }
}

Result<void> JournalLog::replace(const std::string& path) {
  TRY(sync());
  if (std::rename(path_.c_str(), path.c_str()) != 0) return fail_system(path, errno);
  path_ = path;
  return sync_directory_of(path);
}

}  // namespace holdfast::zone
