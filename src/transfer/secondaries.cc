// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/secondaries.h"

#include <algorithm>
#include <random>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "log/log.h"
#include "transfer/epoch.h"
#include "transfer/fetch.h"
#include "transfer/judge.h"
#include "transfer/refresh_register.h"
#include "transfer/serial.h"

namespace holdfast::transfer {

namespace {

using log::Category;

// What a SOA asks for is kept within these: less would be a burden, more would never notice.
constexpr uint64_t interval_s_min = 1;
constexpr uint64_t interval_s_max = uint64_t{7} * 86400;
// After a failure without any version of the zone: this, then twice as long each time.
constexpr uint64_t first_retry_s = 2;
constexpr uint64_t first_retry_s_max = 300;
constexpr int failures_max = 17;  // that are counted: by then it is the longest
constexpr uint64_t bytes_a_mebibyte = 1 << 20;

using Setting = std::shared_ptr<const config::TransferSetting>;

// What is only needed while a zone is asked for.
struct Round {
  Refresh how = Refresh::look;
  size_t tried = 0;  // primaries
  std::string errors;
  bool is_ixfr = false;               // what is being asked
  bool ixfr_failed = false;           // of this primary
  bool edns_failed = false;           // the same
  std::optional<Refresh> again;       // asked for meanwhile
  std::optional<uint32_t> granted_s;  // the EXPIRE option of the answer
};

// There may be very many: what can be had from elsewhere is not kept.
struct Zone {
  const std::string* name = nullptr;  // that it lies under
  Setting setting;
  std::unique_ptr<Round> round;                   // while it is asked for
  std::unique_ptr<const std::string> last_error;  // of the last round; null: that went well
  uint64_t refreshed_unix_s = 0;
  uint64_t due_s = 0;
  uint64_t expires_unix_s = 0;  // 0: there is nothing that could expire
  std::optional<uint32_t> primary_serial;
  uint32_t transfers = 0;
  uint16_t failures = 0;                 // rounds in a row
  uint16_t primary = 0;                  // to ask first
  std::optional<uint16_t> last_primary;  // that answered well
  Refresh how_due = Refresh::look;
  bool is_expired = false;

  // The primary that is asked, or is to be.
  [[nodiscard]] size_t asked() const {
    return (primary + (round ? round->tried : 0)) % setting->primaries.size();
  }
  [[nodiscard]] const config::Remote& remote() const { return setting->primaries[asked()]; }
};
static_assert(sizeof(Zone) <= 96);

wire::Name apex_of(const Zone& zone) { return wire::Name::from_text(*zone.name).value(); }

// What zone memory has of a zone.
struct Held {
  std::optional<uint32_t> serial;  // the primary's; none: it is not known
  std::vector<uint8_t> soa;        // as the primary had it, if the serial is known
  SoaNumbers numbers;
};

}  // namespace

struct Secondaries::Impl {
  explicit Impl(Parts of) : parts(std::move(of)), refreshed(parts.state_directory) {}

  [[nodiscard]] uint64_t now_s() const { return parts.clock.wall_s(); }
  [[nodiscard]] std::optional<Held> held(const Zone& zone) const;
  void enter(const std::string& name, const Setting& setting);
  void set_due(Zone& zone, uint64_t due_s);
  void begin_due();
  [[nodiscard]] bool has_room() const { return fetches + publications < fetches_max; }
  // Now, or when there is room for it.
  void begin_round(Zone& zone, Refresh how);
  void ask(Zone& zone);
  void on_fetched(const std::string& name, FetchResult result);
  void on_answer(Zone& zone, Inbound& answer);
  void publish(Zone& zone, zone::Contents contents, uint32_t serial, const char* kind);
  void on_published(const std::string& name, const Result<void>& result);
  [[nodiscard]] ZonePublisher::Done when_published(Zone& zone);
  void succeed(Zone& zone);
  void note_expiry(Zone& zone, uint32_t soa_expire_s);
  void fail_primary(Zone& zone, const std::string& sentence);
  void end_round(Zone& zone);
  void expire(Zone& zone);
  // What `status` tells is changed under the lock; this thread alone changes it.
  template <typename Change>
  void change(Change&& change) {
    const std::scoped_lock lock(mutex);
    change();
  }
  // Null if it was taken out of the configuration meanwhile, or is not asked for.
  [[nodiscard]] Zone* find_asked(const std::string& name) {
    const auto found = zones.find(name);
    return found == zones.end() || !found->second.round ? nullptr : &found->second;
  }
  [[nodiscard]] uint64_t with_jitter(uint64_t interval_s);

