// SPDX-License-Identifier: GPL-3.0-or-later
// bench_lab: a sealed laboratory for the bench, and the load, the floors and the measurements in
// it.
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>

#include "drill/sealed_command.h"
#include "lab_commands.h"

namespace holdfast::bench {

std::atomic<bool> stop = false;

namespace {

constexpr int exit_failed = 1;
constexpr int windows_max = 100;

struct Arguments {
  drill::LaboratoryConfig laboratory;
  bool fair_napi = false;
  std::vector<std::string> command;
  LoadArguments load;
  HonestArguments honest;
  EchoArguments echo;
  ProcessorArguments processor;
};

void on_signal(int) { stop = true; }

// The load and the floors end with whoever started them.
void end_in_time() {
  struct sigaction action{};
  action.sa_handler = on_signal;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
}

CLI::App* add_enter(CLI::App& app, Arguments& arguments) {
  CLI::App* enter = app.add_subcommand("enter", "Make a laboratory and run a command in it");
  enter->add_option("--server-cpu", arguments.laboratory.server_cpu)->capture_default_str();
  enter->add_option("--load-cpu", arguments.laboratory.load_cpu)->capture_default_str();
  enter->add_flag("--fair-napi", arguments.fair_napi,
                  "The server's NAPI thread waits like any other thread for its turn");
  enter->add_option("COMMAND", arguments.command)->required();
  enter->positionals_at_end();
  return enter;
}

CLI::App* add_load(CLI::App& app, LoadArguments& load) {
  CLI::App* command = app.add_subcommand("load", "Ask questions and count the answers");
  command->add_option("--questions", load.questions_path, "A file of lines 'qname qtype'");
  command->add_option("--random-under", load.random_under, "12 random characters below this name");
  command->add_option("--type", load.random_type, "With --random-under")->capture_default_str();
  command->add_option("--zipf", load.zipf_exponent, "The n-th question is asked 1/n^S as often");
  command->add_option("--edns", load.edns_bytes, "With EDNS, and this payload size");
  command->add_flag("--do", load.dnssec_ok, "With DNSSEC OK");
  command->add_option("--rate", load.rate, "Questions a second, or max")->capture_default_str();
  command->add_option("--seconds", load.seconds, "Of each window")->capture_default_str();
  command->add_option("--windows", load.windows, "So many, each with its answers awaited")
      ->check(CLI::Range(1, windows_max))
      ->capture_default_str();
  command->add_option("--server-pids", load.server_processes, "Processes whose time is told")
      ->delimiter(',');
  command->add_option("--server-tids", load.server_threads, "Threads whose time is told")
      ->delimiter(',');
  command->add_option("--sources", load.sources, "How many clients, or a file of addresses")
      ->capture_default_str();
  command->add_option("--port", load.port)->capture_default_str();
  command->add_flag("--ipv6", load.over_ipv6);
  command->add_option("--latency-rate", load.latency_rate,
                      "Measure the time of so many answers a second");
  command->add_option("--seed", load.seed)->capture_default_str();
  return command;
}

CLI::App* add_honest(CLI::App& app, HonestArguments& honest) {
  CLI::App* command =
      app.add_subcommand("honest", "Ask as resolvers do, with retries, cookies and TCP");
  command->add_option("--questions", honest.questions_path, "A file of lines 'qname qtype'")
      ->required();
  command->add_option("--zipf", honest.zipf_exponent, "The n-th question is asked 1/n^S as often")
      ->capture_default_str();
  command->add_option("--rate", honest.rate, "Clients' questions a second")->capture_default_str();
  command->add_option("--seconds", honest.seconds)->capture_default_str();
  command->add_option("--drain", honest.drain, "Seconds for what is under way at the end")
      ->capture_default_str();
  command->add_option("--resolvers", honest.resolvers)->capture_default_str();
  command
      ->add_option("--size-exponent", honest.size_exponent, "The n-th resolver asks 1/n^S as often")
      ->capture_default_str();
  command->add_option("--port", honest.port)->capture_default_str();
  command->add_flag("--ipv6", honest.over_ipv6);
  command->add_option("--seed", honest.seed)->capture_default_str();
  return command;
}

CLI::App* add_echo(CLI::App& app, EchoArguments& echo) {
  CLI::App* command = app.add_subcommand("echo", "A floor: return each question as its answer");
  command->add_option("--kind", echo.kind)
      ->check(CLI::IsMember(
          {"recvmmsg", "afxdp", "xdptx", "xdpanswer", "drop", "gate-drop", "gate-truncate"}))
      ->capture_default_str();
  command->add_flag("--busy-poll", echo.busy_poll, "With afxdp");
  command->add_option("--questions", echo.questions_path, "With xdpanswer: what is answered");
  command->add_flag("--ipv6", echo.over_ipv6);
  command->add_option("--port", echo.port)->capture_default_str();
  command->add_option("--bytes", echo.answer_bytes, "Of each answer; 0: as the question has");
  return command;
}

CLI::App* add_processor(CLI::App& app, ProcessorArguments& processor) {
  CLI::App* command = app.add_subcommand("cpu", "Processor time used while the time passes");
  command->add_option("--pids", processor.processes, "Processes, with all their threads")
      ->delimiter(',');
  command->add_option("--tids", processor.threads, "Single threads")->delimiter(',');
  command->add_option("--seconds", processor.seconds)->capture_default_str();
  return command;
}

int print(const Result<boost::json::object>& result) {
  if (!result) {
    std::cerr << "bench_lab: " << result.error().message << '\n';
    return exit_failed;
  }
  std::cout << boost::json::serialize(*result) << std::endl;
  return 0;
}

int enter_laboratory(Arguments& arguments) {
  if (arguments.fair_napi) arguments.laboratory.server_napi = drill::NapiScheduling::fair;
  const auto status = drill::run_sealed(arguments.laboratory, arguments.command);
  if (status) return *status;
  std::cerr << "bench_lab: " << status.error().message << '\n';
  return exit_failed;
}

int run(int count, char** words) {
  CLI::App app{"A sealed laboratory for measuring name servers"};
  app.name("bench_lab");
  app.require_subcommand(1);
  Arguments arguments;
  const CLI::App* enter = add_enter(app, arguments);
  const CLI::App* load = add_load(app, arguments.load);
  const CLI::App* honest = add_honest(app, arguments.honest);
  const CLI::App* echo = add_echo(app, arguments.echo);
  add_processor(app, arguments.processor);
  CLI11_PARSE(app, count, words);
  if (enter->parsed()) return enter_laboratory(arguments);
  end_in_time();
  if (load->parsed()) return print(run_load(arguments.load));
  if (honest->parsed()) return print(run_honest(arguments.honest));
  if (echo->parsed()) return print(run_echo(arguments.echo));
  return print(measure_processor(arguments.processor));
}

}  // namespace
}  // namespace holdfast::bench

int main(int count, char** words) { return holdfast::bench::run(count, words); }
