// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/bytes.h"
#include "base/file.h"
#include "drill/equal_terms.h"
#include "drill/processor_time.h"
#include "wire/name.h"
#include "wire/types.h"

namespace holdfast::drill {
namespace {

constexpr int exit_not_started = 126;
constexpr unsigned ready_wait_ms = 30'000;
constexpr unsigned end_wait_ms = 5'000;
constexpr int ask_wait_ms = 100;
constexpr useconds_t pause_us = 10'000;
constexpr size_t log_bytes_max = 64U << 20;
constexpr size_t log_tail_bytes = 2000;
constexpr mode_t config_mode = 0644;
constexpr uint16_t question_id = 0x4846;
constexpr uint16_t class_in = 1;
constexpr uint8_t bit_authoritative = 0x04;

// In the child.
[[noreturn]] void become_server(const std::vector<std::string>& command, const ServerPlan& plan,
                                const NetworkNamespace& server, unsigned cpu, int log,
                                pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // In one session with the generator, which never rests, the scheduler would give it half the
  // weight of the thread that receives for it (autogroups).
  setsid();
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  const bool ready = getppid() == parent && server.enter() &&
                     sched_setaffinity(0, sizeof set, &set) == 0 &&
                     chdir(plan.directory.c_str()) == 0 && dup2(log, STDOUT_FILENO) >= 0 &&
                     dup2(log, STDERR_FILENO) >= 0;
  if (!ready) _exit(exit_not_started);
  close_range(STDERR_FILENO + 1, ~0U, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::vector<std::string> words = command;
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  dprintf(STDERR_FILENO, "%s: cannot be started\n", arguments[0]);
  _exit(exit_not_started);
}

// Whether an authoritative answer to a question for the zone's SOA comes.
bool serves(int socket, const std::string& zone) {
  const auto name = wire::Name::from_text(zone);
  if (!name) return false;
  std::array<uint8_t, 512> buffer{};
  ByteWriter writer(buffer);
  writer.write_u16(question_id);
  constexpr std::array<uint16_t, 5> flags_and_counts{0, 1, 0, 0, 0};
  for (const uint16_t word : flags_and_counts) writer.write_u16(word);
  writer.write_bytes(name->view().bytes());
  writer.write_u16(wire::type_soa);
  writer.write_u16(class_in);
  if (send(socket, buffer.data(), writer.size(), 0) < 0) return false;
  pollfd waiting{socket, POLLIN, 0};
  if (poll(&waiting, 1, ask_wait_ms) != 1) return false;
  const ssize_t got = recv(socket, buffer.data(), buffer.size(), 0);
  return got > 12 && load_be16(buffer.data()) == question_id &&
         (buffer[2] & bit_authoritative) != 0 && load_be16(&buffer[6]) > 0;
}

std::string tail_of(const std::string& path) {
  const auto text = read_file(path, log_bytes_max);
  if (!text) return text.error().message;
  return text->size() > log_tail_bytes ? text->substr(text->size() - log_tail_bytes) : *text;
}

}  // namespace

Result<ServerProcess> ServerProcess::start(const ServerPlan& plan,
                                           const SealedSurroundings& surroundings,
                                           unsigned server_cpu) {
  ServerProcess made;
  made.log_path_ = plan.directory + "/log";
  made.cpu_ = server_cpu;
  made.attack_config_ = plan.attack_config;
  const UniqueFd log(open(made.log_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!log.valid()) return fail_system(made.log_path_, errno);
  const pid_t self = getpid();
  for (const std::vector<std::string>& command : plan.commands) {
    const pid_t child = fork();
    if (child < 0) return fail_system("fork", errno);
    if (child == 0) {
      become_server(command, plan, surroundings.server, server_cpu, log.get(), self);
    }
    made.processes_.push_back(child);
  }
  return made;
}

ServerProcess::~ServerProcess() {
  for (const pid_t process : processes_) kill(process, SIGTERM);
  for (const pid_t process : processes_) {
    unsigned waited_ms = 0;
    while (waitpid(process, nullptr, WNOHANG) == 0) {
      if (waited_ms >= end_wait_ms) kill(process, SIGKILL);
      usleep(pause_us);
      waited_ms += pause_us / 1000;
    }
  }
}

Result<void> ServerProcess::wait_until_it_serves(const SealedSurroundings& surroundings,
                                                 uint16_t port,
                                                 const std::vector<std::string>& zones) {
  const auto visit = TRY(NamespaceVisit::to(surroundings.load));
  const UniqueFd udp(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage to{};
  const socklen_t size = Endpoint{surroundings.server_ipv4.address, 4, port}.to_sockaddr(to);
  const auto* address = static_cast<const sockaddr*>(static_cast<const void*>(&to));
  if (!udp.valid() || connect(udp.get(), address, size) != 0) {
    return fail_system("cannot ask the server", errno);
  }
  size_t next = 0;
  for (unsigned waited_ms = 0; next < zones.size();) {
    if (serves(udp.get(), zones[next])) {
      ++next;
      continue;
    }
    if (!runs() || waited_ms > ready_wait_ms) {
      return fail("the server does not serve " + zones[next] + "; its log ends with\n" +
                  tail_of(log_path_));
    }
    usleep(pause_us);
    waited_ms += pause_us / 1000 + ask_wait_ms;
  }
  return {};
}

std::vector<pid_t> ServerProcess::all_processes() const {
  std::vector<pid_t> all;
  for (const pid_t process : processes_) {
    const std::vector<pid_t> tree = process_tree(process);
    all.insert(all.end(), tree.begin(), tree.end());
  }
  return all;
}

Result<void> ServerProcess::set_equal_terms() const {
  keep_on_its_processor();
  if (TRY(set_receive_queues(all_processes())) == 0) return fail("the server has no UDP socket");
  return {};
}

Result<void> ServerProcess::take_attack_config() const {
  if (!attack_config_) return {};
  const auto& [path, text] = *attack_config_;
  const Bytes bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  TRY(replace_file(path, bytes, config_mode));
  if (kill(processes_.front(), SIGHUP) != 0) return fail_system("reload the server", errno);
  return {};
}

void ServerProcess::keep_on_its_processor() const { keep_on_processor(all_processes(), cpu_); }

uint64_t ServerProcess::processor_ns() const {
  uint64_t total = 0;
  for (const pid_t each : all_processes()) total += process_time_ns(each).value_or(0);
  return total;
}

bool ServerProcess::runs() const {
  for (const pid_t process : processes_) {
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(process), &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
      return false;
    }
    if (info.si_pid != 0) return false;
  }
  return true;
}

}  // namespace holdfast::drill
