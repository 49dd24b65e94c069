// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/table.h"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast {

void Table::add(Row row) {
  if (widths_known_) return print(row);
  for (size_t i = 0; i < row.size(); ++i) width_[i] = std::max(width_[i], row[i].size());
  held_.push_back(std::move(row));
  if (held_.size() > rows_measured) flush();
}

void Table::flush() {
  widths_known_ = true;
  for (const Row& row : held_) print(row);
  held_.clear();
}

void Table::print(const Row& row) const {
  std::string line;
  for (size_t i = 0; i + 1 < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], width_[i]);
  fmt::print("{}{}\n", line, row.back());
}

}  // namespace holdfast
