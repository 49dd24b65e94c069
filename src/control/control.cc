// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/control.h"

#include <sys/random.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <ctime>
#include <memory>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/check.h"
#include "control/applied_config.h"
#include "control/commands.h"
#include "control/control_client.h"
#include "control/giving_way.h"
#include "control/listeners.h"
#include "control/liveness.h"
#include "control/management.h"
#include "control/name_filter_keeper.h"
#include "control/reports.h"
#include "control/shield_keeper.h"
#include "control/tcp_report.h"
#include "log/log.h"

namespace holdfast::control {

namespace {

namespace asio = boost::asio;
using log::Category;

std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set by a signal handler");

void handle_stop(int) { stop_requested = true; }

// The manager's poll ends with EINTR or within its second.
void install_signals() {
  struct sigaction action{};
  action.sa_handler = handle_stop;
  CHECK(::sigaction(SIGTERM, &action, nullptr) == 0);
  action.sa_handler = SIG_IGN;
  for (const int signal : {SIGHUP, SIGINT, SIGPIPE}) {
    CHECK(::sigaction(signal, &action, nullptr) == 0);
  }
}

// One thread that runs the control socket and the HTTP server.
class IoThread {
 public:
  explicit IoThread(Liveness& liveness)
      : liveness_(liveness), turn_(context_), thread_([this] {
          take_turns();
          context_.run();
        }) {}
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;
  ~IoThread() { stop(); }
  void stop() {
    if (!thread_.joinable()) return;
    context_.stop();
    thread_.join();
  }
  asio::io_context& context() { return context_; }

 private:
  // Each second, and so there is always work in the context.
  void take_turns() {
    liveness_.begin(WatchedThread::sockets, Step::turn);
    turn_.expires_after(std::chrono::seconds(1));
    turn_.async_wait([this](boost::system::error_code error) {
      if (!error) take_turns();
    });
  }

