// SPDX-License-Identifier: GPL-3.0-or-later
// Any text is either refused with a problem or gives a Config that prints to what parses again.
#include "base/check.h"
#include "config/load.h"
#include "config/print.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast::config;
  const std::string text(data, data + size);
  if (text.contains("_file")) return 0;  // secret files would be read from the machine's disk
  const LoadOutcome outcome = parse_config(text, "fuzz.toml", "/fuzz");
  CHECK(outcome.config.has_value() == outcome.problems.empty());
  for (const Problem& problem : outcome.problems.problems) {
    CHECK(problem.line > 0 && !problem.message.empty());
  }
  if (!outcome.config) return 0;
  const std::string printed = print_toml(*outcome.config);
  const LoadOutcome again = parse_config(printed, "printed.toml", "/");
  CHECK(again.config.has_value());
  CHECK(print_toml(*again.config) == printed);
  return 0;
}
