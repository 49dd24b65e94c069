// SPDX-License-Identifier: GPL-3.0-or-later
// How the program ends, for scripts: the same for every command.
#pragma once

namespace holdfast {

enum class ExitCode : int {
  good = 0,
  failed = 1,     // something is wrong with what was looked at, or it could not be done
  wrong_use = 2,  // the command line is not one that the program knows
};

}  // namespace holdfast
