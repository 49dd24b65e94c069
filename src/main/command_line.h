// SPDX-License-Identifier: GPL-3.0-or-later
// The command line: which commands and options there are, and what one invocation asks for.
//
// The only unit that knows the command line library. The tree of commands is also given as plain
// data, for completion.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "main/exit_code.h"

namespace holdfast {

enum class Command : uint8_t {
  serve,
  config_check,
  config_print,
  config_schema,
  config_reference,
  reload,
  status,
  zone_list,
  zone_status,
  zone_check,
  zone_print,
  completion_bash,
};

enum class OutputFormat : uint8_t { text, json };
enum class Strictness : uint8_t { usual, strict };

struct Invocation {
  Command command = Command::serve;
  std::string config_path;
  std::string socket_path;  // empty: the one in the configuration's server.state
  std::string zone_name;
  std::string zone_file;  // of `zone check` and `zone print`; empty: not given
  OutputFormat format = OutputFormat::text;
  Strictness strictness = Strictness::usual;
};

// What to run, or, if everything was said on the way (help, version, a wrong use), how to end.
[[nodiscard]] std::variant<Invocation, ExitCode> parse_command_line(int argc, char** argv);

struct OptionInfo {
  std::string name;  // "--config"
  bool takes_file = false;
};

struct CommandInfo {
  std::string path;  // "holdfast zone check"
  std::vector<OptionInfo> options;
  std::vector<std::string> commands;  // below it
  bool takes_file = false;            // as an argument without an option
};

// Every command, those above first.
[[nodiscard]] std::vector<CommandInfo> all_commands();

}  // namespace holdfast
