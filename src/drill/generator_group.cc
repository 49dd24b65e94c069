// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/generator_group.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <limits>

#include "base/clock.h"
#include "drill/interruption.h"
#include "drill/seal.h"

extern "C" const uint8_t mixer_bpf[];
extern "C" const uint8_t mixer_bpf_end[];

namespace holdfast::drill {
namespace {

constexpr uint32_t batch_frames = 64;
// More than fit into any time, as each call waits for the kernel at its begin and its end.
constexpr int call_frames = std::numeric_limits<int>::max();

Result<void> check_span(const std::vector<GroupMember>& members, uint64_t duration_ms) {
  uint64_t rate = 0;
  for (const GroupMember& member : members) rate += member.rate_per_s;
  if (rate > rate_max || duration_ms > duration_max_s * 1000) {
    return fail("a load of more than " + std::to_string(rate_max) + " a second or of more than " +
                std::to_string(duration_max_s) + " s");
  }
  return {};
}

}  // namespace

Result<GeneratorGroup> GeneratorGroup::make(std::vector<GroupMember> members) {
  if (members.empty() || members.size() > mixed_generators_max) {
    return fail(std::to_string(members.size()) + " generators: expected 1 to " +
                std::to_string(static_cast<unsigned>(mixed_generators_max)));
  }
  KernelProgram mixer = TRY(KernelProgram::open(
      Bytes(&mixer_bpf[0], static_cast<size_t>(&mixer_bpf_end[0] - &mixer_bpf[0])), "mixer"));
  const MixerPlan plan{static_cast<uint32_t>(members.size())};
  TRY(mixer.set_constants(
      {static_cast<const uint8_t*>(static_cast<const void*>(&plan)), sizeof plan}));
  TRY(mixer.load("mix"));
  const int map = TRY(mixer.map_fd("generators"));
  for (uint32_t index = 0; index < members.size(); ++index) {
    const int program = members[index].generator->program_fd();
    if (bpf_map_update_elem(map, &index, &program, BPF_ANY) != 0) {
      return fail_system("cannot put a generator beside others", errno);
    }
  }
  return GeneratorGroup(std::move(members), std::move(mixer));
}

Result<void> GeneratorGroup::run(const SealedSurroundings& surroundings, uint64_t start_ns,
                                 uint64_t duration_ms, const std::atomic<bool>& stop) {
  TRY(check_span(members_, duration_ms));
  TRY(check_sealed(surroundings.load, surroundings.server));
  const auto visit = TRY(NamespaceVisit::to(surroundings.load));
  const SystemClock clock;
  const uint64_t end_ns = start_ns + duration_ms * 1'000'000;
  for (const GroupMember& member : members_) {
    member.generator->begin({.rate_per_s = member.rate_per_s, .duration_ms = duration_ms},
                            start_ns);
  }
  const Interruption interruption(end_ns, stop);
  std::array<uint8_t, frame_bytes_max> frame{};
  while (!stop && clock.monotonic_ns() < end_ns) {
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.data_in = frame.data();
    options.data_size_in = frame.size();
    options.repeat = call_frames;
    options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    options.batch_size = batch_frames;
    const int error = bpf_prog_test_run_opts(mixer_.program_fd(), &options);
    if (error != 0 && error != -EINTR) return fail_system("cannot run the generators", -error);
  }
  for (const GroupMember& member : members_) member.generator->end();
  return {};
}

}  // namespace holdfast::drill
