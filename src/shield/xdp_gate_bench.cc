// SPDX-License-Identifier: GPL-3.0-or-later
// What the XDP program costs a packet, by what becomes of it: nanoseconds, less an empty program.
//
// A small program stands before it: it puts the question back into the frame, with a random source
// and, if wanted, a random name, and goes on to the one that is measured. The empty program is
// measured behind the same, turn by turn, and told beside it. Needs CAP_BPF.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <optional>
#include <random>
#include <vector>

#include "base/shared_memory.h"
#include "base/test_frame.h"
#include "shield/name_filter.h"
#include "shield/program_memory.h"
#include "shield/source_block.h"
#include "shield/xdp_gate.h"
#include "shield/xdp_gate_reasons.h"

namespace holdfast::shield {
namespace {

constexpr uint32_t repeats = 50'000;
constexpr int16_t source_at = 26;  // of IPv4 in the frame
constexpr int16_t name_at = 14 + 20 + 8 + 12 + 1;

enum class Sources : uint8_t { one, some, all };  // 1, 2^16, 2^29
enum class Names : uint8_t { same, random };
enum class Others : uint8_t { seldom, known };

bpf_insn instruction(uint8_t code, uint8_t to, uint8_t from, int16_t offset, int32_t value) {
  bpf_insn result{};
  result.code = code;
  result.dst_reg = to & 15;
  result.src_reg = from & 15;
  result.off = offset;
  result.imm = value;
  return result;
}

// Writes a program, instruction by instruction. Registers: 6 context, 7 packet, 8 its end.
class Assembler {
 public:
  void set(uint8_t to, int32_t value) { add(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value); }
  void copy(uint8_t to, uint8_t from) { add(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }
  void call(int32_t helper) { add(BPF_JMP | BPF_CALL, 0, 0, 0, helper); }
  void map(uint8_t to, uint8_t kind, int descriptor) {
    add(BPF_LD | BPF_DW | BPF_IMM, to, kind, 0, descriptor);
    add(0, 0, 0, 0, 0);
  }
  void load_packet() {
    add(BPF_LDX | BPF_MEM | BPF_W, 7, 6, offsetof(xdp_md, data), 0);
    add(BPF_LDX | BPF_MEM | BPF_W, 8, 6, offsetof(xdp_md, data_end), 0);
  }
  void random(int32_t mask, int32_t base, int16_t at) {
    call(BPF_FUNC_get_prandom_u32);
    add(BPF_ALU | BPF_AND | BPF_K, 0, 0, 0, mask);
    add(BPF_ALU | BPF_OR | BPF_K, 0, 0, 0, base);
    add(BPF_STX | BPF_MEM | BPF_W, 7, 0, at, 0);
  }
  void add(uint8_t code, uint8_t to, uint8_t from, int16_t offset, int32_t value) {
    code_.push_back(instruction(code, to, from, offset, value));
  }
  [[nodiscard]] UniqueFd load(const char* name) const {
    bpf_prog_load_opts options{};
    options.sz = sizeof options;
    options.expected_attach_type = BPF_XDP;
    return UniqueFd(
        bpf_prog_load(BPF_PROG_TYPE_XDP, name, "GPL", code_.data(), code_.size(), &options));
  }

 private:
  std::vector<bpf_insn> code_;
};

UniqueFd make_map(bpf_map_type type, uint32_t value_bytes) {
  return UniqueFd(bpf_map_create(type, "hf_bench", 4, value_bytes, 1, nullptr));
}

// The program before, with one place for the program to go on to.
class Front {
 public:
  Front(const std::vector<uint8_t>& frame, Sources sources, Names names)
      : next_(make_map(BPF_MAP_TYPE_PROG_ARRAY, 4)),
        frame_(make_map(BPF_MAP_TYPE_ARRAY, static_cast<uint32_t>(frame.size()))),
        bytes_(frame) {
    const uint32_t first = 0;
    bpf_map_update_elem(frame_.get(), &first, frame.data(), BPF_ANY);
    const auto size = static_cast<int32_t>(frame.size());
    Assembler code;
    code.copy(6, 1);
    code.load_packet();
    code.set(2, size);
    code.add(BPF_ALU64 | BPF_SUB | BPF_X, 8, 7, 0, 0);
    code.add(BPF_ALU64 | BPF_SUB | BPF_X, 2, 8, 0, 0);
    code.call(BPF_FUNC_xdp_adjust_tail);
    code.copy(1, 6);
    code.set(2, 0);
    code.map(3, BPF_PSEUDO_MAP_VALUE, frame_.get());
    code.set(4, size);
    code.call(BPF_FUNC_xdp_store_bytes);
    code.load_packet();
    code.copy(2, 7);
    code.add(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, name_at + 8);
    code.add(BPF_JMP | BPF_JGT | BPF_X, 2, 8, 18, 0);
    // 64.0.0.0 to 95.255.255.255, or 64.0.x.x.
    const int32_t mask = sources == Sources::all    ? static_cast<int32_t>(0xffffff1f)
                         : sources == Sources::some ? static_cast<int32_t>(0xffff0000)
                                                    : 0;
    code.random(mask, 0x40, source_at);
    // Letters from a to p, or the same again.
    const int32_t letters = names == Names::random ? 0x0f0f0f0f : 0;
    const int32_t base = 0x60606060;
    code.random(letters, base, name_at);
    code.random(letters, base, name_at + 4);
    code.copy(1, 6);
    code.map(2, BPF_PSEUDO_MAP_FD, next_.get());
    code.set(3, 0);
    code.call(BPF_FUNC_tail_call);
    code.set(0, XDP_ABORTED);
    code.add(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
    program_ = code.load("hf_front");
  }

  [[nodiscard]] bool valid() const { return program_.valid(); }

  // Nanoseconds a packet through `program`.
  [[nodiscard]] double run(int program) {
    const uint32_t first = 0;
    bpf_map_update_elem(next_.get(), &first, &program, BPF_ANY);
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.data_in = bytes_.data();
    options.data_size_in = static_cast<uint32_t>(bytes_.size());
    options.repeat = repeats;
    if (bpf_prog_test_run_opts(program_.get(), &options) != 0) return 0;
    return options.duration;
  }

 private:
  UniqueFd next_;
  UniqueFd frame_;
  std::vector<uint8_t> bytes_;
  UniqueFd program_;
};

UniqueFd load_empty() {
  Assembler code;
  code.set(0, XDP_DROP);
  code.add(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  return code.load("hf_empty");
}

// A gate under orders, and the frame that is asked of it.
struct Rig {
  SharedObject<ShieldSources> sources;
  SharedObject<NameFilter> names;
  XdpGate gate;
  TestFrame frame;
  UniqueFd socket;

  [[nodiscard]] ShieldOrders& orders() { return sources->orders[0]; }

  static std::optional<Rig> make() {
    auto sources = SharedObject<ShieldSources>::create("a bench");
    auto names = SharedObject<NameFilter>::create("a bench");
    if (!sources || !names) return std::nullopt;
    const auto sources_map = share_with_programs(&**sources, sizeof **sources, "hf_sources");
    const auto names_map = share_with_programs(&**names, sizeof **names, "hf_names");
    if (!sources_map || !names_map) return std::nullopt;
    auto gate = XdpGate::load({.sources = sources_map->get(), .names = names_map->get()}, 1);
    if (!gate) return std::nullopt;
    Rig rig{*std::move(sources), *std::move(names), *std::move(gate), {}, UniqueFd()};
    rig.prepare();
    return rig;
  }

  void prepare() {
    frame.payload = {0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 8};
    for (const char* part : {"aaaaaaaa", "\3www", "\7example", "\3com"}) {
      frame.payload.insert(frame.payload.end(), part, part + std::strlen(part));
    }
    frame.payload.insert(frame.payload.end(), {0, 0, 1, 0, 1});
    gate.set_hardware_address({2, 0, 0, 0, 0, 1});
    const std::array destinations{*parse_endpoint("192.0.2.1", 53)};
    gate.set_destinations(destinations);
    gate.set_door(0, xdp_door_open);
    gate.set_worker(0, 0, 1);
    socket = UniqueFd(::socket(AF_XDP, SOCK_RAW, 0));
    for (const auto lane : {xdp_lane_trusted, xdp_lane_others}) {
      static_cast<void>(gate.set_socket(0, lane, socket.get()));
    }
    ShieldCommon& common = sources->common;
    for (size_t i = 0; i < 4; ++i) common.key[i] = 0x9e3779b97f4a7c15U * (i + 1);
    common.enabled = 1;
    common.wall_s = 1'600'000'000;
    common.known_slots = 4;
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    orders().beat_ms = static_cast<uint64_t>(now.tv_sec) * 1000 + 3'600'000;
    orders().level = 1;
    for (uint32_t& share : orders().share) share = SHIELD_SHARE_ONE;
    orders().known_slots = 4;
    orders().known_floor = orders().proved_source = 1U << 30;
    orders().unknown_source = orders().unknown_prefix = orders().reply_prefix = 1U << 30;
    NameFilterWriter::set_key(*names, {0x6a09e667f3bcc908, 0xbb67ae8584caa73b});
  }

  void add_cookie(uint8_t length) {
    frame.payload[11] = 1;
    const std::vector<uint8_t> opt{
        0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, static_cast<uint8_t>(length + 4), 0, 10, 0, length};
    frame.payload.insert(frame.payload.end(), opt.begin(), opt.end());
    for (uint8_t i = 0; i < length; ++i) frame.payload.push_back(i == 8 ? 1 : i);
    if (length == 24) store_be32(&frame.payload[frame.payload.size() - 12], 1'600'000'000);
    sources->common.cookies_enabled = 1;
  }

  // Some hundred thousand names, none of them asked.
  void fill_filter() {
    constexpr int names_count = 200'000;
    NameFilterWriter writer(*names);
    writer.begin();
    writer.begin_zone(*wire::Name::from_text("example.com."), names_count);
    for (int i = 0; i < names_count; ++i) {
      writer.add_name(*wire::Name::from_text("h" + std::to_string(i) + ".example.com."));
    }
    writer.add_cover(*wire::Name::from_text("child.www.example.com."));
    const std::vector<uint8_t> soa{0xc0, 12, 0, 6, 0, 1, 0, 0, 1, 44, 0, 22, 0, 0, 0, 0, 0,
                                   1,    0,  0, 0, 2, 0, 0, 0, 3, 0,  0, 0,  4, 0, 0, 1, 44};
    writer.deny_with(soa, NameFilterWriter::Proofs::none);
    writer.show();
  }

  // Of those from 64.0.0.0/16 most are known, and of others as many as there is room for have been
  // seen: too seldom, or often enough to be known, too.
  void fill_history(Others others = Others::seldom) {
    constexpr uint64_t said_of_a_source = 0x00ff'0000'ffff'ffff;  // tag, hop limit, slots
    constexpr uint64_t slots_mask = 0xffULL << SHIELD_SCORE_SHIFT;
    std::mt19937_64 random(1);  // NOLINT: the same each time
    for (ShieldHistoryLine& line : sources->history) {
      for (__u64& entry : line.entries) {
        entry = (random() & said_of_a_source) | 1ULL << SHIELD_HOP_SHIFT;
        const uint64_t slots = others == Others::known ? 9 : 1;
        entry = (entry & ~slots_mask) | slots << SHIELD_SCORE_SHIFT;
      }
    }
    for (uint32_t i = 1; i < 65536; ++i) {
      const std::array<uint32_t, 4> address{0, 0, htonl(0xffff), htonl(0x40000000 + i)};
      const uint64_t hash = shield_source_hash(sources->common.key, address.data());
      for (__u64& entry : sources->history[shield_line_of(hash)].entries) {
        if (shield_hop(entry) == 64) continue;
        entry = shield_tag_of(hash) | 64ULL << SHIELD_HOP_SHIFT | 9ULL << SHIELD_SCORE_SHIFT;
        break;
      }
    }
    gate.note_known(*sources);
  }
};

struct Case {
  const char* name;
  XdpGateReason reason;  // of nearly all packets
  Sources sources;
  Names names;
  void (*prepare)(Rig& rig);
};

// A flood from everywhere: nothing is left for the unknown.
void refuse_unknown(Rig& rig) {
  rig.fill_history();
  rig.orders().admit_per_s = 0;
}

// Each has to be judged: they ask too fast to get what is left.
void refuse_fast(Rig& rig) {
  rig.fill_history();
  rig.orders().unknown_source = rig.orders().unknown_prefix = 0;
  rig.orders().share[shield_unknown_fast] = 0;
  rig.orders().admit_per_s = 1'000'000;
}

const std::array cases{
    Case{"level_0", xdp_taken_others, Sources::all, Names::same,
         [](Rig& rig) { rig.orders().level = 0; }},
    Case{"response_dropped", xdp_dropped_response, Sources::all, Names::same,
         [](Rig& rig) { rig.frame.payload[2] |= 0x80; }},
    Case{"malformed_dropped", xdp_dropped_malformed, Sources::all, Names::same,
         [](Rig& rig) {
           refuse_unknown(rig);
           rig.frame.payload[5] = 2;
         }},
    Case{"known_to_trusted_lane", xdp_taken_known, Sources::some, Names::same,
         [](Rig& rig) { rig.fill_history(); }},
    Case{"unknown_dropped", xdp_dropped_unjudged, Sources::all, Names::same, refuse_unknown},
    Case{"unknown_dropped_table_full_of_known", xdp_dropped_unjudged, Sources::all, Names::same,
         [](Rig& rig) {
           refuse_unknown(rig);
           rig.fill_history(Others::known);
         }},
    Case{"unknown_fast_dropped", xdp_dropped_unknown_fast, Sources::all, Names::same, refuse_fast},
    Case{"few_unknown_fast_dropped", xdp_dropped_unknown_fast, Sources::one, Names::same,
         refuse_fast},
    Case{"no_cookie_dropped", xdp_dropped_unjudged, Sources::all, Names::same,
         [](Rig& rig) {
           refuse_unknown(rig);
           rig.add_cookie(7);  // an option of that length is none
         }},
    Case{"wrong_cookie_dropped", xdp_dropped_unjudged, Sources::all, Names::same,
         [](Rig& rig) {
           refuse_unknown(rig);
           rig.add_cookie(24);
         }},
    Case{"absent_name_dropped", xdp_dropped_absent_name, Sources::all, Names::random,
         [](Rig& rig) {
           rig.fill_history();
           rig.fill_filter();
           rig.orders().share[shield_absent_name] = 0;
           rig.orders().admit_per_s = 1'000'000;
         }},
    Case{"absent_name_of_known_dropped", xdp_dropped_absent_name, Sources::some, Names::random,
         [](Rig& rig) {
           // Known, but not for as long as this level asks: so their names are looked at.
           rig.sources->common.known_slots = 4;
           rig.orders().known_slots = 20;
           rig.fill_history();
           rig.fill_filter();
           rig.orders().share[shield_absent_name] = 0;
         }},
    Case{"absent_name_denied", xdp_replied_nxdomain, Sources::some, Names::random,
         [](Rig& rig) {
           rig.orders().truncate_per_s = 1U << 31;
           rig.fill_history();
           rig.fill_filter();
           rig.gate.set_replies(true);
         }},
    Case{"unknown_truncated", xdp_replied_truncated, Sources::all, Names::same,
         [](Rig& rig) {
           refuse_unknown(rig);
           rig.gate.set_replies(true);
           rig.orders().truncate_per_s = 1U << 31;
         }},
    Case{"unknown_given_cookie", xdp_replied_cookie, Sources::all, Names::same,
         [](Rig& rig) {
           refuse_unknown(rig);
           rig.add_cookie(8);
           rig.gate.set_replies(true);
           rig.orders().truncate_per_s = 1U << 31;
         }},
};

double median_of(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<long>(values.size() / 2));
  return values[values.size() / 2];
}

void pass(benchmark::State& state, const Case& chosen) {
  auto rig = Rig::make();
  const UniqueFd empty = load_empty();
  if (!rig || !empty.valid()) return state.SkipWithError("needs CAP_BPF");
  chosen.prepare(*rig);
  Front front(rig->frame.build(), chosen.sources, chosen.names);
  if (!front.valid()) return state.SkipWithError("the program before it does not load");
  uint64_t packets = 0;
  std::vector<double> empty_ns;
  std::vector<double> spent;
  for ([[maybe_unused]] const auto unused : state) {
    const double floor_ns = front.run(empty.get());
    const double spent_ns = front.run(rig->gate.program());
    packets += repeats;
    empty_ns.push_back(floor_ns);
    spent.push_back(std::max(spent_ns - floor_ns, 0.0));
    state.SetIterationTime(std::max(spent_ns - floor_ns, 0.0) * 1e-9);
  }
  const auto counted = static_cast<double>(rig->gate.count(0, chosen.reason));
  state.counters["share"] = counted / static_cast<double>(packets);
  // Neighbours of the machine make some rounds slower, never faster.
  state.counters["empty_ns"] = median_of(empty_ns);
  state.counters["median_ns"] = median_of(spent);
  state.counters["least_ns"] = *std::ranges::min_element(spent);
  // Of those that are denied, one in eight goes on to the answer process.
  if (counted < 0.8 * static_cast<double>(packets)) state.SkipWithError("another fate than meant");
}

[[maybe_unused]] const bool registered = [] {
  for (const Case& chosen : cases) {
    benchmark::RegisterBenchmark((std::string("xdp_gate/") + chosen.name).c_str(), pass, chosen)
        ->UseManualTime()
        ->Iterations(60)
        ->Unit(benchmark::kNanosecond);
  }
  return true;
}();

}  // namespace
}  // namespace holdfast::shield
