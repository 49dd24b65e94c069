// SPDX-License-Identifier: GPL-3.0-or-later
// Where the server keeps the keys of a zone: a folder for each under `keys` in the state directory.
#pragma once

#include <string>

#include "wire/name.h"

namespace holdfast::dnssec {

// Without a final slash; its name is that of the zone without the final dot, "@" for the root.
[[nodiscard]] std::string key_folder(const std::string& state_directory, wire::NameView zone);

}  // namespace holdfast::dnssec
