// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/death_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <iterator>
#include <vector>

#include "base/file.h"

namespace holdfast::shield {

namespace {

namespace fs = std::filesystem;

constexpr unsigned directory_mode = 0700;  // packets tell who asked what
constexpr unsigned file_mode = 0600;
constexpr size_t dump_columns = 16;
constexpr std::string_view packet_suffix = ".packet";
constexpr std::string_view text_suffix = ".txt";

tm utc(uint64_t unix_s) {
  const auto seconds = static_cast<time_t>(unix_s);
  tm parts{};
  gmtime_r(&seconds, &parts);
  return parts;
}

// 20261123T190501Z: as a file name it sorts by time.
std::string utc_file_name(uint64_t unix_s) {
  const tm t = utc(unix_s);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                     t.tm_hour, t.tm_min, t.tm_sec);
}

std::string utc_text(uint64_t unix_s) {
  const tm t = utc(unix_s);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", t.tm_year + 1900, t.tm_mon + 1,
                     t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
}

void append_dump(std::string& text, Bytes packet) {
  for (size_t start = 0; start < packet.size(); start += dump_columns) {
    const Bytes row = packet.subspan(start, std::min(dump_columns, packet.size() - start));
    fmt::format_to(std::back_inserter(text), "{:04x} ", start);
    for (size_t i = 0; i < dump_columns; ++i) {
      if (i < row.size()) {
        fmt::format_to(std::back_inserter(text), " {:02x}", row[i]);
      } else {
        text += "   ";
      }
    }
    text += "  ";
    for (const uint8_t byte : row) {
      text += byte >= 0x20 && byte < 0x7F ? static_cast<char>(byte) : '.';
    }
    text += '\n';
  }
}

Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

std::string evidence_to_text(const DeathEvidence& evidence) {
  std::string text = "A worker ended while it had this packet in hand.\n\n";
  const auto out = std::back_inserter(text);
  const char* signal_name = sigabbrev_np(evidence.signal);
  fmt::format_to(out, "time      {}\n", utc_text(evidence.unix_s));
  fmt::format_to(out, "worker    {}, process {}\n", evidence.worker, evidence.pid);
  fmt::format_to(out, "signal    {} (SIG{})\n", evidence.signal,
                 signal_name != nullptr ? signal_name : "?");
  fmt::format_to(out, "client    {} over {}\n", evidence.client.to_text(),
                 evidence.tcp ? "TCP" : "UDP");
  fmt::format_to(out, "packet    {} bytes\n", evidence.packet.size());
  for (size_t i = 0; i < evidence.likeness.count; ++i) {
    const LikenessMark& mark = evidence.likeness.marks[i];
    fmt::format_to(out, "likeness  {:016x} ({})\n", mark.hash, likeness_level_name(mark.level));
  }
  if (evidence.refusal) {
    const LikenessMark& mark = evidence.refusal->mark;
    fmt::format_to(out, "refused   {:016x} ({}) for {} s\n", mark.hash,
                   likeness_level_name(mark.level), evidence.refused_for_s);
  } else {
    text += "refused   no: not enough workers have ended on the like of it\n";
  }
  text += '\n';
  append_dump(text, evidence.packet);
  return text;
}

Result<std::string> DeathFiles::write(const DeathEvidence& evidence) const {
  TRY(make_directories(directory_, directory_mode));
  TRY(remove_oldest());
  const std::string stem =
      directory_ + "/" + utc_file_name(evidence.unix_s) + "-" + std::to_string(evidence.pid);
  std::string packet_path = stem + std::string(packet_suffix);
  TRY(replace_file(packet_path, evidence.packet, file_mode));
  const std::string text = evidence_to_text(evidence);
  TRY(replace_file(stem + std::string(text_suffix), as_bytes(text), file_mode));
  return packet_path;
}

// Names begin with the time, so the first in order are the oldest.
Result<void> DeathFiles::remove_oldest() const {
  std::vector<fs::path> packets;
  std::error_code error;
  for (fs::directory_iterator at(directory_, error), end; !error && at != end;
       at.increment(error)) {
    if (at->path().extension() == packet_suffix) packets.push_back(at->path());
  }
  if (error) return fail_system(directory_, error.value());
  if (packets.size() < evidence_max) return {};
  std::ranges::sort(packets);
  packets.resize(packets.size() - evidence_max + 1);
  for (fs::path& packet : packets) {
    fs::remove(packet, error);
    if (error) return fail_system(packet.string(), error.value());
    fs::remove(packet.replace_extension(text_suffix), error);
  }
  return {};
}

}  // namespace holdfast::shield
