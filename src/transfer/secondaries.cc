// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/secondaries.h"

#include <algorithm>
#include <random>
#include <set>
#include <unordered_map>

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
constexpr uint64_t bytes_a_mebibyte = 1 << 20;

using Setting = std::shared_ptr<const config::TransferSetting>;

// There may be very many: what can be had from the name or from the setting is not kept.
struct Zone {
  std::string name;
  Setting setting;
  SecondaryStatus status;
  uint64_t due_s = 0;
  size_t primary = 0;  // to ask first
  size_t tried = 0;    // in this round
  std::string errors;  // of this round
  bool is_asking = false;
  std::optional<Refresh> again;  // asked for while it was asking
  Refresh how = Refresh::look;
  bool is_ixfr = false;               // what is being asked
  bool ixfr_failed = false;           // in this round, of this primary
  bool edns_failed = false;           // the same
  std::optional<uint32_t> granted_s;  // the EXPIRE option of the answer
  uint64_t failures = 0;              // rounds in a row
};

wire::Name apex_of(const Zone& zone) { return wire::Name::from_text(zone.name).value(); }

struct Told {
  SecondaryStatus status;  // without `primaries`
  Setting setting;
};

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
  void begin_round(Zone& zone, Refresh how);
  void ask(Zone& zone);
  void on_fetched(const std::string& name, FetchResult result);
  void on_answer(Zone& zone, Inbound& answer);
  void publish(Zone& zone, zone::Contents contents, uint32_t serial, const char* kind);
  void on_published(const std::string& name, const Result<void>& result);
  void succeed(Zone& zone);
  void note_expiry(Zone& zone, uint32_t soa_expire_s);
  void fail_primary(Zone& zone, const std::string& sentence);
  void end_round(Zone& zone);
  void expire(Zone& zone);
  void note(const Zone& zone);
  [[nodiscard]] uint64_t with_jitter(uint64_t interval_s);
  [[nodiscard]] const config::Remote& primary_of(const Zone& zone) const {
    const auto& primaries = zone.setting->primaries;
    return primaries[(zone.primary + zone.tried) % primaries.size()];
  }

  Parts parts;
  RefreshRegister refreshed;
  std::unordered_map<std::string, Zone> zones;
  std::set<std::pair<uint64_t, std::string>> due;  // those that are not being asked for
  size_t fetches = 0;
  std::mt19937_64 random{std::random_device()()};
  mutable std::mutex mutex;
  std::unordered_map<std::string, Told> told;  // guarded by `mutex`
};

Secondaries::Secondaries(Parts parts) : impl_(std::make_unique<Impl>(std::move(parts))) {}

// An orderly end forgets nothing of the last second.
Secondaries::~Secondaries() { static_cast<void>(impl_->refreshed.flush()); }

void Secondaries::apply() {
  const auto settings = impl_->parts.settings.read();
  std::unordered_map<std::string, bool> wanted;
  settings->for_each([&](const std::string& name, const Setting& setting) {
    if (setting->primaries.empty()) return;
    wanted.emplace(name, true);
    impl_->enter(name, setting);
  });
  std::erase_if(impl_->zones, [&](const auto& entry) {
    if (wanted.contains(entry.first)) return false;
    impl_->refreshed.erase(entry.first);
    impl_->due.erase({entry.second.due_s, entry.first});
    const std::scoped_lock lock(impl_->mutex);
    impl_->told.erase(entry.first);
    return true;
  });
  impl_->begin_due();
}

void Secondaries::Impl::enter(const std::string& name, const Setting& setting) {
  const auto [found, is_new] = zones.try_emplace(name);
  Zone& zone = found->second;
  const bool is_same = !is_new && *zone.setting == *setting;
  zone.setting = setting;
  if (is_same) return;
  zone.primary = 0;
  zone.name = name;
  if (!zone.is_asking) set_due(zone, now_s());
  if (is_new) {
    zone.status.refreshed_unix_s = refreshed.find(name);
    if (const auto version = held(zone)) {
      zone.status.primary_serial = version->serial;
      // A time that is not known, or lies ahead, counts from now.
      auto& since = zone.status.refreshed_unix_s;
      if (since == 0 || since > now_s()) since = now_s();
      zone.status.expires_unix_s = since + version->numbers.expire_s;
    }
  }
  note(zone);
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
  if (!zone.is_asking) zone.primary = static_cast<size_t>(sender - primaries.begin());
  impl_->begin_round(zone, Refresh::look);
  return true;
}

