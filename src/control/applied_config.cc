// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/applied_config.h"

#include "base/file.h"
#include "config/load.h"
#include "config/print.h"

namespace holdfast::control {

namespace {

std::string path_in(const std::string& state_directory) {
  return state_directory + "/applied-config";
}

}  // namespace

Result<void> keep_applied_config(const config::Config& config) {
  const std::string text = config::print_toml(config);
  return replace_file(path_in(config.server.state),
                      {reinterpret_cast<const uint8_t*>(text.data()), text.size()}, 0600);
}

Result<config::Config> load_applied_config(const std::string& state_directory) {
  config::LoadOutcome outcome = config::load_config(path_in(state_directory));
  if (!outcome.config) return fail(outcome.problems.to_text());
  return *std::move(outcome.config);
}

}  // namespace holdfast::control
