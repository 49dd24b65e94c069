// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/transfers.h"

#include <atomic>
#include <chrono>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/processors.h"
#include "control/giving_way.h"
#include "control/group_watch.h"
#include "control/parent_teller.h"
#include "control/parent_watch.h"
#include "control/update_queue.h"
#include "transfer/epoch.h"
#include "transfer/forward.h"
#include "transfer/notifier.h"
#include "transfer/out_server.h"
#include "transfer/zone_records.h"

namespace holdfast::control {

namespace {

namespace asio = boost::asio;

constexpr auto tick_interval = std::chrono::seconds(1);

// Publishes by tasks of the managing thread, and tells of it on the transfers' own.
class TaskPublisher final : public transfer::ZonePublisher {
 public:
  TaskPublisher(ZoneSet& zones, TaskQueue& tasks, asio::io_context& context)
      : zones_(zones), tasks_(tasks), context_(context) {}

  void publish(zone::Contents contents, std::string source, Done done) override {
    const auto shared = std::make_shared<const zone::Contents>(std::move(contents));
    push([this, shared,
          source = std::move(source)] { return zones_.publish_received(*shared, source); },
         std::move(done));
  }
  void amend(const wire::Name& apex, std::vector<transfer::Difference> differences,
             std::string source, Done done) override {
    const auto shared =
        std::make_shared<const std::vector<transfer::Difference>>(std::move(differences));
    push([this, apex, shared,
          source = std::move(source)] { return zones_.amend_received(apex, *shared, source); },
         std::move(done));
  }
  void withdraw(const wire::Name& apex, Done done) override {
    push([this, apex] { return zones_.withdraw(apex); }, std::move(done));
  }

 private:
  template <typename Work>
  void push(Work work, Done done) {
    tasks_.push([this, work = std::move(work), done = std::move(done)] {
      asio::post(context_, [result = work(), done] { done(result); });
    });
  }

  ZoneSet& zones_;
  TaskQueue& tasks_;
  asio::io_context& context_;
};

}  // namespace

struct Transfers::Impl {
  explicit Impl(const Parts& parts_of)
      : parts(parts_of),
        publisher(parts.zones, parts.tasks, context),
        updates(parts.zones, parts.tasks),
        forwarder(context),
        notifier(context, parts.clock, notify_counters),
        secondaries({.context = context,
                     .panel = parts.panel,
                     .zones = parts.memory,
                     .settings = settings,
                     .state_directory = parts.state_directory,
                     .clock = parts.clock,
                     .publisher = publisher,
                     .primary_serials = parts.primary_serials}),
        answerer({.panel = parts.panel,
                  .zones = parts.memory,
                  .settings = settings,
                  .state_directory = parts.state_directory,
                  .clock = parts.clock,
                  .counters = counters,
                  .history = parts.history,
                  .on_notify =
                      [this](wire::NameView apex, const Endpoint& from, const wire::Name* key) {
                        // Before, all primaries are going to be asked anyway.
                        return !is_asking || secondaries.on_notify(apex, from, key);
                      },
                  .update_counters = update_counters,
                  .on_update =
                      [this](transfer::Update update, std::function<void(uint16_t)> done) {
                        make_update(std::move(update), std::move(done));
                      },
                  .on_forward =
                      [this](std::vector<uint8_t> message, const std::vector<config::Remote>& to,
                             transfer::Forwarder::Done done) {
                        forwarder.forward(std::move(message), to, settings.read()->share_tls(),
                                          std::move(done));
                      },
                  .left_s = [this](wire::NameView apex) { return secondaries.left_s(apex); }}),
        timer(context) {
    wait();
    thread = std::thread([this] { run(); });
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    context.stop();
    thread.join();
  }

