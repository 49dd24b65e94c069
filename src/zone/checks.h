// SPDX-License-Identifier: GPL-3.0-or-later
// Judges a zone as a whole: what no single line shows.
//
// Rules that break answers are errors; what is only suspicious is a warning; what some peers refuse
// and others accept is a warning that `--strict` makes an error. One thread. Its memory: a few
// bytes for each distinct host name in NS, MX and SRV records.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "zone/finding_list.h"
#include "zone/loader.h"

namespace holdfast::zone {

// Turns what a rule finds into findings with their place.
class Verdicts {
 public:
  enum class Kind : uint8_t { warning, strict_error, error };

  Verdicts(FindingList& findings, bool strict, const std::vector<std::string>& files)
      : findings_(findings), strict_(strict), files_(files) {}

  // The sentence is "owner TYPE: message", or "owner: message" for type 0.
  void add(Kind kind, Place place, wire::NameView owner, uint16_t type, const std::string& message);

 private:
  FindingList& findings_;
  bool strict_;
  const std::vector<std::string>& files_;
};

// What one name shows by itself: aliases, the apex, SOA below it.
void check_name(const StagedNode& node, Verdicts& verdicts);

class ZoneCheck {
 public:
  // Signatures are judged by `now_s`. `verdicts` outlives this.
  ZoneCheck(wire::NameView apex, uint64_t now_s, Verdicts& verdicts);
  ~ZoneCheck();

  // Each node, in the order of Contents::finish.
  void visit(const StagedNode& node);
  // After the last; `contents` are finished.
  void conclude(const Contents& contents);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::zone
