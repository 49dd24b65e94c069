// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "log/line.h"
#include "log/suppressor.h"

namespace holdfast::log {
namespace {

constexpr uint64_t noon_ms = 1'700'000'000'123;  // 2023-11-14T22:13:20.123Z

TEST(Line, TextHasTimeLevelCategoryMessageAndFields) {
  const Field fields[] = {{"zone", "example.com."}, {"file", "a b"}};
  const Line line{Level::warning, Category::zones, "zone-failed", "zone kept", fields};
  EXPECT_EQ(render_line(line, Format::text, Framing::plain, noon_ms),
            "2023-11-14T22:13:20.123Z warning zones: zone kept event=zone-failed "
            "zone=example.com. file=\"a b\"");
}

TEST(Line, JournalGetsAPrefixAndNoTime) {
  const Line line{Level::error, Category::control, "stop", "stopping", {}};
  EXPECT_EQ(render_line(line, Format::text, Framing::journal, noon_ms),
            "<3>control: stopping event=stop");
}

TEST(Line, ValuesCannotBeginALineOrLeaveTheirQuotes) {
  const Field fields[] = {{"value", "x\"\n<3>y\x01"}};
  const Line line{Level::info, Category::control, "e", "line\nbreak", fields};
  EXPECT_EQ(render_line(line, Format::json, Framing::plain, noon_ms),
            R"({"time":"2023-11-14T22:13:20.123Z","level":"info","category":"control",)"
            R"("event":"e","message":"line\nbreak","value":"x\"\n<3>y\u0001"})");
  EXPECT_EQ(render_line(line, Format::text, Framing::plain, noon_ms).find('\n'), std::string::npos);
}

TEST(Line, IsCutAtItsBound) {
  const std::string long_text(line_bytes_max * 2, 'x');
  const Line line{Level::info, Category::control, "e", long_text, {}};
  EXPECT_EQ(render_line(line, Format::text, Framing::plain, noon_ms).size(), line_bytes_max);
  const std::string json = render_line(line, Format::json, Framing::plain, noon_ms);
  EXPECT_LE(json.size(), line_bytes_max);
  EXPECT_TRUE(json.ends_with("\"}"));
}

TEST(Suppressor, AnEqualLineIsWrittenOnceAWindowAndCounted) {
  Suppressor suppressor;
  const Line line{Level::error, Category::zones, "full", "disk full", {}};
  EXPECT_EQ(suppressor.judge(line, 1000), Suppressor::Verdict::write);
  for (int i = 0; i < 312; ++i) {
    EXPECT_EQ(suppressor.judge(line, 2000), Suppressor::Verdict::suppress);
  }
  EXPECT_TRUE(suppressor.take_summaries(60'999).empty());
  const auto summaries = suppressor.take_summaries(61'000);
  ASSERT_EQ(summaries.size(), 1U);
  EXPECT_EQ(summaries[0].event, "full");
  EXPECT_EQ(summaries[0].suppressed, 312U);
  EXPECT_EQ(summaries[0].seconds, 60U);
  EXPECT_EQ(suppressor.judge(line, 61'001), Suppressor::Verdict::write);
}

TEST(Suppressor, DifferentLinesOfOneEventAreBounded) {
  Suppressor suppressor;
  size_t written = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string message = "zone " + std::to_string(i);
    const Line line{Level::warning, Category::zones, "zone-failed", message, {}};
    if (suppressor.judge(line, 5) == Suppressor::Verdict::write) ++written;
  }
  EXPECT_EQ(written, Suppressor::lines_per_window);
  // A line after the window tells of the one before.
  const Line line{Level::warning, Category::zones, "zone-failed", "again", {}};
  EXPECT_EQ(suppressor.judge(line, 5 + Suppressor::window_ms), Suppressor::Verdict::write);
  const auto summaries = suppressor.take_summaries(6 + Suppressor::window_ms);
  ASSERT_EQ(summaries.size(), 1U);
  EXPECT_EQ(summaries[0].suppressed, 1000 - Suppressor::lines_per_window);
}

TEST(Suppressor, KindsOfEventAreBounded) {
  Suppressor suppressor;
  size_t written = 0;
  for (size_t i = 0; i < Suppressor::events_max + 100; ++i) {
    const std::string event = "event-" + std::to_string(i);
    const Line line{Level::info, Category::control, event, event, {}};
    if (suppressor.judge(line, 5) == Suppressor::Verdict::write) ++written;
  }
  EXPECT_EQ(written, Suppressor::events_max + Suppressor::lines_per_window);
}

}  // namespace
}  // namespace holdfast::log