  // Until the end; the timer sees to it that there is always something to wait for.
  void run() {
    give_way_to_all();
    WorkPace pace([this] { return answer_time_ns(parts.panel); }, allowed_cpus().size());
    while (context.run_one() != 0) {
      const uint64_t rest_ns = pace.rest_ns(parts.clock.monotonic_ns(), thread_time_ns());
      if (rest_ns > 0) std::this_thread::sleep_for(std::chrono::nanoseconds(rest_ns));
    }
  }

  // Not before there are settings: requests that have queued up would be taken for unsigned ones.
  void begin_answering() {
    if (server) return;
    server.emplace(transfer::OutServer::Parts{.context = context,
                                              .handover = parts.handover,
                                              .tls_listeners = parts.tls_listeners,
                                              .settings = settings,
                                              .answerer = answerer,
                                              .counters = counters,
                                              .clock = parts.clock,
                                              .processor_ns = thread_time_ns,
                                              .is_tls_dry_run = parts.is_tls_dry_run});
  }

  void wait() {
    timer.expires_after(tick_interval);
    timer.async_wait([this](boost::system::error_code error) {
      if (error) return;
      answerer.tidy();
      if (server) server->tidy();
      if (is_asking) secondaries.tick();
      wait();
    });
  }

  // The answer waits until the change is kept.
  void make_update(transfer::Update update, std::function<void(uint16_t)> done) {
    const auto answer = [this, done = std::move(done)](uint16_t rcode) {
      asio::post(context, [done, rcode] { done(rcode); });
    };
    if (!updates.push(std::move(update), answer)) answer(wire::rcode_servfail);
  }

  void take_up_settings() {
    asio::post(context, [this] {
      begin_answering();
      if (is_asking) secondaries.apply();
    });
  }

  void notify(const wire::Name& apex) {
    const auto in_force = settings.read();
    const auto setting = in_force->find(apex);
    if (!setting) return;
    std::vector<uint8_t> soa;
    {
      const transfer::Epoch epoch(parts.panel.epochs);
      const auto view = transfer::find_zone(parts.memory, apex);
      if (!view || !view->available()) return;
      transfer::for_each_soa(*view, [&](const transfer::ZoneRecord& record) {
        soa.assign(record.rdata.begin(), record.rdata.end());
      });
    }
    for (const config::Remote& remote : setting->notify) {
      notifier.notify(
          apex, soa, remote,
          remote.key.empty() ? nullptr : in_force->keys().find(*wire::Name::from_text(remote.key)));
    }
  }

