// SPDX-License-Identifier: GPL-3.0-or-later
#include "exchange/handover.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace holdfast::exchange {

namespace {

constexpr size_t bytes_max = 2 + 65535;  // a message of a stream with its length

static_assert(std::is_trivially_copyable_v<HandoverHeader>);

union ControlRoom {
  cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(int))];
};

// The descriptor that came with a message, if one did.
UniqueFd take_descriptor(msghdr& message) {
  UniqueFd taken;
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) continue;
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(at), sizeof descriptor);
    taken = UniqueFd(descriptor);
  }
  return taken;
}

}  // namespace

bool HandoverSender::send(const HandoverHeader& header, Bytes bytes, int descriptor) const {
  if (socket_ < 0 || bytes.size() > bytes_max) return false;
  HandoverHeader copy = header;
  std::array<iovec, 2> parts{
      iovec{.iov_base = &copy, .iov_len = sizeof copy},
      iovec{.iov_base = const_cast<uint8_t*>(bytes.data()), .iov_len = bytes.size()}};
  ControlRoom room{};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  message.msg_control = room.bytes;
  message.msg_controllen = sizeof room.bytes;
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
  return sendmsg(socket_, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

HandoverReceiver::HandoverReceiver() : buffer_(bytes_max) {}

Result<std::optional<Handover>> HandoverReceiver::receive(int socket) {
  while (true) {
    HandoverHeader header;
    std::array<iovec, 2> parts{iovec{.iov_base = &header, .iov_len = sizeof header},
                               iovec{.iov_base = buffer_.data(), .iov_len = buffer_.size()}};
    ControlRoom room{};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    message.msg_control = room.bytes;
    message.msg_controllen = sizeof room.bytes;
    const ssize_t size = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
    if (size < 0) return fail_system("receive requests from the answer processes", errno);
    if (size == 0) return fail("the answer processes' end of the hand-over is closed");
    UniqueFd descriptor = take_descriptor(message);
    const auto length = static_cast<size_t>(size);
    // Without a descriptor: the limit of open files is reached. The client asks again.
    if (length < sizeof header || !descriptor.valid()) continue;
    const auto end = buffer_.begin() + static_cast<ptrdiff_t>(length - sizeof header);
    return Handover{header, std::vector<uint8_t>(buffer_.begin(), end), std::move(descriptor)};
  }
}

Result<HandoverPair> HandoverPair::make() {
  std::array<int, 2> sockets{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets.data()) != 0) {
    return fail_system("open a pair of sockets for requests to the control process", errno);
  }
  HandoverPair pair{UniqueFd(sockets[0]), UniqueFd(sockets[1])};
  // More than the kernel's limit is cut to it without an error.
  setsockopt(sockets[0], SOL_SOCKET, SO_SNDBUF, &handover_queue_bytes, sizeof handover_queue_bytes);
  return pair;
}

}  // namespace holdfast::exchange
