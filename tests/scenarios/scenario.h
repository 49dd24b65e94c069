// SPDX-License-Identifier: GPL-3.0-or-later
// Reads scenario files (README.md describes their form).
#pragma once

#include <string>
#include <vector>

namespace holdfast::scenarios {

struct ZoneText {
  std::string apex;
  std::string text;
  bool available = true;
};

struct Case {
  std::string title;
  size_t line = 0;  // of its `ask`
  std::string qname;
  std::string qtype;
  std::vector<std::string> options;
  std::string expected;  // "NOERROR aa"
  std::vector<std::string> answer;
  std::vector<std::string> authority;
  std::vector<std::string> additional;
};

struct Scenario {
  std::vector<ZoneText> zones;
  std::vector<Case> cases;
  bool zones_complete = true;
};

// Ends the process with a sentence if the file cannot be read or has another form.
[[nodiscard]] Scenario read_scenario(const std::string& path);

}  // namespace holdfast::scenarios