  Parts parts;
  transfer::SettingsBoard settings;
  transfer::OutCounters counters;
  transfer::NotifyCounters notify_counters;
  transfer::UpdateCounters update_counters;
  bool is_asking = false;
  asio::io_context context{1};
  TaskPublisher publisher;
  UpdateQueue updates;
  transfer::Forwarder forwarder;
  transfer::Notifier notifier;
  transfer::Secondaries secondaries;
  transfer::Answerer answerer;
  std::optional<transfer::OutServer> server;
  asio::steady_timer timer;
  std::thread thread;
};

Transfers::Transfers(const Parts& parts) : impl_(std::make_unique<Impl>(parts)) {}

Transfers::~Transfers() = default;

void Transfers::apply(const config::Config& config, std::span<const config::ZoneSource> zones,
                      std::shared_ptr<const transfer::TlsCredentials> tls) {
  const transfer::Settings configured(config, zones, std::move(tls));
  impl_->settings.publish(configured.with_members_of(*impl_->settings.read()));
  impl_->take_up_settings();
}

void Transfers::apply_members(std::span<const config::ZoneSource> members) {
  impl_->settings.publish(impl_->settings.read()->with_members(members));
  impl_->take_up_settings();
}

void Transfers::ask_parents(const std::string& zone, const WaitingKey& key) {
  asio::post(impl_->context, [impl = impl_.get(), zone, key] {
    look_for_ds(impl->context, zone, key, [impl, zone, tag = key.tag] {
      impl->parts.tasks.push([impl, zone, tag] { impl->parts.zones.on_ds(zone, tag); });
    });
  });
}

void Transfers::ask_group(const GroupQuestion& question) {
  asio::post(impl_->context, [impl = impl_.get(), question] {
    control::ask_group(impl->context, question, [impl](GroupAnswers answers) {
      impl->parts.tasks.push(
          [impl, answers = std::move(answers)] { impl->parts.zones.on_group(answers); });
    });
  });
}

void Transfers::tell_parent(const ParentNotice& notice) {
  asio::post(impl_->context, [impl = impl_.get(), notice] {
    control::tell_parent(impl->context, impl->notifier, notice, [impl, notice] {
      impl->parts.tasks.push([impl, notice] { impl->parts.zones.on_parent_told(notice); });
    });
  });
}

void Transfers::begin_asking() {
  asio::post(impl_->context, [impl = impl_.get()] {
    impl->is_asking = true;
    impl->secondaries.apply();
    impl->secondaries.tick();
  });
}

void Transfers::notify_anew() {
  asio::post(impl_->context, [impl = impl_.get()] {
    size_t told = 0;
    impl->settings.read()->for_each([&](const std::string& zone, const auto& setting) {
      if (setting->notify.empty() || told == zones_told_anew_max) return;
      ++told;
      if (const auto apex = wire::Name::from_text(zone)) impl->notify(*apex);
    });
  });
}

void Transfers::on_published(wire::NameView apex) {
  const auto setting = impl_->settings.read()->find(apex);
  if (!setting || setting->notify.empty()) return;
  asio::post(impl_->context, [impl = impl_.get(), name = wire::Name(apex)] { impl->notify(name); });
}

Result<void> Transfers::refresh(const std::string& zone, transfer::Refresh how) {
  const auto name = wire::Name::from_text(zone);
  if (!name) return std::unexpected(name.error());
  const auto setting = impl_->settings.read()->find(*name);
  if (!setting || setting->primaries.empty()) {
    return fail("zone " + name->view().to_text() + " has no primaries to be asked");
  }
  asio::post(impl_->context, [impl = impl_.get(), name = *name, how] {
    static_cast<void>(impl->secondaries.refresh(name, how));
  });
  return {};
}

TransferFacts Transfers::facts() const {
  const transfer::OutCounters& out = impl_->counters;
  const transfer::NotifyCounters& notify = impl_->notify_counters;
  const transfer::UpdateCounters& update = impl_->update_counters;
  TransferFacts facts{.out_begun = out.begun,
                      .out_completed = out.completed,
                      .out_failed = out.failed,
                      .out_refused = out.refused,
                      .out_bytes = out.bytes,
                      .out_idle = out.idle,
                      .out_slow = out.slow,
                      .tls_begun = out.tls_begun,
                      .tls_failed = out.tls_failed,
                      .tls_spent_ns = out.tls_spent_ns,
                      .tls_proved = out.tls_proved,
                      .tls_certificate_expires_unix_s = certificate_expires_unix_s(),
                      .notify_sent = notify.sent,
                      .notify_acknowledged = notify.acknowledged,
                      .notify_refused = notify.refused,
                      .notify_unanswered = notify.unanswered,
                      .updates_done = update.done,
                      .updates_declined = update.declined,
                      .updates_refused = update.refused,
                      .updates_failed = update.failed,
                      .updates_forwarded = update.forwarded};
  for (size_t limit = 0; limit < facts.tls_limited.size(); ++limit) {
    for (size_t fate = 0; fate < transfer::tls_limit_fates; ++fate) {
      facts.tls_limited[limit][fate] = out.tls_limited[limit][fate];
    }
  }
  return facts;
}

uint64_t Transfers::certificate_expires_unix_s() const {
  const auto in_force = impl_->settings.read();
  return in_force->tls() == nullptr ? 0 : in_force->tls()->expires_unix_s();
}

std::optional<transfer::SecondaryStatus> Transfers::secondary(const std::string& zone) const {
  return impl_->secondaries.status(zone);
}

}  // namespace holdfast::control
