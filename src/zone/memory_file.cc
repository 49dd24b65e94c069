// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/memory_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>

#include "zone/memory.h"

namespace holdfast::zone {

namespace {

constexpr mode_t file_mode = 0640;

Result<void> check_limit(const std::string& path, uint64_t bytes_max) {
  if (bytes_max <= layout::file_bytes_limit) return {};
  return fail(path + ": a limit of " + std::to_string(bytes_max) + " bytes, at most " +
              std::to_string(layout::file_bytes_limit) + " can be used");
}

// fallocate, or where the file system has none, what glibc does instead.
int reserve_blocks(int fd, uint64_t from, uint64_t to) {
  const auto offset = static_cast<off_t>(from);
  const auto length = static_cast<off_t>(to - from);
  int status = 0;
  do {
    status = ::fallocate(fd, 0, offset, length) == 0 ? 0 : errno;
  } while (status == EINTR);
  return status == EOPNOTSUPP ? ::posix_fallocate(fd, offset, length) : status;
}

// A name's place and its node lie on pages of their own: with large ones both are found through
// entries that the processor keeps. Files get them where the kernel has large folios for the file
// system (ext4 from Linux 6.16, XFS, tmpfs with huge=); elsewhere this changes nothing.
void ask_for_large_pages(void* address, uint64_t bytes) {
  (void)::madvise(address, bytes, MADV_HUGEPAGE);
}

// The file with this process as its one writer; none if there is no file. Opened anew for each try:
// the other writer may put another file in its place.
Result<UniqueFd> open_locked(const std::string& path, uint32_t wait_ms) {
  constexpr uint32_t pause_ms = 20;
  for (uint32_t waited_ms = 0;; waited_ms += pause_ms) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd.valid() && errno == ENOENT) return fd;
    if (!fd.valid()) return fail_system(path, errno);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
    if (errno != EWOULDBLOCK) return fail_system(path, errno);
    if (waited_ms >= wait_ms) return fail(path + ": another process has it open for writing");
    ::usleep(pause_ms * 1000);
  }
}

Result<void> sync_header(const std::string& path, uint8_t* base) {
  if (::msync(base, layout::file_header_bytes, MS_SYNC) != 0) return fail_system(path, errno);
  return {};
}

}  // namespace

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Mapping::~Mapping() {
  if (base_ != nullptr) ::munmap(base_, bytes_);
}

Result<void> fill_pages(uint8_t* first, uint64_t bytes) {
#ifdef MADV_POPULATE_WRITE
  const auto page_bytes = static_cast<uintptr_t>(::getpagesize());
  const uintptr_t into_page = std::bit_cast<uintptr_t>(first) % page_bytes;
  if (::madvise(first - into_page, bytes + into_page, MADV_POPULATE_WRITE) == 0) return {};
  const std::string what = "zone memory: cannot make pages to write to";
  // A write would have ended in SIGBUS.
  if (errno == EFAULT) return fail(what + ": the file system has no place for them");
  if (errno != EINVAL) return fail_system(what, errno);
#endif
  return {};
}

Result<std::array<char, 40>> read_boot_id() {
  const std::string text = TRY(read_file("/proc/sys/kernel/random/boot_id", 4096));
  if (text.empty()) return fail("/proc/sys/kernel/random/boot_id: empty, expected a boot's id");
  std::array<char, 40> id{};
  std::copy_n(text.begin(), std::min(text.size(), id.size()), id.begin());
  return id;
}

Result<void> MemoryFile::map() {
  void* address =
      ::mmap(nullptr, bytes_max_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd_.get(), 0);
  if (address == MAP_FAILED) {
    return fail_system(path_ + ": cannot map " + std::to_string(bytes_max_) + " bytes", errno);
  }
  ask_for_large_pages(address, bytes_max_);
  mapping_ = Mapping(static_cast<uint8_t*>(address), bytes_max_);
  return {};
}

Result<std::optional<MemoryFile>> MemoryFile::open(const std::string& path, uint64_t bytes_max,
                                                   uint32_t lock_wait_ms) {
  TRY(check_limit(path, bytes_max));
  MemoryFile file;
  file.path_ = path;
  file.bytes_max_ = bytes_max;
  file.fd_ = TRY(open_locked(path, lock_wait_ms));
  if (!file.fd_.valid()) return std::nullopt;
  struct stat status{};
  if (::fstat(file.fd_.get(), &status) != 0) return fail_system(path, errno);
  if (!S_ISREG(status.st_mode)) return fail(path + ": not a regular file");
  file.bytes_ = static_cast<uint64_t>(status.st_size);
  TRY(file.map());
  return std::optional<MemoryFile>(std::move(file));
}

