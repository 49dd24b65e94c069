// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/drill_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "drill/svg_plot.h"

namespace holdfast::drill {
namespace {

constexpr const char* style = R"(
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2024; --faint: #667; --grid: #e3e6ea;
  --band: #f3e3dc; --bad: #b3261e; --s1: #1f6fb2; --s2: #c2571a; --s3: #2c8a57; --s4: #8b5cc2;
  --s5: #a8862a; --s6: #5b6770; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --ink: #e6e9ec; --faint: #9aa3ad;
  --grid: #2a2f35; --band: #3a2a24; --bad: #ff8a80; --s1: #6cb2ee; --s2: #f0955c; --s3: #66c794;
  --s4: #bb9bea; --s5: #d9bd66; --s6: #a9b4bd; } }
body { background: var(--paper); color: var(--ink); max-width: 84rem; margin: 2rem auto;
  padding: 0 1.2rem; font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .2rem; }
p.about { color: var(--faint); margin: 0 0 .6rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 12px; font-variant-numeric: tabular-nums; }
th, td { padding: .26rem .42rem; text-align: right; border-bottom: 1px solid var(--grid);
  white-space: nowrap; }
th { color: var(--faint); font-weight: 600; vertical-align: bottom; }
td.name, th.name { text-align: left; } a { color: var(--s1); }
tr.disturbed { opacity: .55; font-style: italic; } td.bad { color: var(--bad); font-weight: 600; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(32rem, 1fr)); gap: .6rem; }
svg { width: 100%; height: auto; }
svg text { fill: var(--ink); font-size: 12px; } svg text.tick { fill: var(--faint); }
svg text.title { font-weight: 600; font-size: 13px; }
svg .grid { stroke: var(--grid); stroke-width: 1; } svg .band { fill: var(--band); }
svg polyline { fill: none; stroke-width: 2; stroke-linejoin: round; } svg line { stroke-width: 2; }
.s1 { stroke: var(--s1); } .s2 { stroke: var(--s2); } .s3 { stroke: var(--s3); }
.s4 { stroke: var(--s4); } .s5 { stroke: var(--s5); } .s6 { stroke: var(--s6); }
circle { fill: var(--paper); stroke-width: 2; }
)";

constexpr double good_share = 0.99;
constexpr unsigned colours = 6;

double number_of(const boost::json::value& value) {
  return value.is_number() ? value.to_number<double>() : 0;
}

const boost::json::object& object_at(const boost::json::object& object, std::string_view key) {
  return object.at(key).as_object();
}

std::string text_at(const boost::json::object& object, std::string_view key) {
  return std::string(object.at(key).as_string());
}

std::string share_cell(double share) {
  const char* mark = share < good_share ? " class=\"bad\"" : "";
  // Never rounded up to 100 %.
  return fmt::format("<td{}>{:.2f}</td>", mark, std::floor(share * 10000) / 100);
}

std::string kind_cell(const boost::json::object& verdict, std::string_view kind) {
  const boost::json::value* found = object_at(verdict, "kinds").if_contains(kind);
  return found ? share_cell(number_of(found->as_object().at("first_try"))) : "<td>–</td>";
}

std::string seconds_cell(const boost::json::value& value) {
  return value.is_null() ? "<td>–</td>" : fmt::format("<td>{:.2f}</td>", number_of(value));
}

// Records of older drills have neither.
std::string stalled_cell(const boost::json::object& verdict) {
  const boost::json::value* share = verdict.if_contains("stalled_share");
  if (!share || share->is_null()) return "<td>-</td>";
  return fmt::format("<td>{:.1f}</td>", 100 * number_of(*share));
}

std::string undisturbed_cell(const boost::json::object& verdict) {
  if (!verdict.contains("undisturbed")) return "<td>-</td>";
  const boost::json::object& undisturbed = object_at(verdict, "undisturbed");
  return share_cell(number_of(object_at(undisturbed, "attack").at("first_try")));
}

std::string undisturbed_latency_cell(const boost::json::object& verdict) {
  if (!verdict.contains("undisturbed")) return "<td>-</td>";
  const boost::json::object& latency = object_at(object_at(verdict, "undisturbed"), "latency_us");
  return fmt::format("<td>{:.2f}</td>", number_of(object_at(latency, "attack").at("p99")) / 1000);
}

