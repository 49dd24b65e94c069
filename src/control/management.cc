// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/management.h"

#include <malloc.h>
#include <poll.h>

#include <array>
#include <map>
#include <utility>

#include "base/clock.h"
#include "config/roll_warnings.h"
#include "config/zone_list.h"
#include "control/published_catalogs.h"
#include "log/log.h"

namespace holdfast::control {

namespace {

using log::Category;

constexpr uint64_t tick_interval_ns = 1'000'000'000;
constexpr uint64_t watch_ms = 100;
constexpr uint64_t ns_per_ms = 1'000'000;

std::string progress_line(size_t done, size_t total) {
  return "loading " + std::to_string(done) + "/" + std::to_string(total) + " zones";
}

// Loading and transfers fill the heap with what is only needed for that time, between what stays.
void give_back_memory() { ::malloc_trim(0); }

}  // namespace

void Management::run(Start start) {
  first_load(start);
  give_back_memory();
  while (!parts_.stop) wait_and_serve();
}

void Management::first_load(Start start) {
  const uint64_t begun_ns = SystemClock().monotonic_ns();
  const auto applied = parts_.facts.read().applied;
  config::ZoneList list = config::list_zones(*applied);
  // A directory that cannot be read is no reason to take away the zones that lay in it; nor are
  // files that appeared or went since the last reload, if only this process is new.
  const bool keeps = start == Start::respawn || !list.problems.empty();
  for (const config::Problem& problem : list.problems.problems) {
    log::error(Category::config, "zone-list", problem.to_text());
  }
  if (const auto written = write_published_catalogs(list.zones, SystemClock().wall_s()); !written) {
    log::error(Category::zones, "catalog-unwritable", written.error().message);
  }
  parts_.transfers.apply(*applied, list.zones, parts_.tls);
  list.zones = parts_.catalogs.with_members(std::move(list.zones), *applied);
  for (const config::Problem& warning : config::roll_warnings(*applied, list.zones).problems) {
    log::warning(Category::config, "rolls-unwatched", warning.to_text());
  }
  parts_.catalogs.configure(*applied, list.zones);
  parts_.zones.first_load(list.zones, load_options(*applied), start,
                          keeps ? ZoneSet::Unlisted::keep : ZoneSet::Unlisted::remove, parts_.stop,
                          [&](size_t done, size_t total) {
                            if (SystemClock().monotonic_ns() < tick_next_ns_) return;
                            parts_.supervisor.tell_status(progress_line(done, total));
                            tick_if_due();
                          });
  if (parts_.stop) return;
  parts_.catalogs.follow();
  parts_.on_loaded();
  parts_.settings.set_zones_complete();
  parts_.transfers.begin_asking();
  parts_.transfers.notify_anew();
  const auto took_ms = (SystemClock().monotonic_ns() - begun_ns) / ns_per_ms;
  parts_.facts.update([&](Facts& facts) {
    facts.zones_complete = true;
    facts.first_load_s = static_cast<double>(took_ms) / 1000;
    facts.memory = parts_.memory.use();
    facts.journal = parts_.zones.journal_facts();
  });
  const std::string status = status_line(parts_.table);
  log::info(Category::zones, "zones-loaded", status, {{"took_ms", std::to_string(took_ms)}});
  parts_.supervisor.tell_ready(status);
}

void Management::wait_and_serve() {
  std::array<pollfd, 3> events{pollfd{.fd = parts_.requests.fd(), .events = POLLIN, .revents = 0},
                               pollfd{.fd = parts_.supervisor.fd(), .events = POLLIN, .revents = 0},
                               pollfd{.fd = parts_.tasks.fd(), .events = POLLIN, .revents = 0}};
  const uint64_t now_ns = SystemClock().monotonic_ns();
  parts_.liveness.begin(WatchedThread::management, Step::turn);
  const uint64_t due_ms = tick_next_ns_ > now_ns ? (tick_next_ns_ - now_ns) / ns_per_ms + 1 : 0;
  const uint64_t wait_ms = has_steps_ ? 0 : std::min(due_ms, watch_ms);
  ::poll(events.data(), events.size(), static_cast<int>(wait_ms));
  parts_.liveness.begin(WatchedThread::management, Step::work);
  if (parts_.stop) return;
  if (events[1].revents != 0 && parts_.supervisor.take_reload_request()) {
    parts_.requests.push({.zone = {}, .after = {}, .done = [](const ReloadReply&) {}});
  }
  serve_requests();
  if (parts_.tasks.run() > 0) ran_tasks_ = is_untidy_ = true;
  parts_.catalogs.follow();
  parts_.watch();
  tick_if_due();
  has_steps_ = growth_.step() || write_out_.step();
}

void Management::serve_requests() {
  std::vector<ReloadRequest> requests = parts_.requests.take();
  std::optional<ReloadReply> of_all;
  std::map<std::pair<std::string, AfterReload>, ReloadReply> of_zone;
  for (const ReloadRequest& request : requests) {
    if (request.zone) continue;
    if (!of_all) of_all = parts_.reloader.reload_all();
    request.done(*of_all);
  }
  for (const ReloadRequest& request : requests) {
    if (!request.zone) continue;
    const std::pair key(*request.zone, request.after);
    auto found = of_zone.find(key);
    if (found == of_zone.end()) {
      found = of_zone.emplace(key, parts_.reloader.reload_zone(*request.zone, request.after)).first;
    }
    request.done(found->second);
  }
  if (!requests.empty()) give_back_memory();
}

void Management::tick_if_due() {
  const uint64_t now_ns = SystemClock().monotonic_ns();
  if (now_ns < tick_next_ns_) return;
  tick_next_ns_ = now_ns + tick_interval_ns;
  parts_.memory.reclaim();
  parts_.zones.maintain();
  const zone::MemoryUse use = parts_.memory.use();
  parts_.facts.update([&](Facts& facts) {
    facts.memory = use;
    facts.memory_growths_postponed = growth_.postponed();
    facts.journal = parts_.zones.journal_facts();
    facts.zones_awaiting_secondaries = parts_.zones.zones_awaiting_secondaries();
  });
  for (const auto& [zone, key] : parts_.zones.take_waiting_keys()) {
    parts_.transfers.ask_parents(zone, key);
  }
  for (const GroupQuestion& question : parts_.zones.take_group_questions()) {
    parts_.transfers.ask_group(question);
  }
  for (const ParentNotice& notice : parts_.zones.take_parent_notices()) {
    parts_.transfers.tell_parent(notice);
  }
  parts_.each_second();
  if (!std::exchange(ran_tasks_, false) && std::exchange(is_untidy_, false)) give_back_memory();
  log::tick();
}

}  // namespace holdfast::control
