// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/entry.h"

#include <algorithm>
#include <cctype>
#include <limits>

namespace holdfast::zone {

namespace {

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

bool is_blank(char byte) { return byte == ' ' || byte == '\t' || byte == '\r'; }

bool ends_token(char byte) {
  return is_blank(byte) || byte == '\n' || byte == ';' || byte == '(' || byte == ')';
}

class EntryReader {
 public:
  EntryReader(std::string_view text, uint64_t line) : text_(text), line_(line) {}

  Entry read() {
    while (at_ < text_.size() && entry_.fault.empty() && step()) {
    }
    if (entry_.fault.empty() && depth_ > 0) entry_.fault = "a parenthesis is not closed";
    if (!entry_.fault.empty()) {
      at_ = begin_;
      skip_to_line_end();
      line_ = entry_.line;
    }
    entry_.text = text_.substr(begin_, at_ - begin_);
    entry_.rest = text_.substr(std::min(at_ + 1, text_.size()));
    entry_.rest_line = line_ + 1;
    return std::move(entry_);
  }

 private:
  // False at the end of the entry.
  bool step() {
    const char byte = text_[at_];
    if (begun_ && at_ - begin_ > entry_bytes_max) {
      entry_.fault =
          depth_ > 0 ? "a parenthesis is not closed within 1 MiB" : "a line of more than 1 MiB";
      return false;
    }
    if (byte == '\n') {
      if (depth_ == 0 && begun_) return false;
      ++line_;
      ++at_;
      if (depth_ == 0) entry_.begins_blank = false;
    } else if (is_blank(byte)) {
      if (!begun_ && (at_ == 0 || text_[at_ - 1] == '\n')) entry_.begins_blank = true;
      ++at_;
    } else if (byte == ';') {
      skip_to_line_end();
    } else if (byte == '(' || byte == ')') {
      begin();
      depth_ += byte == '(' ? 1 : -1;
      ++at_;
      if (depth_ < 0) entry_.fault = "')' without '('";
    } else {
      begin();
      read_token();
    }
    return true;
  }

  void begin() {
    if (begun_) return;
    begun_ = true;
    begin_ = at_;
    entry_.line = line_;
  }

  void read_token() {
    const bool quoted = text_[at_] == '"';
    const size_t start = at_;
    bool in_quotes = false;
    while (at_ < text_.size() && text_[at_] != '\n' && (in_quotes || !ends_token(text_[at_]))) {
      const char byte = text_[at_];
      if (byte == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') ++at_;
      ++at_;
      if (byte != '"') continue;
      in_quotes = !in_quotes;
      if (quoted && !in_quotes) break;
    }
    if (in_quotes) {
      entry_.fault = "a quote is not closed on its line";
    } else if (quoted) {
      entry_.tokens.push_back({text_.substr(start + 1, at_ - start - 2), true});
    } else {
      entry_.tokens.push_back({text_.substr(start, at_ - start), false});
    }
  }

  void skip_to_line_end() { at_ = std::min(text_.find('\n', at_), text_.size()); }

  std::string_view text_;
  uint64_t line_;
  size_t at_ = 0;
  size_t begin_ = 0;
  bool begun_ = false;
  int depth_ = 0;
  Entry entry_;
};

// The value of \DDD at `at`, or -1.
int decimal_escape(std::string_view text, size_t at) {
  if (at + 3 >= text.size()) return -1;
  int value = 0;
  for (size_t i = at + 1; i <= at + 3; ++i) {
    if (!is_digit(text[i])) return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value <= 255 ? value : -1;
}

}  // namespace

Entry read_entry(std::string_view text, uint64_t line) { return EntryReader(text, line).read(); }

std::optional<std::string> unescape(std::string_view token) {
  std::string bytes;
  for (size_t at = 0; at < token.size(); ++at) {
    if (token[at] != '\\') {
      bytes += token[at];
    } else if (at + 1 < token.size() && !is_digit(token[at + 1])) {
      bytes += token[++at];
    } else {
      const int value = decimal_escape(token, at);
      if (value < 0) return std::nullopt;
      bytes += static_cast<char>(value);
      at += 3;
    }
  }
  return bytes;
}

Result<wire::Name> read_name_token(const Token& token, wire::NameView origin) {
  if (token.text == "@" && !token.quoted) return wire::Name(origin);
  const wire::Name name = TRY(wire::Name::from_text(token.text));
  size_t backslashes = 0;
  const size_t size = token.text.size();
  while (backslashes + 1 < size && token.text[size - 2 - backslashes] == '\\') ++backslashes;
  if (token.text.ends_with('.') && backslashes % 2 == 0) return name;
  wire::Name joined;
  const wire::NameView relative = name;
  if (!joined.assign_joined(relative.bytes().first(relative.size() - 1), origin)) {
    return fail("name '" + std::string(token.text) + "' with the origin " + origin.to_text() +
                " is over 255 bytes");
  }
  return joined;
}

std::optional<uint32_t> read_ttl_token(std::string_view token) {
  if (token.empty() || !is_digit(token[0])) return std::nullopt;
  uint64_t total = 0;
  uint64_t number = 0;
  bool has_number = false;
  for (const char byte : token) {
    if (is_digit(byte)) {
      number = number * 10 + static_cast<uint64_t>(byte - '0');
      has_number = true;
    } else {
      static constexpr std::string_view units = "smhdw";
      static constexpr std::array<uint32_t, 5> seconds{1, 60, 3600, 86400, 604800};
      const size_t unit = units.find(static_cast<char>(wire::to_lower(static_cast<uint8_t>(byte))));
      if (unit == std::string_view::npos || !has_number) return std::nullopt;
      total += number * seconds[unit];
      number = 0;
      has_number = false;
    }
    if (number > std::numeric_limits<uint32_t>::max()) return std::nullopt;
    if (total > std::numeric_limits<uint32_t>::max()) return std::nullopt;
  }
  total += number;
  if (total > std::numeric_limits<uint32_t>::max()) return std::nullopt;
  return static_cast<uint32_t>(total);
}

std::string escape_token(const Token& token) {
  std::string text;
  for (size_t at = 0; at < token.text.size(); ++at) {
    const char byte = token.text[at];
    if (byte == '\\' && at + 1 < token.text.size()) {
      text += byte;
      text += token.text[++at];
    } else if (std::isalnum(static_cast<unsigned char>(byte)) != 0 ||
               std::string_view("-_/*.@\\").contains(byte)) {
      text += byte;
    } else {
      const auto value = static_cast<unsigned char>(byte);
      text += '\\';
      text += static_cast<char>('0' + value / 100);
      text += static_cast<char>('0' + value / 10 % 10);
      text += static_cast<char>('0' + value % 10);
    }
  }
  return text;
}

}  // namespace holdfast::zone