std::string summary_row(const boost::json::object& run, size_t number) {
  const boost::json::object& verdict = object_at(run, "verdict");
  const boost::json::object& attack = object_at(verdict, "attack");
  const boost::json::object& hostile = object_at(verdict, "hostile");
  const boost::json::object& latency = object_at(verdict, "latency_us");
  const boost::json::value* disturbed = verdict.if_contains("disturbed");
  const bool is_disturbed = disturbed && disturbed->is_bool() && disturbed->as_bool();
  std::string row = fmt::format(
      "<tr{}><td class=\"name\"><a href=\"#run{}\">{}</a></td><td class=\"name\">{}</td>"
      "<td>{:.0f}</td><td>{:.0f}</td>",
      is_disturbed ? " class=\"disturbed\" title=\"disturbed\"" : "", number,
      escape_html(text_at(run, "scenario")), escape_html(text_at(run, "server")),
      number_of(hostile.at("sent_per_s")) / 1000, number_of(hostile.at("ring_drops_per_s")) / 1000);
  row += stalled_cell(verdict);
  row += share_cell(number_of(attack.at("first_try")));
  row += undisturbed_cell(verdict);
  row += share_cell(number_of(attack.at("after_retries")));
  for (const char* kind :
       {"known", "never_seen", "with_cookies", "without_tcp", "over_tcp", "shared"}) {
    row += kind_cell(verdict, kind);
  }
  const boost::json::object& zones = object_at(verdict, "zones");
  row += share_cell(number_of(object_at(zones, "others").at("first_try")));
  for (const char* when : {"quiet", "attack"}) {
    row += fmt::format("<td>{:.2f}</td>", number_of(object_at(latency, when).at("p99")) / 1000);
  }
  row += undisturbed_latency_cell(verdict);
  for (const char* what : {"detected_s", "mitigated_s", "released_s"}) {
    row += seconds_cell(verdict.at(what));
  }
  return row + fmt::format("<td>{:.0f}</td></tr>\n",
                           100 * number_of(object_at(verdict, "busy").at("attack")));
}

std::string summary(const boost::json::array& runs) {
  std::string text =
      "<div class=\"wide\"><table><tr><th class=\"name\">scenario</th><th class=\"name\">server"
      "</th><th>attack<br>k/s</th><th>ring lost<br>k/s</th><th>stalled<br>%</th><th>first "
      "try<br>%</th>"
      "<th>undis-<br>turbed</th>"
      "<th>in the end<br>%</th><th>known</th><th>never<br>seen</th><th>cookies</th>"
      "<th>no TCP</th><th>over<br>TCP</th><th>shared</th><th>other<br>zones</th>"
      "<th>p99 quiet<br>ms</th><th>p99 attack<br>ms</th>"
      "<th>undis-<br>turbed</th><th>detected<br>s</th>"
      "<th>mitigated<br>s</th><th>released<br>s</th><th>busy<br>%</th></tr>\n";
  for (size_t number = 0; number < runs.size(); ++number) {
    text += summary_row(runs[number].as_object(), number);
  }
  return text + "</table></div>\n";
}

using Points = std::vector<std::pair<double, double>>;

// The bins of one kind, each at its middle, as `scale` of themselves.
Points series(const boost::json::object& bins, std::string_view key, double scale) {
  const double seconds = number_of(bins.at("seconds"));
  Points points;
  double at = seconds / 2;
  for (const boost::json::value& value : bins.at(key).as_array()) {
    points.emplace_back(at, number_of(value) * scale);
    at += seconds;
  }
  return points;
}

// Percent of what was asked in each bin; where nothing was, as before.
Points share_series(const boost::json::object& bins, std::string_view key) {
  Points points = series(bins, key, 100);
  const boost::json::array& asked = bins.at("asked").as_array();
  double last = 100;
  for (size_t bin = 0; bin < points.size(); ++bin) {
    if (number_of(asked[bin]) > 0) last = points[bin].second / number_of(asked[bin]);
    points[bin].second = last;
  }
  return points;
}

double highest(const std::vector<PlotLine>& lines, double least) {
  for (const PlotLine& line : lines) {
    for (const auto& [x, y] : line.points) least = std::max(least, y);
  }
  return least;
}

