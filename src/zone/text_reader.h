// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the text of a zone into Contents.
//
// libzscanner reads what it can; where it stops, the one entry at fault is taken apart here:
// directives, types and forms that the library does not know. Whatever is wrong becomes a finding,
// and reading goes on behind it. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "zone/entry.h"
#include "zone/finding_list.h"
#include "zone/loader.h"
#include "zone/record_scanner.h"
#include "zone/source_text.h"

namespace holdfast::zone {

class TextReader {
 public:
  // All outlive this. Names of files go into `files`; a Place's file is an index there.
  TextReader(RecordScanner& scanner, Contents& contents, FindingList& findings,
             const LoadOptions& options, std::vector<std::string>& files);

  void read_file(const std::string& path);
  void read_text(std::string_view text, const std::string& source);

  // What of a text before another bears on that other, if its first entry states an owner.
  struct State {
    wire::Name origin;
    uint32_t default_ttl = 0;
  };
  [[nodiscard]] State state() const;
  // Reads text that `name` holds behind other text, which ended in `before`.
  void read_part(std::string_view part, const std::string& name, const State& before);
  // True if a record took its TTL from the last one that was stated before this reader began.
  [[nodiscard]] bool took_earlier_ttl() const { return took_earlier_ttl_; }
  // True if what was read ended within an entry.
  [[nodiscard]] bool ended_within_entry() const { return scanner_.in_parentheses(); }

 private:
  // Where text comes from: a file, or one $GENERATE in it.
  struct Source {
    uint16_t file = 0;
    uint64_t fixed_line = 0;  // not 0: stands for all lines
    ReleaseBehind* behind = nullptr;
    SourceText::Identity identity;
    size_t errors_allowed = errors_max;  // in all; beyond that, reading stops
  };
  // The text behind the last record, and what of that record may still come.
  enum class RecordEnd : uint8_t { none, line_feed, parenthesis };
  struct EntryStart {
    std::string_view text;
    uint64_t line;
    RecordEnd record_end;
  };

  void read_source(std::string_view text, const SourceText::Identity& identity,
                   const std::string& name);
  void read_lines(std::string_view text, uint64_t line);
  void add_scanned_record(const EntryStart& start);
  EntryStart read_interruption(const EntryStart& start);
  static bool skip_record_end(std::string_view& text, uint64_t& line, RecordEnd end);
  void read_entry_at_fault(const Entry& entry);
  void read_directive(const Entry& entry);
  void read_origin(const Entry& entry);
  void set_origin(wire::NameView origin);
  void read_default_ttl(const Entry& entry);
  void read_include(const Entry& entry);
  void read_generate(const Entry& entry);
  void read_record(const Entry& entry);
  // What stands before the RDATA of a record.
  struct Head {
    wire::Name owner;
    uint32_t ttl = 0;
    uint16_t type = 0;
    size_t rdata_index = 0;
  };
  [[nodiscard]] Result<Head> read_head(const Entry& entry);
  [[nodiscard]] Result<std::vector<uint8_t>> read_rdata(uint16_t type,
                                                        std::span<const Token> tokens);
  void add_record(wire::NameView owner, uint16_t type, uint32_t ttl, Bytes rdata, uint64_t line);
  [[nodiscard]] uint32_t effective_ttl(uint32_t scanned);
  void fault(uint64_t line, std::string message);
  [[nodiscard]] uint64_t shown_line(uint64_t line) const;

  RecordScanner& scanner_;
  Contents& contents_;
  FindingList& findings_;
  const LoadOptions& options_;
  std::vector<std::string>& files_;
  std::vector<Source> sources_;  // the last is being read
  size_t files_read_ = 0;
  // As after the last record or directive that was read.
  wire::Name last_origin_;
  wire::Name last_owner_;
  bool has_last_owner_ = false;
  uint32_t last_ttl_;
  bool has_stated_ttl_ = false;
  bool took_earlier_ttl_ = false;
};

}  // namespace holdfast::zone