  Parts parts;
  RefreshRegister refreshed;
  std::unordered_map<std::string, Zone> zones;
  // Those that are not being asked for. A name stays where it is as long as its zone.
  std::set<std::pair<uint64_t, const std::string*>> due;
  size_t fetches = 0;
  size_t publications = 0;  // that the managing thread has in hand
  std::mt19937_64 random{std::random_device()()};
  mutable std::mutex mutex;
};

Secondaries::Secondaries(Parts parts) : impl_(std::make_unique<Impl>(std::move(parts))) {}

// An orderly end forgets nothing of the last second.
Secondaries::~Secondaries() { static_cast<void>(impl_->refreshed.flush()); }

void Secondaries::apply() {
  const auto settings = impl_->parts.settings.read();
  std::unordered_set<std::string_view> wanted;
  settings->for_each([&](const std::string& name, const Setting& setting) {
    if (setting->primaries.empty()) return;
    wanted.insert(name);
    impl_->enter(name, setting);
  });
  impl_->change([&] {
    std::erase_if(impl_->zones, [&](const auto& entry) {
      if (wanted.contains(entry.first)) return false;
      impl_->refreshed.erase(entry.first);
      impl_->due.erase({entry.second.due_s, entry.second.name});
      return true;
    });
  });
  impl_->begin_due();
}

void Secondaries::Impl::enter(const std::string& name, const Setting& setting) {
  const auto known = zones.find(name);
  if (known != zones.end() &&
      (known->second.setting == setting || *known->second.setting == *setting)) {
    return change([&] { known->second.setting = setting; });
  }
  const bool is_new = known == zones.end();
  Zone* entered = nullptr;
  change([&] {
    const auto place = zones.try_emplace(name).first;
    entered = &place->second;
    entered->name = &place->first;
    entered->setting = setting;
    entered->last_primary.reset();
  });
  Zone& zone = *entered;
  zone.primary = 0;
  if (!zone.round) set_due(zone, now_s());
  if (!is_new) return;
  const auto version = held(zone);
  change([&] {
    auto& since = zone.refreshed_unix_s;
    since = refreshed.find(name);
    if (!version) return;
    zone.primary_serial = version->serial;
    // A time that is not known, or lies ahead, counts from now.
    if (since == 0 || since > now_s()) since = now_s();
    zone.expires_unix_s = since + version->numbers.expire_s;
  });
}

bool Secondaries::on_notify(wire::NameView apex, const Endpoint& from, const wire::Name* key) {
  wire::Name folded(apex);
  folded.fold_case();
  const auto found = impl_->zones.find(folded.view().to_text());
  if (found == impl_->zones.end()) return false;
  Zone& zone = found->second;
  const auto& primaries = zone.setting->primaries;
  const std::string signer = key == nullptr ? std::string() : key->view().to_text();
  const auto sender = std::ranges::find_if(primaries, [&](const config::Remote& remote) {
    return std::ranges::equal(remote.endpoint.address_bytes(), from.address_bytes()) &&
           (remote.key.empty() || remote.key == signer);
  });
  if (sender == primaries.end()) return false;
  if (!zone.round) zone.primary = static_cast<uint16_t>(sender - primaries.begin());
  impl_->begin_round(zone, Refresh::look);
  return true;
}

std::optional<uint32_t> Secondaries::left_s(wire::NameView apex) const {
  wire::Name folded(apex);
  folded.fold_case();
  const auto found = impl_->zones.find(folded.view().to_text());
  if (found == impl_->zones.end()) return std::nullopt;
  const uint64_t expires_s = found->second.expires_unix_s;
  const uint64_t now_s = impl_->now_s();
  return expires_s > now_s ? static_cast<uint32_t>(expires_s - now_s) : 0;
}

bool Secondaries::refresh(wire::NameView apex, Refresh how) {
  wire::Name folded(apex);
  folded.fold_case();
  const auto found = impl_->zones.find(folded.view().to_text());
  if (found == impl_->zones.end()) return false;
  impl_->begin_round(found->second, how);
  return true;
}

void Secondaries::tick() {
  const uint64_t now_s = impl_->now_s();
  for (auto& [name, zone] : impl_->zones) {
    const bool expires = zone.expires_unix_s != 0 && !zone.is_expired;
    if (expires && now_s >= zone.expires_unix_s) impl_->expire(zone);
  }
  impl_->begin_due();
  if (const auto kept = impl_->refreshed.flush(); !kept) {
    log::warning(Category::transfer, "register-unwritable",
                 "when secondary zones were refreshed cannot be noted: " + kept.error().message);
  }
}

std::optional<SecondaryStatus> Secondaries::status(const std::string& name) const {
  const std::scoped_lock lock(impl_->mutex);
  const auto found = impl_->zones.find(name);
  if (found == impl_->zones.end()) return std::nullopt;
  const Zone& zone = found->second;
  SecondaryStatus status{.primaries = {},
                         .last_primary = {},
                         .primary_serial = zone.primary_serial,
                         .refreshed_unix_s = zone.refreshed_unix_s,
                         .next_refresh_unix_s = zone.due_s,
                         .expires_unix_s = zone.expires_unix_s,
                         .is_expired = zone.is_expired,
                         .is_asking = zone.round != nullptr,
                         .transfers = zone.transfers,
                         .last_error = zone.last_error ? *zone.last_error : std::string()};
  const auto& primaries = zone.setting->primaries;
  for (const config::Remote& remote : primaries) status.primaries.push_back(remote.to_text());
  if (zone.last_primary) status.last_primary = primaries[*zone.last_primary].endpoint.to_text();
  return status;
}

std::optional<Held> Secondaries::Impl::held(const Zone& zone) const {
  const Epoch epoch(parts.panel.epochs);
  const auto view = find_zone(parts.zones, apex_of(zone));
  if (!view || !view->available()) return std::nullopt;
  Held version;
  for_each_soa(*view, [&](const ZoneRecord& record) {
    version.soa.assign(record.rdata.begin(), record.rdata.end());
    version.numbers = soa_numbers(record.rdata);
  });
  version.serial = parts.primary_serials.find(*zone.name, version.numbers.serial);
  if (version.serial && version.soa.size() >= soa_numbers_bytes) {
    store_be32(version.soa.data() + version.soa.size() - soa_numbers_bytes, *version.serial);
  }
  return version;
}

void Secondaries::Impl::set_due(Zone& zone, uint64_t due_s) {
  due.erase({zone.due_s, zone.name});
  change([&] { zone.due_s = due_s; });
  due.emplace(due_s, zone.name);
}

void Secondaries::Impl::begin_due() {
  while (has_room() && !due.empty() && due.begin()->first <= now_s()) {
    begin_round(zones.at(*due.begin()->second), Refresh::look);
  }
}

void Secondaries::Impl::begin_round(Zone& zone, Refresh how) {
  if (zone.round) {
    zone.round->again = how;
    return;
  }
  zone.how_due = std::max(zone.how_due, how);
  if (!has_room()) return set_due(zone, now_s());
  due.erase({zone.due_s, zone.name});
  change([&] { zone.round = std::make_unique<Round>(); });
  zone.round->how = std::exchange(zone.how_due, Refresh::look);
  ask(zone);
}

void Secondaries::Impl::ask(Zone& zone) {
  const config::Remote& remote = zone.remote();
  Round& round = *zone.round;
  FetchRequest request;
  request.from = remote;
  request.apex = apex_of(zone);
  request.with_edns = !round.edns_failed;
  request.bytes_max = zone.setting->receive_mebibytes_max * bytes_a_mebibyte;
  if (!remote.key.empty()) {
    request.key = parts.settings.read()->keys().find(*wire::Name::from_text(remote.key));
  }
  if (remote.tls.required) request.tls = parts.settings.read()->share_tls();
  const auto version = held(zone);
  round.is_ixfr = version && version->serial && round.how == Refresh::look && !round.ixfr_failed;
  if (round.is_ixfr) {
    request.serial = version->serial;
    request.soa = version->soa;
  }
  ++fetches;
  fetch(parts.context, parts.clock, std::move(request),
        [this, name = *zone.name](FetchResult result) { on_fetched(name, std::move(result)); });
}

void Secondaries::Impl::on_fetched(const std::string& name, FetchResult result) {
  --fetches;
  Zone* const asked = find_asked(name);
  if (asked == nullptr) return;
  Zone& zone = *asked;
  if (result.answer) {
    zone.round->granted_s = (*result.answer)->expire_s();
    return on_answer(zone, **result.answer);
  }
  // RFC 6891 §7: so answers one who knows no EDNS.
  const bool knows_no_edns =
      result.refusal == wire::rcode_formerr || result.refusal == wire::rcode_notimp;
  if (knows_no_edns && !zone.round->edns_failed) {
    zone.round->edns_failed = true;
    return ask(zone);
  }
  fail_primary(zone, result.answer.error().message);
}

void Secondaries::Impl::on_answer(Zone& zone, Inbound& answer) {
  switch (answer.kind()) {
    case Inbound::Kind::up_to_date:
      return succeed(zone);
    case Inbound::Kind::whole:
      return publish(zone, std::move(answer.contents()), answer.serial(), "AXFR");
    case Inbound::Kind::differences:
      if (answer.record_count() > difference_records_max) {
        return fail_primary(zone, "differences of " + std::to_string(answer.record_count()) +
                                      " records are more than the whole zone is worth");
      }
      return parts.publisher.amend(apex_of(zone), std::move(answer.differences()),
                                   "IXFR from " + zone.remote().endpoint.to_text(),
                                   when_published(zone));
  }
}

void Secondaries::Impl::publish(Zone& zone, zone::Contents contents, uint32_t serial,
                                const char* kind) {
  if (const auto judged = judge(contents, now_s()); !judged) {
    return fail_primary(
        zone, "serial " + std::to_string(serial) + " is refused: " + judged.error().message);
  }
  parts.publisher.publish(std::move(contents),
                          std::string(kind) + " from " + zone.remote().endpoint.to_text(),
                          when_published(zone));
}

// What waits there is bounded too: zones may come faster than they are published.
ZonePublisher::Done Secondaries::Impl::when_published(Zone& zone) {
  ++publications;
  change([&] { ++zone.transfers; });
  return [this, name = *zone.name](const Result<void>& result) { on_published(name, result); };
}

void Secondaries::Impl::on_published(const std::string& name, const Result<void>& result) {
  --publications;
  Zone* const zone = find_asked(name);
  if (zone == nullptr) return;
  if (result) return succeed(*zone);
  fail_primary(*zone, result.error().message);
}

void Secondaries::Impl::succeed(Zone& zone) {
  const auto version = held(zone);
  zone.primary = static_cast<uint16_t>(zone.asked());
  zone.round->tried = 0;
  zone.failures = 0;
  change([&] {
    zone.last_primary = zone.primary;
    zone.last_error.reset();
    zone.is_expired = false;
    zone.refreshed_unix_s = now_s();
    zone.primary_serial = version ? version->serial : std::nullopt;
    if (version) note_expiry(zone, version->numbers.expire_s);
  });
  set_due(zone, now_s() + (version ? with_jitter(version->numbers.refresh_s) : first_retry_s));
  // From which a restart counts the SOA's expire: earlier if less of it was left.
  refreshed.set(*zone.name, version && zone.expires_unix_s > version->numbers.expire_s
                                ? zone.expires_unix_s - version->numbers.expire_s
                                : now_s());
  end_round(zone);
}

// RFC 7314 §4: a primary that is a secondary itself says how long its own primary's word holds. Of
// several such the longest counts, and never more than the SOA allows.
void Secondaries::Impl::note_expiry(Zone& zone, uint32_t soa_expire_s) {
  auto& expires_s = zone.expires_unix_s;
  const uint64_t most_s = now_s() + soa_expire_s;
  const auto granted = zone.round->granted_s;
  const uint64_t granted_s = granted ? now_s() + std::min(*granted, soa_expire_s) : most_s;
  expires_s = std::min(std::max(expires_s, granted_s), most_s);
}

// The next one is asked; after the last it is for the next round.
void Secondaries::Impl::fail_primary(Zone& zone, const std::string& sentence) {
  const std::string from = zone.remote().endpoint.to_text();
  Round& round = *zone.round;
  log::warning(Category::transfer, "transfer-in-failed",
               "zone " + *zone.name + " could not be had from " + from + ": " + sentence);
  round.errors += (round.errors.empty() ? "" : "; ") + from + ": " + sentence;
  // RFC 1995 §4: what an IXFR does not give, an AXFR may. A server that cannot be reached is not
  // asked twice.
  const bool was_reached = !sentence.starts_with("connect") && !sentence.starts_with("no ") &&
                           !sentence.starts_with("TLS: ");
  if (round.is_ixfr && was_reached) {
    round.ixfr_failed = true;
    return ask(zone);
  }
  round.ixfr_failed = false;
  round.edns_failed = false;
  if (++round.tried < zone.setting->primaries.size()) return ask(zone);
  change([&] { zone.last_error = std::make_unique<const std::string>(std::move(round.errors)); });
  zone.failures = static_cast<uint16_t>(std::min(zone.failures + 1, failures_max));
  const auto version = held(zone);
  const uint64_t doubled = first_retry_s << (zone.failures - 1);
  set_due(zone, now_s() + with_jitter(version ? version->numbers.retry_s
                                              : std::min(doubled, first_retry_s_max)));
  end_round(zone);
}

void Secondaries::Impl::end_round(Zone& zone) {
  std::unique_ptr<Round> ended;
  change([&] { ended = std::move(zone.round); });
  if (ended->again) begin_round(zone, *ended->again);
  begin_due();
}

void Secondaries::Impl::expire(Zone& zone) {
  change([&] { zone.is_expired = true; });
  log::error(Category::transfer, "zone-expired",
             "zone " + *zone.name +
                 " has expired: none of its primaries has answered well for as "
                 "long as its SOA allows, so it is answered with SERVFAIL");
  parts.publisher.withdraw(apex_of(zone), [](const Result<void>&) {});
}

// Up to a tenth less, so that zones that were loaded together do not ask together for ever.
uint64_t Secondaries::Impl::with_jitter(uint64_t interval_s) {
  const uint64_t bounded = std::clamp(interval_s, interval_s_min, interval_s_max);
  return bounded - random() % (bounded / 10 + 1);
}

}  // namespace holdfast::transfer
