// SPDX-License-Identifier: GPL-3.0-or-later
// Reads one large zone file on several threads.
//
// The text is cut where entries seem to begin, and each part is read as if $ORIGIN and $TTL were as
// behind the head of the file. Once all are read, the end of each part shows whether the next one
// began where and how it was taken to; if not, or if anything is wrong with the text, nothing is
// kept: the caller then reads the file from start to end, and finds what is wrong. So what is read
// never depends on the number of threads. Files that change $ORIGIN or $TTL on their way, or
// include others, are not read in parts. Memory: as one reader takes.
#pragma once

#include <optional>
#include <string>

#include "zone/contents.h"
#include "zone/loader.h"

namespace holdfast::zone {

struct PartSizes {
  size_t file_bytes_min = size_t{16} << 20;  // a smaller file takes less time than it is worth
  size_t head_bytes = size_t{64} << 10;      // read first, for $ORIGIN and $TTL
  size_t part_bytes_min = size_t{4} << 20;
};

// All records of the file at `path`, not finished; none if it must be read from start to end.
// Uses `options.threads` threads.
[[nodiscard]] std::optional<Contents> read_in_parts(const std::string& path, wire::NameView apex,
                                                    const LoadOptions& options,
                                                    const PartSizes& sizes = {});

}  // namespace holdfast::zone
