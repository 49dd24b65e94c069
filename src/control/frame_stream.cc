// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/frame_stream.h"

#include <fcntl.h>
#include <fstrm.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/check.h"
#include "base/file.h"

namespace holdfast::control {

struct FrameStream::Impl {
  Impl(Target the_target, std::string the_content_type)
      : target(std::move(the_target)), content_type(std::move(the_content_type)) {}

  Target target;
  std::string content_type;
  UniqueFd fd;
  int error_number = 0;  // of the last failed system call
  fstrm_writer* writer = nullptr;

  [[nodiscard]] bool is_file() const { return std::holds_alternative<File>(target); }
  [[nodiscard]] std::string name() const;
  bool open_target();
  bool connect_to(const sockaddr_storage& address, socklen_t size);
  bool create_file(const std::string& path);
  bool write_all_of(std::span<iovec> parts);
};

std::string FrameStream::Impl::name() const {
  if (const auto* endpoint = std::get_if<Endpoint>(&target)) return endpoint->to_url_text();
  if (const auto* file = std::get_if<File>(&target)) return file->path;
  return std::get<UnixSocket>(target).path;
}

bool FrameStream::Impl::open_target() {
  if (const auto* file = std::get_if<File>(&target)) return create_file(file->path);
  sockaddr_storage address{};
  if (const auto* endpoint = std::get_if<Endpoint>(&target)) {
    const socklen_t size = endpoint->to_sockaddr(address);
    return connect_to(address, size);
  }
  const std::string& path = std::get<UnixSocket>(target).path;
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  if (path.size() >= sizeof local.sun_path) {
    errno = ENAMETOOLONG;
    return false;
  }
  std::memcpy(local.sun_path, path.data(), path.size());
  std::memcpy(&address, &local, sizeof local);
  return connect_to(address, sizeof local);
}

// The time limit of sending is that of connecting too (socket(7)).
bool FrameStream::Impl::connect_to(const sockaddr_storage& address, socklen_t size) {
  fd = UniqueFd(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval timeout{.tv_sec = io_timeout_ms / 1000,
                        .tv_usec = suseconds_t{io_timeout_ms % 1000} * 1000};
  if (fd.valid() &&
      ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) == 0 &&
      ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0 &&
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0) {
    return true;
  }
  if (errno == EINPROGRESS) errno = ETIMEDOUT;
  return false;
}

bool FrameStream::Impl::create_file(const std::string& path) {
  const std::string previous = path + ".previous";
  if (std::rename(path.c_str(), previous.c_str()) != 0 && errno != ENOENT) return false;
  fd = UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  return fd.valid();
}

bool FrameStream::Impl::write_all_of(std::span<iovec> parts) {
  while (!parts.empty()) {
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t written = is_file()
                                ? ::writev(fd.get(), parts.data(), static_cast<int>(parts.size()))
                                : ::sendmsg(fd.get(), &message, MSG_NOSIGNAL);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    auto left = static_cast<size_t>(written);
    while (!parts.empty() && left >= parts.front().iov_len) {
      left -= parts.front().iov_len;
      parts = parts.subspan(1);
    }
    if (left != 0) {
      parts.front().iov_base = static_cast<uint8_t*>(parts.front().iov_base) + left;
      parts.front().iov_len -= left;
    }
  }
  return true;
}

namespace {

// What libfstrm calls; `object` is the Impl.
FrameStream::Impl* impl_of(void* object) { return static_cast<FrameStream::Impl*>(object); }

fstrm_res result_of(FrameStream::Impl& impl, bool done) {
  if (done) return fstrm_res_success;
  impl.error_number = errno == EAGAIN || errno == EWOULDBLOCK ? ETIMEDOUT : errno;
  return fstrm_res_failure;
}

fstrm_res open_stream(void* object) {
  FrameStream::Impl& impl = *impl_of(object);
  return result_of(impl, impl.open_target());
}

fstrm_res close_stream(void* object) {
  impl_of(object)->fd.reset();
  return fstrm_res_success;
}

fstrm_res read_stream(void* object, void* data, size_t count) {
  FrameStream::Impl& impl = *impl_of(object);
  auto* at = static_cast<uint8_t*>(data);
  while (count > 0) {
    const ssize_t got = ::recv(impl.fd.get(), at, count, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) errno = ECONNRESET;
    if (got <= 0) return result_of(impl, false);
    at += got;
    count -= static_cast<size_t>(got);
  }
  return fstrm_res_success;
}

fstrm_res write_stream(void* object, const iovec* parts, int count) {
  FrameStream::Impl& impl = *impl_of(object);
  // A frame is two parts: its length and its bytes.
  std::array<iovec, 2 * FrameStream::frames_per_write_max + 4> copy{};
  const auto size = static_cast<size_t>(count);
  CHECK(size <= copy.size());
  std::memcpy(copy.data(), parts, size * sizeof(iovec));
  return result_of(impl, impl.write_all_of({copy.data(), size}));
}

}  // namespace

FrameStream::FrameStream(Target target, std::string content_type)
    : impl_(std::make_unique<Impl>(std::move(target), std::move(content_type))) {}

FrameStream::~FrameStream() {
  if (impl_->writer != nullptr) fstrm_writer_destroy(&impl_->writer);
}

bool FrameStream::is_open() const { return impl_->writer != nullptr; }

Result<void> FrameStream::open() {
  CHECK(!is_open());
  fstrm_rdwr* stream = fstrm_rdwr_init(impl_.get());
  fstrm_rdwr_set_open(stream, open_stream);
  fstrm_rdwr_set_close(stream, close_stream);
  fstrm_rdwr_set_write(stream, write_stream);
  // With a reader, libfstrm does the handshake of the two-way protocol; a file has none.
  if (!impl_->is_file()) fstrm_rdwr_set_read(stream, read_stream);
  fstrm_writer_options* options = fstrm_writer_options_init();
  fstrm_writer_options_add_content_type(options, impl_->content_type.data(),
                                        impl_->content_type.size());
  impl_->writer = fstrm_writer_init(options, &stream);
  fstrm_writer_options_destroy(&options);
  impl_->error_number = EPROTO;  // if it is the handshake that fails
  if (fstrm_writer_open(impl_->writer) == fstrm_res_success) return {};
  const int error_number = impl_->error_number;
  impl_->fd.reset();
  fstrm_writer_destroy(&impl_->writer);
  return fail_system(impl_->name(), error_number);
}

Result<void> FrameStream::write(std::span<const std::vector<uint8_t>> frames) {
  CHECK(is_open() && frames.size() <= frames_per_write_max);
  std::array<iovec, frames_per_write_max> parts{};
  for (size_t i = 0; i < frames.size(); ++i) {
    parts[i] = {.iov_base = const_cast<uint8_t*>(frames[i].data()), .iov_len = frames[i].size()};
  }
  impl_->error_number = EPROTO;
  const fstrm_res result =
      fstrm_writer_writev(impl_->writer, parts.data(), static_cast<int>(frames.size()));
  if (result == fstrm_res_success) return {};
  const int error_number = impl_->error_number;
  impl_->fd.reset();  // first, so that the farewell does not wait for a collector that is stuck
  fstrm_writer_destroy(&impl_->writer);
  return fail_system(impl_->name(), error_number);
}

}  // namespace holdfast::control
