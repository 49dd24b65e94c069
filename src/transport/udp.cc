// SPDX-License-Identifier: GPL-3.0-or-later
#include "transport/udp.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/address.h"
#include "base/check.h"

namespace holdfast::transport {

namespace {

constexpr size_t control_bytes = 64;  // the address that was asked, and the hop limit
static_assert(control_bytes >= CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(int)));
static_assert(control_bytes >= CMSG_SPACE(sizeof(in_pktinfo)) + CMSG_SPACE(sizeof(int)));

constexpr size_t bound_sockets_kept = 32;
constexpr size_t line_bytes = 64;
static_assert(response_bytes_max % line_bytes == 0);

struct alignas(cmsghdr) Control {
  std::array<uint8_t, control_bytes> bytes;
};

bool is_link_local(const in6_addr& address) {
  return address.s6_addr[0] == 0xfe && (address.s6_addr[1] & 0xc0) == 0x80;
}

bool is_address(const cmsghdr& part) {
  return (part.cmsg_level == IPPROTO_IP && part.cmsg_type == IP_PKTINFO) ||
         (part.cmsg_level == IPPROTO_IPV6 && part.cmsg_type == IPV6_PKTINFO);
}

// Turns what the kernel said of a datagram's way in into what it is to do with the answer: same
// address, any interface, a hop limit of our own. Only a link-local answer must leave where the
// question came in. `header` is left with that part alone.
void reverse_control(msghdr& header) {
  cmsghdr* part = CMSG_FIRSTHDR(&header);
  while (part != nullptr && !is_address(*part)) part = CMSG_NXTHDR(&header, part);
  if (part == nullptr) {
    header.msg_control = nullptr;
    header.msg_controllen = 0;
    return;
  }
  if (part->cmsg_level == IPPROTO_IP) {
    in_pktinfo information;
    std::memcpy(&information, CMSG_DATA(part), sizeof information);
    information.ipi_ifindex = 0;
    std::memcpy(CMSG_DATA(part), &information, sizeof information);
  } else {
    in6_pktinfo information;
    std::memcpy(&information, CMSG_DATA(part), sizeof information);
    if (!is_link_local(information.ipi6_addr)) information.ipi6_ifindex = 0;
    std::memcpy(CMSG_DATA(part), &information, sizeof information);
  }
  header.msg_control = part;
  header.msg_controllen = CMSG_ALIGN(part->cmsg_len);
}

bool informs_of_addresses(int socket, sa_family_t family) {
  int value = 0;
  socklen_t size = sizeof value;
  const bool is_ipv6 = family == AF_INET6;
  return getsockopt(socket, is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP,
                    is_ipv6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &value, &size) == 0 &&
         value != 0;
}

}  // namespace

struct UdpBatch::Buffers {
  explicit Buffers(const ReceiveMemory& given) : memory(given) {}

  ReceiveMemory memory;
  std::array<mmsghdr, size_max> in{};
  std::array<iovec, size_max> in_vectors{};
  std::array<Control, size_max> controls{};
  std::array<mmsghdr, size_max> out{};
  std::array<iovec, size_max> out_vectors{};
  // One behind the other, each from the start of a cache line: so those of a batch lie in few lines
  // and pages, where at fixed places they would take turns in the same few of the cache.
  alignas(line_bytes) std::array<uint8_t, size_max * response_bytes_max> responses;
  size_t responses_end = 0;
  // What sockets are bound to, by their descriptors; a worker's are few and stay.
  struct Bound {
    int socket = -1;
    bool informs = false;
    Endpoint endpoint;
  };
  std::array<Bound, bound_sockets_kept> bound;
};

UdpBatch::UdpBatch(const ReceiveMemory& memory) : buffers_(std::make_unique<Buffers>(memory)) {
  const size_t each = memory.bytes.size() / size_max;
  CHECK(each > 0);
  for (size_t i = 0; i < size_max; ++i) {
    buffers_->in_vectors[i] = {.iov_base = memory.bytes.data() + i * each, .iov_len = each};
    msghdr& header = buffers_->in[i].msg_hdr;
    header.msg_name = &memory.peers[i];
    header.msg_iov = &buffers_->in_vectors[i];
    header.msg_iovlen = 1;
    header.msg_control = buffers_->controls[i].bytes.data();
    msghdr& answer = buffers_->out[i].msg_hdr;
    answer.msg_iov = &buffers_->out_vectors[i];
    answer.msg_iovlen = 1;
  }
}

