// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/source_text.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "zone/loader.h"

namespace holdfast::zone {

namespace {

constexpr size_t release_step_bytes = size_t{16} << 20;
constexpr size_t binary_probe_bytes = size_t{64} << 10;

Result<void> read_fully(int fd, char* bytes, size_t size, const std::string& path) {
  size_t filled = 0;
  while (filled < size) {
    const ssize_t got = ::read(fd, bytes + filled, size - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_system(path, errno);
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  char beyond = 0;
  if (filled < size || ::read(fd, &beyond, 1) != 0) {
    return fail(path + ": the file changed while it was read");
  }
  return {};
}

}  // namespace

Result<SourceText> SourceText::read(const std::string& path) {
  // Not blocking: a named pipe must not stop the reader.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return fail_system(path, errno);
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_system(path, errno);
  if (S_ISDIR(status.st_mode)) return fail(path + ": is a directory, not a zone file");
  if (!S_ISREG(status.st_mode)) return fail(path + ": is not a regular file");
  const auto size = static_cast<size_t>(status.st_size);
  if (size == 0) return fail(path + ": the file is empty");
  if (size > file_bytes_max) {
    return fail(path + ": " + std::to_string(size) + " bytes; a zone file has at most " +
                std::to_string(file_bytes_max));
  }
  SourceText source;
  source.identity_ = {status.st_dev, status.st_ino};
  source.allocate(size);
  TRY(read_fully(fd.get(), source.bytes_.get(), size, path));
  const size_t zero = source.view().substr(0, binary_probe_bytes).find('\0');
  if (zero != std::string_view::npos) {
    return fail(path + ": not a zone file: byte " + std::to_string(zero) +
                " is zero, so this is no text");
  }
  source.blank_carriage_returns();
  return source;
}

SourceText SourceText::copy(std::string_view text) {
  SourceText source;
  source.allocate(text.size());
  std::ranges::copy(text, source.bytes_.get());
  source.blank_carriage_returns();
  return source;
}

void SourceText::allocate(size_t size) {
  bytes_ = std::make_unique_for_overwrite<char[]>(size);
  size_ = size;
  // Fewer page faults for a text that is written and read once from end to end. Only advice.
  constexpr uintptr_t huge_page = uintptr_t{2} << 20;
  const auto begin = (reinterpret_cast<uintptr_t>(bytes_.get()) + huge_page - 1) & ~(huge_page - 1);
  const auto end = reinterpret_cast<uintptr_t>(bytes_.get() + size) & ~(huge_page - 1);
  if (begin < end) {
    static_cast<void>(
        ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE));  // NOLINT
  }
}

void SourceText::blank_carriage_returns() {
  char* end = bytes_.get() + size_;
  for (char* at = bytes_.get(); at < end; ++at) {
    at = static_cast<char*>(std::memchr(at, '\r', static_cast<size_t>(end - at)));
    if (at == nullptr) return;
    if (at + 1 == end || at[1] == '\n') *at = ' ';
  }
}

void ReleaseBehind::release_before(const char* position) {
  if (static_cast<size_t>(position - released_) < release_step_bytes) return;
  static const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto round_up = [](const char* at) {
    return (reinterpret_cast<uintptr_t>(at) + page - 1) / page * page;
  };
  const uintptr_t begin = round_up(released_);
  const uintptr_t end = round_up(position) - page;
  if (begin >= end) return;
  // Only advice: without it the memory is kept a little longer.
  static_cast<void>(
      ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED));  // NOLINT
  released_ = position;
}

}  // namespace holdfast::zone
