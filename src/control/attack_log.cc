// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/attack_log.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <system_error>
#include <utility>

namespace holdfast::control {

namespace {

using exchange::ShieldFate;

constexpr size_t fate(ShieldFate value) { return static_cast<size_t>(value); }

uint64_t sum_of(const ShieldReading& reading, ShieldFate of) {
  uint64_t sum = 0;
  for (const auto& questions : reading.questions) sum += questions[fate(of)];
  return sum;
}

uint64_t all_of(const ShieldReading& reading) {
  uint64_t sum = 0;
  for (const auto& questions : reading.questions) {
    sum = std::accumulate(questions.begin(), questions.end(), sum);
  }
  return sum;
}

std::string error_text(int error) { return std::generic_category().message(error); }

// The class that brings most.
std::string largest_class(const ShieldReading& now, const ShieldReading& before) {
  size_t largest = 0;
  uint64_t most = 0;
  for (size_t i = 0; i < now.questions.size(); ++i) {
    uint64_t sum = 0;
    for (size_t k = 0; k < now.questions[i].size(); ++k) {
      sum += now.questions[i][k] - before.questions[i][k];
    }
    if (sum <= most) continue;
    most = sum;
    largest = i;
  }
  return most == 0 ? "none yet" : std::string(exchange::shield_class_name(largest));
}

}  // namespace

std::optional<AttackLog::Line> AttackLog::observe(const ShieldReading& reading, uint64_t now_s) {
  std::optional<Line> line;
  if (reading.level > 0 && began_s_ == 0) {
    began_s_ = now_s;
    at_begin_ = last_;
    line = Line{"overload-began", "more to answer than can be: " + describe(reading)};
  } else if (reading.level == 0 && began_s_ != 0) {
    line = Line{
        "overload-ended",
        fmt::format(
            "all is answered again after {} s; {} questions were answered, {} got a cheap "
            "answer, {} none, {} found the queues full",
            now_s - began_s_,
            sum_of(reading, ShieldFate::admitted) + sum_of(reading, ShieldFate::dry_run) -
                sum_of(at_begin_, ShieldFate::admitted) - sum_of(at_begin_, ShieldFate::dry_run),
            sum_of(reading, ShieldFate::truncated) + sum_of(reading, ShieldFate::bad_cookie) -
                sum_of(at_begin_, ShieldFate::truncated) -
                sum_of(at_begin_, ShieldFate::bad_cookie),
            sum_of(reading, ShieldFate::dropped) - sum_of(at_begin_, ShieldFate::dropped),
            reading.kernel_drops - at_begin_.kernel_drops)};
    began_s_ = 0;
  } else if (began_s_ != 0 && now_s - told_s_ >= change_s &&
             (reading.level != level_told_ || reading.zones_attacked != zones_told_ ||
              reading.zones_with_many_names != zones_with_many_names_told_)) {
    line = Line{"overload-changed", describe(reading)};
  }
  if (line) {
    told_s_ = now_s;
    level_told_ = reading.level;
    zones_told_ = reading.zones_attacked;
    zones_with_many_names_told_ = reading.zones_with_many_names;
  }
  last_ = reading;
  return line;
}

std::optional<AttackLog::Line> AttackLog::observe_beginnings(const ShieldReading& reading,
                                                             uint64_t now_s) {
  const bool is_limited = reading.beginnings_per_s_max != 0;
  if (is_limited == (beginnings_began_s_ != 0)) return std::nullopt;
  if (is_limited) {
    beginnings_began_s_ = now_s;
    kept_away_before_ = reading.beginnings_kept_away;
    const std::string what = "an attack with beginnings of TCP connections: ";
    if (reading.beginnings_refused != 0) {
      return Line{"syn-flood-began", what + "nothing limits them, as the kernel takes no filter (" +
                                         error_text(reading.beginnings_refused) +
                                         "); it answers them with cookies"};
    }
    return Line{
        "syn-flood-began",
        what + fmt::format("strangers may begin {} a second{}", reading.beginnings_per_s_max,
                           reading.is_dry_run ? "; a dry run: nothing is done about it" : "")};
  }
  Line line{
      "syn-flood-ended",
      fmt::format("{} after {} s; filters kept {} beginnings away",
                  reading.beginnings_refused == 0 ? "connections are not limited any more"
                                                  : "beginnings of TCP connections are few again",
                  now_s - beginnings_began_s_, reading.beginnings_kept_away - kept_away_before_)};
  beginnings_began_s_ = 0;
  return line;
}

std::optional<AttackLog::Line> AttackLog::observe_refusals(const ShieldReading& reading) {
  const int datagrams = std::exchange(datagrams_refused_told_, reading.datagrams_refused);
  const int beginnings = std::exchange(beginnings_refused_told_, reading.beginnings_refused);
  std::string text;
  if (reading.beginnings_refused != 0 && reading.beginnings_refused != beginnings) {
    text = "beginnings of TCP connections are not limited under a flood: " +
           error_text(reading.beginnings_refused);
  }
  if (reading.datagrams_refused != 0 && reading.datagrams_refused != datagrams) {
    text += (text.empty() ? "" : "; ");
    text += "datagrams of strangers are not kept from the sockets under a flood: " +
            error_text(reading.datagrams_refused);
  }
  if (text.empty()) return std::nullopt;
  return Line{"filter-refused", "the kernel takes no filter before the sockets: " + text};
}

std::string AttackLog::describe(const ShieldReading& reading) const {
  const uint64_t all = all_of(reading) - all_of(last_);
  const uint64_t admitted =
      sum_of(reading, ShieldFate::admitted) - sum_of(last_, ShieldFate::admitted);
  std::string text = fmt::format(
      "level {}, {} answer process{} overloaded; {} questions in the "
      "last second, most of them {}, {} answered",
      reading.level, reading.workers_overloaded, reading.workers_overloaded == 1 ? "" : "es", all,
      largest_class(reading, last_), admitted);
  if (!reading.zones_attacked.empty()) {
    text += fmt::format("; random names under {}", fmt::join(reading.zones_attacked, ", "));
  }
  if (!reading.zones_with_many_names.empty()) {
    text += fmt::format("; more different names than ever under {}",
                        fmt::join(reading.zones_with_many_names, ", "));
  }
  if (!reading.zones_hot.empty()) {
    text += fmt::format("; most is asked of {}", fmt::join(reading.zones_hot, ", "));
  }
  text += reading.is_dry_run ? "; a dry run: nothing is done about it"
                             : "; who is known or proved is answered first";
  return text;
}

}  // namespace holdfast::control
