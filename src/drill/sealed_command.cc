// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/sealed_command.h"

#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "drill/processor_time.h"

namespace holdfast::drill {
namespace {

constexpr int exit_no_laboratory = 125;  // as env(1) and others, for a failure of their own
constexpr int exit_no_command = 127;
constexpr int signal_base = 128;
constexpr unsigned cpu_max = 1023;

// Made before the laboratory and removed after it, by both of its processes, so that it goes
// whichever of them is killed.
class Scratch {
 public:
  [[nodiscard]] static Result<Scratch> make() {
    std::string path = std::filesystem::temp_directory_path() / "holdfast-lab-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) return fail_system("cannot make " + path, errno);
    // Servers that give up their rights go on writing in folders of their own within.
    std::filesystem::permissions(path, std::filesystem::perms{0755});
    setenv("LAB_SCRATCH", path.c_str(), 1);
    return Scratch(std::move(path));
  }
  Scratch(Scratch&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Scratch& operator=(Scratch&&) = delete;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { remove(); }

  void remove() const {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove_all(path_, error);
  }

 private:
  explicit Scratch(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

std::string join(const std::vector<pid_t>& numbers) {
  std::string text;
  for (const pid_t number : numbers) text += (text.empty() ? "" : ",") + std::to_string(number);
  return text;
}

std::string address_text(const Prefix& prefix) {
  const std::string text = prefix.to_text();
  return text.substr(0, text.find('/'));
}

void export_side(const std::string& side, const LaboratorySide& facts, unsigned cpu) {
  const auto set = [&side](const char* what, const std::string& value) {
    setenv(("LAB_" + side + what).c_str(), value.c_str(), 1);
  };
  set("_NS_PID", std::to_string(facts.holder));
  set("_IF", facts.interface_name);
  set("_ADDR4", address_text(facts.ipv4));
  set("_ADDR6", address_text(facts.ipv6));
  set("_NAPI_TIDS", join(facts.napi_threads));
  set("_CPU", std::to_string(cpu));
}

// The signals that end a run, and SIGCHLD, taken one by one instead of interrupting.
sigset_t waited_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGCHLD, SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  return set;
}

int status_of(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : signal_base + WTERMSIG(wait_status);
}

struct Ending {
  int status = 0;
  bool child_runs = false;  // a signal came first
};

// Waits until `child` ends, or a signal tells this process to end. Reaps strangers on the way.
Ending wait_for(pid_t child, const sigset_t& signals) {
  for (;;) {
    int wait_status = 0;
    for (pid_t ended = 0; (ended = waitpid(-1, &wait_status, WNOHANG)) > 0;) {
      if (ended == child) return {status_of(wait_status), false};
    }
    siginfo_t info{};
    const int signal = sigwaitinfo(&signals, &info);
    if (signal > 0 && signal != SIGCHLD) return {signal_base + signal, true};
  }
}

// Kills all descendants. Those whose parent died have become this process's children, so nothing
// is missed; those that fork meanwhile are found by the next round.
void end_descendants() {
  for (;;) {
    const std::vector<pid_t> tree = process_tree(getpid());
    for (size_t index = 1; index < tree.size(); ++index) kill(tree[index], SIGKILL);
    if (waitpid(-1, nullptr, 0) < 0 && errno == ECHILD) return;
  }
}

[[noreturn]] void become_command(const NetworkNamespace& load,
                                 const std::vector<std::string>& command, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent || !load.enter()) _exit(exit_no_laboratory);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::vector<std::string> words = command;
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  std::perror(arguments[0]);
  _exit(exit_no_command);
}

// The process of its own: makes the laboratory, runs the command, ends what is left.
Result<int> keep_laboratory(const LaboratoryConfig& config,
                            const std::vector<std::string>& command) {
  const Laboratory laboratory = TRY(Laboratory::make(config));
  export_side("SERVER", laboratory.server(), config.server_cpu);
  export_side("LOAD", laboratory.load(), config.load_cpu);
  const auto load = TRY(NetworkNamespace::of_process(laboratory.load().holder));
  const pid_t self = getpid();
  const pid_t child = fork();
  if (child < 0) return fail_system("fork", errno);
  if (child == 0) become_command(load, command, self);
  const Ending ending = wait_for(child, waited_signals());
  end_descendants();
  return ending.status;
}

[[noreturn]] void keep_laboratory_and_exit(const LaboratoryConfig& config,
                                           const std::vector<std::string>& command, pid_t parent,
                                           const Scratch& scratch) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (getppid() != parent) _exit(exit_no_laboratory);
  const auto status = keep_laboratory(config, command);
  if (!status) std::fprintf(stderr, "%s\n", status.error().message.c_str());
  scratch.remove();
  _exit(status.value_or(exit_no_laboratory));
}

std::optional<unsigned> number_from(const char* variable) {
  const char* text = std::getenv(variable);
  const std::string_view digits = text != nullptr ? text : "";
  unsigned number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

// As a laboratory has it by default, unless the variable says otherwise.
unsigned processor_from(const char* variable, unsigned usual) {
  const auto number = number_from(variable);
  return number && *number <= cpu_max ? *number : usual;
}

Result<NetworkNamespace> namespace_from(const char* variable) {
  const auto number = number_from(variable);
  const auto pid = static_cast<pid_t>(number.value_or(0));
  if (pid <= 0) {
    return fail(std::string("not in a laboratory: ") + variable + " names no process");
  }
  return NetworkNamespace::of_process(pid);
}

Result<Prefix> address_from(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return fail(std::string("not in a laboratory: no ") + variable);
  return parse_prefix(text);
}

}  // namespace

Result<int> run_sealed(const LaboratoryConfig& config, const std::vector<std::string>& command) {
  const sigset_t signals = waited_signals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const Scratch scratch = TRY(Scratch::make());
  const pid_t self = getpid();
  const pid_t child = fork();
  if (child < 0) return fail_system("fork", errno);
  if (child == 0) keep_laboratory_and_exit(config, command, self, scratch);
  const Ending ending = wait_for(child, signals);
  if (ending.child_runs) {
    kill(child, SIGTERM);
    waitpid(child, nullptr, 0);
  }
  end_descendants();
  return ending.status;
}

Result<SealedSurroundings> surroundings() {
  const char* scratch = std::getenv("LAB_SCRATCH");
  const LaboratoryConfig usual;
  return SealedSurroundings{TRY(namespace_from("LAB_LOAD_NS_PID")),
                            TRY(namespace_from("LAB_SERVER_NS_PID")),
                            TRY(address_from("LAB_SERVER_ADDR4")),
                            TRY(address_from("LAB_SERVER_ADDR6")),
                            scratch != nullptr ? scratch : "",
                            processor_from("LAB_SERVER_CPU", usual.server_cpu),
                            processor_from("LAB_LOAD_CPU", usual.load_cpu)};
}

}  // namespace holdfast::drill
