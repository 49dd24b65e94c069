// SPDX-License-Identifier: GPL-3.0-or-later
// Completion for bash, made from the tree of commands.
#pragma once

#include <span>
#include <string>

#include "main/command_line.h"

namespace holdfast {

[[nodiscard]] std::string bash_completion(std::span<const CommandInfo> commands);

}  // namespace holdfast
