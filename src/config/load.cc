// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "base/file.h"
#include "config/document.h"

namespace holdfast::config {

std::string Problem::to_text() const {
  if (file.empty()) return message;
  if (line == 0) return fmt::format("{}: {}", file, message);
  return fmt::format("{}:{}:{}: {}", file, line, column, message);
}

void ProblemList::add(Problem problem) {
  if (problems.size() < problems_max) {
    problems.push_back(std::move(problem));
  } else {
    ++suppressed;
  }
}

void ProblemList::sort() {
  std::ranges::sort(problems, {}, [](const Problem& problem) {
    return std::tie(problem.line, problem.column, problem.message);
  });
}

std::string ProblemList::to_text() const {
  std::string text;
  for (const Problem& problem : problems) {
    if (!text.empty()) text += '\n';
    text += problem.to_text();
  }
  if (suppressed > 0) text += fmt::format("\nand {} more", suppressed);
  return text;
}

LoadOutcome load_config(const std::string& path) {
  const Result<std::string> text = read_file(path, config_bytes_max);
  if (!text) {
    LoadOutcome outcome;
    outcome.problems.add({.message = text.error().message});
    return outcome;
  }
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  return parse_config(*text, path, absolute.parent_path().string());
}

LoadOutcome parse_config(std::string_view text, const std::string& source,
                         const std::string& base_directory) {
  LoadOutcome outcome;
  Config config = read_document(text, source, base_directory, outcome.problems);
  outcome.problems.sort();
  if (outcome.problems.empty()) outcome.config = std::move(config);
  return outcome;
}

}  // namespace holdfast::config
