// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/record_printer.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>

namespace holdfast {

namespace {

// The word up to the next space; `rest` goes on behind it.
std::string_view take_word(std::string_view& rest) {
  const size_t space = rest.find(' ');
  const std::string_view word = rest.substr(0, space);
  rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
  return word;
}

// No owner holds a space: it is written as \032.
std::string to_json(std::string_view record) {
  boost::json::object object;
  object["name"] = take_word(record);
  const std::string_view ttl = take_word(record);
  uint32_t seconds = 0;
  std::from_chars(ttl.data(), ttl.data() + ttl.size(), seconds);
  object["ttl"] = seconds;
  object["class"] = take_word(record);
  object["type"] = take_word(record);
  object["rdata"] = record;
  return boost::json::serialize(object);
}

}  // namespace

void RecordPrinter::print(std::string_view record) {
  if (format_ == OutputFormat::text) {
    fmt::print("{}\n", record);
  } else {
    fmt::print("{}{}", begun_ ? ",\n" : "[\n", to_json(record));
  }
  begun_ = true;
}

void RecordPrinter::finish() {
  if (format_ == OutputFormat::json) fmt::print("{}", begun_ ? "\n]\n" : "[]\n");
}

}  // namespace holdfast
