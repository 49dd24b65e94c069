// SPDX-License-Identifier: GPL-3.0-or-later
// Takes one entry of a zone file apart: a record or directive with its parentheses, quotes and
// comments (RFC 1035 §5.1).
//
// Used for what libzscanner cannot read. Tokens are views of the text, escapes still in them. One
// thread; bound: entry_bytes_max.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "wire/name.h"

namespace holdfast::zone {

// A record of 64 KiB, every byte written as \DDD, on lines of its own, and more.
constexpr size_t entry_bytes_max = size_t{1} << 20;

struct Token {
  std::string_view text;  // without the quotes
  bool quoted = false;
};

struct Entry {
  std::vector<Token> tokens;  // none: nothing but blanks and comments up to the end of the text
  bool begins_blank = false;  // the owner is that of the record before
  uint64_t line = 0;          // of the first token
  std::string_view text;      // from the first token to the end of the entry
  std::string_view rest;      // the text behind the entry
  uint64_t rest_line = 0;
  std::string fault;  // not empty: a quote or parenthesis without its partner; `rest` begins after
                      // the entry's first line
};

// The first entry of `text`, which begins at line `line`, at the start of a line.
[[nodiscard]] Entry read_entry(std::string_view text, uint64_t line);

// The bytes of a token, its escapes undone; none if an escape is not \DDD with DDD at most 255.
[[nodiscard]] std::optional<std::string> unescape(std::string_view token);

// A name of a zone file: "@", absolute, or relative to `origin`.
[[nodiscard]] Result<wire::Name> read_name_token(const Token& token, wire::NameView origin);

// A TTL: seconds, or numbers with the units s, m, h, d, w. None if it is not one or over 32 bits.
[[nodiscard]] std::optional<uint32_t> read_ttl_token(std::string_view token);

// The token with every byte that libzscanner does not accept in a name written as \DDD.
[[nodiscard]] std::string escape_token(const Token& token);

}  // namespace holdfast::zone
