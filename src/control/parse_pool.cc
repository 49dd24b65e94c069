// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/parse_pool.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "control/source_register.h"

namespace holdfast::control {

namespace {

class Queue {
 public:
  explicit Queue(size_t parsers) : parsers_(parsers) {}

  // False when nobody takes any more.
  bool push(ParseResult result) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return closed_ || results_.size() < results_waiting_max; });
    if (closed_) return false;
    results_.push_back(std::move(result));
    filled_.notify_one();
    return true;
  }
  void parser_ended() {
    const std::lock_guard lock(mutex_);
    --parsers_;
    filled_.notify_one();
  }
  // Nothing when all parsers have ended and all is taken.
  std::optional<ParseResult> pop() {
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [&] { return parsers_ == 0 || !results_.empty(); });
    if (results_.empty()) return std::nullopt;
    ParseResult result = std::move(results_.front());
    results_.pop_front();
    room_.notify_one();
    return result;
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    room_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable room_;
  std::condition_variable filled_;
  std::deque<ParseResult> results_;
  size_t parsers_;
  bool closed_ = false;
};

ParseResult parse_one(size_t index, const ParseJob& job, const ParseSettings& settings) {
  const config::ZoneSource& source = *job.source;
  ParseResult result{.job = index, .fingerprint = 0, .outcome = {}};
  const auto apex = wire::Name::from_text(source.name);
  if (!apex) {
    result.outcome.report.findings.push_back(
        {zone::Severity::error, source.file, 0, apex.error().message});
    return result;
  }
  const uint64_t begins_ns = reading_begins_unix_ns();
  result.outcome = zone::load_zone_file(source.file, *apex, settings.load);
  std::vector<std::string>& files = result.outcome.report.files;
  std::erase(files, source.file);
  result.fingerprint = fingerprint_files(
      source.file, files, settings.fingerprint_salt ^ job.fingerprint_salt, begins_ns);
  return result;
}

}  // namespace

void parse_zones(std::span<const ParseJob> jobs, const ParseSettings& settings,
                 const std::atomic<bool>& stop, const std::function<void(ParseResult)>& take) {
  const size_t threads = std::clamp<size_t>(settings.threads, 1, std::max<size_t>(jobs.size(), 1));
  ParseSettings each = settings;
  each.load.threads = std::max(1U, settings.threads / static_cast<unsigned>(threads));
  Queue queue(threads);
  std::atomic<size_t> next{0};
  std::vector<std::jthread> parsers;
  parsers.reserve(threads);
  for (size_t i = 0; i < threads; ++i) {
    parsers.emplace_back([&] {
      for (size_t index = next++; index < jobs.size() && !stop; index = next++) {
        if (!queue.push(parse_one(index, jobs[index], each))) break;
      }
      queue.parser_ended();
    });
  }
  while (auto result = queue.pop()) {
    if (stop) break;
    take(*std::move(result));
  }
  queue.close();
}

}  // namespace holdfast::control
