// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/reload.h"

#include <ctime>

#include "config/roll_warnings.h"
#include "config/zone_list.h"
#include "control/applied_config.h"
#include "control/published_catalogs.h"
#include "control/setting_changes.h"
#include "log/log.h"

namespace holdfast::control {

namespace {

using log::Category;

uint64_t unix_now_s() { return static_cast<uint64_t>(::time(nullptr)); }

void take_problems(ReloadReply& reply, const config::ProblemList& list) {
  for (const config::Problem& problem : list.problems) reply.findings.push_back(problem.to_text());
  if (list.suppressed != 0) reply.findings.push_back(std::to_string(list.suppressed) + " more");
}

void take_plan_texts(ReloadReply& reply, ReloadPlan& plan) {
  for (std::string& text : plan.findings) reply.findings.push_back(std::move(text));
  if (plan.findings_suppressed != 0) {
    reply.findings.push_back(std::to_string(plan.findings_suppressed) + " more");
  }
  reply.warnings = std::move(plan.warnings);
  if (plan.warnings_suppressed != 0) {
    reply.warnings.push_back(std::to_string(plan.warnings_suppressed) + " more");
  }
}

std::string refusal_of(size_t findings) {
  return "nothing was changed: " + std::to_string(findings) +
         (findings == 1 ? " problem" : " problems");
}

}  // namespace

ReloadReply Reloader::reload_all() {
  return run([this] { return judge_and_apply(); });
}

ReloadReply Reloader::reload_zone(const std::string& zone, AfterReload after) {
  return run([this, &zone, after] { return judge_and_apply_zone(zone, after); });
}

template <typename Work>
ReloadReply Reloader::run(Work&& work) {
  parts_.supervisor.tell_reloading();
  parts_.facts.update([](Facts& facts) { facts.reload.running = true; });
  ReloadReply reply = work();
  parts_.facts.update([&](Facts& facts) {
    facts.reload.running = false;
    facts.reload.last_error = reply.error;
    if (reply.error.empty()) {
      ++facts.reload.succeeded;
      facts.reload.last_success_unix_s = unix_now_s();
    } else {
      ++facts.reload.failed;
      facts.reload.last_failure_unix_s = unix_now_s();
    }
  });
  for (const std::string& warning : reply.warnings) {
    log::warning(Category::reload, "reload-warning", warning);
  }
  for (const std::string& finding : reply.findings) {
    log::error(Category::reload, "reload-finding", finding);
  }
  if (reply.error.empty()) {
    log::info(Category::reload, "reload-done", "reload applied",
              {{"changes", std::to_string(reply.changes.size())}});
  } else {
    log::error(Category::reload, "reload-refused", "reload: " + reply.error);
  }
  parts_.supervisor.tell_ready(status_line(parts_.table));
  return reply;
}

ReloadReply Reloader::judge_and_apply() {
  ReloadReply reply;
  const auto refuse = [&] {
    if (reply.error.empty()) reply.error = refusal_of(reply.findings.size());
    return reply;
  };
  const config::LoadOutcome read = config::load_config(parts_.config_file);
  take_problems(reply, read.problems);
  if (!read.config) return refuse();
  const config::Config& fresh = *read.config;
  const auto applied = parts_.facts.read().applied;
  for (const std::string& key : config::keys_needing_restart(*applied, fresh)) {
    reply.findings.push_back(parts_.config_file + ": " + key +
                             " was changed, which needs a restart");
  }
  auto tls = transfer::TlsCredentials::load(fresh);
  if (!tls) reply.findings.push_back(parts_.config_file + ": " + tls.error().message);
  config::ZoneList list = config::list_zones(fresh);
  take_problems(reply, list.problems);
  if (reply.findings.empty()) {
    const auto written = write_published_catalogs(list.zones, unix_now_s());
    if (!written) reply.findings.push_back(written.error().message);
  }
  list.zones = parts_.catalogs.with_members(std::move(list.zones), fresh);
  ReloadPlan plan = parts_.zones.plan_all(list.zones, load_options(fresh), parts_.stop);
  take_plan_texts(reply, plan);
  for (const config::Problem& warning : config::roll_warnings(fresh, list.zones).problems) {
    reply.warnings.push_back(warning.to_text());
  }
  if (!reply.findings.empty()) return refuse();
  if (auto done = apply(fresh, list.zones, *std::move(tls), plan, reply); !done) {
    reply.error = std::move(done.error().message);
    return refuse();
  }
  parts_.facts.update(
      [&](Facts& facts) { facts.applied = std::make_shared<const config::Config>(fresh); });
  if (const auto kept = keep_applied_config(fresh); !kept) {
    log::error(Category::reload, "applied-config",
               "the configuration is in force but could not be kept: " + kept.error().message);
  }
  return reply;
}

Result<void> Reloader::apply(const config::Config& fresh, std::span<const config::ZoneSource> zones,
                             const std::shared_ptr<const transfer::TlsCredentials>& tls,
                             ReloadPlan& plan, ReloadReply& reply) {
  const auto applied = parts_.facts.read().applied;
  const auto nothing_changed = [](const Error& error) {
    return fail("nothing was changed: " + error.message);
  };
  auto policy = parts_.settings.policy_of(fresh);
  if (!policy) return nothing_changed(policy.error());
  if (const auto staged = parts_.zones.stage(plan); !staged) return nothing_changed(staged.error());
  const auto give_up = [&](const Error& error) {
    parts_.zones.drop_staged();
    return nothing_changed(error);
  };
  const bool metrics_move = applied->metrics.listen != fresh.metrics.listen;
  UniqueFd metrics_listener;
  if (metrics_move && fresh.metrics.listen) {
    auto bound = HttpServer::bind(*fresh.metrics.listen);
    if (!bound) return give_up(bound.error());
    metrics_listener = *std::move(bound);
  }
  if (applied->server.listen != fresh.server.listen ||
      applied->server.workers != fresh.server.workers ||
      applied->tcp.connections_max < fresh.tcp.connections_max) {
    const auto prepared = parts_.supervisor.prepare(fresh);
    if (!prepared) {
      parts_.supervisor.abort();
      return give_up(prepared.error());
    }
    if (const auto committed = parts_.supervisor.commit(); !committed) {
      parts_.zones.drop_staged();
      return fail("the listen addresses may have changed, nothing else has: " +
                  committed.error().message);
    }
  }
  // Whose signing begins or ends; others ask when they are entered.
  std::vector<std::string> to_ask;
  for (const config::ZoneSource& source : plan.secondaries) {
    const auto record = parts_.table.find(source.name);
    if (record && record->file.empty()) to_ask.push_back(source.name);
  }
  auto shown = parts_.zones.show_staged(plan);
  if (!shown) {
    return fail("the listen addresses may have changed, nothing else has: " +
                shown.error().message);
  }
  if (metrics_move) parts_.http.serve(std::move(metrics_listener));
  const uint64_t certificate_ended_unix_s = parts_.transfers.certificate_expires_unix_s();
  parts_.transfers.apply(fresh, zones, tls);
  for (const std::string& zone : to_ask) {
    static_cast<void>(parts_.transfers.refresh(zone, transfer::Refresh::look));
  }
  parts_.catalogs.configure(fresh, zones);
  parts_.settings.apply(fresh, *policy);
  reply.changes = describe_changes(*applied, fresh);
  if (tls->expires_unix_s() != certificate_ended_unix_s && tls->expires_unix_s() != 0) {
    reply.changes.push_back(fresh.tls.certificate + ": another certificate, good until " +
                            std::to_string(tls->expires_unix_s()) + " (seconds since 1970)");
  }
  const size_t unlisted = shown->updated + shown->added + shown->removed - shown->changes.size();
  for (std::string& change : shown->changes) reply.changes.push_back(std::move(change));
  if (unlisted != 0) reply.changes.push_back(std::to_string(unlisted) + " more zones");
  return {};
}

ReloadReply Reloader::judge_and_apply_zone(const std::string& zone, AfterReload after) {
  ReloadReply reply;
  const auto name = wire::Name::from_text(zone);
  if (!name) {
    reply.error = name.error().message;
    return reply;
  }
  wire::Name folded = *name;
  folded.fold_case();
  const std::string key = folded.view().to_text();
  const auto record = parts_.table.find(key);
  if (!record) {
    reply.error = "zone " + key +
                  " is not configured; a zone that was added to the configuration comes with a "
                  "reload of everything";
    return reply;
  }
  if (record->file.empty() && record->policy) {
    auto signed_again = parts_.zones.sign_again(key);
    if (signed_again) {
      reply.changes.push_back(*std::move(signed_again));
    } else {
      reply.error = std::move(signed_again.error().message);
    }
    return reply;
  }
  if (record->file.empty()) {
    reply.error =
        "zone " + key + " has no file; holdfast zone refresh asks its primaries for what is newer";
    return reply;
  }
  if (record->takes_updates() && !parts_.zones.is_frozen(key)) {
    reply.error = "zone " + key +
                  " takes updates, so its file is not read: holdfast zone freeze writes it and "
                  "holds updates off, holdfast zone thaw reads it";
    return reply;
  }
  const auto applied = parts_.facts.read().applied;
  ReloadPlan plan = parts_.zones.plan_one({key, record->file, record->policy, record->transfer},
                                          load_options(*applied));
  take_plan_texts(reply, plan);
  if (!reply.findings.empty()) {
    reply.error = refusal_of(reply.findings.size());
    return reply;
  }
  auto staged = parts_.zones.stage(plan);
  auto result = staged ? parts_.zones.show_staged(plan) : std::unexpected(staged.error());
  if (!result) {
    reply.error = "nothing was changed: " + result.error().message;
    return reply;
  }
  reply.changes = std::move(result->changes);
  if (reply.changes.empty()) {
    reply.changes.push_back("zone " + key + ": read again, nothing has changed in it (serial " +
                            std::to_string(record->serial) + ")");
  }
  if (after == AfterReload::nothing) return reply;
  if (const auto thawed = parts_.zones.thaw(key); !thawed) reply.error = thawed.error().message;
  return reply;
}

std::string status_line(const ZoneTable& table) {
  const auto counts = table.counts();
  const uint64_t stale = counts[static_cast<size_t>(ZoneState::stale)];
  const uint64_t failed = counts[static_cast<size_t>(ZoneState::failed)];
  std::string line = "serving " +
                     std::to_string(counts[static_cast<size_t>(ZoneState::serving)] + stale) +
                     " of " + std::to_string(table.size()) + " zones";
  if (stale != 0) line += ", " + std::to_string(stale) + " in their last good version";
  if (failed != 0) line += ", " + std::to_string(failed) + " failed";
  return line;
}

}  // namespace holdfast::control
