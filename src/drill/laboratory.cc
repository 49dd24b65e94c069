// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/laboratory.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/time_slice.h"
#include "drill/answer_counter.h"
#include "drill/generator_layout.h"
#include "drill/interface_settings.h"
#include "drill/processor_time.h"
#include "drill/seal.h"

namespace holdfast::drill {
namespace {

constexpr MacAddress server_mac{0x02, 0x48, 0x46, 0, 0, 1};  // locally administered
constexpr MacAddress load_mac{0x02, 0x48, 0x46, 0, 0, 2};
constexpr uint8_t link_bits_ipv4 = 24;
constexpr uint8_t link_bits_ipv6 = 64;
// The least slice that the fair scheduler grants: such a thread goes before one with a longer slice
// when it wakes, without getting more than its share.
constexpr uint64_t short_slice_ns = 100'000;
constexpr uint16_t no_port = 0;  // answers from there: none
constexpr int napi_threads_wait_ms = 1000;

Prefix ipv4(uint8_t b, uint8_t c, uint8_t d, uint8_t bits) {
  return Prefix{{198, b, c, d}, 4, bits};
}

// fd48:4600:0:SUBNET::HOST
Prefix ipv6(uint8_t subnet, uint8_t host, uint8_t bits) {
  return Prefix{{0xFD, 0x48, 0x46, 0, 0, 0, 0, subnet, 0, 0, 0, 0, 0, 0, 0, host}, 16, bits};
}

struct Holder {
  pid_t pid = 0;
  UniqueFd lease;
};

// In the child: holds its namespace until its parent closes the lease, or dies.
[[noreturn]] void hold_namespace(pid_t parent, int lease) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  close_range(0, static_cast<unsigned>(lease) - 1, 0);
  close_range(static_cast<unsigned>(lease) + 1, ~0U, 0);  // the other holder's lease among them
  const bool made = getppid() == parent && unshare(CLONE_NEWNET) == 0;
  const int error_number = made ? 0 : errno;
  if (write(lease, &error_number, sizeof error_number) != sizeof error_number || !made) _exit(1);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  char unused = 0;
  while (read(lease, &unused, 1) < 0 && errno == EINTR) continue;
  _exit(0);
}

Result<Holder> start_holder() {
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, static_cast<int*>(ends)) != 0) {
    return fail_system("socketpair", errno);
  }
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) return fail_system("fork", errno);
  if (child == 0) hold_namespace(parent, theirs.get());
  theirs.reset();
  int error_number = 0;
  const ssize_t got = read(ours.get(), &error_number, sizeof error_number);
  if (got == sizeof error_number && error_number == 0) return Holder{child, std::move(ours)};
  waitpid(child, nullptr, 0);
  return fail_system("cannot make a network namespace", got > 0 ? error_number : ECHILD);
}

Result<void> use_short_slice(pid_t thread) {
  if (!set_time_slice_of(thread, short_slice_ns, Waking::takes, 0)) {
    return fail_system("cannot shorten the slice of a NAPI thread", errno);
  }
  return {};
}

// What comes back to the load is received at once, however busy the generator keeps the processor:
// a veth holds only 256 frames.
Result<void> use_real_time(pid_t thread) {
  const sched_param parameters{1};
  if (sched_setscheduler(thread, SCHED_FIFO, &parameters) != 0) {
    return fail_system("cannot give a NAPI thread real-time priority", errno);
  }
  return {};
}

Result<void> pin(pid_t thread, unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(thread, sizeof set, &set) != 0) {
    return fail_system("cannot pin a NAPI thread to processor " + std::to_string(cpu), errno);
  }
  return {};
}

// The interface's NAPI threads; the kernel starts them without saying when they have their name.
Result<std::vector<pid_t>> napi_threads_of(const std::string& interface_name) {
  for (int waited_ms = 0; waited_ms < napi_threads_wait_ms; ++waited_ms) {
    std::vector<pid_t> threads = find_kernel_threads("napi/" + interface_name + "-");
    if (!threads.empty()) return threads;
    usleep(1000);
  }
  return fail(interface_name + ": its NAPI thread is not to be seen in /proc");
}

// In the side's namespace, once both ends exist.
Result<void> set_up_side(LaboratorySide& side, const LaboratorySide& other) {
  Netlink netlink = TRY(Netlink::open());
  const auto link = find_link(TRY(netlink.links()), side.interface_name);
  const unsigned loopback = if_nametoindex("lo");
  if (!link || loopback == 0) return fail("the new namespace lacks an interface");
  side.interface_index = link->index;
  TRY(netlink.set_alias(link->index, laboratory_alias));
  TRY(netlink.set_up(loopback));
  TRY(netlink.set_up(link->index));
  // Set while the interface is up, so that the other end learns that it may be redirected to.
  TRY(set_receive_offload_on(side.interface_name));
  for (Prefix address : {side.ipv4, side.ipv6}) {
    address.bits = address.is_ipv6() ? link_bits_ipv6 : link_bits_ipv4;
    TRY(netlink.add_address(link->index, address));
  }
  TRY(netlink.add_neighbour(link->index, other.ipv4, other.mac));
  return netlink.add_neighbour(link->index, other.ipv6, other.mac);
}

