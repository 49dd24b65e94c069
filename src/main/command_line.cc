// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/command_line.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "base/version.h"
#include "config/nearest.h"

namespace holdfast {

namespace {

constexpr const char* default_config_path = "/etc/holdfast/holdfast.toml";
// CLI11 shows it in the help, and completion knows by it what to offer.
constexpr const char* file_type = "FILE";

// Holds what the parser writes to; the options refer to it.
struct CommandLine {
  CLI::App app{"Holdfast, an authoritative DNS server"};
  Invocation invocation;
  bool json = false;
  bool strict = false;
  bool dnssec = false;
};

CLI::App* add_group(CommandLine& line, const char* name, const char* description) {
  CLI::App* group = line.app.add_subcommand(name, description);
  group->require_subcommand(1);
  return group;
}

CLI::App* add_command(CommandLine& line, CLI::App& above, Command command, const char* name,
                      const char* description) {
  CLI::App* added = above.add_subcommand(name, description);
  added->callback([&line, command] { line.invocation.command = command; });
  return added;
}

void add_config(CommandLine& line, CLI::App& command) {
  command.add_option("-c,--config", line.invocation.config_path, "The configuration")
      ->type_name(file_type)
      ->capture_default_str();
}

void add_json(CommandLine& line, CLI::App& command) {
  command.add_flag("--json", line.json, "Write JSON, for programs");
}

void add_serve_command(CommandLine& line) {
  CLI::App* serve = add_command(line, line.app, Command::serve, "serve",
                                "Answer DNS questions until SIGTERM; SIGHUP reloads");
  add_config(line, *serve);
}

// For commands that ask the running server.
void add_connection(CommandLine& line, CLI::App& command) {
  add_config(line, command);
  command
      .add_option("--socket", line.invocation.socket_path,
                  "The server's control socket, in place of the one in the configuration's state")
      ->type_name(file_type);
  add_json(line, command);
}

void add_zone_name(CommandLine& line, CLI::App& command) {
  command.add_option("NAME", line.invocation.zone_name, "The zone, such as example.com")
      ->required()
      ->type_name("");
}

void add_config_commands(CommandLine& line) {
  CLI::App& group = *add_group(line, "config", "Check and show configurations");
  CLI::App* check = add_command(line, group, Command::config_check, "check",
                                "Report everything that is wrong with a configuration");
  add_config(line, *check);
  add_json(line, *check);
  CLI::App* print = add_command(line, group, Command::config_print, "print",
                                "Print what a configuration amounts to, defaults included");
  add_config(line, *print);
  add_json(line, *print);
  add_command(line, group, Command::config_schema, "schema",
              "Print the JSON Schema of configurations");
  add_command(line, group, Command::config_reference, "reference",
              "Print the reference of all keys, in Markdown");
}

template <typename T>
void add_number(CLI::App& command, const char* name, T& target, const char* description,
                const char* type, int least, int most) {
  command.add_option(name, target, description)
      ->check(CLI::Range(least, most))
      ->type_name(type)
      ->capture_default_str();
}

void add_sign_command(CommandLine& line, CLI::App& group) {
  SigningOptions& signing = line.invocation.signing;
  CLI::App* sign = add_command(line, group, Command::zone_sign, "sign",
                               "Sign a zone file with the keys of a folder, as a zone file");
  add_zone_name(line, *sign);
  sign->add_option("FILE", line.invocation.zone_file, "The zone file")
      ->required()
      ->type_name(file_type);
  sign->add_option("--keys", signing.keys, "Folder of K*.key and K*.private files")
      ->required()
      ->type_name(file_type);
  sign->add_option("-o,--output", signing.output, "Where to write it; without, standard output")
      ->type_name(file_type);
  sign->add_option("--previous", signing.previous,
                   "The file as it was signed before: what still holds of it is kept")
      ->type_name(file_type);
  sign->add_option("--denial", signing.denial, "How it is proved that a name does not exist")
      ->check(CLI::IsMember({"nsec", "nsec3"}))
      ->type_name("nsec|nsec3")
      ->capture_default_str();
  sign->add_flag("--opt-out", signing.opt_out, "NSEC3 passes over delegations that are not signed");
  sign->add_flag("--zonemd", signing.zonemd, "Add a digest over the zone (RFC 8976)");
  add_number(*sign, "--days", signing.validity_days, "How long signatures hold at most", "DAYS", 2,
             3650);
  add_number(*sign, "--threads", signing.threads, "Threads that sign; 0: one for each core", "N", 0,
             256);
}

void add_version_commands(CommandLine& line, CLI::App& group) {
  CLI::App* history = add_command(line, group, Command::zone_history, "history",
                                  "List the versions of a zone whose differences are known");
  add_zone_name(line, *history);
  add_connection(line, *history);
  CLI::App* diff = add_command(line, group, Command::zone_diff, "diff",
                               "Print what changed in a zone, last or between two serials");
  add_zone_name(line, *diff);
  diff->add_option("FROM", line.invocation.from_serial, "The older serial")->type_name("");
  diff->add_option("TO", line.invocation.to_serial, "The newer, or what is served")->type_name("");
  diff->add_flag("--all", line.invocation.shows_all, "Also RRSIG, NSEC, NSEC3 and ZONEMD");
  add_connection(line, *diff);
  CLI::App* rollback = add_command(line, group, Command::zone_rollback, "rollback",
                                   "Serve a zone as it was, under a new serial");
  add_zone_name(line, *rollback);
  rollback->add_option("SERIAL", line.invocation.to_serial, "The serial to go back to")
      ->required()
      ->type_name("");
  add_connection(line, *rollback);
  CLI::App* freeze =
      add_command(line, group, Command::zone_freeze, "freeze",
                  "Write what is served of a zone that takes updates into its file, and take none");
  add_zone_name(line, *freeze);
  add_connection(line, *freeze);
  CLI::App* thaw = add_command(line, group, Command::zone_thaw, "thaw",
                               "Read the file of a frozen zone, and take updates again");
  add_zone_name(line, *thaw);
  add_connection(line, *thaw);
}

void add_zone_commands(CommandLine& line) {
  CLI::App& group = *add_group(line, "zone", "Look at zones, running or in files");
  add_connection(line, *add_command(line, group, Command::zone_list, "list",
                                    "List the zones of the running server"));
  CLI::App* status = add_command(line, group, Command::zone_status, "status",
                                 "Show one zone of the running server");
  add_zone_name(line, *status);
  add_connection(line, *status);

  CLI::App* refresh = add_command(line, group, Command::zone_refresh, "refresh",
                                  "Have the primaries of a zone asked for what is newer");
  add_zone_name(line, *refresh);
  add_connection(line, *refresh);
  CLI::App* retransfer = add_command(line, group, Command::zone_retransfer, "retransfer",
                                     "Have a zone transferred whole, whatever its serial");
  add_zone_name(line, *retransfer);
  add_connection(line, *retransfer);

  add_version_commands(line, group);

  CLI::App* check = add_command(line, group, Command::zone_check, "check",
                                "Report everything that is wrong with a zone file");
  add_zone_name(line, *check);
  check->add_option("FILE", line.invocation.zone_file, "The zone file")
      ->required()
      ->type_name(file_type);
  check->add_flag("--strict", line.strict, "Take what is doubtful for wrong");
  check->add_flag("--dnssec", line.dnssec, "Also verify all signatures and the proofs of denial");
  add_json(line, *check);

  CLI::App* print = add_command(line, group, Command::zone_print, "print",
                                "Print the records of a zone of the running server, or of FILE");
  add_zone_name(line, *print);
  print->add_option("FILE", line.invocation.zone_file, "A zone file to print instead")
      ->type_name(file_type);
  add_connection(line, *print);
  add_sign_command(line, group);
}

void add_algorithm(CLI::App& command, SigningOptions& signing) {
  command.add_option("--algorithm", signing.algorithm, "Mnemonic or number")
      ->type_name("ALGORITHM")
      ->capture_default_str();
}
void add_role(CLI::App& command, SigningOptions& signing, const char* description) {
  command.add_option("--role", signing.role, description)
      ->check(CLI::IsMember({"csk", "ksk", "zsk"}))
      ->type_name("csk|ksk|zsk")
      ->capture_default_str();
}
// Of keys that are made.
void add_making(CLI::App& command, SigningOptions& signing) {
  command.add_option("--bits", signing.rsa_bits, "Of an RSA key")
      ->type_name("N")
      ->capture_default_str();
  command
      .add_option(
          "--token", signing.token,
          "Token to make it in, as pkcs11:token=NAME?module-path=FILE&pin-source=file:FILE; "
          "otherwise where the zone's other keys are")
      ->type_name("URI");
}

// For commands on the keys of one zone.
CLI::App* add_key_command(CommandLine& line, CLI::App& group, Command command, const char* name,
                          const char* description) {
  CLI::App* added = add_command(line, group, command, name, description);
  add_zone_name(line, *added);
  add_config(line, *added);
  added
      ->add_option("--keys", line.invocation.signing.keys,
                   "Folder of its keys, in place of the one in the configuration's state")
      ->type_name(file_type);
  return added;
}

// An offline KSK: what goes there, and what comes back.
void add_offline_commands(CommandLine& line, CLI::App& group) {
  SigningOptions& signing = line.invocation.signing;
  CLI::App* request = add_key_command(line, group, Command::key_request, "request",
                                      "Write what an offline KSK is to sign ahead");
  add_number(*request, "--days", signing.span_days, "For so many days from now on", "N", 1, 3650);
  add_number(*request, "--zsk-days", signing.zsk_days, "Replace the ZSK each so many days; 0: not",
             "N", 0, 3650);
  request->add_option("--dnskey-ttl", signing.dnskey_ttl_s, "Of the DNSKEY records")
      ->type_name("SECONDS")
      ->capture_default_str();
  add_number(*request, "--ttl", signing.ttl_max_s, "No TTL of the zone is larger", "SECONDS", 1,
             1'000'000);
  CLI::App* sign = add_key_command(line, group, Command::key_sign_request, "sign-request",
                                   "Sign a request with the KSKs of a folder");
  sign->add_option("FILE", signing.path, "The request")->required()->type_name(file_type);
  add_number(*sign, "--overlap-days", signing.overlap_days,
             "Signatures hold for so many days beyond their period", "N", 1, 365);
  for (CLI::App* command : {request, sign}) {
    add_number(*command, "--period-days", signing.period_days, "A period is at most so long", "N",
               1, 365);
    command->add_option("-o,--output", signing.output, "In place of standard output")
        ->type_name(file_type);
  }
  CLI::App* import = add_key_command(line, group, Command::key_import_response, "import-response",
                                     "Take what an offline KSK has signed; then reload the zone");
  import->add_option("FILE", signing.path, "The response, ours, Knot's or BIND's")
      ->required()
      ->type_name(file_type);
}

void add_key_commands(CommandLine& line) {
  SigningOptions& signing = line.invocation.signing;
  CLI::App& group = *add_group(line, "key", "Make and look at the keys of signed zones");
  CLI::App* generate = add_key_command(line, group, Command::key_generate, "generate",
                                       "Make a key and print its name");
  add_algorithm(*generate, signing);
  add_role(*generate, signing, "csk signs all, ksk the keys, zsk all but the keys");
  add_making(*generate, signing);
  add_json(line, *add_key_command(line, group, Command::key_list, "list", "List the zone's keys"));
  add_key_command(line, group, Command::key_ds, "ds",
                  "Print the DS records that belong into the parent zone");
  CLI::App* roll = add_key_command(line, group, Command::key_roll, "roll",
                                   "Begin to replace a key; then reload the zone");
  add_role(*roll, signing, "Which key: csk and ksk wait for the parent");
  roll->add_option("--algorithm", signing.next_algorithm, "Another one, for a CSK or KSK")
      ->type_name("ALGORITHM");
  add_making(*roll, signing);
  CLI::App* submitted =
      add_key_command(line, group, Command::key_submitted, "submitted",
                      "Say that the parent has the DS of the new key; then reload the zone");
  for (CLI::App* command : {roll, submitted}) {
    add_number(*command, "--ttl", signing.ttl_max_s,
               "No TTL of the zone, nor that of its DS, is larger", "SECONDS", 1, 1'000'000);
  }
  CLI::App* import = add_key_command(line, group, Command::key_import, "import",
                                     "Take a key from K*.key and K*.private files, or one that "
                                     "is in a token");
  import->add_option("FILE", signing.path, "One of the two; or a pkcs11 URI with object or id")
      ->required()
      ->type_name("FILE|URI");
  add_algorithm(*import, signing);
  add_role(*import, signing, "Of a key in a token");
  import
      ->add_option("--foreign", signing.signer,
                   "It is one of this other signer's, of which the K*.key file is enough")
      ->type_name("SIGNER");
  add_offline_commands(line, group);
  add_json(line, *add_key_command(line, group, Command::key_status, "status",
                                  "Show what becomes of keys and other signers, and what they "
                                  "wait for"));
  add_key_command(line, group, Command::key_forget, "forget", "Forget another signer that has left")
      ->add_option("SIGNER", signing.signer, "Its name")
      ->required()
      ->type_name("SIGNER");
  CLI::App* out = add_key_command(line, group, Command::key_export, "export",
                                  "Write the zone's keys as K*.key and K*.private files");
  out->add_option("FOLDER", signing.path, "Where to")->required()->type_name(file_type);
}

void add_shield_commands(CommandLine& line) {
  Invocation& invocation = line.invocation;
  CLI::App& group = *add_group(line, "shield", "See and steer who is answered under overload");
  add_connection(line, *add_command(line, group, Command::shield_status, "status",
                                    "Show whether anything is overloaded, and what is done"));
  add_connection(line, *add_command(line, group, Command::shield_top, "top",
                                    "List the zones that most is asked of, and what is usual"));
  CLI::App* explain = add_command(line, group, Command::shield_explain, "explain",
                                  "Tell how an address or a name is judged, and why");
  explain->add_option("ADDRESS-OR-NAME", invocation.shield_of, "Of a client, or in a zone")
      ->required()
      ->type_name("");
  add_connection(line, *explain);
  const auto add_word = [&](Command command, const char* name, const char* description) {
    CLI::App* added = add_command(line, group, command, name, description);
    added->add_option("ADDRESS", invocation.shield_of, "Of a client")->required()->type_name("");
    add_connection(line, *added);
    return added;
  };
  for (CLI::App* word : {add_word(Command::shield_allow, "allow", "Take an address for known"),
                         add_word(Command::shield_deny, "deny", "Answer an address last")}) {
    word->add_option("--seconds", invocation.shield_seconds, "For how long; without, a day")
        ->type_name("N");
  }
  add_word(Command::shield_forget, "forget", "Take back what was said of an address");
  CLI::App* dry_run = add_command(line, group, Command::shield_dry_run, "dry-run",
                                  "Decide and count, but do nothing, until the next start");
  dry_run->add_option("WHAT", invocation.shield_what, "Which part of the shield")
      ->required()
      ->check(CLI::IsMember(
          {"admission", "truncate", "hop", "zones", "streams", "filter", "form", "all"}))
      ->type_name("");
  dry_run->add_option("STATE", invocation.shield_state, "on or off")
      ->required()
      ->check(CLI::IsMember({"on", "off"}))
      ->type_name("");
  add_connection(line, *dry_run);
}

void add_drill_choice(DrillOptions& options, CLI::App& drill) {
  drill
      .add_option("SCENARIO", options.scenarios, "Names or files; all that there are if not given")
      ->type_name("");
  drill
      .add_option("-c,--config", options.config_path,
                  "Your configuration; without it zones made for the laboratory")
      ->type_name(file_type);
  drill.add_option("--server", options.servers, "holdfast, knot, nsd, bind, powerdns, dnsdist, …")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("NAME")
      ->capture_default_str();
  drill.add_option("--program", options.program, "Another build of holdfast")->type_name(file_type);
  drill.add_option("--zone", options.attacked_zone, "The zone that is attacked")->type_name("NAME");
  drill.add_option("--rate", options.rate, "Of the attacks: N a second, or '0.8 floor'")
      ->type_name("RATE");
  drill.add_option("--stretch", options.stretch, "All times as so many of theirs")
      ->check(CLI::Range(0.05, 100.0))
      ->type_name("FACTOR");
  drill.add_option("--set", options.settings, "A setting of the server: 'section.key = value'")
      ->allow_extra_args(false)
      ->type_name("SETTING");
  drill.add_flag("--no-shield", options.no_shield, "Without the shield");
  drill.add_flag("--no-xdp", options.no_xdp, "Without XDP");
  drill.add_flag("--xdp", options.xdp, "With XDP, whatever the configuration says");
  drill.add_flag("--curve", options.curve, "At nine rates, from nothing to above the floor");
}

void add_drill_command(CommandLine& line) {
  DrillOptions& options = line.invocation.drill;
  CLI::App* drill = add_command(line, line.app, Command::drill, "drill",
                                "Show what a server does on the day of an attack, in a sealed "
                                "laboratory");
  add_drill_choice(options, *drill);
  drill->add_option("--json", options.json_path, "Write all figures there; -: standard output")
      ->type_name(file_type);
  drill->add_option("--page", options.page_path, "Write a page with plots there")
      ->type_name(file_type);
  drill->add_option("--merge", options.merge, "Put runs from such JSON into the reports as well")
      ->type_name(file_type);
  drill->add_flag("--list", options.list, "List the scenarios");
  drill->add_option("--show", options.show, "Print a scenario's file, to copy and change")
      ->type_name("NAME");
  drill->add_flag("--floor", options.floor, "Only measure what XDP_DROP sustains here");
  drill->add_option("--floor-rate", options.floor_per_s, "Take this for the floor")->type_name("N");
  drill->add_option("--server-cpu", options.server_cpu, "The server's processor")
      ->type_name("N")
      ->capture_default_str();
  drill->add_option("--load-cpu", options.load_cpu, "The load's processor")
      ->type_name("N")
      ->capture_default_str();
  drill->add_option("--result-fd", options.result_fd)->group("");
}

std::unique_ptr<CommandLine> make_command_line() {
  auto line = std::make_unique<CommandLine>();
  line->invocation.config_path = default_config_path;
  line->app.name("holdfast");
  line->app.set_version_flag("--version", "holdfast " + std::string(program_version()));
  line->app.require_subcommand(1);
  add_serve_command(*line);
  add_config_commands(*line);
  CLI::App* reload = add_command(*line, line->app, Command::reload, "reload",
                                 "Have the running server read configuration and zones anew");
  reload->add_option("NAME", line->invocation.zone_name, "Only this zone's file")->type_name("");
  add_connection(*line, *reload);
  add_connection(*line, *add_command(*line, line->app, Command::status, "status",
                                     "Show how the running server is"));
  add_zone_commands(*line);
  add_key_commands(*line);
  add_shield_commands(*line);
  add_drill_command(*line);
  CLI::App& completion = *add_group(*line, "completion", "Print completion for a shell");
  add_command(*line, completion, Command::completion_bash, "bash",
              "Print completion for bash; source it, or put it into bash-completion's folder");
  return line;
}

void collect(const CLI::App& app, const std::string& above, std::vector<CommandInfo>& commands) {
  CommandInfo command;
  command.path = above.empty() ? app.get_name() : above + " " + app.get_name();
  for (const CLI::Option* option : app.get_options()) {
    const bool takes_file = option->get_type_name() == file_type;
    if (option->get_positional()) {
      command.takes_file |= takes_file;
    } else {
      command.options.push_back({"--" + option->get_lnames().front(), takes_file});
    }
  }
  const std::vector<const CLI::App*> below = app.get_subcommands([](const CLI::App*) {
    return true;  // the default lists only those that were parsed
  });
  for (const CLI::App* subcommand : below) command.commands.push_back(subcommand->get_name());
  const std::string path = command.path;
  commands.push_back(std::move(command));
  for (const CLI::App* subcommand : below) collect(*subcommand, path, commands);
}

// Where a word is no command, CLI11 says only that a command is missing. False if there is none
// such.
bool complain_of_unknown(const CLI::App& root) {
  const CLI::App* app = &root;
  std::string path = root.get_name();
  while (!app->get_subcommands().empty()) {
    app = app->get_subcommands().front();
    path += " " + app->get_name();
  }
  const std::vector<std::string> rest = root.remaining(true);
  if (rest.empty()) return false;
  std::vector<std::string> names;
  for (const CLI::App* below : app->get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(below->get_name());
  }
  for (const CLI::Option* option : app->get_options()) {
    if (!option->get_positional()) names.push_back("--" + option->get_lnames().front());
  }
  const std::vector<std::string_view> known(names.begin(), names.end());
  const std::string_view nearest = config::nearest_word(rest.front(), known);
  std::cerr << path << ": unknown word '" << rest.front() << "'";
  if (!nearest.empty()) std::cerr << "; the nearest known one is '" << nearest << "'";
  std::cerr << "\nRun '" << path << " --help' for what is known.\n";
  return true;
}

}  // namespace

std::variant<Invocation, ExitCode> parse_command_line(int argc, char** argv) {
  const std::unique_ptr<CommandLine> line = make_command_line();
  try {
    line->app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // 0 for help and version; CLI11's own codes for wrong uses begin at 100.
    if (error.get_exit_code() != 0 && complain_of_unknown(line->app)) return ExitCode::wrong_use;
    return line->app.exit(error) == 0 ? ExitCode::good : ExitCode::wrong_use;
  }
  if (line->json) line->invocation.format = OutputFormat::json;
  if (line->strict) line->invocation.strictness = Strictness::strict;
  if (line->dnssec) line->invocation.validation = Validation::yes;
  return line->invocation;
}

std::vector<CommandInfo> all_commands() {
  const std::unique_ptr<CommandLine> line = make_command_line();
  std::vector<CommandInfo> commands;
  collect(line->app, "", commands);
  return commands;
}

}  // namespace holdfast
