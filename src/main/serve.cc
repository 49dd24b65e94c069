// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/serve.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/load.h"
#include "control/control.h"
#include "log/log.h"
#include "main/service.h"
#include "main/state_directory.h"
#include "shield/history_file.h"
#include "shield/name_filter.h"
#include "supervise/process.h"
#include "transport/socket.h"
#include "zone/memory.h"

namespace holdfast {

namespace {

log::Settings log_settings(const config::LogSettings& settings) {
  log::Settings result;
  switch (settings.level) {
    case config::LogLevel::debug:
      result.level = log::Level::debug;
      break;
    case config::LogLevel::info:
      result.level = log::Level::info;
      break;
    case config::LogLevel::warning:
      result.level = log::Level::warning;
      break;
    case config::LogLevel::error:
      result.level = log::Level::error;
      break;
  }
  result.format =
      settings.format == config::LogFormat::json ? log::Format::json : log::Format::text;
  return result;
}

// Zone memory that an earlier run left is answered from at once, before control has looked at it.
Result<void> offer_kept_memory(const std::string& state_directory, exchange::Panel& panel) {
  exchange::MemoryLocation location;
  const std::string path = control::zone_memory_path(state_directory);
  location.bytes_max = control::zone_memory_bytes_max;
  if (!location.path.assign(path)) return fail("server.state: the path " + path + " is too long");
  if (zone::is_memory_kept(path)) panel.memory.publish(location);
  return {};
}

// Kept by the supervisor, so that clients wait while control is started again.
Result<std::vector<UniqueFd>> open_tls_listeners(const config::ServerSettings& server) {
  std::vector<UniqueFd> listeners;
  for (const Endpoint& endpoint : server.listen_tls) {
    TRY(transport::check_address_free(endpoint, transport::SocketType::tcp));
    listeners.push_back(TRY(transport::open_socket(endpoint, transport::SocketType::tcp)));
  }
  return listeners;
}

// Sources that an earlier run knew, under its key; or none, under a new one.
Result<void> begin_history(const config::Config& config, shield::ShieldMemory& shield) {
  const uint64_t now_s = SystemClock().wall_s();
  const std::string path = shield::history_path(config.server.state);
  if (shield::read_history(path, shield, now_s, config.shield.history_slot_s)) return {};
  __u64* key = shield.common.key;
  if (getrandom(key, sizeof shield.common.key, 0) != sizeof shield.common.key) {
    return fail_system("read random bytes", errno);
  }
  return {};
}

Result<void> begin_names(NameFilter& names) {
  HashKey key;
  if (getrandom(&key, sizeof key, 0) != sizeof key) return fail_system("read random bytes", errno);
  shield::NameFilterWriter::set_key(names, key);
  return {};
}

// All that can fail at start, in the order in which privileges are given up.
Result<int> start_and_run(const config::Config& config) {
  const config::ServerSettings& server = config.server;
  const size_t workers = worker_count(server.workers);
  TRY(supervise::ensure_descriptors(
      server.listen_tls.size() +
      descriptors_needed(server.listen.size(), workers, config.tcp.connections_max)));
  const StateDirectory state = TRY(StateDirectory::open(server.state, server.user));
  const auto panel = TRY(SharedObject<exchange::Panel>::create("the processes' panel"));
  // With all rights, and closed: nothing comes this way before the sockets are open.
  const auto shield = TRY(SharedObject<shield::ShieldMemory>::create("the shield"));
  const auto names = TRY(SharedObject<NameFilter>::create("the filter of names"));
  XdpPath xdp = TRY(XdpPath::open(config, *panel, {.sources = *shield, .names = *names}));
  if (!server.user.empty()) TRY(supervise::become_user(server.user));
  TRY(state.check_writable());
  transport::SocketSets sockets(server.pin ? transport::Steering::by_cpu
                                           : transport::Steering::by_hash);
  TRY(sockets.prepare(server.listen, workers));
  sockets.commit();
  const std::vector<UniqueFd> tls_listeners = TRY(open_tls_listeners(server));
  // Root that was told to stay root keeps what it has.
  if (!server.user.empty() || geteuid() != 0) TRY(supervise::keep_only_bind_capability());
  xdp.set_workers(workers);
  xdp.start(server.listen);

  const auto refusals = TRY(SharedObject<shield::RefusalTable>::create("refusals"));
  shield::LikenessKey key;
  if (getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) {
    return fail_system("read random bytes", errno);
  }
  refusals->set_key(key);
  TRY(begin_history(config, *shield));
  TRY(begin_names(*names));
  TRY(offer_kept_memory(server.state, *panel));
  auto channel = TRY(exchange::Channel::make_pair());
  const auto handover = TRY(exchange::HandoverPair::make());
  const SystemClock clock;
  panel->started_unix_s.store(clock.wall_s());
  auto supervisor = TRY(supervise::Supervisor::create(clock));
  Service service({.config = config,
                   .clock = clock,
                   .panel = *panel,
                   .refusals = *refusals,
                   .shield = *shield,
                   .names = *names,
                   .sockets = sockets,
                   .xdp = xdp,
                   .channel = channel,
                   .handover = handover,
                   .tls_listeners = tls_listeners,
                   .supervisor = supervisor});
  return service.run();
}

}  // namespace

ExitCode serve(const std::string& config_path) {
  const config::LoadOutcome loaded = config::load_config(config_path);
  if (!loaded.config) {
    fmt::print(stderr, "{}\n", loaded.problems.to_text());
    return ExitCode::failed;
  }
  log::configure(log_settings(loaded.config->log));
  umask(027);
  const auto status = start_and_run(*loaded.config);
  if (!status) {
    fmt::print(stderr, "holdfast: {}\n", status.error().message);
    return ExitCode::failed;
  }
  return *status == 0 ? ExitCode::good : ExitCode::failed;
}

}  // namespace holdfast
