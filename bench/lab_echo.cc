// SPDX-License-Identifier: GPL-3.0-or-later
#include <iostream>

#include "drill/seal.h"
#include "drill/sealed_command.h"
#include "echo.h"
#include "lab_commands.h"

namespace holdfast::bench {

Result<boost::json::object> run_echo(const EchoArguments& arguments) {
  const auto surroundings = TRY(drill::surroundings());
  const auto links = TRY(drill::check_sealed(surroundings.load, surroundings.server));
  TRY(surroundings.server.enter());
  const drill::Prefix& server =
      arguments.over_ipv6 ? surroundings.server_ipv6 : surroundings.server_ipv4;
  const Endpoint address{server.address, server.address_size, arguments.port};
  const EchoCounts counts = TRY(echo_over_sockets(address, arguments.answer_bytes));
  return boost::json::object{{"kind", arguments.kind},
                             {"received", counts.received},
                             {"sent", counts.sent},
                             {"batches", counts.batches}};
}

}  // namespace holdfast::bench
