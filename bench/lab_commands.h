// SPDX-License-Identifier: GPL-3.0-or-later
// The subcommands of bench_lab: what each takes, and the JSON object that it gives.
//
// Each runs until it is done or `stop` is set, which SIGINT and SIGTERM do.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <boost/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"

namespace holdfast::bench {

// Set by the signals; also when the process that started this one ends.
extern std::atomic<bool> stop;

struct LoadArguments {
  std::string questions_path;  // or
  std::string random_under;    // with
  std::string random_type = "A";
  double zipf_exponent = 0;
  uint16_t edns_bytes = 0;
  bool dnssec_ok = false;
  std::string rate = "max";  // a second, or "max"
  double seconds = 1;        // of each window
  unsigned windows = 1;      // one after the other, each with its answers awaited
  std::vector<pid_t> server_processes;
  std::vector<pid_t> server_threads;  // kernel threads that receive for the server
  std::string sources = "65536";      // a number, or a file of addresses
  uint16_t port = 53;
  bool over_ipv6 = false;
  uint64_t latency_rate = 0;  // answers a second of which the time is taken
  uint64_t seed = 1;
};
[[nodiscard]] Result<boost::json::object> run_load(const LoadArguments& arguments);

struct HonestArguments {
  std::string questions_path;
  double zipf_exponent = 1;
  double rate = 1000;  // questions a second, of all resolvers
  double seconds = 1;
  double drain = 3;  // seconds for what is under way then
  uint32_t resolvers = 1000;
  double size_exponent = 1;
  uint16_t port = 53;
  bool over_ipv6 = false;
  uint64_t seed = 1;
};
[[nodiscard]] Result<boost::json::object> run_honest(const HonestArguments& arguments);

struct EchoArguments {
  std::string kind = "recvmmsg";
  bool busy_poll = false;
  bool over_ipv6 = false;
  uint16_t port = 53;
  unsigned answer_bytes = 0;   // 0: as long as the question
  std::string questions_path;  // with xdpanswer
};
[[nodiscard]] Result<boost::json::object> run_echo(const EchoArguments& arguments);

struct ProcessorArguments {
  std::vector<pid_t> processes;
  std::vector<pid_t> threads;
  double seconds = 1;
};
[[nodiscard]] Result<boost::json::object> measure_processor(const ProcessorArguments& arguments);

}  // namespace holdfast::bench
