// SPDX-License-Identifier: GPL-3.0-or-later
// Any frame is read within its bounds, and what is accepted can be answered: the answer is a frame
// that is accepted again, for the other side.
#include <algorithm>
#include <vector>

#include "base/check.h"
#include "transport/xdp_frame.h"

using namespace holdfast;
using namespace holdfast::transport;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const ChecksumTrust trust =
      (data[0] & 1) != 0 ? ChecksumTrust::pseudo_header_too : ChecksumTrust::full_only;
  std::vector<uint8_t> room(data + 1, data + size);
  UdpFrame frame;
  if (read_frame(room, trust, frame) != FrameFault::none) return 0;
  CHECK(size_t{frame.payload_at} + frame.payload_bytes <= room.size());
  const size_t answer_bytes = 12 + data[0] * size_t{4};
  room.resize(std::max(room.size(), frame.payload_at + answer_bytes));
  room.resize(write_answer_headers(room, frame, answer_bytes, 7));
  UdpFrame answer;
  CHECK(read_frame(room, ChecksumTrust::full_only, answer) == FrameFault::none);
  CHECK(answer.ipv6 == frame.ipv6 && answer.payload_bytes == answer_bytes);
  CHECK(answer.local_port == ntohs(frame.peer.sin6_port));
  CHECK(ntohs(answer.peer.sin6_port) == frame.local_port);
  return 0;
}
