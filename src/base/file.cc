// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

namespace holdfast {

void UniqueFd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<std::string> read_file(const std::string& path, size_t size_max) {
  // Opening a pipe would wait for its writer.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return fail_system(path, errno);
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_system(path, errno);
  if (!S_ISREG(status.st_mode)) return fail(path + ": not a regular file");
  if (static_cast<size_t>(status.st_size) > size_max) {
    return fail(path + ": " + std::to_string(status.st_size) + " bytes, more than the " +
                std::to_string(size_max) + " allowed");
  }
  // Files of /proc tell a size of 0, and any file may grow meanwhile: the end is where it is found.
  std::string content;
  size_t filled = 0;
  size_t room = static_cast<size_t>(status.st_size) + 1;
  while (true) {
    content.resize(filled + room);
    const ssize_t got = ::read(fd.get(), content.data() + filled, room);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_system(path, errno);
    filled += static_cast<size_t>(got);
    if (filled > size_max) {
      return fail(path + ": more than the " + std::to_string(size_max) + " bytes allowed");
    }
    if (got == 0) break;
    room = 4096;
  }
  content.resize(filled);
  return content;
}

Result<void> write_all(int fd, Bytes bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_system(path, errno);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return {};
}

Result<void> replace_file(const std::string& path, Bytes content, unsigned mode) {
  const std::string temporary = path + ".new";
  const UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!fd.valid()) return fail_system(temporary, errno);
  auto written = write_all(fd.get(), content, temporary);
  if (written && ::fsync(fd.get()) != 0) written = fail_system(temporary, errno);
  if (written && std::rename(temporary.c_str(), path.c_str()) != 0) {
    written = fail_system(path, errno);
  }
  if (!written) {
    ::unlink(temporary.c_str());
    return written;
  }
  return sync_directory_of(path);
}

Result<void> sync_directory_of(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  const std::string directory = parent.empty() ? "." : parent.string();
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return fail_system(directory, errno);
  return {};
}

Result<void> make_directories(const std::string& path, unsigned mode) {
  std::error_code error;
  const bool made = std::filesystem::create_directories(path, error);
  if (error) return fail(path + ": " + error.message());
  if (made && ::chmod(path.c_str(), mode) != 0) return fail_system(path, errno);
  return {};
}

}  // namespace holdfast
