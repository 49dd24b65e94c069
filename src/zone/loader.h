// SPDX-License-Identifier: GPL-3.0-or-later
// Reads zone files (RFC 1035 §5, RFC 2308 $TTL, $INCLUDE, BIND's $GENERATE, RFC 3597) into Contents
// and checks them.
//
// Built on libzscanner. Errors and warnings name file, line and what was found. Bounds: file size,
// include depth, records from one $GENERATE. Reads files; management only; reentrant.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "zone/contents.h"

namespace holdfast::zone {

enum class Severity : uint8_t { warning, error };

struct Finding {
  Severity severity = Severity::error;
  std::string file;  // empty where no single line is to blame
  uint64_t line = 0;
  std::string message;
  [[nodiscard]] std::string to_text() const;  // "file:line: message"
};

struct LoadOptions {
  bool strict = false;          // warnings of the kind that `--strict` refuses become errors
  uint32_t default_ttl = 3600;  // where the file gives none
  size_t findings_max = 20;     // further ones are counted only
};

struct LoadReport {
  std::vector<Finding> findings;
  size_t findings_suppressed = 0;
  std::vector<std::string> files;  // the file and all that it includes, for watching
  [[nodiscard]] bool has_errors() const;
};

// Contents are there only if the report has no errors.
struct LoadOutcome {
  std::optional<Contents> contents;
  LoadReport report;
};

[[nodiscard]] LoadOutcome load_zone_file(const std::string& path, wire::NameView apex,
                                         const LoadOptions& options);
// The same from text in memory; `source` stands in findings for the file.
[[nodiscard]] LoadOutcome load_zone_text(std::string_view text, const std::string& source,
                                         wire::NameView apex, const LoadOptions& options);

}  // namespace holdfast::zone
