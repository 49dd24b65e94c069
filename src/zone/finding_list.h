// SPDX-License-Identifier: GPL-3.0-or-later
// Collects what is wrong with a zone up to a bound; errors displace warnings.
//
// Refers to the report. One thread.
#pragma once

#include <string>

#include "zone/loader.h"

namespace holdfast::zone {

class FindingList {
 public:
  FindingList(LoadReport& report, size_t findings_max)
      : report_(report), findings_max_(findings_max == 0 ? 1 : findings_max) {}

  void add(Severity severity, const std::string& file, uint64_t line, std::string message);
  [[nodiscard]] size_t error_count() const { return error_count_; }

 private:
  LoadReport& report_;
  size_t findings_max_;
  size_t error_count_ = 0;
};

}  // namespace holdfast::zone
