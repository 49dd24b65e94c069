// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/drill_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "drill/equal_terms.h"
#include "drill/targets.h"

namespace holdfast::drill {
namespace {

using Row = std::vector<std::string>;

constexpr size_t names = 3;  // columns of text: mark, scenario, server

double number_at(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  return value && value->is_number() ? value->to_number<double>() : 0;
}

const boost::json::object& object_at(const boost::json::object& object, std::string_view key) {
  return object.at(key).as_object();
}

// "0.997", never rounded up to 1.
std::string share_text(double share) {
  const std::string text = fmt::format("{:.4f}", share);
  return share < 1 && text.starts_with("1") ? "0.9999" : text;
}

std::string kind_text(const boost::json::object& verdict, std::string_view kind) {
  const boost::json::value* found = object_at(verdict, "kinds").if_contains(kind);
  return found ? share_text(number_at(found->as_object(), "first_try")) : "-";
}

std::string seconds_text(const boost::json::object& verdict, std::string_view key) {
  const boost::json::value& value = verdict.at(key);
  return value.is_null() ? "-" : fmt::format("{:.2f} s", value.to_number<double>());
}

std::string latency_text(const boost::json::object& verdict, std::string_view when) {
  const double p99_us = number_at(object_at(object_at(verdict, "latency_us"), when), "p99");
  if (p99_us >= 10'000) return fmt::format("{:.0f} ms", p99_us / 1000);
  return fmt::format("{:.2f} ms", p99_us / 1000);
}

bool flag_at(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  return value && value->is_bool() && value->as_bool();
}

// Before the row.
std::string mark_of(const boost::json::object& verdict) {
  if (flag_at(verdict, "disturbed")) return "!";
  return flag_at(verdict, "passed") ? "+" : "";
}

// What the marks stand for, and on what terms the servers stood.
std::string legend(const boost::json::array& runs) {
  std::string text =
      "+ passed: of what was undisturbed, at least 0.99 at the first try and 0.999 in the end\n"
      "Undisturbed: not near a moment at which the host of a virtual machine had a processor\n";
  for (const boost::json::value& run : runs) {
    if (!flag_at(object_at(run.as_object(), "verdict"), "disturbed")) continue;
    text +=
        "! disturbed: more than 1 % of the attack was not sent, or of the honest questions late, "
        "or "
        "half of them near a moment at which a processor stood still\n";
    break;
  }
  return text + fmt::format("Each server has one processor, and UDP receive queues of {} MiB.\n",
                            server_queue_bytes >> 20);
}

// "-" where nobody watched, as in records of older drills.
std::string stalled_text(const boost::json::object& verdict) {
  const boost::json::value* share = verdict.if_contains("stalled_share");
  if (!share || share->is_null()) return "-";
  return fmt::format("{:.1f} %", 100 * number_at(verdict, "stalled_share"));
}

std::string undisturbed_latency_text(const boost::json::object& verdict) {
  if (!verdict.contains("undisturbed")) return "-";
  return latency_text(object_at(verdict, "undisturbed"), "attack");
}

std::string undisturbed_text(const boost::json::object& verdict) {
  if (!verdict.contains("undisturbed")) return "-";
  const boost::json::object& undisturbed = object_at(verdict, "undisturbed");
  return share_text(number_at(object_at(undisturbed, "attack"), "first_try"));
}

Row row_of(const boost::json::object& run) {
  const boost::json::object& verdict = object_at(run, "verdict");
  const boost::json::object& attack = object_at(verdict, "attack");
  const boost::json::object& hostile = object_at(verdict, "hostile");
  const boost::json::object& zones = object_at(verdict, "zones");
  return {mark_of(verdict),
          std::string(run.at("scenario").as_string()),
          std::string(run.at("server").as_string()),
          fmt::format("{:.0f} k", number_at(hostile, "sent_per_s") / 1000),
          fmt::format("{:.0f} k", number_at(hostile, "ring_drops_per_s") / 1000),
          stalled_text(verdict),
          share_text(number_at(attack, "first_try")),
          undisturbed_text(verdict),
          share_text(number_at(attack, "after_retries")),
          kind_text(verdict, "known"),
          kind_text(verdict, "never_seen"),
          kind_text(verdict, "with_cookies"),
          kind_text(verdict, "without_tcp"),
          kind_text(verdict, "over_tcp"),
          kind_text(verdict, "shared"),
          share_text(number_at(object_at(zones, "others"), "first_try")),
          latency_text(verdict, "quiet"),
          latency_text(verdict, "attack"),
          undisturbed_latency_text(verdict),
          seconds_text(verdict, "detected_s"),
          seconds_text(verdict, "mitigated_s"),
          seconds_text(verdict, "released_s"),
          fmt::format("{:.0f} %", 100 * number_at(object_at(verdict, "busy"), "attack"))};
}

// "0.9949", or "0.9407 < 0.99": missed. Names tell in what.
std::string target_text(const boost::json::object& target) {
  const std::string name(target.at("name").as_string());
  const auto text = [&](const boost::json::value& value) -> std::string {
    if (value.is_null()) return "never";
    const auto number = value.to_number<double>();
    if (name == "refused" || name == "started") return fmt::format("{:.0f}", number);
    if (name.ends_with("_s")) return fmt::format("{:.2f} s", number);
    return target.contains("most") ? fmt::format("{:.1f}", number) : share_text(number);
  };
  std::string measured = text(target.at("measured"));
  if (flag_at(target, "met")) return measured;
  const bool is_most = target.contains("most");
  return fmt::format("{} {} {}", measured, is_most ? ">" : "<",
                     fmt::format("{}", number_at(target, is_most ? "most" : "least")));
}

// Of the runs that have targets: each target by itself.
std::vector<Row> target_rows(const boost::json::array& runs) {
  std::vector<Row> rows{{"", "scenario", "server", "attack/s"}};
  for (const TargetColumn& column : target_columns()) rows.front().emplace_back(column.title);
  for (const boost::json::value& run : runs) {
    const boost::json::object& verdict = object_at(run.as_object(), "verdict");
    const boost::json::value* targets = verdict.if_contains("targets");
    if (!targets || targets->as_array().empty()) continue;
    Row row = row_of(run.as_object());
    row.resize(rows.front().size(), "-");
    std::fill(row.begin() + names + 1, row.end(), "-");
    bool are_met = true;
    for (const boost::json::value& value : targets->as_array()) {
      const boost::json::object& target = value.as_object();
      are_met &= flag_at(target, "met");
      for (size_t column = 0; column < target_columns().size(); ++column) {
        if (target.at("name").as_string() != target_columns()[column].name) continue;
        row[names + 1 + column] = target_text(target);
      }
    }
    row[0] = flag_at(verdict, "disturbed") ? "!" : (are_met ? "+" : "");
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string laid_out(const std::vector<Row>& rows) {
  std::vector<size_t> widths(rows.front().size());
  for (const Row& row : rows) {
    for (size_t column = 0; column < row.size(); ++column) {
      widths[column] = std::max(widths[column], row[column].size());
    }
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (size_t column = 0; column < row.size(); ++column) {
      const bool is_name = column < names;
      line += is_name ? fmt::format("{:<{}}  ", row[column], widths[column])
                      : fmt::format("{:>{}}  ", row[column], widths[column]);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

}  // namespace

std::string drill_table(const boost::json::array& runs) {
  std::vector<Row> rows{{"",
                         "scenario",
                         "server",
                         "attack/s",
                         "ring lost/s",
                         "stalled",
                         "first try",
                         "undisturbed",
                         "in the end",
                         "known",
                         "never seen",
                         "cookies",
                         "no TCP",
                         "over TCP",
                         "shared",
                         "other zones",
                         "p99 quiet",
                         "p99 attack",
                         "p99 undist.",
                         "detected",
                         "mitigated",
                         "released",
                         "busy"}};
  for (const boost::json::value& run : runs) rows.push_back(row_of(run.as_object()));
  std::string text = laid_out(rows) + "\n" + legend(runs);
  if (const std::vector<Row> targets = target_rows(runs); targets.size() > 1) {
    text +=
        "\nTargets, of what was undisturbed: what was measured, and where it falls short, what was "
        "wanted. + all met\n\n";
    text += laid_out(targets);
  }
  return text;
}

}  // namespace holdfast::drill
