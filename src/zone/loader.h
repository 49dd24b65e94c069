// SPDX-License-Identifier: GPL-3.0-or-later
// Reads zone files (RFC 1035 §5, RFC 2308 $TTL, $INCLUDE, BIND's $GENERATE, RFC 3597) into Contents
// and checks them (zone/checks.h).
//
// Built on libzscanner. Errors and warnings name file, line and what was found. A file is read, not
// mapped, so that truncating it meanwhile does no harm, and its memory is given back while it is
// parsed: the peak is near the larger of the text and the contents. Bounds: file_bytes_max,
// include_depth_max, files_max, errors_max, generate_records_max. Reads files; management only; any
// thread, several at the same time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "zone/contents.h"

namespace holdfast::zone {

enum class Severity : uint8_t { warning, error };

struct Finding {
  Severity severity = Severity::error;
  std::string file;
  uint64_t line = 0;  // 0 where no single line is to blame
  std::string message;
  [[nodiscard]] std::string to_text() const;  // "file:line: message" or "file: message"
};

// What becomes of $INCLUDE.
enum class Includes : uint8_t { follow, refuse };

struct LoadOptions {
  bool strict = false;          // warnings of the kind that `--strict` refuses become errors
  uint32_t default_ttl = 3600;  // until the file gives one, by $TTL or in a record
  size_t findings_max = 20;     // further ones are counted only
  Includes includes = Includes::follow;
  unsigned threads = 1;           // that may read one large file (zone/parallel_reader.h)
  std::optional<uint64_t> now_s;  // for signatures that have expired; the system's time if not set
};

constexpr size_t file_bytes_max = size_t{16} << 30;  // as much as Contents hold
constexpr size_t include_depth_max = 16;
constexpr size_t errors_max = 1000;  // reading a zone ends there: what follows is no zone file
constexpr size_t files_max = 10000;  // files that one zone reads, each as often as it is read

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
