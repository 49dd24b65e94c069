// SPDX-License-Identifier: GPL-3.0-or-later
#include "log/suppressor.h"

#include <algorithm>
#include <functional>

namespace holdfast::log {

namespace {

uint64_t hash_of(const Line& line) {
  const std::hash<std::string_view> hash;
  uint64_t result = hash(line.message);
  for (const Field& field : line.fields) {
    result = result * 0x9e3779b97f4a7c15ULL + hash(field.key);
    result = result * 0x9e3779b97f4a7c15ULL + hash(field.value);
  }
  return result;
}

}  // namespace

Suppressor::Verdict Suppressor::judge(const Line& line, uint64_t now_ms) {
  auto found = entries_.find(line.event);
  if (found == entries_.end()) {
    const std::string_view key = entries_.size() < events_max ? line.event : "other";
    found = entries_.try_emplace(std::string(key)).first;
  }
  Entry& entry = found->second;
  if (entry.written != 0 && now_ms - entry.begun_ms >= window_ms) {
    if (entry.suppressed != 0) {
      ended_.push_back({found->first, entry.level, entry.category, entry.suppressed,
                        (now_ms - entry.begun_ms) / 1000});
    }
    entry = Entry{};
  }
  if (entry.written == 0) {
    entry.begun_ms = now_ms;
    entry.level = line.level;
    entry.category = line.category;
  }
  const uint64_t hash = hash_of(line);
  const std::span known(entry.hashes.data(), entry.written);
  if (entry.written == lines_per_window || std::ranges::find(known, hash) != known.end()) {
    ++entry.suppressed;
    return Verdict::suppress;
  }
  entry.hashes[entry.written++] = hash;
  return Verdict::write;
}

std::vector<Suppressor::Summary> Suppressor::take_summaries(uint64_t now_ms) {
  std::vector<Summary> result = std::move(ended_);
  ended_.clear();
  std::erase_if(entries_, [&](const auto& item) {
    const auto& [event, entry] = item;
    if (now_ms - entry.begun_ms < window_ms) return false;
    if (entry.suppressed != 0) {
      result.push_back(
          {event, entry.level, entry.category, entry.suppressed, (now_ms - entry.begun_ms) / 1000});
    }
    return true;
  });
  return result;
}

}  // namespace holdfast::log