UdpBatch::UdpBatch(UdpBatch&&) noexcept = default;
UdpBatch& UdpBatch::operator=(UdpBatch&&) noexcept = default;
UdpBatch::~UdpBatch() = default;

void UdpBatch::attach(int socket, uint16_t local_port) {
  socket_ = socket;
  local_port_ = local_port;
  bound_place_ = static_cast<size_t>(socket) % bound_sockets_kept;
  Buffers::Bound& bound = buffers_->bound[bound_place_];
  if (bound.socket != socket) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &size);
    bound = {.socket = socket,
             .informs = informs_of_addresses(socket, storage.ss_family),
             .endpoint = Endpoint::from_sockaddr(storage)};
  }
  informs_ = bound.informs;
}

size_t UdpBatch::receive() {
  // The kernel overwrote the lengths of what the last batch used.
  for (size_t i = 0; i < stale_; ++i) {
    msghdr& header = buffers_->in[i].msg_hdr;
    header.msg_namelen = sizeof(sockaddr_in6);
    header.msg_controllen = control_bytes;
  }
  received_ = 0;
  responses_ = 0;
  buffers_->responses_end = 0;
  const int count = recvmmsg(socket_, buffers_->in.data(), size_max, MSG_DONTWAIT, nullptr);
  if (count > 0) received_ = static_cast<size_t>(count);
  stale_ = std::min(received_ + 1, size_max);
  return received_;
}

Bytes UdpBatch::datagram(size_t index) const {
  const iovec& vector = buffers_->in_vectors[index];
  return {static_cast<const uint8_t*>(vector.iov_base), buffers_->in[index].msg_len};
}

const sockaddr_in6& UdpBatch::peer(size_t index) const { return buffers_->memory.peers[index]; }

Bytes UdpBatch::local_address(size_t index) const {
  if (!informs_) return buffers_->bound[bound_place_].endpoint.address_bytes();
  msghdr& header = buffers_->in[index].msg_hdr;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
      return {CMSG_DATA(part) + offsetof(in_pktinfo, ipi_addr), sizeof(in_addr)};
    }
    if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
      return {CMSG_DATA(part) + offsetof(in6_pktinfo, ipi6_addr), sizeof(in6_addr)};
    }
  }
  return buffers_->bound[bound_place_].endpoint.address_bytes();
}

uint8_t UdpBatch::hop_limit(size_t index) const {
  msghdr& header = buffers_->in[index].msg_hdr;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    const bool is_hop_limit =
        (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_TTL) ||
        (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_HOPLIMIT);
    if (!is_hop_limit) continue;
    int hops = 0;
    std::memcpy(&hops, CMSG_DATA(part), sizeof hops);
    return static_cast<uint8_t>(hops);
  }
  return 0;
}

MutableBytes UdpBatch::response_room([[maybe_unused]] size_t index) {
  return MutableBytes(buffers_->responses).subspan(buffers_->responses_end, response_bytes_max);
}

void UdpBatch::respond(size_t index, size_t bytes) {
  const size_t place = responses_++;
  buffers_->out_vectors[place] = {.iov_base = response_room(index).data(), .iov_len = bytes};
  buffers_->responses_end += (bytes + line_bytes - 1) / line_bytes * line_bytes;
  const msghdr& question = buffers_->in[index].msg_hdr;
  msghdr& header = buffers_->out[place].msg_hdr;
  header.msg_name = question.msg_name;
  header.msg_namelen = question.msg_namelen;
  if (informs_) {
    header.msg_control = question.msg_control;
    header.msg_controllen = question.msg_controllen;
    reverse_control(header);
  } else {
    header.msg_control = nullptr;
    header.msg_controllen = 0;
  }
}

SendReport UdpBatch::send() {
  SendReport report;
  size_t at = 0;
  while (at < responses_) {
    const int count = sendmmsg(socket_, buffers_->out.data() + at,
                               static_cast<unsigned>(responses_ - at), MSG_DONTWAIT);
    if (count > 0) {
      report.sent += static_cast<size_t>(count);
      at += static_cast<size_t>(count);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == ENOBUFS) {
      report.buffer_full += responses_ - at;
      break;
    }
    // The first of the rest cannot be sent (no route, a firewall's answer); the others may.
    ++report.failed;
    ++at;
  }
  responses_ = 0;
  return report;
}

}  // namespace holdfast::transport