  Liveness& liveness_;
  asio::io_context context_{1};
  asio::steady_timer turn_;
  std::thread thread_;
};

HttpReply answer_http(std::string_view target, const ReportSources& sources,
                      uint64_t refused_connections) {
  if (target == "/metrics") {
    return {200, "text/plain; version=0.0.4; charset=utf-8",
            metrics_text(sources, refused_connections)};
  }
  if (target == "/health") return {200, "text/plain", "alive\n"};
  if (target == "/ready") {
    std::string reason;
    if (is_ready(sources, reason)) return {200, "text/plain", "ready\n"};
    return {503, "text/plain", reason + "\n"};
  }
  return {404, "text/plain", "/metrics, /health and /ready are here\n"};
}

config::Config config_in_force(const Environment& environment, Start start) {
  if (start == Start::respawn) {
    auto kept = load_applied_config(environment.config.server.state);
    if (kept) return *std::move(kept);
    log::error(
        Category::config, "applied-config",
        "the configuration of the server's start is in force again: " + kept.error().message);
  } else if (const auto kept = keep_applied_config(environment.config); !kept) {
    log::error(Category::config, "applied-config",
               "the configuration in force could not be kept: " + kept.error().message);
  }
  return environment.config;
}

// Tells the answer processes which file to map. They go on with the one that they have until then.
Result<void> show_memory(const std::string& state_directory, exchange::Panel& panel) {
  exchange::MemoryLocation location;
  const std::string path = zone_memory_path(state_directory);
  location.bytes_max = zone_memory_bytes_max;
  if (!location.path.assign(path)) return fail(path + ": a path too long");
  panel.memory.publish(location);
  return {};
}

// The control of a server that was killed syncs zone memory before it ends.
constexpr uint32_t predecessor_wait_ms = 60'000;

struct OpenedMemory {
  zone::Memory memory;
  bool is_shown = false;  // what the answer processes map is this, or a file that is to be replaced
};

Result<OpenedMemory> open_memory(const std::string& state_directory, exchange::Panel& panel) {
  zone::MemoryOptions options;
  options.path = zone_memory_path(state_directory);
  options.bytes_max = zone_memory_bytes_max;
  options.lock_wait_ms = predecessor_wait_ms;
  CHECK(::getrandom(&options.hash_key, sizeof options.hash_key, 0) == sizeof options.hash_key);
  zone::Memory memory = TRY(zone::Memory::open(options, panel.epochs));
  using Origin = zone::Memory::Origin;
  if (memory.origin() == Origin::discarded) {
    log::warning(Category::zones, "memory-discarded",
                 "zones are loaded anew from their files: " + memory.discard_reason());
  }
  exchange::MemoryLocation location;
  const bool was_shown = panel.memory.read(location) != 0;
  const bool was_kept = memory.origin() == Origin::kept_after_clean_end ||
                        memory.origin() == Origin::kept_after_crash;
  // An empty file in the place of one that is being answered from would take all zones away; it is
  // shown once it is filled.
  if (was_shown) return OpenedMemory{std::move(memory), was_kept};
  TRY(show_memory(state_directory, panel));
  return OpenedMemory{std::move(memory), true};
}

void show_filled_memory(OpenedMemory& opened, const std::string& state_directory,
                        exchange::Panel& panel) {
  if (std::exchange(opened.is_shown, true)) return;
  if (const auto shown = show_memory(state_directory, panel); !shown) {
    log::error(Category::zones, "memory-not-shown", shown.error().message);
  }
}

// What an earlier control was printing or sending when it died.
void end_printing(exchange::Panel& panel) {
  for (uint32_t reader = exchange::workers_max; reader < EpochBoard::readers_max; ++reader) {
    panel.epochs.leave(reader);
  }
}

// What has to be there before zones are managed.
struct Ground {
  const Environment& environment;
  const Clock& clock;
  Liveness& liveness;
  FactBoard& facts;
  Dnstap& dnstap;
  Settings& settings;
  OpenedMemory& opened;
  std::shared_ptr<const transfer::TlsCredentials> tls;
};

ReportSources report_sources(const Ground& ground, const ZoneTable& table, Transfers& transfers) {
  return {.panel = ground.environment.panel,
          .shield = ground.environment.shield,
          .clock = ground.clock,
          .zones = table,
          .facts = ground.facts,
          .dnstap = ground.dnstap,
          .transfers = transfers,
          .config_file = ground.environment.config_file,
          .control_started_unix_s = static_cast<uint64_t>(::time(nullptr))};
}

void do_each_second(const FactBoard& facts, Listeners& listeners, ShieldKeeper& shield,
                    NameFilterKeeper& names) {
  const auto applied = facts.read().applied;
  listeners.open_what_is_closed(*applied);
  shield.tick(*applied);
  names.follow(shield.zones_attacked());
}

// The zones, and what brings them and takes them away.
struct ZoneParts {
  explicit ZoneParts(const Ground& ground)
      : state_directory(ground.facts.read().applied->server.state),
        zones(ground.opened.memory, table, state_directory, ground.clock, alive(ground)),
        transfers({.panel = ground.environment.panel,
                   .memory = ground.opened.memory.reader(),
                   .zones = zones,
                   .tasks = tasks,
                   .history = zones.history(),
                   .primary_serials = zones.primary_serials(),
                   .handover = ground.environment.handover,
                   .tls_listeners = ground.environment.tls_listeners,
                   .state_directory = state_directory,
                   .clock = ground.clock,
                   .is_tls_dry_run =
                       [&common = ground.environment.shield.common] {
                         return has_free_streams(common);
                       }}),
        accounts(ground.environment.shield.accounts, ground.opened.memory),
        catalogs({.memory = ground.opened.memory,
                  .zones = zones,
                  .table = table,
                  .transfers = transfers,
                  .facts = ground.facts,
                  .accounts = accounts,
                  .state_directory = state_directory,
                  .alive = alive(ground)}) {
    zones.when_published([this](wire::NameView apex) {
      transfers.on_published(apex);
      catalogs.on_published(apex);
    });
  }
  static std::function<void()> alive(const Ground& ground) {
    return [&liveness = ground.liveness] { liveness.begin(WatchedThread::management, Step::work); };
  }

