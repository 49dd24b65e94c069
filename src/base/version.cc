// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/version.h"

namespace holdfast {

std::string_view program_version() { return HOLDFAST_VERSION; }

}  // namespace holdfast
