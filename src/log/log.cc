// SPDX-License-Identifier: GPL-3.0-or-later
#include "log/log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <mutex>

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "log/suppressor.h"

namespace holdfast::log {

namespace {

// systemd.exec(5): JOURNAL_STREAM holds device:inode of the journal's socket; it is inherited even
// where standard error was redirected since.
Framing framing_of_stderr() {
  const char* stream = std::getenv("JOURNAL_STREAM");  // NOLINT(concurrency-mt-unsafe)
  struct stat status{};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0) return Framing::plain;
  return fmt::format("{}:{}", status.st_dev, status.st_ino) == stream ? Framing::journal
                                                                      : Framing::plain;
}

class Writer {
 public:
  Writer() : framing_(framing_of_stderr()) {
    logger_.set_pattern("%v");
    logger_.set_level(spdlog::level::trace);
    logger_.flush_on(spdlog::level::trace);
  }

  void configure(const Settings& settings) {
    const std::lock_guard lock(mutex_);
    settings_ = settings;
  }

  void write(const Line& line) {
    const std::lock_guard lock(mutex_);
    if (line.level < settings_.level) return;
    if (suppressor_.judge(line, monotonic_ms()) == Suppressor::Verdict::suppress) return;
    emit(line);
  }

  void tick() {
    const std::lock_guard lock(mutex_);
    for (const Suppressor::Summary& summary : suppressor_.take_summaries(monotonic_ms())) {
      const std::string message = fmt::format("{} repeated {} times in {} s", summary.event,
                                              summary.suppressed, summary.seconds);
      emit({summary.level, summary.category, summary.event, message, {}});
    }
  }

 private:
  static uint64_t monotonic_ms() {
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                     std::chrono::steady_clock::now().time_since_epoch())
                                     .count());
  }

  void emit(const Line& line) {
    const auto unix_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                             std::chrono::system_clock::now().time_since_epoch())
                             .count();
    logger_.info("{}",
                 render_line(line, settings_.format, framing_, static_cast<uint64_t>(unix_ms)));
  }

  std::mutex mutex_;
  Settings settings_;
  Suppressor suppressor_;
  const Framing framing_;
  spdlog::logger logger_{"holdfast", std::make_shared<spdlog::sinks::stderr_sink_mt>()};
};

Writer& writer() {
  static Writer instance;
  return instance;
}

}  // namespace

void configure(const Settings& settings) { writer().configure(settings); }

void write(Level level, Category category, std::string_view event, std::string_view message,
           std::initializer_list<Field> fields) {
  writer().write({level, category, event, message, {fields.begin(), fields.size()}});
}

void tick() { writer().tick(); }

}  // namespace holdfast::log