std::optional<uint32_t> Secondaries::left_s(wire::NameView apex) const {
  wire::Name folded(apex);
  folded.fold_case();
  const auto found = impl_->zones.find(folded.view().to_text());
  if (found == impl_->zones.end()) return std::nullopt;
  const uint64_t expires_s = found->second.status.expires_unix_s;
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
    const bool expires = zone.status.expires_unix_s != 0 && !zone.status.is_expired;
    if (expires && now_s >= zone.status.expires_unix_s) impl_->expire(zone);
  }
  impl_->begin_due();
  if (const auto kept = impl_->refreshed.flush(); !kept) {
    log::warning(Category::transfer, "register-unwritable",
                 "when secondary zones were refreshed cannot be noted: " + kept.error().message);
  }
}

std::optional<SecondaryStatus> Secondaries::status(const std::string& zone) const {
  const std::scoped_lock lock(impl_->mutex);
  const auto found = impl_->told.find(zone);
  if (found == impl_->told.end()) return std::nullopt;
  SecondaryStatus status = found->second.status;
  for (const config::Remote& remote : found->second.setting->primaries) {
    status.primaries.push_back(remote.to_text());
  }
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
  version.serial = parts.primary_serials.find(zone.name, version.numbers.serial);
  if (version.serial && version.soa.size() >= soa_numbers_bytes) {
    store_be32(version.soa.data() + version.soa.size() - soa_numbers_bytes, *version.serial);
  }
  return version;
}

void Secondaries::Impl::set_due(Zone& zone, uint64_t due_s) {
  due.erase({zone.due_s, zone.name});
  zone.due_s = due_s;
  due.emplace(due_s, zone.name);
}

void Secondaries::Impl::begin_due() {
  while (fetches < fetches_max && !due.empty() && due.begin()->first <= now_s()) {
    begin_round(zones.at(due.begin()->second), Refresh::look);
  }
}

void Secondaries::Impl::begin_round(Zone& zone, Refresh how) {
  if (zone.is_asking) {
    zone.again = how;
    return;
  }
  due.erase({zone.due_s, zone.name});
  zone.is_asking = true;
  zone.how = how;
  zone.tried = 0;
  zone.errors.clear();
  zone.ixfr_failed = false;
  zone.edns_failed = false;
  ask(zone);
}

void Secondaries::Impl::ask(Zone& zone) {
  const config::Remote& remote = primary_of(zone);
  FetchRequest request;
  request.from = remote;
  request.apex = apex_of(zone);
  request.with_edns = !zone.edns_failed;
  request.bytes_max = zone.setting->receive_mebibytes_max * bytes_a_mebibyte;
  if (!remote.key.empty()) {
    request.key = parts.settings.read()->keys().find(*wire::Name::from_text(remote.key));
  }
  if (remote.tls.required) request.tls = parts.settings.read()->share_tls();
  const auto version = held(zone);
  zone.is_ixfr = version && version->serial && zone.how == Refresh::look && !zone.ixfr_failed;
  if (zone.is_ixfr) {
    request.serial = version->serial;
    request.soa = version->soa;
  }
  ++fetches;
  note(zone);
  fetch(parts.context, parts.clock, std::move(request),
        [this, name = zone.name](FetchResult result) { on_fetched(name, std::move(result)); });
}

void Secondaries::Impl::on_fetched(const std::string& name, FetchResult result) {
  --fetches;
  const auto found = zones.find(name);
  if (found == zones.end()) return;  // taken out of the configuration meanwhile
  Zone& zone = found->second;
  if (result.answer) {
    zone.granted_s = (*result.answer)->expire_s();
    return on_answer(zone, **result.answer);
  }
  // RFC 6891 §7: so answers one who knows no EDNS.
  const bool knows_no_edns =
      result.refusal == wire::rcode_formerr || result.refusal == wire::rcode_notimp;
  if (knows_no_edns && !zone.edns_failed) {
    zone.edns_failed = true;
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
      ++zone.status.transfers;
      return parts.publisher.amend(
          apex_of(zone), std::move(answer.differences()),
          "IXFR from " + primary_of(zone).endpoint.to_text(),
          [this, name = zone.name](const Result<void>& result) { on_published(name, result); });
  }
}

void Secondaries::Impl::publish(Zone& zone, zone::Contents contents, uint32_t serial,
                                const char* kind) {
  if (const auto judged = judge(contents, now_s()); !judged) {
    return fail_primary(
        zone, "serial " + std::to_string(serial) + " is refused: " + judged.error().message);
  }
  ++zone.status.transfers;
  parts.publisher.publish(
      std::move(contents), std::string(kind) + " from " + primary_of(zone).endpoint.to_text(),
      [this, name = zone.name](const Result<void>& result) { on_published(name, result); });
}