Result<MemoryFile> MemoryFile::make(const std::string& path, uint64_t bytes_max,
                                    const HashKey& hash_key) {
  TRY(check_limit(path, bytes_max));
  MemoryFile file;
  file.path_ = path;
  file.temporary_path_ = path + ".new";
  file.bytes_max_ = bytes_max;
  file.fd_ = UniqueFd(
      ::open(file.temporary_path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, file_mode));
  if (!file.fd_.valid()) return fail_system(file.temporary_path_, errno);
  if (::flock(file.fd_.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail_system(file.temporary_path_, errno);
  }
  TRY(file.map());
  TRY(file.grow_to(layout::file_header_bytes, Pages::filled));
  layout::FileHeader header{};
  header.magic = layout::file_magic;
  header.format = layout::format_version;
  header.state = layout::state_in_use;
  header.hash_key = hash_key;
  header.boot_id = TRY(read_boot_id());
  if (::getrandom(&header.instance, sizeof header.instance, 0) != sizeof header.instance) {
    return fail_system("getrandom", errno);
  }
  *file.header() = header;
  return file;
}

Result<void> MemoryFile::put_in_place() {
  TRY(sync_header(temporary_path_, base()));
  if (std::rename(temporary_path_.c_str(), path_.c_str()) != 0) return fail_system(path_, errno);
  temporary_path_.clear();
  return {};
}

bool MemoryFile::header_is_ours() const {
  return bytes_ >= layout::file_header_bytes && header()->magic == layout::file_magic &&
         header()->format == layout::format_version;
}

std::optional<std::string> MemoryFile::why_unusable() const {
  if (!header_is_ours()) {
    return path_ + ": not zone memory of format " + std::to_string(layout::format_version);
  }
  if (bytes_ > bytes_max_) {
    return path_ + ": " + std::to_string(bytes_) + " bytes, more than the " +
           std::to_string(bytes_max_) + " allowed";
  }
  const auto boot_id = read_boot_id();
  if (was_closed_clean() || (boot_id && *boot_id == header()->boot_id)) return std::nullopt;
  return path_ + ": not closed before the machine restarted";
}

bool MemoryFile::was_closed_clean() const { return header()->state == layout::state_closed_clean; }

Result<void> MemoryFile::mark_in_use() {
  header()->boot_id = TRY(read_boot_id());
  const uint32_t before = header()->state;
  if (before == layout::state_closed_clean) {
    layout::store_shared(header()->state, uint32_t{layout::state_in_use});
  }
  auto synced = sync_header(path_, base());
  if (!synced) layout::store_shared(header()->state, before);
  return synced;
}

Result<void> MemoryFile::mark_closed_clean() {
  if (has_unwritten()) {
    return fail(path_ +
                ": a part of it could not be written to disk before; it will not be used "
                "after the machine's next start");
  }
  if (::msync(base(), bytes_, MS_SYNC) != 0 || ::fsync(fd_.get()) != 0) {
    const int error = errno;
    note_unwritten();
    return fail_system(path_, error);
  }
  layout::store_shared(header()->state, uint32_t{layout::state_closed_clean});
  return sync_header(path_, base());
}

void MemoryFile::note_unwritten() {
  layout::store_shared(header()->state, uint32_t{layout::state_unwritten});
}

bool MemoryFile::has_unwritten() const { return header()->state == layout::state_unwritten; }

Result<void> MemoryFile::grow_to(uint64_t bytes, Pages pages) {
  if (bytes <= bytes_) return {};
  const std::string what = path_ + ": cannot grow from " + std::to_string(bytes_) + " to " +
                           std::to_string(bytes) + " bytes";
  if (bytes > bytes_max_) return fail(what + ": the limit is " + std::to_string(bytes_max_));
  const int status = reserve_blocks(fd_.get(), bytes_, bytes);
  auto grown = status == 0 ? Result<void>() : fail_system(what, status);
  if (grown && pages == Pages::filled) {
    grown = fill_pages(base() + bytes_, bytes - bytes_);
    if (!grown) grown = fail(what + ": " + grown.error().message);
  }
  if (!grown) {
    // What was reserved before the failure is given back.
    if (::ftruncate(fd_.get(), static_cast<off_t>(bytes_)) != 0) return fail_system(what, errno);
    return grown;
  }
  bytes_ = bytes;
  return {};
}

// With what the disk itself holds back (FLUSH), so that nobody's sync waits for this afterwards.
Result<void> MemoryFile::write_out(uint64_t first, uint64_t bytes) {
  if (::msync(base() + first, bytes, MS_SYNC) != 0) return fail_system(path_, errno);
  return {};
}

// Each is written to, with what is there: nobody else writes to it.
void MemoryFile::touch(uint64_t first, uint64_t bytes) {
  const auto page_bytes = static_cast<uint64_t>(::getpagesize());
  for (uint64_t at = first; at < first + bytes; at += page_bytes) {
    auto* word = layout::at<uint32_t>(base() + at, 0);
    layout::store_shared(*word, layout::load_shared(*word));
  }
}

Result<uint64_t> MemoryFile::disk_bytes_free() const {
  struct statvfs status{};
  if (::fstatvfs(fd_.get(), &status) != 0) return fail_system(path_, errno);
  return uint64_t{status.f_bavail} * status.f_frsize;
}

bool is_memory_kept(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  layout::FileHeader header{};
  if (!fd.valid() || ::pread(fd.get(), &header, sizeof header, 0) != sizeof header) return false;
  if (header.magic != layout::file_magic || header.format != layout::format_version) return false;
  const auto boot_id = read_boot_id();
  return header.state == layout::state_closed_clean || (boot_id && *boot_id == header.boot_id);
}

Result<const uint8_t*> map_memory_for_reading(const std::string& path, uint64_t bytes_max) {
  TRY(check_limit(path, bytes_max));
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return fail_system(path, errno);
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_system(path, errno);
  if (static_cast<uint64_t>(status.st_size) < layout::file_header_bytes) {
    return fail(path + ": " + std::to_string(status.st_size) + " bytes, no zone memory");
  }
  void* address = ::mmap(nullptr, bytes_max, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd.get(), 0);
  if (address == MAP_FAILED) {
    return fail_system(path + ": cannot map " + std::to_string(bytes_max) + " bytes", errno);
  }
  ask_for_large_pages(address, bytes_max);
  const auto* base = static_cast<const uint8_t*>(address);
  const layout::FileHeader* header = layout::file_header(base);
  if (header->magic != layout::file_magic || header->format != layout::format_version) {
    ::munmap(address, bytes_max);
    return fail(path + ": not zone memory of format " + std::to_string(layout::format_version));
  }
  return base;
}

}  // namespace holdfast::zone
