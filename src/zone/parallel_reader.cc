// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/parallel_reader.h"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <thread>

#include "zone/finding_list.h"
#include "zone/record_scanner.h"
#include "zone/source_text.h"
#include "zone/text_reader.h"

namespace holdfast::zone {

namespace {

// Each takes a segment of the staged records at least (zone/staging.h).
constexpr size_t parts_max = 32;
// Parts that threads take one after another, so that none waits long for the slowest.
constexpr size_t parts_a_thread = 4;
// Lines looked at for one where an entry seems to begin.
constexpr size_t lines_tried_max = 1000;

struct Part {
  explicit Part(wire::NameView apex, std::string_view of) : text(of), contents(apex) {}

  std::string_view text;
  Contents contents;
  TextReader::State after;
  uint32_t lines = 0;
  bool is_sound = false;
};

bool begins_entry_with_owner(char byte) {
  return std::isalnum(static_cast<unsigned char>(byte)) != 0 ||
         std::string_view("_-*\\@").contains(byte);
}

// The first place at or behind `offset` where an entry with an owner seems to begin, or the end.
size_t find_cut(std::string_view text, size_t offset) {
  size_t line_end = text.find('\n', offset);
  for (size_t tried = 0; tried < lines_tried_max && line_end < text.size() - 1; ++tried) {
    if (begins_entry_with_owner(text[line_end + 1])) return line_end + 1;
    line_end = text.find('\n', line_end + 1);
  }
  return text.size();
}

void read(Part& part, const TextReader::State& before, bool is_head, const LoadOptions& options,
          const std::string& path) {
  LoadOptions own = options;
  own.includes = Includes::refuse;
  own.findings_max = 1;
  LoadReport report;
  FindingList findings(report, own.findings_max);
  RecordScanner scanner;
  TextReader reader(scanner, part.contents, findings, own, report.files);
  part.lines = static_cast<uint32_t>(std::ranges::count(part.text, '\n'));
  reader.read_part(part.text, path, before);
  part.after = reader.state();
  part.is_sound = findings.error_count() == 0 && !reader.ended_within_entry() &&
                  (is_head || !reader.took_earlier_ttl());
}

std::vector<Part> cut(std::string_view text, wire::NameView apex, size_t threads,
                      const PartSizes& sizes) {
  const size_t count = std::clamp(text.size() / std::max<size_t>(sizes.part_bytes_min, 1),
                                  size_t{1}, std::min(parts_max, threads * parts_a_thread));
  std::vector<Part> parts;
  parts.reserve(count + 1);
  size_t begin = 0;
  size_t end = find_cut(text, std::min(sizes.head_bytes, text.size() - 1));
  for (size_t next = 1; begin < text.size(); ++next) {
    parts.emplace_back(apex, text.substr(begin, end - begin));
    begin = end;
    const size_t wanted = std::max(text.size() / count * next, begin);
    end = next < count ? find_cut(text, std::min(wanted, text.size() - 1)) : text.size();
  }
  return parts;
}

bool is_as_taken(const Part& part, const TextReader::State& assumed) {
  return part.is_sound && part.after.default_ttl == assumed.default_ttl &&
         part.after.origin.view() == assumed.origin.view();
}

}  // namespace

std::optional<Contents> read_in_parts(const std::string& path, wire::NameView apex,
                                      const LoadOptions& options, const PartSizes& sizes) {
  struct stat status{};
  if (options.threads < 2 || ::stat(path.c_str(), &status) != 0 ||
      static_cast<size_t>(status.st_size) < sizes.file_bytes_min) {
    return std::nullopt;
  }
  const auto text = SourceText::read(path);
  if (!text) return std::nullopt;
  std::vector<Part> parts = cut(text->view(), apex, options.threads, sizes);
  Part& head = parts.front();
  read(head, {wire::Name(apex), RecordScanner::no_ttl}, true, options, path);
  if (!head.is_sound) return std::nullopt;
  const TextReader::State assumed = head.after;
  std::atomic<size_t> next{1};
  std::atomic<bool> is_sound{true};
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < std::min<size_t>(options.threads, parts.size() - 1); ++i) {
      threads.emplace_back([&] {
        for (size_t index = next++; index < parts.size() && is_sound; index = next++) {
          read(parts[index], assumed, false, options, path);
          if (!is_as_taken(parts[index], assumed)) is_sound = false;
        }
      });
    }
  }
  if (!is_sound) return std::nullopt;
  Contents contents(apex);
  uint32_t lines_before = 0;
  for (Part& part : parts) {
    if (!contents.append(std::move(part.contents), lines_before)) return std::nullopt;
    lines_before += part.lines;
  }
  return contents;
}

}  // namespace holdfast::zone
