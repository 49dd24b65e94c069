// SPDX-License-Identifier: GPL-3.0-or-later
// CHECK ends the process when an invariant of the program is broken, in release builds too.
//
// Not for bad input (that is a Result) and not for a failing environment. Async-signal-safe.
#pragma once

namespace holdfast {

[[noreturn, gnu::cold]] void check_failed(const char* condition, const char* file, int line);

}  // namespace holdfast

#define CHECK(condition)                               \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::holdfast::check_failed(#condition, __FILE__, __LINE__))
