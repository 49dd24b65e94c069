// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/generator.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <limits>

#include "drill/checksum.h"
#include "drill/interruption.h"
#include "drill/popularity.h"
#include "drill/seal.h"

extern "C" const uint8_t generator_bpf[];
extern "C" const uint8_t generator_bpf_end[];

namespace holdfast::drill {
namespace {

constexpr uint32_t draws_max = 1U << 22;
constexpr uint32_t batch_frames = 64;
// Frames a call: more than fit into any time that it is left to run. At its begin and end a call
// waits for the kernel's RCU, several milliseconds each, in which nothing is sent.
constexpr int call_frames = std::numeric_limits<int>::max();
// Of hiccups of this processor: what up to so long a one has left behind is made good, at so much
// above the rate, and no more at once than a fourth of what a veth's ring holds.
constexpr uint64_t hiccup_ms_max = 20;
constexpr uint64_t hurry_percent = 120;
constexpr uint64_t hurry_burst = 64;
constexpr uint64_t ns_per_s = 1'000'000'000;
constexpr uint16_t response_flags = 0x8580;     // QR, AA, RD, RA
constexpr uint8_t random_source_bits_max = 22;  // of 100.64.0.0/10

template <class Struct>
Bytes bytes_of(const Struct& value) {
  return {static_cast<const uint8_t*>(static_cast<const void*>(&value)), sizeof value};
}

uint64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * ns_per_s + static_cast<uint64_t>(now.tv_nsec);
}

Bytes address_bytes(const Prefix& address) {
  return Bytes(address.address).first(address.address_size);
}

// As many draws as questions at least, within bounds, and a power of two.
uint32_t draw_count_for(size_t questions) {
  uint32_t count = 1U << 16;
  while (count < draws_max && count < 4 * questions) count *= 2;
  return count;
}

Result<void> check_config(const GeneratorConfig& config) {
  if (config.label == label_none || config.label >= label_measured) {
    return fail("label " + std::to_string(config.label) + ": expected 1 to 5");
  }
  if (config.server_port == 0) return fail("port 0: expected 1 to 65535");
  if (config.zipf_exponent < 0) return fail("a Zipf exponent below 0");
  if (config.over_ipv6 && (config.frame != FrameType::question || config.random_source_bits != 0)) {
    return fail("over IPv6 there are only whole questions from given addresses");
  }
  if (config.random_source_bits > random_source_bits_max) {
    return fail("more made-up bits of an address than laboratories have addresses");
  }
  return {};
}

uint8_t frame_kind(FrameType type) {
  if (type == FrameType::fragment) return frame_fragment;
  return type == FrameType::malformed ? frame_malformed : frame_question;
}

const char* program_name(const GeneratorConfig& config) {
  if (config.frame == FrameType::tcp_syn) return "generate_syn_ipv4";
  return config.over_ipv6 ? "generate_ipv6" : "generate_ipv4";
}

GeneratorPlan make_plan(const SealedSurroundings& surroundings, const SealedLinks& links,
                        const GeneratorConfig& config, const QuestionList& questions,
                        size_t clients) {
  const Prefix& server = config.over_ipv6 ? surroundings.server_ipv6 : surroundings.server_ipv4;
  GeneratorPlan plan{};
  plan.out_index = links.load.index;
  plan.source_count = static_cast<uint32_t>(clients);
  plan.question_count = static_cast<uint32_t>(questions.size());
  plan.question_words = static_cast<uint32_t>((questions.longest_bytes() + 7) / 8);
  plan.draw_count = config.zipf_exponent > 0 ? draw_count_for(questions.size()) : 0;
  plan.first_port = static_cast<uint16_t>(config.label << label_shift);
  plan.server_port = config.server_port;
  std::memcpy(&plan.server_address[0], server.address.data(), server.address_size);
  plan.server_sum = checksum_share(address_bytes(server));
  std::memcpy(&plan.server_mac[0], links.server.mac.data(), links.server.mac.size());
  std::memcpy(&plan.load_mac[0], links.load.mac.data(), links.load.mac.size());
  plan.random_label = questions.has_random_label() ? 1 : 0;
  plan.opt_records = questions.has_opt() ? 1 : 0;
  plan.frame_kind = frame_kind(config.frame);
  plan.random_bits = config.random_source_bits;
  plan.mixed_case = config.mixed_case ? 1 : 0;
  plan.dns_flags = config.frame == FrameType::response ? response_flags : 0;
  return plan;
}

Result<void> fill_sources(const KernelProgram& program, const std::vector<Prefix>& clients,
                          const GeneratorConfig& config) {
  const MappedMemory memory = TRY(program.map_memory("sources"));
  for (size_t index = 0; index < clients.size(); ++index) {
    GeneratorSource source{};
    const Bytes address = address_bytes(clients[index]);
    std::memcpy(&source.address[0], address.data(), address.size());
    source.sum = checksum_share(address);
    source.hop_limit =
        index < config.hop_limits.size() ? config.hop_limits[index] : config.hop_limit;
    std::memcpy(memory.bytes().data() + index * sizeof source, &source, sizeof source);
  }
  return {};
}

Result<void> fill_questions(const KernelProgram& program, const QuestionList& questions,
                            size_t value_bytes) {
  const MappedMemory memory = TRY(program.map_memory("questions"));
  for (size_t index = 0; index < questions.size(); ++index) {
    const Bytes question = questions.at(index);
    uint8_t* value = memory.bytes().data() + index * value_bytes;
    const GeneratorQuestion head{static_cast<uint16_t>(question.size()), 0,
                                 checksum_share(question)};
    std::memcpy(value, &head, sizeof head);
    std::memcpy(value + sizeof head, question.data(), question.size());
  }
  return {};
}

Result<void> fill_draws(const KernelProgram& program, const GeneratorPlan& plan, double exponent) {
  if (plan.draw_count == 0) return {};
  const MappedMemory memory = TRY(program.map_memory("draws"));
  const std::vector<uint32_t> draws = zipf_draws(plan.question_count, exponent, plan.draw_count);
  std::memcpy(memory.bytes().data(), draws.data(), draws.size() * sizeof draws[0]);
  return {};
}

}  // namespace

