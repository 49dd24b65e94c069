// SPDX-License-Identifier: GPL-3.0-or-later
// The zone and the key folder that a `holdfast key …` command is about.
#pragma once

#include <string>

#include "base/error.h"
#include "main/command_line.h"
#include "wire/name.h"

namespace holdfast {

constexpr unsigned key_folder_mode = 0700;

struct KeyPlace {
  wire::Name zone;
  std::string folder;
};

[[nodiscard]] Result<KeyPlace> key_place_of(const Invocation& invocation);
// Tells an error, if there is one, on standard error.
[[nodiscard]] ExitCode end_of(const Result<void>& done);

}  // namespace holdfast
