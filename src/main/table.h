// SPDX-License-Identifier: GPL-3.0-or-later
// Rows printed in aligned columns, however many there are.
//
// The widths come from the first `rows_measured` rows, which are held back so long; a later cell
// that is wider pushes its row aside. Writes to standard output.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace holdfast {

class Table {
 public:
  static constexpr size_t rows_measured = 1000;

  using Row = std::vector<std::string>;
  explicit Table(Row header) : width_(header.size(), 0) { add(std::move(header)); }
  // A row has as many cells as the header.
  void add(Row row);
  // Writes what is held back. Call at the end.
  void flush();

 private:
  void print(const Row& row) const;

  std::vector<size_t> width_;
  std::vector<Row> held_;
  bool widths_known_ = false;
};

}  // namespace holdfast
