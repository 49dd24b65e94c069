// SPDX-License-Identifier: GPL-3.0-or-later
// What this side of AF_XDP costs a datagram: receive, check, copy out, turn round, hand back. The
// kernel's part at the rings is played with pointers and is in the figure.
#include <benchmark/benchmark.h>

#include "base/test_frame.h"
#include "transport/test_xdp_kernel.h"
#include "transport/xdp_batch.h"

namespace holdfast::transport {
namespace {

constexpr size_t question_bytes = 40;
constexpr size_t answer_bytes = 100;

void answer_batches(benchmark::State& state, bool ipv6) {
  TestXdpKernel kernel;
  XdpQueue queue(kernel.memory(), kernel.rings());
  std::vector<uint8_t> rows(XdpBatch::size_max * xdp_frame_bytes);
  std::array<sockaddr_in6, XdpBatch::size_max> peers;
  XdpBatch batch({.bytes = rows, .peers = peers});
  batch.attach(queue, {});
  TestFrame frame;
  if (ipv6) {
    frame.from = "2001:db8::2";
    frame.to = "2001:db8::1";
  }
  frame.payload.assign(question_bytes, 7);
  const std::vector<uint8_t> bytes = frame.build();
  for (auto _ : state) {
    for (size_t i = 0; i < XdpBatch::size_max; ++i) kernel.deliver(1, bytes);
    const size_t count = batch.receive();
    for (size_t i = 0; i < count; ++i) {
      benchmark::DoNotOptimize(batch.response_room(i).data());
      batch.respond(i, answer_bytes);
    }
    batch.send();
    kernel.complete();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(XdpBatch::size_max));
}

void answer_ipv4(benchmark::State& state) { answer_batches(state, false); }
void answer_ipv6(benchmark::State& state) { answer_batches(state, true); }
BENCHMARK(answer_ipv4);
BENCHMARK(answer_ipv6);

}  // namespace
}  // namespace holdfast::transport
