// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/text_reader.h"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "base/check.h"
#include "wire/rdata.h"
#include "wire/types.h"
#include "zone/generate.h"
#include "zone/rare_types.h"
#include "zone/scanner_form.h"

namespace holdfast::zone {

namespace {

constexpr uint32_t ttl_max = 0x7FFFFFFF;  // RFC 2181 §8
constexpr size_t quoted_bytes_max = 80;
constexpr size_t generate_block_bytes = size_t{64} << 10;

// The beginning of an entry, fit to be shown.
std::string quote(std::string_view text) {
  std::string shown;
  for (const char byte : text.substr(0, quoted_bytes_max)) {
    if (byte == '\n') break;
    shown += byte >= 0x20 && byte < 0x7F ? byte : byte == '\t' ? ' ' : '?';
  }
  while (shown.ends_with(' ')) shown.pop_back();
  return "'" + shown + "'";
}

std::string_view from(const char* begin, std::string_view text) {
  return text.substr(static_cast<size_t>(begin - text.data()));
}

uint64_t line_of_last_entry(std::string_view text, uint64_t line) {
  uint64_t last = line;
  while (!text.empty()) {
    const Entry entry = read_entry(text, line);
    if (entry.tokens.empty()) break;
    last = entry.line;
    text = entry.rest;
    line = entry.rest_line;
  }
  return last;
}

bool equals(std::string_view token, std::string_view word) {
  return std::ranges::equal(token, word, [](char a, char b) {
    return wire::to_lower(static_cast<uint8_t>(a)) == static_cast<uint8_t>(b);
  });
}

}  // namespace

TextReader::TextReader(RecordScanner& scanner, Contents& contents, FindingList& findings,
                       const LoadOptions& options, std::vector<std::string>& files)
    : scanner_(scanner),
      contents_(contents),
      findings_(findings),
      options_(options),
      files_(files),
      last_ttl_(options.default_ttl) {
  scanner_.reset(contents.apex());
  last_origin_.assign(contents.apex());
}

void TextReader::read_file(const std::string& path) {
  auto text = SourceText::read(path);
  if (text) return read_source(text->view(), text->identity(), path);
  if (files_.empty()) files_.push_back(path);  // to be watched: it may be mended
  findings_.add(Severity::error, "", 0, text.error().message);
}

void TextReader::read_text(std::string_view text, const std::string& source) {
  const SourceText copy = SourceText::copy(text);
  read_source(copy.view(), copy.identity(), source);
}

TextReader::State TextReader::state() const {
  return {wire::Name(scanner_.origin()), scanner_.default_ttl()};
}

void TextReader::read_part(std::string_view part, const std::string& name, const State& before) {
  set_origin(before.origin);
  scanner_.set_default_ttl(before.default_ttl);
  read_source(part, {}, name);
}

void TextReader::read_source(std::string_view text, const SourceText::Identity& identity,
                             const std::string& name) {
  ++files_read_;
  auto known = std::ranges::find(files_, name);
  if (known == files_.end()) known = files_.insert(files_.end(), name);
  Source source;
  source.file = static_cast<uint16_t>(known - files_.begin());
  ReleaseBehind behind(text);
  source.behind = &behind;
  source.identity = identity;
  sources_.push_back(source);
  read_lines(text, 1);
  sources_.pop_back();
}

void TextReader::read_lines(std::string_view text, uint64_t line) {
  scanner_.resume(text, line);
  EntryStart start{text, line, RecordEnd::none};
  const size_t errors_allowed = sources_.back().errors_allowed;
  while (findings_.error_count() <= errors_allowed) {
    switch (scanner_.next()) {
      case RecordScanner::Found::end:
        return;
      case RecordScanner::Found::record:
        add_scanned_record(start);
        start = {from(scanner_.position(), text), scanner_.line(),
                 scanner_.in_parentheses() ? RecordEnd::parenthesis : RecordEnd::line_feed};
        if (sources_.back().behind != nullptr) {
          sources_.back().behind->release_before(scanner_.position());
        }
        break;
      case RecordScanner::Found::interruption:
        start = read_interruption(start);
        scanner_.resume(start.text, start.line);
    }
  }
}

TextReader::EntryStart TextReader::read_interruption(const EntryStart& start) {
  const std::string_view text = start.text;
  uint64_t line = start.line;
  std::string_view rest = text;
  // The library may have begun to overwrite these.
  scanner_.set_origin(last_origin_);
  Entry entry;
  if (skip_record_end(rest, line, start.record_end)) {
    entry = read_entry(rest, line);
    read_entry_at_fault(entry);
  } else {
    fault(line, "more data than the type of the record takes, or a parenthesis is not closed");
    const size_t line_end = text.find('\n', text.starts_with('\n') ? 1 : 0);
    entry.rest = text.substr(line_end == std::string_view::npos ? text.size() : line_end + 1);
    entry.rest_line = start.line + 1 + (text.starts_with('\n') ? 1 : 0);
  }
  if (has_last_owner_) {
    scanner_.set_owner(last_owner_);
  } else {
    scanner_.clear_owner();
  }
  return {entry.rest, entry.rest_line, RecordEnd::none};
}

// Moves to the start of the next line: the scanner stops before the line feed behind a record's
// last field, which may stand before the closing parenthesis. False if there is more before it.
bool TextReader::skip_record_end(std::string_view& text, uint64_t& line, RecordEnd end) {
  if (end == RecordEnd::none) return true;
  bool in_parentheses = end == RecordEnd::parenthesis;
  for (size_t at = 0; at < text.size(); ++at) {
    const char byte = text[at];
    if (byte == ')' && in_parentheses) {
      in_parentheses = false;
    } else if (byte == ';') {
      at = std::min(text.find('\n', at), text.size()) - 1;
    } else if (byte == '\n') {
      ++line;
      if (in_parentheses) continue;
      text.remove_prefix(at + 1);
      return true;
    } else if (byte != ' ' && byte != '\t') {
      return false;
    }
  }
  text.remove_prefix(text.size());
  return !in_parentheses;
}

void TextReader::add_scanned_record(const EntryStart& start) {
  uint64_t line = scanner_.line();
  if (line > start.line + 1) {
    // More than one line since the last record: it began where the first token stands.
    std::string_view text = start.text;
    text.remove_suffix(from(scanner_.position(), text).size());
    uint64_t text_line = start.line;
    if (skip_record_end(text, text_line, start.record_end)) {
      line = line_of_last_entry(text, text_line);
    }
  }
  last_origin_.assign(scanner_.origin());
  const wire::NameView owner = scanner_.owner();
  last_owner_.assign(owner);
  has_last_owner_ = true;
  add_record(owner, scanner_.type(), effective_ttl(scanner_.ttl()), scanner_.rdata(), line);
}

uint32_t TextReader::effective_ttl(uint32_t scanned) {
  // RFC 1035 §5.1: without $TTL (RFC 2308 §4) the last TTL that was stated.
  if (scanned == RecordScanner::no_ttl) {
    took_earlier_ttl_ = took_earlier_ttl_ || !has_stated_ttl_;
    return last_ttl_;
  }
  if (scanner_.default_ttl() == RecordScanner::no_ttl) {
    last_ttl_ = scanned;
    has_stated_ttl_ = true;
  }
  return scanned;
}

void TextReader::add_record(wire::NameView owner, uint16_t type, uint32_t ttl, Bytes rdata,
                            uint64_t line) {
  const auto name_record = [&] { return owner.to_text() + " " + wire::type_to_text(type); };
  if (!owner.is_at_or_below(contents_.apex())) {
    return fault(line,
                 name_record() + ": the owner is outside the zone " + contents_.apex().to_text());
  }
  if (wire::is_meta_type(type) || type == 0) {
    return fault(line, name_record() + ": a record of this type cannot stand in a zone");
  }
  if (ttl > ttl_max) {
    return fault(line, name_record() + ": TTL " + std::to_string(ttl) + " is over " +
                           std::to_string(ttl_max));
  }
  if (!wire::rdata_is_well_formed(type, rdata)) {
    return fault(line, name_record() + ": the data does not have the form of this type");
  }
  const auto place_line =
      std::min<uint64_t>(shown_line(line), std::numeric_limits<uint32_t>::max());
  contents_.add(owner, type, ttl, rdata,
                Place{static_cast<uint32_t>(place_line), sources_.back().file});
}

void TextReader::read_entry_at_fault(const Entry& entry) {
  if (!entry.fault.empty()) return fault(entry.line, entry.fault + " in " + quote(entry.text));
  if (entry.tokens.empty()) {
    return fault(scanner_.line(), scanner_.fault());
  }
  const Token& first = entry.tokens.front();
  if (!entry.begins_blank && !first.quoted && first.text.starts_with('$')) {
    read_directive(entry);
  } else {
    read_record(entry);
  }
}

void TextReader::read_directive(const Entry& entry) {
  const std::string_view directive = entry.tokens.front().text;
  if (equals(directive, "$origin")) {
    read_origin(entry);
  } else if (equals(directive, "$ttl")) {
    read_default_ttl(entry);
  } else if (equals(directive, "$include")) {
    read_include(entry);
  } else if (equals(directive, "$generate")) {
    read_generate(entry);
  } else {
    fault(entry.line, "unknown directive " + quote(directive) +
                          "; $ORIGIN, $TTL, $INCLUDE and $GENERATE are known");
  }
}

void TextReader::read_origin(const Entry& entry) {
  if (entry.tokens.size() != 2) return fault(entry.line, "$ORIGIN is followed by one name");
  const auto origin = read_name_token(entry.tokens[1], scanner_.origin());
  if (!origin) return fault(entry.line, "$ORIGIN: " + origin.error().message);
  set_origin(*origin);
}

void TextReader::set_origin(wire::NameView origin) {
  scanner_.set_origin(origin);
  last_origin_.assign(origin);
}

void TextReader::read_default_ttl(const Entry& entry) {
  const auto ttl = entry.tokens.size() == 2 ? read_ttl_token(entry.tokens[1].text) : std::nullopt;
  if (!ttl || *ttl > ttl_max) {
    return fault(entry.line, "$TTL is followed by one number of seconds from 0 to " +
                                 std::to_string(ttl_max) + ", not " + quote(entry.text));
  }
  scanner_.set_default_ttl(*ttl);
}

void TextReader::read_include(const Entry& entry) {
  if (options_.includes == Includes::refuse) {
    return fault(entry.line, "$INCLUDE is not allowed here");
  }
  const auto name = entry.tokens.size() == 2 || entry.tokens.size() == 3
                        ? unescape(entry.tokens[1].text)
                        : std::nullopt;
  if (!name) return fault(entry.line, "$INCLUDE is followed by a file and perhaps an origin");
  Result<wire::Name> origin = last_origin_;
  if (entry.tokens.size() == 3) origin = read_name_token(entry.tokens[2], last_origin_);
  if (!origin) return fault(entry.line, "$INCLUDE: " + origin.error().message);
  if (sources_.size() > include_depth_max) {
    return fault(entry.line, "$INCLUDE " + quote(*name) + ": files are nested more than " +
                                 std::to_string(include_depth_max) + " deep");
  }
  if (files_read_ >= files_max) {
    return fault(entry.line, "$INCLUDE " + quote(*name) + ": more than " +
                                 std::to_string(files_max) + " files are read for this zone");
  }
  const std::filesystem::path including = files_[sources_.back().file];
  const std::string path = (including.parent_path() / *name).lexically_normal().string();
  auto text = SourceText::read(path);
  if (!text) {
    if (std::ranges::find(files_, path) == files_.end()) files_.push_back(path);
    return fault(entry.line, "$INCLUDE: " + text.error().message);
  }
  const auto is_open = [&](const Source& source) { return source.identity == text->identity(); };
  if (std::ranges::any_of(sources_, is_open)) {
    return fault(entry.line, "$INCLUDE " + quote(path) + ": the file includes itself");
  }
  const wire::Name origin_before = last_origin_;
  const wire::Name owner_before = last_owner_;
  const bool had_owner = has_last_owner_;
  set_origin(*origin);
  read_source(text->view(), text->identity(), path);
  // As BIND does: origin and owner are as before, a $TTL of the included file stays.
  set_origin(origin_before);
  last_owner_ = owner_before;
  has_last_owner_ = had_owner;
}

void TextReader::read_generate(const Entry& entry) {
  if (entry.tokens.size() < 4) {
    return fault(entry.line, "$GENERATE is followed by a range, an owner, a type and data, not " +
                                 quote(entry.text));
  }
  if (sources_.back().fixed_line > 0) return fault(entry.line, "$GENERATE inside a $GENERATE");
  const auto range = read_generate_range(entry.tokens[1].text);
  if (!range) return fault(entry.line, range.error().message);
  std::string line;
  for (const Token& token : std::span(entry.tokens).subspan(2)) {
    if (!line.empty()) line += ' ';
    line += token.quoted ? '"' + std::string(token.text) + '"' : std::string(token.text);
  }
  line += '\n';
  Source source = sources_.back();
  source.fixed_line = shown_line(entry.line);
  source.behind = nullptr;
  source.errors_allowed = findings_.error_count();  // the others would be wrong alike
  sources_.push_back(source);
  std::string block;
  for (uint64_t value = range->first; value <= range->last; value += range->step) {
    const auto expanded = expand_template(line, value);
    if (!expanded) {
      fault(entry.line, "$GENERATE: " + expanded.error().message);
      break;
    }
    block += *expanded;
    if (block.size() < generate_block_bytes && range->last - value >= range->step) continue;
    read_lines(block, 1);
    block.clear();
    if (findings_.error_count() > source.errors_allowed) break;
  }
  sources_.pop_back();
}

void TextReader::read_record(const Entry& entry) {
  const auto head = read_head(entry);
  if (!head) return fault(entry.line, head.error().message + " in " + quote(entry.text));
  const auto rdata = read_rdata(head->type, std::span(entry.tokens).subspan(head->rdata_index));
  if (!rdata) return fault(entry.line, rdata.error().message + " in " + quote(entry.text));
  add_record(head->owner, head->type, head->ttl, *rdata, entry.line);
}

Result<TextReader::Head> TextReader::read_head(const Entry& entry) {
  Head head;
  size_t index = 0;
  if (entry.begins_blank) {
    if (!has_last_owner_) return fail("no owner, and no record before to take it from,");
    head.owner = last_owner_;
  } else {
    head.owner = TRY(read_name_token(entry.tokens[index++], scanner_.origin()));
    last_owner_ = head.owner;
    has_last_owner_ = true;
  }
  uint32_t ttl = scanner_.default_ttl();
  bool has_ttl = false;
  bool has_class = false;
  for (; index < entry.tokens.size(); ++index) {
    const std::string_view token = entry.tokens[index].text;
    const auto number = read_ttl_token(token);
    if (!has_ttl && number) {
      ttl = *number;
      has_ttl = true;
    } else if (!has_class && (equals(token, "in") || equals(token, "class1"))) {
      has_class = true;
    } else {
      break;
    }
  }
  if (index == entry.tokens.size()) return fail("no record type");
  const std::string token(entry.tokens[index].text);
  const auto type = wire::type_from_text(token);
  if (!type) {
    if (equals(token, "ch") || equals(token, "hs") || equals(token, "cs") ||
        (token.size() > 5 && equals(std::string_view(token).substr(0, 5), "class"))) {
      return fail("class " + token + " where only IN is served,");
    }
    return fail("unknown record type " + quote(token));
  }
  head.type = *type;
  head.ttl = effective_ttl(ttl);
  head.rdata_index = index + 1;
  return head;
}

Result<std::vector<uint8_t>> TextReader::read_rdata(uint16_t type, std::span<const Token> tokens) {
  const bool generic = !tokens.empty() && !tokens[0].quoted && tokens[0].text == "\\#";
  if (is_rare_type(type) && !generic) return read_rare_rdata(type, tokens, scanner_.origin());
  std::string fault;
  for (const OddBytes odd_bytes : {OddBytes::keep, OddBytes::escape}) {
    const std::string text = scanner_form(type, tokens, odd_bytes);
    scanner_.resume(text, 1);
    if (scanner_.next() == RecordScanner::Found::record) {
      const Bytes rdata = scanner_.rdata();
      return std::vector<uint8_t>(rdata.begin(), rdata.end());
    }
    if (fault.empty()) fault = scanner_.fault();
  }
  return fail(fault);
}

void TextReader::fault(uint64_t line, std::string message) {
  findings_.add(Severity::error, files_[sources_.back().file], shown_line(line),
                std::move(message));
}

uint64_t TextReader::shown_line(uint64_t line) const {
  const uint64_t fixed = sources_.back().fixed_line;
  return fixed > 0 ? fixed : line;
}

}  // namespace holdfast::zone
