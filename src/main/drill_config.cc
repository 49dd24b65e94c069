// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/drill_config.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <filesystem>
#include <sstream>

#include "config/lifted_text.h"

namespace holdfast {

namespace {

// Keys whose values are paths, wherever they stand.
constexpr std::string_view path_keys[] = {"file", "directory", "active_file", "staged_file",
                                          "secret_file"};

void resolve_paths(toml::node& node, const std::filesystem::path& base) {
  if (toml::array* array = node.as_array()) {
    for (toml::node& each : *array) resolve_paths(each, base);
  }
  toml::table* table = node.as_table();
  if (!table) return;
  for (auto&& [key, value] : *table) {
    resolve_paths(value, base);
    toml::value<std::string>* text = value.as_string();
    if (!text || text->get().empty()) continue;
    for (const std::string_view path_key : path_keys) {
      if (key.str() == path_key) *text = (base / text->get()).string();
    }
  }
}

toml::table& section(toml::table& root, std::string_view name) {
  if (!root.get_as<toml::table>(name)) root.insert_or_assign(name, toml::table{});
  return *root.get_as<toml::table>(name);
}

// Tables within tables, one of the two over the other.
void merge(toml::table& into, const toml::table& from) {
  for (const auto& [key, value] : from) {
    toml::table* below = into.get_as<toml::table>(key.str());
    const toml::table* other = value.as_table();
    if (below && other) {
      merge(*below, *other);
    } else {
      into.insert_or_assign(key.str(), value);
    }
  }
}

void set_xdp(toml::table& root, const DrillConfigChange& change) {
  toml::table& xdp = section(root, "xdp");
  const std::string mode = xdp["mode"].value_or(std::string("off"));
  if (change.xdp == DrillXdp::off || (change.xdp == DrillXdp::as_configured && mode == "off")) {
    xdp.insert_or_assign("mode", "off");
    xdp.erase("interfaces");
    return;
  }
  xdp.insert_or_assign("mode", "on");
  xdp.insert_or_assign("interfaces", toml::array{change.interface_name});
  // As with a real card: the laboratory's other end takes what a veth is given back.
  if (xdp["replies"].value_or(std::string("auto")) == "auto") xdp.insert_or_assign("replies", "on");
}

Result<toml::table> parse(const std::string& text, const std::string& source) {
  const auto lifted = config::lift_text(text);
  if (!lifted) return fail(source + ": not UTF-8");
  toml::parse_result parsed = toml::parse(*lifted);
  if (parsed) return std::move(parsed).table();
  return fail(source + ":" + std::to_string(parsed.error().source().begin.line) + ": " +
              std::string(parsed.error().description()));
}

}  // namespace

Result<std::string> change_config_for_drill(const std::string& text, const std::string& source,
                                            const DrillConfigChange& change) {
  toml::table root = TRY(parse(text, source));
  resolve_paths(root, change.base_directory);
  toml::table& server = section(root, "server");
  toml::array listen;
  for (const std::string& each : change.listen) listen.push_back(each);
  server.insert_or_assign("listen", std::move(listen));
  server.insert_or_assign("state", change.state);
  server.insert_or_assign("workers", 1);
  server.erase("user");
  section(root, "metrics").insert_or_assign("listen", "");
  root.erase("dnstap");
  set_xdp(root, change);
  for (const std::string& setting : change.settings) {
    merge(root, TRY(parse(setting, "--set '" + setting + "'")));
  }
  std::ostringstream written;
  written << toml::toml_formatter(root) << "\n";
  return config::lower_text(written.str());
}

}  // namespace holdfast