void Secondaries::Impl::on_published(const std::string& name, const Result<void>& result) {
  const auto found = zones.find(name);
  if (found == zones.end()) return;
  if (result) return succeed(found->second);
  fail_primary(found->second, result.error().message);
}

void Secondaries::Impl::succeed(Zone& zone) {
  const auto version = held(zone);
  zone.status.last_primary = primary_of(zone).endpoint.to_text();
  zone.status.last_error.clear();
  zone.status.is_expired = false;
  zone.status.refreshed_unix_s = now_s();
  zone.primary = (zone.primary + zone.tried) % zone.setting->primaries.size();
  zone.failures = 0;
  set_due(zone, now_s() + first_retry_s);
  zone.status.primary_serial = version ? version->serial : std::nullopt;
  if (version) {
    note_expiry(zone, version->numbers.expire_s);
    set_due(zone, now_s() + with_jitter(version->numbers.refresh_s));
  }
  // From which a restart counts the SOA's expire: earlier if less of it was left.
  refreshed.set(zone.name, version && zone.status.expires_unix_s > version->numbers.expire_s
                               ? zone.status.expires_unix_s - version->numbers.expire_s
                               : now_s());
  end_round(zone);
}

// RFC 7314 §4: a primary that is a secondary itself says how long its own primary's word holds. Of
// several such the longest counts, and never more than the SOA allows.
void Secondaries::Impl::note_expiry(Zone& zone, uint32_t soa_expire_s) {
  auto& expires_s = zone.status.expires_unix_s;
  const uint64_t most_s = now_s() + soa_expire_s;
  const uint64_t granted_s =
      zone.granted_s ? now_s() + std::min(*zone.granted_s, soa_expire_s) : most_s;
  expires_s = std::min(std::max(expires_s, granted_s), most_s);
}

// The next one is asked; after the last it is for the next round.
void Secondaries::Impl::fail_primary(Zone& zone, const std::string& sentence) {
  const std::string from = primary_of(zone).endpoint.to_text();
  log::warning(Category::transfer, "transfer-in-failed",
               "zone " + zone.name + " could not be had from " + from + ": " + sentence);
  zone.errors += (zone.errors.empty() ? "" : "; ") + from + ": " + sentence;
  // RFC 1995 §4: what an IXFR does not give, an AXFR may. A server that cannot be reached is not
  // asked twice.
  const bool was_reached = !sentence.starts_with("connect") && !sentence.starts_with("no ") &&
                           !sentence.starts_with("TLS: ");
  if (zone.is_ixfr && was_reached) {
    zone.ixfr_failed = true;
    return ask(zone);
  }
  zone.ixfr_failed = false;
  zone.edns_failed = false;
  if (++zone.tried < zone.setting->primaries.size()) return ask(zone);
  zone.status.last_error = zone.errors;
  ++zone.failures;
  const auto version = held(zone);
  const uint64_t doubled = first_retry_s << std::min<uint64_t>(zone.failures - 1, 16);
  set_due(zone, now_s() + with_jitter(version ? version->numbers.retry_s
                                              : std::min(doubled, first_retry_s_max)));
  end_round(zone);
}

void Secondaries::Impl::end_round(Zone& zone) {
  zone.is_asking = false;
  note(zone);
  if (zone.again) {
    const Refresh how = *zone.again;
    zone.again.reset();
    begin_round(zone, how);
  }
  begin_due();
}

void Secondaries::Impl::expire(Zone& zone) {
  zone.status.is_expired = true;
  note(zone);
  log::error(Category::transfer, "zone-expired",
             "zone " + zone.name +
                 " has expired: none of its primaries has answered well for as "
                 "long as its SOA allows, so it is answered with SERVFAIL");
  parts.publisher.withdraw(apex_of(zone), [](const Result<void>&) {});
}

void Secondaries::Impl::note(const Zone& zone) {
  SecondaryStatus status = zone.status;
  status.is_asking = zone.is_asking;
  status.next_refresh_unix_s = zone.due_s;
  const std::scoped_lock lock(mutex);
  told.insert_or_assign(zone.name, Told{std::move(status), zone.setting});
}

// Up to a tenth less, so that zones that were loaded together do not ask together for ever.
uint64_t Secondaries::Impl::with_jitter(uint64_t interval_s) {
  const uint64_t bounded = std::clamp(interval_s, interval_s_min, interval_s_max);
  return bounded - random() % (bounded / 10 + 1);
}

}  // namespace holdfast::transfer
