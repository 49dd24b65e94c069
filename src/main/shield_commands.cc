// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/shield_commands.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/json.hpp>

#include "main/reply.h"
#include "main/table.h"

namespace holdfast {

namespace json = boost::json;

namespace {

ExitCode print_json(const ServerExchange& exchange) {
  fmt::print("{}\n", json::serialize(exchange.reply()));
  return ExitCode::good;
}

template <typename Visit>
void for_each_object(const json::object& reply, std::string_view name, Visit&& visit) {
  const json::value* items = reply.if_contains(name);
  if (!items || !items->is_array()) return;
  for (const json::value& item : items->get_array()) {
    if (item.is_object()) visit(item.get_object());
  }
}

std::string zone_state(const json::object& zone) {
  if (text_field(zone, "under_attack") == "true") return "random names";
  if (text_field(zone, "many_names") == "true") return "many names";
  return text_field(zone, "hot") == "true" ? "takes much" : "";
}

void print_zones(const json::object& reply) {
  Table table({"ZONE", "ASKED/S", "USUAL", "ABSENT/S", "USUAL", "NAMES", "USUAL", "SHED", "STATE"});
  bool is_empty = true;
  for_each_object(reply, "zones", [&](const json::object& zone) {
    is_empty = false;
    table.add({text_field(zone, "zone"), text_field(zone, "asked_per_s"),
               text_field(zone, "usual_asked_per_s"), text_field(zone, "absent_per_s"),
               text_field(zone, "usual_absent_per_s"), text_field(zone, "names_per_window"),
               text_field(zone, "usual_names_per_window"), text_field(zone, "shed"),
               zone_state(zone)});
  });
  if (!is_empty) table.flush();
}

void print_accounts(const json::object& reply) {
  Table table({"ACCOUNT", "ASKED/S", "USUAL", "WAITED"});
  bool is_empty = true;
  for_each_object(reply, "accounts", [&](const json::object& account) {
    is_empty = false;
    table.add({text_field(account, "account"), text_field(account, "asked_per_s"),
               text_field(account, "usual_asked_per_s"), text_field(account, "limited")});
  });
  if (!is_empty) table.flush();
}

void print_classes(const json::object& questions) {
  Table table({"CLASS", "ANSWERED", "TC", "BADCOOKIE", "DROPPED", "DRY RUN"});
  for (const auto& [name, value] : questions) {
    if (!value.is_object()) continue;
    const json::object& fates = value.get_object();
    table.add({std::string(name), text_field(fates, "admitted"), text_field(fates, "truncated"),
               text_field(fates, "bad_cookie"), text_field(fates, "dropped"),
               text_field(fates, "dry_run")});
  }
  table.flush();
}

// Beside what came to the answer processes: what the program at the card has answered and dropped.
void print_card(const json::object& fates) {
  Table table({"AT THE CARD", "PACKETS"});
  for (const auto& [name, value] : fates) table.add({std::string(name), text_field(fates, name)});
  if (!fates.empty()) table.flush();
}

// What stands before the sockets, and what the kernel does about floods of connections.
void print_sockets(const json::object& status) {
  const json::object& filtered = object_field(status, "filtered");
  const bool are_limited = text_field(filtered, "syn_refused").empty();
  for_each_object(status, "workers", [&](const json::object& worker) {
    const uint64_t datagrams = number_field(worker, "datagrams_passing_permille");
    if (datagrams < 1000) {
      fmt::print(
          "sockets        worker {}: a filter lets {:.1f} % of strangers' datagrams through\n",
          number_field(worker, "worker"), static_cast<double>(datagrams) / 10);
    }
    const uint64_t beginnings = number_field(worker, "syn_per_s");
    if (beginnings > 0 && are_limited) {
      fmt::print("SYN flood      worker {}: strangers may begin {} connections a second\n",
                 number_field(worker, "worker"), beginnings);
    }
  });
  fmt::print("filtered       {} datagrams, {} SYNs of strangers\n",
             number_field(filtered, "datagrams"), number_field(filtered, "syn"));
  for (const char* const what : {"datagrams", "syn"}) {
    const std::string error = text_field(filtered, std::string(what) + "_refused");
    if (error.empty()) continue;
    fmt::print("not filtered   {}: the kernel takes no filter ({})\n", what, error);
  }
  const json::object& tcp = object_field(status, "tcp");
  const json::object& counters = object_field(tcp, "counters");
  fmt::print("SYN cookies    {}; {} sent, {} came back, {} SYNs dropped for want of room\n",
             text_field(tcp, "syncookies"), number_field(counters, "SyncookiesSent"),
             number_field(counters, "SyncookiesRecv"), number_field(counters, "TCPReqQFullDrop"));
}

// Of clients within TLS, whom control serves: only if there has been one.
void print_tls(const json::object& tls) {
  const uint64_t spent_ms = number_field(tls, "processor_ms");
  uint64_t refused = 0;
  uint64_t waited = 0;
  uint64_t dry = 0;
  for (const auto& [limit, fates] : object_field(tls, "limited")) {
    if (!fates.is_object()) continue;
    refused += number_field(fates.get_object(), "refused");
    waited += number_field(fates.get_object(), "waited");
    dry += number_field(fates.get_object(), "dry_run");
  }
  if (spent_ms + refused + waited + dry == 0) return;
  fmt::print(
      "TLS            {} ms of control's processor; {} connections refused, {} handshakes "
      "and requests waited, {} let be in a dry run\n",
      spent_ms, refused, waited, dry);
}

void print_shield(const json::object& status) {
  if (text_field(status, "enabled") != "true") {
    fmt::print("the shield is off\n");
    return;
  }
  const uint64_t level = number_field(status, "level");
  if (level == 0) {
    fmt::print("overload       none\n");
  } else {
    fmt::print("overload       level {} of 4, {} answer processes\n", level,
               number_field(status, "overloaded_workers"));
  }
  const json::object& sources = object_field(status, "sources");
  fmt::print("sources        {} remembered, {} known, {} proved by TCP\n",
             number_field(sources, "remembered"), number_field(sources, "known"),
             number_field(sources, "proved"));
  print_sockets(status);
  print_tls(object_field(status, "tls"));
  const auto dry = text_list(status, "dry_run");
  if (!dry.empty()) fmt::print("dry run        {}\n", fmt::join(dry, ", "));
  for_each_object(status, "words", [](const json::object& word) {
    fmt::print("{:<14} {} until {}\n", text_field(word, "word"), text_field(word, "address"),
               time_field(word, "until_unix_s"));
  });
  fmt::print("\n");
  print_classes(object_field(status, "questions"));
  print_card(object_field(status, "card"));
  print_zones(status);
  print_accounts(status);
}

void print_address(const json::object& reply) {
  fmt::print("class          {}, at overload level {}\n", text_field(reply, "class"),
             number_field(reply, "overload_level"));
  if (text_field(reply, "seen") != "true") {
    fmt::print("history        never seen in quiet times\n");
  } else {
    fmt::print("history        seen in {} slots of time, last {} slots ago: {}\n",
               number_field(reply, "slots_seen"), number_field(reply, "slots_since"),
               text_field(reply, "known") == "true" ? "known" : "not yet known");
    fmt::print("distance       arrives with hop limit {}{}\n", number_field(reply, "hop_limit"),
               text_field(reply, "hop_limit_counts") == "true" ? "" : "; varies, so not judged");
    fmt::print("usual rate     up to {} a second\n", number_field(reply, "usual_per_s_up_to"));
  }
  fmt::print("asks now       {} a second of {} that it may; {} from elsewhere; its network {}\n",
             number_field(reply, "asks_per_s"), number_field(reply, "may_ask_per_s"),
             number_field(reply, "asks_per_s_from_elsewhere"),
             number_field(reply, "prefix_asks_per_s"));
  if (text_field(reply, "proved_by_tcp") == "true") fmt::print("proved         by TCP\n");
  if (text_field(reply, "allowed") == "true") fmt::print("operator       allows it\n");
  if (text_field(reply, "denied") == "true") fmt::print("operator       denies it\n");
}

void print_name(const json::object& zone) {
  fmt::print("zone           {}\n", text_field(zone, "zone"));
  fmt::print("asked          {} a second, usually {}\n", number_field(zone, "asked_per_s"),
             number_field(zone, "usual_asked_per_s"));
  fmt::print("absent names   {} a second, usually {}\n", number_field(zone, "absent_per_s"),
             number_field(zone, "usual_absent_per_s"));
  fmt::print("names          {} different ones that exist within {} ms, usually {}\n",
             number_field(zone, "names_per_window"), number_field(zone, "window_ms"),
             number_field(zone, "usual_names_per_window"));
  const std::string state = zone_state(zone);
  fmt::print("judged         {}\n", state.empty() ? "as every day" : state);
}

}  // namespace

ExitCode show_shield_status(const Invocation& invocation) {
  const auto exchange = ServerExchange::ask(invocation, "shield-status");
  if (!exchange) return ExitCode::failed;
  if (invocation.format == OutputFormat::json) return print_json(*exchange);
  print_shield(exchange->reply());
  return ExitCode::good;
}

ExitCode show_shield_top(const Invocation& invocation) {
  const auto exchange = ServerExchange::ask(invocation, "shield-top");
  if (!exchange) return ExitCode::failed;
  if (invocation.format == OutputFormat::json) return print_json(*exchange);
  print_zones(exchange->reply());
  print_accounts(exchange->reply());
  return ExitCode::good;
}

ExitCode explain_to_operator(const Invocation& invocation) {
  const auto exchange =
      ServerExchange::ask(invocation, "shield-explain", {}, {{"of", invocation.shield_of}});
  if (!exchange) return ExitCode::failed;
  if (invocation.format == OutputFormat::json) return print_json(*exchange);
  if (exchange->reply().contains("zone")) {
    print_name(exchange->reply());
  } else {
    print_address(exchange->reply());
  }
  return ExitCode::good;
}

ExitCode steer_shield(const Invocation& invocation) {
  std::string_view command = "shield-dry-run";
  if (invocation.command == Command::shield_allow) command = "shield-allow";
  if (invocation.command == Command::shield_deny) command = "shield-deny";
  if (invocation.command == Command::shield_forget) command = "shield-forget";
  const auto exchange = ServerExchange::ask(invocation, command, {},
                                            {{"of", invocation.shield_of},
                                             {"seconds", invocation.shield_seconds},
                                             {"what", invocation.shield_what},
                                             {"state", invocation.shield_state}});
  if (!exchange) return ExitCode::failed;
  return invocation.format == OutputFormat::json ? print_json(*exchange) : ExitCode::good;
}

}  // namespace holdfast
