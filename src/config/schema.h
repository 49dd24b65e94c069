// SPDX-License-Identifier: GPL-3.0-or-later
// What the table of keys says about itself: a JSON Schema for editors and checks, and the
// reference page for people.
//
// docs/configuration.schema.json and docs/configuration.md are these texts; a test compares them.
#pragma once

#include <string>

namespace holdfast::config {

// JSON Schema draft 7, which editors' TOML support reads. It accepts what the parser accepts, but
// for what needs more than one value or the file system: each zone and address once, files that
// exist, names of at most 255 bytes.
[[nodiscard]] std::string json_schema();
// Markdown.
[[nodiscard]] std::string reference_page();

}  // namespace holdfast::config
