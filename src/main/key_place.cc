// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/key_place.h"

#include <fmt/format.h>

#include "config/load.h"
#include "dnssec/key_folder.h"

namespace holdfast {

Result<KeyPlace> key_place_of(const Invocation& invocation) {
  KeyPlace place;
  place.zone = TRY(wire::Name::from_text(invocation.zone_name));
  place.zone.fold_case();
  place.folder = invocation.signing.keys;
  if (!place.folder.empty()) return place;
  const config::LoadOutcome read = config::load_config(invocation.config_path);
  if (!read.config) {
    const auto& problems = read.problems.problems;
    return fail(problems.empty() ? invocation.config_path + ": cannot be read"
                                 : problems.front().to_text());
  }
  place.folder = dnssec::key_folder(read.config->server.state, place.zone);
  return place;
}

ExitCode end_of(const Result<void>& done) {
  if (done) return ExitCode::good;
  fmt::print(stderr, "holdfast: {}\n", done.error().message);
  return ExitCode::failed;
}

}  // namespace holdfast