Result<void> set_threads(LaboratorySide& side, unsigned cpu) {
  TRY(set_threaded_napi_on(side.interface_name));
  side.napi_threads = TRY(napi_threads_of(side.interface_name));
  for (const pid_t thread : side.napi_threads) TRY(pin(thread, cpu));
  return {};
}

Result<void> finish_server_side(LaboratorySide& server, const LaboratorySide& load,
                                const LaboratoryConfig& config) {
  Netlink netlink = TRY(Netlink::open());
  TRY(netlink.add_route(server.interface_index, client_range_ipv4(), load.ipv4));
  TRY(netlink.add_route(server.interface_index, wide_range_ipv4(), load.ipv4));
  TRY(netlink.add_route(server.interface_index, client_range_ipv6(), load.ipv6));
  TRY(set_threads(server, config.server_cpu));
  if (config.server_napi == NapiScheduling::fair) return {};
  for (const pid_t thread : server.napi_threads) TRY(use_short_slice(thread));
  return {};
}

// What sockets ask from, so that their answers are told from those to simulated clients.
Result<void> confine_socket_ports() {
  const std::string range = std::to_string(label_sockets << label_shift) + " 65535";
  const std::string path = "/proc/sys/net/ipv4/ip_local_port_range";
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.valid()) return fail_system(path, errno);
  const auto* text = static_cast<const uint8_t*>(static_cast<const void*>(range.data()));
  return write_all(file.get(), Bytes(text, range.size()), path);
}

// Sockets of the load may then have any client's address. The laboratory's own network is left out:
// the server would be taken for a part of this side.
Result<void> take_client_addresses() {
  Netlink netlink = TRY(Netlink::open());
  const unsigned loopback = if_nametoindex("lo");
  TRY(netlink.add_local_range(loopback, ipv4(19, 0, 0, 16)));
  for (uint8_t bits = 17; bits <= 24; ++bits) {
    TRY(netlink.add_local_range(loopback,
                                ipv4(18, static_cast<uint8_t>(1U << (24 - bits)), 0, bits)));
  }
  TRY(netlink.add_local_range(loopback, wide_range_ipv4()));
  Prefix upper_half = client_range_ipv6();
  upper_half.address[4] = 0x80;
  upper_half.bits = 33;
  return netlink.add_local_range(loopback, upper_half);
}

Result<void> finish_load_side(LaboratorySide& load, const LaboratoryConfig& config) {
  TRY(take_client_addresses());
  TRY(confine_socket_ports());
  TRY(set_checksum_offload_off(load.interface_name));
  TRY(set_threads(load, config.load_cpu));
  for (const pid_t thread : load.napi_threads) TRY(use_real_time(thread));
  return {};
}

}  // namespace

Prefix client_range_ipv4() { return ipv4(18, 0, 0, 15); }
Prefix wide_range_ipv4() { return Prefix{{100, 64}, 4, 10}; }
Prefix client_range_ipv6() { return ipv6(0, 0, 32); }

Result<Laboratory> Laboratory::make(const LaboratoryConfig& config) {
  Laboratory made;
  LaboratorySide& server = made.server_;
  LaboratorySide& load = made.load_;
  // NAPI threads are found by the interface's name, so it differs between laboratories.
  const std::string number = std::to_string(getpid());
  server = {0, "hs" + number, 0, server_mac, ipv4(18, 0, 1, 32), ipv6(1, 1, 128), {}};
  load = {0, "hl" + number, 0, load_mac, ipv4(18, 0, 2, 32), ipv6(1, 2, 128), {}};
  Holder server_holder = TRY(start_holder());
  server.holder = server_holder.pid;
  made.server_lease_ = std::move(server_holder.lease);
  Holder load_holder = TRY(start_holder());
  load.holder = load_holder.pid;
  made.load_lease_ = std::move(load_holder.lease);
  const auto server_namespace = TRY(NetworkNamespace::of_process(server.holder));
  const auto load_namespace = TRY(NetworkNamespace::of_process(load.holder));
  {
    const auto visit = TRY(NamespaceVisit::to(load_namespace));
    Netlink netlink = TRY(Netlink::open());
    TRY(netlink.create_veth({load.interface_name, load.mac}, {server.interface_name, server.mac},
                            server.holder));
    TRY(set_up_side(load, server));
  }
  {
    const auto visit = TRY(NamespaceVisit::to(server_namespace));
    TRY(set_up_side(server, load));
    TRY(finish_server_side(server, load, config));
  }
  {
    const auto visit = TRY(NamespaceVisit::to(load_namespace));
    TRY(finish_load_side(load, config));
  }
  TRY(AnswerCounter::attach(load_namespace, load.interface_index, no_port));
  TRY(check_sealed(load_namespace, server_namespace));
  return made;
}

Laboratory::~Laboratory() {
  // A holder that was waited for elsewhere is none of ours any more, so nothing is killed by
  // number.
  if (load_lease_.valid()) {
    load_lease_.reset();
    waitpid(load_.holder, nullptr, 0);
  }
  if (server_lease_.valid()) {
    server_lease_.reset();
    waitpid(server_.holder, nullptr, 0);
  }
}

}  // namespace holdfast::drill