std::vector<PlotBand> attack_bands(const boost::json::object& run, double& end_s) {
  std::vector<PlotBand> bands;
  for (const boost::json::value& value : run.at("phases").as_array()) {
    const boost::json::object& phase = value.as_object();
    const double seconds = number_of(phase.at("seconds"));
    if (phase.at("role").as_string() == "attack") {
      bands.push_back({end_s, end_s + seconds, text_at(phase, "name")});
    }
    end_s += seconds;
  }
  return bands;
}

std::string run_section(const boost::json::object& run, size_t number) {
  const boost::json::object& bins = object_at(run, "bins");
  const double per_s = 1 / number_of(bins.at("seconds"));
  double end_s = 0;
  const std::vector<PlotBand> bands = attack_bands(run, end_s);
  const auto plot = [&](const char* title, const char* unit, double y_least,
                        std::vector<PlotLine> lines) {
    Plot drawn{title, "seconds", end_s, 1, unit, bands, std::move(lines)};
    drawn.y_max = highest(drawn.lines, y_least);
    return svg_plot(drawn);
  };
  std::string text = fmt::format(
      "<h2 id=\"run{}\">{}: {}</h2><p class=\"about\">{}</p>\n"
      "<div class=\"plots\">",
      number, escape_html(text_at(run, "scenario")), escape_html(text_at(run, "server")),
      escape_html(text_at(run, "about")));
  text += plot("Honest questions answered", " %", 100,
               {{"at the first try", share_series(bins, "at_once"), 1},
                {"in the end", share_series(bins, "answered"), 3}});
  text += plot("Attack, thousands a second", "", 1,
               {{"sent", series(bins, "sent", per_s / 1000), 2},
                {"answered", series(bins, "answers", per_s / 1000), 1},
                {"lost at the ring", series(bins, "ring_drops", per_s / 1000), 6}});
  text += plot("Honest questions a second", "", 1, {{"asked", series(bins, "asked", per_s), 4}});
  text += plot("The server's processor", " %", 100, {{"busy", series(bins, "busy", 100), 5}});
  return text + "</div>\n";
}

// Goodput against the attack's rate, for every scenario that was played at several.
std::string curves(const boost::json::array& runs) {
  std::map<std::string, std::map<std::string, Points>> found;
  for (const boost::json::value& value : runs) {
    const boost::json::object& run = value.as_object();
    const boost::json::object& verdict = object_at(run, "verdict");
    found[text_at(run, "scenario")][text_at(run, "server")].emplace_back(
        number_of(object_at(verdict, "hostile").at("sent_per_s")) / 1000,
        100 * number_of(object_at(verdict, "attack").at("first_try")));
  }
  std::string text;
  for (auto& [scenario, servers] : found) {
    Plot plot{"First-try share against the attack's rate: " + scenario,
              "attack, thousands a second",
              1,
              100,
              " %",
              {},
              {}};
    for (auto& [server, points] : servers) {
      if (points.size() < 3) continue;
      std::ranges::sort(points);
      plot.x_max = std::max(plot.x_max, points.back().first);
      const auto colour = static_cast<unsigned>(plot.lines.size()) % colours + 1;
      plot.lines.push_back({server, points, colour, true});
    }
    if (!plot.lines.empty()) text += svg_plot(plot);
  }
  return text.empty() ? text : "<h2>Curves</h2><div class=\"plots\">" + text + "</div>\n";
}

}  // namespace

std::string drill_page(const boost::json::array& runs) {
  std::string text =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<title>Holdfast drill</title><style>";
  text += style;
  text +=
      "</style></head><body>\n<h1>Drill</h1><p class=\"about\">Shares are of honest questions "
      "first "
      "asked during the attack; in red what is below 99 %. Shaded: the attack. Times are from its "
      "begin, or its end. Stalled: one of the processors stood still, as the host of a virtual "
      "machine had it. Undisturbed: the share of questions at the first try that were not near "
      "such a "
      "moment. Faint and slanted: the run was disturbed, as the attack was not sent in full, "
      "honest "
      "questions left late or half of them were near such a moment, and tells little. Each server "
      "has one processor and UDP "
      "receive queues of 4 MiB.</p>\n";
  text += summary(runs) + curves(runs);
  for (size_t number = 0; number < runs.size(); ++number) {
    text += run_section(runs[number].as_object(), number);
  }
  return text + "</body></html>\n";
}

}  // namespace holdfast::drill
