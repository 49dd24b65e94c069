// SPDX-License-Identifier: GPL-3.0-or-later
// The `holdfast` program: joins the parts.
#include <fmt/format.h>

#include "main/command_line.h"
#include "main/completion.h"
#include "main/config_commands.h"
#include "main/drill_command.h"
#include "main/key_commands.h"
#include "main/key_status_command.h"
#include "main/offline_key_commands.h"
#include "main/serve.h"
#include "main/server_commands.h"
#include "main/shield_commands.h"
#include "main/zone_commands.h"
#include "main/zone_file_commands.h"
#include "main/zone_sign_command.h"
#include "main/zone_version_commands.h"

namespace holdfast {

namespace {

ExitCode run_shield(const Invocation& invocation) {
  switch (invocation.command) {
    case Command::shield_status:
      return show_shield_status(invocation);
    case Command::shield_top:
      return show_shield_top(invocation);
    case Command::shield_explain:
      return explain_to_operator(invocation);
    default:
      return steer_shield(invocation);
  }
}

ExitCode run_key(const Invocation& invocation) {
  switch (invocation.command) {
    case Command::key_generate:
      return generate_key(invocation);
    case Command::key_list:
      return list_keys(invocation);
    case Command::key_ds:
      return print_ds(invocation);
    case Command::key_import:
      return import_key(invocation);
    case Command::key_export:
      return export_keys(invocation);
    case Command::key_roll:
      return roll_key(invocation);
    case Command::key_submitted:
      return confirm_submission(invocation);
    case Command::key_forget:
      return forget_signer(invocation);
    case Command::key_request:
      return request_keys(invocation);
    case Command::key_sign_request:
      return sign_request(invocation);
    case Command::key_import_response:
      return import_response(invocation);
    default:
      return show_key_status(invocation);
  }
}

ExitCode run(const Invocation& invocation) {
  switch (invocation.command) {
    case Command::serve:
      return serve(invocation.config_path);
    case Command::config_check:
      return check_config(invocation);
    case Command::config_print:
      return print_config(invocation);
    case Command::config_schema:
      return print_config_schema();
    case Command::config_reference:
      return print_config_reference();
    case Command::reload:
      return reload(invocation);
    case Command::status:
      return show_status(invocation);
    case Command::zone_list:
      return list_running_zones(invocation);
    case Command::zone_status:
      return show_zone_status(invocation);
    case Command::zone_refresh:
    case Command::zone_retransfer:
      return refresh_zone(invocation);
    case Command::zone_history:
      return show_zone_history(invocation);
    case Command::zone_diff:
      return show_zone_difference(invocation);
    case Command::zone_rollback:
      return roll_back_zone(invocation);
    case Command::zone_freeze:
      return freeze_zone(invocation);
    case Command::zone_thaw:
      return thaw_zone(invocation);
    case Command::zone_check:
      return check_zone_file(invocation);
    case Command::zone_print:
      return print_zone(invocation);
    case Command::zone_sign:
      return sign_zone_file(invocation);
    case Command::key_generate:
    case Command::key_list:
    case Command::key_ds:
    case Command::key_import:
    case Command::key_export:
    case Command::key_roll:
    case Command::key_submitted:
    case Command::key_status:
    case Command::key_forget:
    case Command::key_request:
    case Command::key_sign_request:
    case Command::key_import_response:
      return run_key(invocation);
    case Command::shield_status:
    case Command::shield_top:
    case Command::shield_explain:
    case Command::shield_allow:
    case Command::shield_deny:
    case Command::shield_forget:
    case Command::shield_dry_run:
      return run_shield(invocation);
    case Command::drill:
      return drill_server(invocation);
    case Command::completion_bash:
      fmt::print("{}", bash_completion(all_commands()));
      return ExitCode::good;
  }
  return ExitCode::wrong_use;
}

}  // namespace

}  // namespace holdfast

int main(int argc, char** argv) {
  const auto parsed = holdfast::parse_command_line(argc, argv);
  const auto* invocation = std::get_if<holdfast::Invocation>(&parsed);
  if (!invocation) return static_cast<int>(std::get<holdfast::ExitCode>(parsed));
  return static_cast<int>(holdfast::run(*invocation));
}
