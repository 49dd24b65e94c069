// SPDX-License-Identifier: GPL-3.0-or-later
// The command line: which commands and options there are, and what one invocation asks for.
//
// The only unit that knows the command line library. The tree of commands is also given as plain
// data, for completion.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "main/exit_code.h"

namespace holdfast {

enum class Command : uint8_t {
  serve,
  config_check,
  config_print,
  config_schema,
  config_reference,
  reload,
  status,
  zone_list,
  zone_status,
  zone_refresh,
  zone_retransfer,
  zone_history,
  zone_diff,
  zone_rollback,
  zone_freeze,
  zone_thaw,
  zone_check,
  zone_print,
  zone_sign,
  key_generate,
  key_list,
  key_ds,
  key_import,
  key_export,
  key_roll,
  key_submitted,
  key_status,
  key_forget,
  key_request,
  key_sign_request,
  key_import_response,
  shield_status,
  shield_top,
  shield_explain,
  shield_allow,
  shield_deny,
  shield_forget,
  shield_dry_run,
  drill,
  completion_bash,
};

enum class OutputFormat : uint8_t { text, json };
enum class Strictness : uint8_t { usual, strict };

enum class Validation : uint8_t { no, yes };

// Of `key …`, `zone sign` and `zone check --dnssec`.
struct SigningOptions {
  std::string keys;  // folder; empty: that of the zone in the configuration's server.state
  std::string algorithm = "ECDSAP256SHA256";
  std::string role = "csk";  // csk, ksk, zsk
  unsigned rsa_bits = 2048;
  std::string next_algorithm;  // of `key roll`; empty: that of the key before
  std::string token;           // where keys are made; empty: where the zone's others are
  uint32_t ttl_max_s = 86400;  // of `key roll` and `key submitted`
  std::string signer;          // of `key import --foreign` and `key forget`
  std::string path;            // what `key import` and `key export` name: key, pkcs11 URI, folder
  // Of `key request`, `sign-request` and `import-response`.
  uint64_t span_days = 90;
  uint64_t period_days = 14;
  uint64_t overlap_days = 14;
  uint64_t zsk_days = 0;  // 0: the ZSK is not rolled
  uint32_t dnskey_ttl_s = 3600;
  std::string output;    // of `zone sign` and those; empty: standard output
  std::string previous;  // signed earlier; empty: none
  std::string denial = "nsec";
  unsigned validity_days = 30;
  unsigned threads = 0;  // 0: one for each core
  bool opt_out = false;
  bool zonemd = false;
};

// Of `drill`.
struct DrillOptions {
  std::vector<std::string> scenarios;  // names or files; empty: all
  std::string config_path;             // empty: the laboratory's own zones
  std::vector<std::string> servers{"holdfast"};
  std::string program;        // empty: this one
  std::string attacked_zone;  // empty: the largest
  std::string rate;           // in place of the scenarios'; empty: theirs
  double stretch = 1;         // of all times
  uint64_t floor_per_s = 0;   // 0: to be measured where it is needed
  std::vector<std::string> settings;
  std::vector<std::string> merge;  // JSON of earlier drills
  std::string json_path;
  std::string page_path;
  std::string show;
  unsigned server_cpu = 1;
  unsigned load_cpu = 0;
  int result_fd = -1;  // set by the program itself: this is the part within a laboratory
  bool no_shield = false;
  bool no_xdp = false;
  bool xdp = false;
  bool curve = false;
  bool floor = false;
  bool list = false;
};

struct Invocation {
  Command command = Command::serve;
  std::string config_path;
  std::string socket_path;  // empty: the one in the configuration's server.state
  std::string zone_name;
  std::string zone_file;    // of `zone check` and `zone print`; empty: not given
  std::string from_serial;  // of `zone diff`; empty: not given
  std::string to_serial;    // of `zone diff` and `zone rollback`
  bool shows_all = false;   // of `zone diff`: what signing makes of the other records, too
  std::string shield_of;    // of `shield …`: an address, or a name to explain
  std::string shield_what;  // of `shield dry-run`
  std::string shield_state;
  std::string shield_seconds;  // of `shield allow` and `deny`; empty: a day
  OutputFormat format = OutputFormat::text;
  Strictness strictness = Strictness::usual;
  Validation validation = Validation::no;
  SigningOptions signing;
  DrillOptions drill;
};

// What to run, or, if everything was said on the way (help, version, a wrong use), how to end.
[[nodiscard]] std::variant<Invocation, ExitCode> parse_command_line(int argc, char** argv);

struct OptionInfo {
  std::string name;  // "--config"
  bool takes_file = false;
};

struct CommandInfo {
  std::string path;  // "holdfast zone check"
  std::vector<OptionInfo> options;
  std::vector<std::string> commands;  // below it
  bool takes_file = false;            // as an argument without an option
};

// Every command, those above first.
[[nodiscard]] std::vector<CommandInfo> all_commands();

}  // namespace holdfast
