// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/xdp_gate.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>

extern "C" {
extern const uint8_t xdp_gate_bpf[];
extern const uint8_t xdp_gate_bpf_end[];
}

namespace holdfast::shield {

namespace {

constexpr uint32_t known_parts = 8;

// The last line of what libbpf says when it fails; the verifier's log is not for operators.
std::array<char, 512> library_message{};  // NOLINT: libbpf's callback has no place for a context

[[gnu::format(printf, 2, 0)]] int keep_library_message(libbpf_print_level level, const char* format,
                                                       va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  return std::vsnprintf(library_message.data(), library_message.size(), format, arguments);
}

std::string take_library_message() {
  std::string text(library_message.data());
  library_message.front() = 0;
  text.erase(std::min(text.find('\n'), text.size()));
  return text.empty() ? text : " (" + text + ")";
}

std::unexpected<Error> load_error(int error_number) {
  if (error_number == EPERM || error_number == EACCES) {
    return fail("loading the XDP program needs root, or CAP_BPF with CAP_NET_ADMIN");
  }
  return fail_system("the kernel does not load the XDP program" + take_library_message(),
                     error_number);
}

Result<void> use_map(bpf_object* object, const char* name, int descriptor) {
  if (descriptor < 0) return {};
  const int error = bpf_map__reuse_fd(bpf_object__find_map_by_name(object, name), descriptor);
  if (error != 0) return fail_system(std::string("use ") + name + " in the XDP program", -error);
  return {};
}

uint32_t pattern_of(const Endpoint& endpoint, XdpGateDestination& entry) {
  entry = {};
  auto* bytes = reinterpret_cast<uint8_t*>(&entry.address);
  if (endpoint.is_ipv6()) {
    std::memcpy(bytes, endpoint.address.data(), 16);
  } else {
    bytes[10] = bytes[11] = 0xff;
    std::memcpy(bytes + 12, endpoint.address.data(), 4);
  }
  const std::array<uint8_t, 2> port = {static_cast<uint8_t>(endpoint.port >> 8),
                                       static_cast<uint8_t>(endpoint.port)};
  std::memcpy(&entry.port, port.data(), 2);
  return xdp_gate_place(entry.address, entry.port);
}

}  // namespace

void XdpGate::CloseObject::operator()(bpf_object* object) const { bpf_object__close(object); }

void XdpGate::Unmap::operator()(XdpGateState* state) const { munmap(state, sizeof *state); }

void XdpGate::Unmap::operator()(XdpGateCounters* counters) const {
  munmap(counters, sizeof *counters);
}

void XdpGate::Unmap::operator()(XdpGateKnown* known) const { munmap(known, sizeof *known); }

Result<XdpGate> XdpGate::load(const XdpGateMaps& maps, size_t queues) {
  libbpf_set_print(keep_library_message);
  bpf_object_open_opts options{};
  options.sz = sizeof options;
  options.object_name = "holdfast_gate";
  const auto bytes = static_cast<size_t>(xdp_gate_bpf_end - xdp_gate_bpf);
  Object object(bpf_object__open_mem(xdp_gate_bpf, bytes, &options));
  if (object == nullptr) return load_error(errno);
  TRY(use_map(object.get(), ".bss.shield", maps.sources));
  TRY(use_map(object.get(), ".bss.names", maps.names));
  const auto entries = static_cast<uint32_t>(std::clamp<size_t>(queues, 1, XDP_GATE_QUEUES_MAX));
  bpf_map__set_max_entries(bpf_object__find_map_by_name(object.get(), "gate_rates"), entries);
  if (const int error = bpf_object__load(object.get()); error != 0) return load_error(-error);
  XdpGate gate(std::move(object));
  gate.state_ = TRY(gate.map_data<XdpGateState>(".data.state"));
  gate.counters_ = TRY(gate.map_data<XdpGateCounters>(".bss.counters"));
  gate.known_ = TRY(gate.map_data<XdpGateKnown>(".bss.known"));
  return gate;
}

template <typename T>
Result<std::unique_ptr<T, XdpGate::Unmap>> XdpGate::map_data(const char* name) const {
  const bpf_map* map = bpf_object__find_map_by_name(object_.get(), name);
  if (map == nullptr) return fail("the XDP program has no map " + std::string(name));
  void* at = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
  if (at == MAP_FAILED) return fail_system("map the XDP program's " + std::string(name), errno);
  return std::unique_ptr<T, Unmap>(static_cast<T*>(at));
}

Result<void> XdpGate::set_socket(size_t queue, XdpGateLane lane, int socket) {
  const bpf_map* map = bpf_object__find_map_by_name(object_.get(), "xdp_sockets");
  const auto slot = static_cast<uint32_t>(queue * XDP_GATE_LANES + size_t{lane});
  const int error = bpf_map__update_elem(map, &slot, sizeof slot, &socket, sizeof socket, BPF_ANY);
  if (error != 0) return fail_system("enter an AF_XDP socket into the XDP program", -error);
  return {};
}

Result<void> XdpGate::attach(unsigned interface) {
  bpf_link_create_opts options{};
  options.sz = sizeof options;
  options.flags = XDP_FLAGS_DRV_MODE;
  const int link = bpf_link_create(program(), static_cast<int>(interface), BPF_XDP, &options);
  if (link >= 0) {
    link_ = UniqueFd(link);
    return {};
  }
  switch (-link) {
    case EBUSY:
    case EEXIST:
      return fail("another XDP program is attached to it");
    case EOPNOTSUPP:
      return fail("its driver has no XDP");
    case EPERM:
      return fail("attaching an XDP program needs root or CAP_NET_ADMIN");
    default:
      return fail_system("its driver does not take the XDP program", -link);
  }
}

void XdpGate::set_hardware_address(const HardwareAddress& address) {
  std::memcpy(state_->hardware_address, address.data(), address.size());
}

size_t XdpGate::set_destinations(std::span<const Endpoint> destinations) {
  const uint32_t next = (state_->current & 1) ^ 1;
  auto& table = state_->destinations[next];
  std::ranges::fill(table, XdpGateDestination{});
  size_t left_out = 0;
  for (const Endpoint& endpoint : destinations) {
    XdpGateDestination entry;
    const uint32_t place = pattern_of(endpoint, entry);
    bool placed = false;
    for (uint32_t i = 0; i < XDP_GATE_PROBES && !placed; ++i) {
      XdpGateDestination& at = table[(place + i) % XDP_GATE_DESTINATIONS_MAX];
      if (at.port != 0) continue;
      at = entry;
      placed = true;
    }
    if (!placed) ++left_out;
  }
  std::atomic_ref(state_->current).store(next, std::memory_order_release);
  return left_out;
}

void XdpGate::set_door(size_t queue, XdpGateDoor door) {
  if (queue >= XDP_GATE_QUEUES_MAX) return;
  std::atomic_ref(state_->door[queue]).store(static_cast<uint8_t>(door), std::memory_order_release);
}

void XdpGate::set_worker(size_t queue, size_t worker, double share) {
  if (queue >= XDP_GATE_QUEUES_MAX) return;
  constexpr double share_one = 256;
  std::atomic_ref(state_->share[queue])
      .store(static_cast<uint32_t>(std::clamp(share * share_one, 1.0, share_one * share_one)),
             std::memory_order_relaxed);
  std::atomic_ref(state_->worker[queue])
      .store(static_cast<uint16_t>(worker % SHIELD_WORKERS_MAX), std::memory_order_relaxed);
}

void XdpGate::set_replies(bool allowed) {
  std::atomic_ref(state_->replies)
      .store(static_cast<uint8_t>(allowed ? 1 : 0), std::memory_order_relaxed);
}

void XdpGate::set_lane(XdpGateLane lane) {
  std::atomic_ref(state_->lane).store(static_cast<uint32_t>(lane), std::memory_order_release);
}

void XdpGate::note_known(const ShieldSources& sources) {
  known_part_ = 0;
  for (uint32_t part = 0; part < known_parts; ++part) note_some_known(sources);
}

void XdpGate::note_some_known(const ShieldSources& sources) {
  const auto load = [](const auto& field) { return __atomic_load_n(&field, __ATOMIC_RELAXED); };
  uint32_t slots = load(sources.common.known_slots);
  for (const ShieldOrders& orders : sources.orders) {
    if (load(orders.level) != 0) slots = std::min(slots, load(orders.known_slots));
  }
  constexpr uint64_t telling = SHIELD_FLAG_PROVED | SHIELD_FLAG_ALLOWED | SHIELD_FLAG_DENIED;
  constexpr uint32_t lines_a_part = SHIELD_HISTORY_LINES / known_parts;
  const uint32_t first = known_part_ * lines_a_part;
  XdpGateKnown* const now = known_next_.get();
  if (first == 0) *now = {};
  for (uint32_t line = first; line < first + lines_a_part; ++line) {
    for (const auto& place : sources.history[line].entries) {
      const uint64_t entry = load(place);
      if (entry == 0) continue;
      if (shield_score(entry) < slots && (shield_flags(entry) & telling) == 0) continue;
      now->words[xdp_gate_known_word(line)] |= xdp_gate_known_bits(shield_tag(entry));
    }
  }
  known_part_ = (known_part_ + 1) % known_parts;
  if (known_part_ != 0) return;
  for (size_t i = 0; i < std::size(now->words); ++i) {
    std::atomic_ref(known_->words[i]).store(now->words[i], std::memory_order_relaxed);
  }
}

uint64_t XdpGate::count(size_t queue, XdpGateReason reason) const {
  if (queue >= XDP_GATE_QUEUES_MAX) return 0;
  return std::atomic_ref(counters_->packets[queue][reason]).load(std::memory_order_relaxed);
}

uint64_t XdpGate::count_dry(size_t queue, XdpGateReason reason) const {
  if (queue >= XDP_GATE_QUEUES_MAX) return 0;
  return std::atomic_ref(counters_->would[queue][reason]).load(std::memory_order_relaxed);
}

int XdpGate::program() const {
  return bpf_program__fd(bpf_object__find_program_by_name(object_.get(), "xdp_gate"));
}

}  // namespace holdfast::shield
