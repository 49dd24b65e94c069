// SPDX-License-Identifier: GPL-3.0-or-later
// The program's version, as CMakeLists.txt states it: "0.1.0".
#pragma once

#include <string_view>

namespace holdfast {

[[nodiscard]] std::string_view program_version();

}  // namespace holdfast
