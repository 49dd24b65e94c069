// SPDX-License-Identifier: GPL-3.0-or-later
#include "server/socket_guard.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "transport/socket.h"

namespace holdfast::server {

namespace {

using exchange::Filtered;
using shield::FilterForm;
using shield::FilterKind;

constexpr uint64_t ns_per_s = 1'000'000'000;
constexpr uint64_t count_ns = 20'000'000;  // as often as the shield steers

// Not worth a new filter.
bool are_nearly(const shield::FilterShares& shares, const shield::FilterShares& others) {
  const auto is_near = [](uint32_t share, uint32_t other) {
    const bool are_both_all = share == SHIELD_SHARE_ONE && other == SHIELD_SHARE_ONE;
    const bool is_one_all = share == SHIELD_SHARE_ONE || other == SHIELD_SHARE_ONE;
    if (are_both_all || is_one_all) return are_both_all;
    return std::max(share, other) - std::min(share, other) <= other / 8;
  };
  return shares.telling == others.telling && is_near(shares.strangers, others.strangers) &&
         is_near(shares.familiar, others.familiar);
}

}  // namespace

SocketGuard::SocketGuard(std::span<const Listener> listeners,
                         const transport::ListenerChoice& choice, shield::WorkerShield& shield,
                         exchange::Counters& counters)
    : choice_(choice),
      choice_under_flood_(choice.program.size() <= shield::SocketFilter::choice_size_max
                              ? choice.program
                              : transport::choose_by_lot(choice.listeners).program),
      shield_(shield),
      counters_(counters) {
  sockets_.reserve(listeners.size());
  int refused = 0;
  for (const Listener& listener : listeners) {
    const Pair& pair = sockets_.emplace_back(Pair{.is_ipv6 = listener.endpoint.is_ipv6(),
                                                  .datagrams = {.socket = listener.udp},
                                                  .beginnings = {.socket = listener.sink},
                                                  .listener = listener.tcp});
    take_away(pair, FilterKind::datagrams);
    if (listener.sink >= 0) refused = std::max(refused, take_away(pair, FilterKind::beginnings));
  }
  note_refused(FilterKind::beginnings, refused);
}

SocketGuard::~SocketGuard() {
  for (const Pair& pair : sockets_) {
    if (pair.datagrams.is_attached) take_away(pair, FilterKind::datagrams);
    if (pair.beginnings.is_attached) take_away(pair, FilterKind::beginnings);
  }
}

void SocketGuard::end_diversions() {
  is_ending_ = true;
  follow(FilterKind::beginnings, Shares{}, beginnings_);
}

int SocketGuard::take_away(const Pair& pair, FilterKind kind) {
  if (kind == FilterKind::beginnings) {
    return transport::end_diversion(pair.listener, pair.beginnings.socket, choice_);
  }
  transport::detach_filter(pair.datagrams.socket);
  return 0;
}

void SocketGuard::note_refused(FilterKind kind, int error) {
  const bool are_datagrams = kind == FilterKind::datagrams;
  if (error != 0 && !is_forbidden(kind)) {
    counters_.count_filter_refused(are_datagrams ? exchange::FilterRefused::datagrams
                                                 : exchange::FilterRefused::beginnings);
  }
  are_forbidden_[static_cast<size_t>(kind)] = error == EPERM;
  if (are_datagrams) {
    shield_.note_datagrams_refused(error);
  } else {
    shield_.note_beginnings_refused(error);
  }
}

void SocketGuard::tend(uint64_t now_ns) {
  if (!shield_.guards_sockets() && datagrams_.are_all() && beginnings_.are_all()) return;
  if (now_ns - counted_ns_ >= count_ns) {
    counted_ns_ = now_ns;
    count_datagrams();
  }
  const auto orders = shield_.filter_orders();
  const bool is_dry_run = shield_.is_filter_dry();
  const Shares datagrams =
      is_dry_run ? Shares{} : Shares{orders.datagrams_share, orders.telling, orders.familiar_share};
  // The first one is not waited with.
  const bool is_first = !datagrams.are_all() && datagrams_.are_all();
  const uint64_t span_ns = now_ns - looked_ns_;
  if (span_ns < renew_ns && !is_first) return;
  if (span_ns >= renew_ns) {
    looked_ns_ = now_ns;
    count_beginnings(span_ns);
  }
  count_datagrams();
  const bool is_weighed_anew = weigh_sockets(now_ns);
  const uint32_t share = is_dry_run || is_ending_ || is_forbidden(FilterKind::beginnings)
                             ? SHIELD_SHARE_ONE
                             : shield_.filter_orders().beginnings_share;
  const Shares beginnings{.strangers = share};
  const bool is_same = are_nearly(datagrams, datagrams_) && are_nearly(beginnings, beginnings_) &&
                       !shield_.has_new_floods() && !is_weighed_anew;
  if (is_same && now_ns - renewed_ns_ < stale_ns) return;
  renewed_ns_ = now_ns;
  if (!datagrams.are_all() || !beginnings.are_all()) shield_.renew_filter_tables();
  follow(FilterKind::datagrams, datagrams, datagrams_);
  follow(FilterKind::beginnings, beginnings, beginnings_);
  shield_.note_filters(has_any(FilterKind::datagrams) ? std::optional(datagrams_) : std::nullopt,
                       has_any(FilterKind::beginnings) ? beginnings_.strangers : 0);
}

bool SocketGuard::weigh_sockets(uint64_t now_ns) {
  const uint64_t span_ns = now_ns - std::exchange(weighed_ns_, now_ns);
  if (span_ns == 0) return false;
  bool is_changed = false;
  for (Pair& pair : sockets_) {
    const uint64_t a_second = std::exchange(pair.came, 0) * ns_per_s / span_ns;
    const uint64_t least = pair.is_worth_it ? worth_per_s / 4 : worth_per_s;
    const bool was_worth_it = std::exchange(pair.is_worth_it, a_second >= least);
    is_changed |= pair.is_worth_it != was_worth_it;
  }
  return is_changed;
}

// The kernel may not take one.
bool SocketGuard::has_any(FilterKind kind) {
  return std::ranges::any_of(sockets_, [&](Pair& pair) { return of(pair, kind).is_attached; });
}

void SocketGuard::count_datagrams() {
  const uint64_t filtered = count(FilterKind::datagrams);
  if (filtered == 0) return;
  filtered_untold_ += filtered;
  counters_.count_filtered(Filtered::datagrams, filtered);
  counters_.count_drop(exchange::Drop::filtered, filtered);
  shield_.note_filtered(filtered);
}

uint64_t SocketGuard::take_filtered() {
  count_datagrams();
  return std::exchange(filtered_untold_, 0);
}

void SocketGuard::follow(FilterKind kind, Shares wanted, Shares& in_force) {
  if (wanted.are_all() && in_force.are_all()) return;
  in_force = wanted;
  int refused = 0;
  for (Pair& pair : sockets_) refused = std::max(refused, put(pair, kind, wanted));
  if (!wanted.are_all()) note_refused(kind, refused);
}

int SocketGuard::put(Pair& pair, FilterKind kind, Shares shares) {
  auto& filtered = of(pair, kind);
  const bool is_worth_it = kind == FilterKind::datagrams ? pair.is_worth_it : filtered.socket >= 0;
  if (shares.are_all() || !is_worth_it) {
    if (std::exchange(filtered.is_attached, false)) take_away(pair, kind);
    return 0;
  }
  if (is_forbidden(kind)) return EPERM;
  if (!filtered.is_attached) filtered.drops = transport::kernel_drops(filtered.socket);
  int error = attach(pair, kind, shares);
  FilterForm& form = forms_[static_cast<size_t>(kind)];
  if (error != 0 && error != EPERM && form == FilterForm::full) {
    form = FilterForm::small;
    if (kind == FilterKind::datagrams) shield_.note_names_unseen();
    error = attach(pair, kind, shares);
  }
  // The kernel may go on with the program before this one, which tells who is trusted as of then,
  // or have one and no sink that listens.
  if (error != 0 && kind == FilterKind::beginnings) take_away(pair, kind);
  filtered.is_attached = error == 0;
  return error;
}

int SocketGuard::attach(const Pair& pair, FilterKind kind, Shares shares) {
  const auto program = filter_.build({.kind = kind,
                                      .form = forms_[static_cast<size_t>(kind)],
                                      .is_ipv6 = pair.is_ipv6,
                                      .key = shield_.bucket_key(),
                                      .strangers_share = shares.strangers,
                                      .telling = shares.telling,
                                      .familiar_share = shares.familiar,
                                      .choice = choice_under_flood_,
                                      .sink = choice_.listeners},
                                     shield_.filter_tables());
  if (kind == FilterKind::datagrams) {
    return transport::attach_filter(pair.datagrams.socket, program);
  }
  return transport::divert(pair.listener, pair.beginnings.socket, program);
}

// Drops since the last time, where a filter is. The queue is kept short, so they are the filter's.
uint64_t SocketGuard::count(FilterKind kind) {
  uint64_t sum = 0;
  for (Pair& pair : sockets_) {
    auto& filtered = of(pair, kind);
    if (!filtered.is_attached) continue;
    const uint32_t drops = transport::kernel_drops(filtered.socket);
    const uint32_t more = drops - std::exchange(filtered.drops, drops);
    if (kind == FilterKind::datagrams) pair.came += more;
    sum += more;
  }
  return sum;
}

// Beginnings beyond the kernel's room, and those that were kept away before it had to look for
// room.
void SocketGuard::count_beginnings(uint64_t span_ns) {
  if (sockets_.empty() || sockets_.front().beginnings.socket < 0) return;
  const auto counters = tcp_.read();
  const uint64_t kept_away = count(FilterKind::beginnings);
  counters_.count_filtered(Filtered::beginnings, kept_away);
  if (!counters) return;
  const uint64_t before = std::exchange(beyond_room_, counters->beyond_room());
  if (!std::exchange(has_counted_, true)) return;
  const uint64_t came = beyond_room_ - std::min(before, beyond_room_) + kept_away;
  shield_.note_beginnings(came * ns_per_s / span_ns);
  if (!shield_.is_filter_dry()) return;
  const uint32_t share = shield_.filter_orders().beginnings_share;
  counters_.count_filtered(Filtered::beginnings_dry,
                           came * (SHIELD_SHARE_ONE - share) / SHIELD_SHARE_ONE);
}

}  // namespace holdfast::server
