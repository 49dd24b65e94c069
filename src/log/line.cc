// SPDX-License-Identifier: GPL-3.0-or-later
#include "log/line.h"

#include <array>
#include <chrono>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace holdfast::log {

namespace {

std::string time_text(uint64_t unix_time_ms) {
  const auto seconds = static_cast<std::time_t>(unix_time_ms / 1000);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds), unix_time_ms % 1000);
}

// Escapes as JSON does; the text form uses the same inside its quotes.
void append_escaped(std::string& out, std::string_view text) {
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (character == '"' || character == '\\') {
      out += '\\';
      out += character;
    } else if (character == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += character;
    }
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text);
  out += '"';
}

bool is_plain(std::string_view text) {
  if (text.empty()) return false;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte <= 0x20 || byte >= 0x7f || character == '"' || character == '\\' || character == '=') {
      return false;
    }
  }
  return true;
}

std::string_view journal_prefix(Level level) {
  // sd-daemon(3): syslog's numbers.
  static constexpr std::array<std::string_view, 4> prefixes{"<7>", "<6>", "<4>", "<3>"};
  return prefixes[static_cast<size_t>(level)];
}

std::string render_text(const Line& line, Framing framing, uint64_t unix_time_ms) {
  std::string out;
  if (framing == Framing::plain) {
    out = fmt::format("{} {} ", time_text(unix_time_ms), level_name(line.level));
  }
  out += category_name(line.category);
  out += ": ";
  append_escaped(out, line.message);
  out += " event=";
  out += line.event;
  for (const Field& field : line.fields) {
    out += ' ';
    out += field.key;
    out += '=';
    if (is_plain(field.value)) {
      out += field.value;
    } else {
      append_quoted(out, field.value);
    }
  }
  return out;
}

std::string render_json(const Line& line, uint64_t unix_time_ms) {
  std::string out =
      fmt::format(R"({{"time":"{}","level":"{}","category":"{}","event":")",
                  time_text(unix_time_ms), level_name(line.level), category_name(line.category));
  append_escaped(out, line.event);
  out += R"(","message":)";
  append_quoted(out, line.message);
  for (const Field& field : line.fields) {
    out += ',';
    append_quoted(out, field.key);
    out += ':';
    append_quoted(out, field.value);
  }
  out += '}';
  return out;
}

}  // namespace

std::string_view level_name(Level level) {
  static constexpr std::array<std::string_view, 4> names{"debug", "info", "warning", "error"};
  return names[static_cast<size_t>(level)];
}

std::string_view category_name(Category category) {
  static constexpr std::array<std::string_view, 9> names{"supervisor", "worker", "control",
                                                         "config",     "zones",  "reload",
                                                         "metrics",    "dnstap", "transfer"};
  return names[static_cast<size_t>(category)];
}

std::string render_line(const Line& line, Format format, Framing framing, uint64_t unix_time_ms) {
  std::string out;
  if (framing == Framing::journal) out = journal_prefix(line.level);
  if (format == Format::text) {
    out += render_text(line, framing, unix_time_ms);
    if (out.size() > line_bytes_max) out.replace(line_bytes_max - 3, std::string::npos, "...");
    return out;
  }
  std::string json = render_json(line, unix_time_ms);
  if (json.size() > line_bytes_max) {
    // A cut JSON object would not parse: the fields go, and the message is shortened.
    Line shorter = line;
    shorter.fields = {};
    shorter.message = line.message.substr(0, line_bytes_max / 8);
    json = render_json(shorter, unix_time_ms);
  }
  return out + json;
}

}  // namespace holdfast::log
