// SPDX-License-Identifier: GPL-3.0-or-later
// Runs a command in a laboratory made for it, and leaves nothing behind.
//
// The laboratory is made by a process of its own, which also becomes the parent of whatever the
// command leaves running. When the command ends, or either of the two processes is told to end or
// is killed, all of those are killed and the laboratory is gone. (Only killing both at once leaves
// running what the command had started in turn.)
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "drill/laboratory.h"

namespace holdfast::drill {

// The command's exit status, or 128 and the number of the signal that ended it. It runs in the
// load's namespace, with its surroundings in these variables:
//   LAB_SERVER_NS_PID, LAB_LOAD_NS_PID        processes to enter the namespaces by
//   LAB_SERVER_IF, LAB_LOAD_IF                interfaces
//   LAB_SERVER_ADDR4, LAB_SERVER_ADDR6, LAB_LOAD_ADDR4, LAB_LOAD_ADDR6
//   LAB_SERVER_NAPI_TIDS, LAB_LOAD_NAPI_TIDS  kernel threads, separated by commas
//   LAB_SERVER_CPU, LAB_LOAD_CPU              processors
//   LAB_SCRATCH                               a folder that goes with the laboratory
[[nodiscard]] Result<int> run_sealed(const LaboratoryConfig& config,
                                     const std::vector<std::string>& command);

struct SealedSurroundings {
  NetworkNamespace load;
  NetworkNamespace server;
  Prefix server_ipv4;
  Prefix server_ipv6;
  std::string scratch;  // a folder
  unsigned server_cpu = 0;
  unsigned load_cpu = 0;
};

// What the variables above say, for a program that is run by the command. An error if there is no
// laboratory around.
[[nodiscard]] Result<SealedSurroundings> surroundings();

}  // namespace holdfast::drill
