// SPDX-License-Identifier: GPL-3.0-or-later
// Errors as values: what management code returns when input is bad or the environment fails.
//
// A message is one plain sentence for an operator: it names the place (file, line, key), the value
// found and what was expected. The data plane uses small enums instead, as it must not allocate.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace holdfast {

struct Error {
  std::string message;
};

template <typename T>
using Result = std::expected<T, Error>;

// An Error made from a message, ready to return from a function that gives a Result.
[[nodiscard]] inline std::unexpected<Error> fail(std::string message) {
  return std::unexpected(Error{std::move(message)});
}

// "what: strerror(error_number)", for failed system calls.
[[nodiscard]] std::unexpected<Error> fail_system(std::string what, int error_number);

}  // namespace holdfast

// The value of a Result, or return of its error from the enclosing function.
#define TRY(expression)                                                     \
  __extension__({                                                           \
    auto&& try_result = (expression);                                       \
    if (!try_result) return std::unexpected(std::move(try_result.error())); \
    *std::move(try_result);                                                 \
  })