  const std::string state_directory;
  ZoneTable table;
  ZoneSet zones;
  TaskQueue tasks;
  Transfers transfers;
  AccountKeeper accounts;
  Catalogs catalogs;
};

// Joins the parts and runs them until SIGTERM.
void run_parts(const Ground& ground, Start start) {
  const auto& [environment, clock, liveness, facts, dnstap, settings, opened, tls] = ground;
  zone::Memory& memory = opened.memory;
  ZoneParts parts(ground);
  auto& [state_directory, table, zones, tasks, transfers, accounts, catalogs] = parts;
  SupervisorLink supervisor(environment.channel);
  const ReportSources sources = report_sources(ground, table, transfers);
  warn_of_syncookies();
  ShieldKeeper shield(environment.shield, environment.panel, clock, state_directory);
  NameFilterKeeper names(environment.names, memory, clock);
  zones.before_publication([&] { names.suspend(); });
  ZonePrinters printers(memory.reader(), environment.panel.epochs);
  IoThread io(liveness);
  // Holds on to sessions, so it goes before their context, and what they print from after it.
  ReloadQueue requests;
  const Commands commands(sources, printers, VersionCommands(zones, table, tasks),
                          ShieldCommands(shield, accounts, transfers),
                          [&](ReloadRequest request) { requests.push(std::move(request)); });
  HttpServer http(io.context(), [&](std::string_view target, uint64_t refused_connections) {
    return answer_http(target, sources, refused_connections);
  });
  Listeners listeners(io.context(), http, control_socket_path(state_directory),
                      [&](auto request, const auto& done) { commands.handle(request, done); });
  Reloader reloader({.config_file = environment.config_file,
                     .zones = zones,
                     .table = table,
                     .settings = settings,
                     .supervisor = supervisor,
                     .http = http,
                     .transfers = transfers,
                     .catalogs = catalogs,
                     .facts = facts,
                     .stop = stop_requested});
  const auto each_second = [&] { do_each_second(facts, listeners, shield, names); };
  each_second();
  Management({.memory = memory,
              .zones = zones,
              .table = table,
              .settings = settings,
              .supervisor = supervisor,
              .facts = facts,
              .reloader = reloader,
              .requests = requests,
              .tasks = tasks,
              .transfers = transfers,
              .catalogs = catalogs,
              .tls = tls,
              .liveness = liveness,
              .clock = clock,
              .stop = stop_requested,
              .each_second = each_second,
              .watch =
                  [&] {
                    if (shield.is_overloaded()) names.follow(shield.zones_attacked());
                  },
              .on_loaded = [&] { show_filled_memory(opened, state_directory, environment.panel); }})
      .run(start);
  io.stop();
  zones.maintain();
  shield.close();
}

// Opens zone memory, joins the parts and runs them until SIGTERM.
Result<void> manage(const Environment& environment, Start start) {
  exchange::Panel& panel = environment.panel;
  const SystemClock clock;
  Liveness liveness(panel, clock);
  end_printing(panel);
  FactBoard facts;
  Dnstap dnstap(panel);
  Settings settings(panel, dnstap);
  const auto config = std::make_shared<const config::Config>(config_in_force(environment, start));
  facts.update([&](Facts& to) {
    to.applied = config;
    to.zones_complete = settings.zones_complete();
  });
  settings.apply(*config, TRY(settings.policy_of(*config)));

  auto tls = transfer::TlsCredentials::load(*config);
  if (!tls && start == Start::cold) return fail(config->source + ": " + tls.error().message);
  if (!tls) {
    // What is served goes on; a reload with good files brings TLS back.
    log::error(Category::transfer, "tls-off",
               "nothing goes over TLS until a reload: " + tls.error().message);
  }

  OpenedMemory opened = TRY(open_memory(config->server.state, panel));
  run_parts({.environment = environment,
             .clock = clock,
             .liveness = liveness,
             .facts = facts,
             .dnstap = dnstap,
             .settings = settings,
             .opened = opened,
             .tls = tls ? *std::move(tls) : nullptr},
            start);
  return opened.memory.close_clean();
}

}  // namespace

std::string zone_memory_path(const std::string& state_directory) {
  return state_directory + "/zones.mem";
}

int run(const Environment& environment) {
  install_signals();
  give_way();
  exchange::AnswerPolicy policy;
  environment.panel.policy.read(policy);
  const bool is_respawn = environment.panel.control_restarts.load() != 0 && policy.zones_complete;
  const auto ended = manage(environment, is_respawn ? Start::respawn : Start::cold);
  log::tick();
  if (ended) return 0;
  log::error(Category::control, "control-failed", ended.error().message);
  return 1;
}

}  // namespace holdfast::control
