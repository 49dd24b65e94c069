// SPDX-License-Identifier: GPL-3.0-or-later
#include "scenario.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace holdfast::scenarios {

namespace {

constexpr size_t indent = 2;

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path), file_(path) {
    if (!file_) fail("cannot be read");
  }

  Scenario read() {
    for (std::string line; std::getline(file_, line);) {
      ++line_;
      if (line.empty() || line.starts_with("#")) continue;
      if (line.starts_with("  ")) {
        add_to_body(line.substr(indent));
      } else {
        read_directive(line);
      }
    }
    return std::move(scenario_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "%s:%zu: %s\n", path_.c_str(), line_, what.c_str());
    std::exit(2);
  }

  Case& current() {
    if (scenario_.cases.empty()) fail("no question before this line");
    return scenario_.cases.back();
  }

  void add_to_body(const std::string& text) {
    if (zone_open_) {
      scenario_.zones.back().text += text + "\n";
    } else if (section_ != nullptr) {
      section_->push_back(text);
    } else {
      fail("an indented line belongs to a zone or a section");
    }
  }

  void read_directive(const std::string& line) {
    std::istringstream words(line);
    std::string directive;
    words >> directive;
    zone_open_ = false;
    section_ = nullptr;
    if (directive == "zone" || directive == "unavailable") {
      ZoneText zone;
      words >> zone.apex;
      zone.available = zone_open_ = directive == "zone";
      scenario_.zones.push_back(zone);
    } else if (directive == "loading") {
      scenario_.zones_complete = false;
    } else if (directive == "==") {
      title_ = line.substr(3);
    } else if (directive == "ask") {
      read_question(words);
    } else if (directive == "is") {
      std::getline(words >> std::ws, current().expected);
    } else {
      open_section(directive);
    }
  }

  void read_question(std::istringstream& words) {
    Case asked;
    asked.title = title_;
    asked.line = line_;
    words >> asked.qname >> asked.qtype;
    for (std::string option; words >> option;) asked.options.push_back(option);
    if (asked.qtype.empty()) fail("'ask' wants a name and a type");
    scenario_.cases.push_back(asked);
  }

  void open_section(const std::string& directive) {
    if (directive == "answer") section_ = &current().answer;
    if (directive == "authority") section_ = &current().authority;
    if (directive == "additional") section_ = &current().additional;
    if (section_ == nullptr) fail("unknown directive '" + directive + "'");
  }

  std::string path_;
  std::ifstream file_;
  size_t line_ = 0;
  std::string title_;
  bool zone_open_ = false;
  std::vector<std::string>* section_ = nullptr;
  Scenario scenario_;
};

}  // namespace

Scenario read_scenario(const std::string& path) { return Reader(path).read(); }

}  // namespace holdfast::scenarios
