// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/error.h"

#include <system_error>

namespace holdfast {

std::unexpected<Error> fail_system(std::string what, int error_number) {
  return fail(std::move(what) + ": " + std::generic_category().message(error_number));
}

}  // namespace holdfast
