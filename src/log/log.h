// SPDX-License-Identifier: GPL-3.0-or-later
// The log of the management processes: one line an event on standard error, no line a query.
//
// A line has a time, a level, a category, a sentence for people and fields for machines, as text
// (key=value) or JSON. Where standard error is the systemd journal, the time is left out and the
// level is told by sd-daemon's "<n>" prefix. Repeats of an event are suppressed and counted
// (log/suppressor.h). Thread: any, in processes that are not data plane. Settings: once at start,
// before threads, and again at a reload.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "log/line.h"

namespace holdfast::log {

struct Settings {
  Level level = Level::info;  // lines below it are not written
  Format format = Format::text;
};

void configure(const Settings& settings);

// `event` is a literal that names the kind of line ("zone-failed"); repeats are counted under it.
void write(Level level, Category category, std::string_view event, std::string_view message,
           std::initializer_list<Field> fields = {});

// Writes the counts of suppressed lines whose window is over. Call about once a second.
void tick();

inline void info(Category category, std::string_view event, std::string_view message,
                 std::initializer_list<Field> fields = {}) {
  write(Level::info, category, event, message, fields);
}
inline void warning(Category category, std::string_view event, std::string_view message,
                    std::initializer_list<Field> fields = {}) {
  write(Level::warning, category, event, message, fields);
}
inline void error(Category category, std::string_view event, std::string_view message,
                  std::initializer_list<Field> fields = {}) {
  write(Level::error, category, event, message, fields);
}

}  // namespace holdfast::log
