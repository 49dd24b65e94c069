// SPDX-License-Identifier: GPL-3.0-or-later
// Reads a configuration from TOML and reports everything that is wrong with it at once.
//
// Each problem names file, line and column, the key, the value found and what was expected; an
// unknown key names the nearest known one. Bounds: config_bytes_max, problems_max. Reads the file
// and the secret files that it names; reentrant.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace holdfast::config {

// A zone of its own [[zone]] needs about 60 bytes: a million of them fit.
constexpr size_t config_bytes_max = size_t{256} << 20;
constexpr size_t problems_max = 50;  // further ones are counted only

struct Problem {
  std::string file = {};  // empty: the message names it
  uint32_t line = 0;      // 0: the file as a whole
  uint32_t column = 0;
  std::string message = {};
  [[nodiscard]] std::string to_text() const;  // "file:line:column: message"
};

// The first `problems_max` problems, and how many there were beyond them.
struct ProblemList {
  std::vector<Problem> problems;
  size_t suppressed = 0;

  [[nodiscard]] bool empty() const { return problems.empty(); }
  void add(Problem problem);
  // By line and column.
  void sort();
  // One a line, for a log or an Error.
  [[nodiscard]] std::string to_text() const;
};

struct LoadOutcome {
  std::optional<Config> config;  // there only without problems
  ProblemList problems;
};

[[nodiscard]] LoadOutcome load_config(const std::string& path);
// `source` stands in messages for the file; relative paths are resolved against `base_directory`.
[[nodiscard]] LoadOutcome parse_config(std::string_view text, const std::string& source,
                                       const std::string& base_directory);

}  // namespace holdfast::config
