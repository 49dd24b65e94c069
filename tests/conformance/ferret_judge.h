// SPDX-License-Identifier: GPL-3.0-or-later
// Judges one answer against what four servers gave (FerretDataset, Kakarla et al., NSDI 2022).
//
// Where all four agree on RCODE, AA, answer and authority, these must be equal, but that a positive
// answer may leave out the apex NS set. The additional section holds the glue that is required and
// nothing that none of the four gave. Where they disagree, any of their answers is right.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace holdfast::conformance {

using Lines = std::set<std::string>;  // records in lower case, fields apart by one space

struct Given {
  std::string servers;  // who answered so
  std::string rcode;
  bool authoritative = false;
  Lines answer;
  Lines authority;
  Lines additional;
};

struct FerretCase {
  int64_t number = 0;
  std::string apex;
  std::string zone;
  std::string qname;
  std::string qtype;
  std::vector<Given> given;
};

// From one line of the set.
[[nodiscard]] FerretCase read_case(const std::string& json_line);
[[nodiscard]] std::string normalize(const std::string& record);

// Empty if `ours` is right; otherwise what differs.
[[nodiscard]] std::string judge(const FerretCase& ferret_case, const Given& ours);

}  // namespace holdfast::conformance
