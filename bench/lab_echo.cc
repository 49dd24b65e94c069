// SPDX-License-Identifier: GPL-3.0-or-later
#include <iostream>

#include "drill/seal.h"
#include "drill/sealed_command.h"
#include "echo.h"
#include "lab_commands.h"

namespace holdfast::bench {

namespace {

Result<EchoCounts> echo_by_kind(const EchoArguments& arguments, const Endpoint& address,
                                const std::string& interface_name) {
  if (arguments.kind == "recvmmsg") return echo_over_sockets(address, arguments.answer_bytes);
  if (arguments.kind == "afxdp") {
    const WakeUp wake_up = arguments.busy_poll ? WakeUp::busy_poll : WakeUp::when_needed;
    return echo_over_af_xdp(interface_name, arguments.port, arguments.answer_bytes, wake_up);
  }
  if (arguments.kind == "xdpanswer") {
    return answer_in_kernel(interface_name, arguments.port, arguments.questions_path);
  }
  if (arguments.kind == "xdptx" && arguments.answer_bytes != 0) {
    return fail("--bytes: an answer by xdptx is as long as its question");
  }
  if (arguments.kind == "gate-drop") return run_gate(interface_name, address, GateOrder::drop);
  if (arguments.kind == "gate-truncate") {
    return run_gate(interface_name, address, GateOrder::truncate);
  }
  const KernelFloor kind = arguments.kind == "drop" ? KernelFloor::drop : KernelFloor::transmit;
  return run_kernel_floor(interface_name, arguments.port, kind);
}

}  // namespace

Result<boost::json::object> run_echo(const EchoArguments& arguments) {
  const auto surroundings = TRY(drill::surroundings());
  const auto links = TRY(drill::check_sealed(surroundings.load, surroundings.server));
  TRY(surroundings.server.enter());
  const drill::Prefix& server =
      arguments.over_ipv6 ? surroundings.server_ipv6 : surroundings.server_ipv4;
  const Endpoint address{server.address, server.address_size, arguments.port};
  const EchoCounts counts = TRY(echo_by_kind(arguments, address, links.server.name));
  return boost::json::object{{"kind", arguments.kind},
                             {"received", counts.received},
                             {"sent", counts.sent},
                             {"batches", counts.batches}};
}

}  // namespace holdfast::bench