Result<Generator> Generator::make(const SealedSurroundings& surroundings,
                                  const GeneratorConfig& config, const QuestionList& questions,
                                  const std::vector<Prefix>& clients, int stamps_fd) {
  TRY(check_config(config));
  const SealedLinks links = TRY(check_sealed(surroundings.load, surroundings.server));
  const GeneratorPlan plan = make_plan(surroundings, links, config, questions, clients.size());
  const auto value_bytes =
      static_cast<uint32_t>(sizeof(GeneratorQuestion) + size_t{8} * plan.question_words);
  KernelProgram program = TRY(KernelProgram::open(
      Bytes(&generator_bpf[0], static_cast<size_t>(&generator_bpf_end[0] - &generator_bpf[0])),
      "generator"));
  TRY(program.set_constants(bytes_of(plan)));
  TRY(program.resize("sources", plan.source_count));
  TRY(program.resize("questions", plan.question_count, value_bytes));
  if (plan.draw_count != 0) TRY(program.resize("draws", plan.draw_count));
  TRY(program.share("stamps", stamps_fd));
  TRY(program.load(program_name(config)));
  TRY(fill_sources(program, clients, config));
  TRY(fill_questions(program, questions, value_bytes));
  TRY(fill_draws(program, plan, config.zipf_exponent));
  MappedMemory state = TRY(program.variables());
  if (state.bytes().size() < sizeof(GeneratorState))
    return fail("the generator's state is cut short");
  return Generator(std::move(program), std::move(state), config.seed);
}

Result<GeneratorState> Generator::run(const SealedSurroundings& surroundings, const LoadSpan& span,
                                      const std::atomic<bool>& stop) {
  if (span.rate_per_s > rate_max || span.duration_ms > duration_max_s * 1000) {
    return fail("a load of more than " + std::to_string(rate_max) + " a second or of more than " +
                std::to_string(duration_max_s) + " s");
  }
  TRY(check_sealed(surroundings.load, surroundings.server));
  const auto visit = TRY(NamespaceVisit::to(surroundings.load));
  begin(span, span.start_ns != 0 ? span.start_ns : monotonic_ns() + start_delay_ns);
  GeneratorState state = this->state();

  const Interruption interruption(state.end_ns, stop);
  std::array<uint8_t, frame_bytes_max> frame{};
  while (!stop && monotonic_ns() < state.end_ns) {
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.data_in = frame.data();
    options.data_size_in = frame.size();
    options.repeat = call_frames;
    options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    options.batch_size = batch_frames;
    const int error = bpf_prog_test_run_opts(program_.program_fd(), &options);
    if (error != 0 && error != -EINTR) return fail_system("cannot run the generator", -error);
  }
  // The program does nothing more from here on, whoever may still run it.
  std::memcpy(&state, state_.bytes().data(), sizeof state);
  random_ = state.random;
  // What was due while this processor did something else, right before the end.
  const uint64_t scheduled = span.rate_per_s * span.duration_ms / 1000;
  if (!stop && scheduled > state.due) state.missed += scheduled - state.due;
  return state;
}

void Generator::begin(const LoadSpan& span, uint64_t start_ns) {
  GeneratorState state{};
  state.start_ns = start_ns;
  state.end_ns = start_ns + span.duration_ms * 1'000'000;
  state.rate_per_s = span.rate_per_s;
  state.backlog_max = std::max(span.rate_per_s * hiccup_ms_max / 1000, hurry_burst);
  if (span.rate_per_s != 0) {
    state.hurry_gap_ns = ns_per_s * 100 / hurry_percent / span.rate_per_s;
    state.hurry_burst_ns = hurry_burst * state.hurry_gap_ns;
  }
  state.measured_one_in = span.measured_one_in;
  state.random = random_;
  std::memcpy(state_.bytes().data(), &state, sizeof state);
}

GeneratorState Generator::state() const {
  GeneratorState state;
  std::memcpy(&state, state_.bytes().data(), sizeof state);
  return state;
}

void Generator::end() { random_ = state().random; }

}  // namespace holdfast::drill
