// SPDX-License-Identifier: GPL-3.0-or-later
// An operator's configuration, changed so that it can be served in a laboratory: other addresses,
// state in a temporary folder, one worker. Everything else stays, keys that this build does not
// know included.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace holdfast {

enum class DrillXdp : uint8_t { as_configured, off, on };

struct DrillConfigChange {
  std::string base_directory;  // that relative paths are meant from
  std::vector<std::string> listen;
  std::string state;
  std::string interface_name;
  DrillXdp xdp = DrillXdp::as_configured;
  std::vector<std::string> settings;  // "section.key = value", which win over all else
};

// `source` stands in messages for the file.
[[nodiscard]] Result<std::string> change_config_for_drill(const std::string& text,
                                                          const std::string& source,
                                                          const DrillConfigChange& change);

}  // namespace holdfast
