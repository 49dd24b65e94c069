// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/completion.h"

#include <fmt/format.h>

namespace holdfast {

namespace {

constexpr std::string_view script_head = R"(# SPDX-License-Identifier: GPL-3.0-or-later
# Completion of holdfast's commands for bash, written by `holdfast completion bash`.
_holdfast() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local path=holdfast word words='' files=''
  # The command so far: options and their values are no part of it.
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $word" in
)";

constexpr std::string_view script_tail = R"(  esac
  case $previous in
    --config | -c | --socket) words='' files=yes ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  if [[ $files && $current != -* ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$current")
  fi
}
complete -F _holdfast holdfast
)";

}  // namespace

std::string bash_completion(std::span<const CommandInfo> commands) {
  std::string script(script_head);
  for (const CommandInfo& command : commands.subspan(1)) {
    script += fmt::format("      '{0}') path='{0}' ;;\n", command.path);
  }
  script += "    esac\n  done\n  case $path in\n";
  for (const CommandInfo& command : commands) {
    std::string words = fmt::format("{}", fmt::join(command.commands, " "));
    for (const OptionInfo& option : command.options) {
      words += (words.empty() ? "" : " ") + option.name;
    }
    script += fmt::format("    '{}') words='{}'{} ;;\n", command.path, words,
                          command.takes_file ? " files=yes" : "");
  }
  return script + std::string(script_tail);
}

}  // namespace holdfast
