// SPDX-License-Identifier: GPL-3.0-or-later
// Records written to standard output: as zone file lines, or as one JSON array.
#pragma once

#include <string_view>

#include "main/command_line.h"

namespace holdfast {

class RecordPrinter {
 public:
  explicit RecordPrinter(OutputFormat format) : format_(format) {}

  // One record as zone files write it: owner, TTL, class, type and RDATA, each after one space.
  void print(std::string_view record);
  // Ends the array. Call once, at the end.
  void finish();

 private:
  OutputFormat format_;
  bool begun_ = false;
};

}  // namespace holdfast
