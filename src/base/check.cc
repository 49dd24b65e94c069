// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace holdfast {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "holdfast: broken invariant at %s:%d: %s\n", file, line, condition);
  std::abort();
}

}  // namespace holdfast
