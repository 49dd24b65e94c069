// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/parent_watch.h"

#include <algorithm>
#include <memory>

#include "log/log.h"
#include "transfer/ask_records.h"
#include "wire/types.h"

namespace holdfast::control {

namespace {

using log::Category;

// One question to all servers.
struct Look {
  std::string zone;
  wire::Name apex;
  WaitingKey key;
  std::function<void()> found;
  size_t waiting = 0;
  bool is_everywhere = true;
};

bool is_as_wanted(const Look& look, const transfer::Answered& answered) {
  if (look.key.dnskey.empty()) {
    // The parent itself must say so: a server that does not know the zone has no DS either.
    return answered.records.empty() && answered.soa_owner &&
           look.apex.view().is_at_or_below(*answered.soa_owner) &&
           !(look.apex.view() == answered.soa_owner->view());
  }
  const auto fits = [&](const std::vector<uint8_t>& rdata, const std::vector<uint8_t>& dnskey) {
    const auto ds = dnssec::Ds::parse(rdata);
    return ds && dnssec::ds_matches(*ds, look.apex, dnskey);
  };
  bool has_it = false;
  for (const auto& rdata : answered.records) {
    const bool is_it = fits(rdata, look.key.dnskey);
    has_it |= is_it;
    const bool is_of_others = std::ranges::any_of(
        look.key.others, [&](const auto& dnskey) { return fits(rdata, dnskey); });
    if (!is_it && !is_of_others) return false;
  }
  return has_it;
}

}  // namespace

void look_for_ds(boost::asio::io_context& context, const std::string& zone, const WaitingKey& key,
                 std::function<void()> found) {
  const auto look = std::make_shared<Look>(Look{.zone = zone,
                                                .apex = wire::Name::from_text(zone).value(),
                                                .key = key,
                                                .found = std::move(found),
                                                .waiting = key.parents.size()});
  for (const Endpoint& parent : key.parents) {
    transfer::ask_rrset(
        context, parent, look->apex, wire::type_ds,
        [look, parent](const Result<transfer::Answered>& answered) {
          if (!answered) {
            log::warning(Category::zones, "parent-unasked",
                         "the DS of zone " + look->zone + " could not be asked for at " +
                             parent.to_text() + ": " + answered.error().message);
          }
          look->is_everywhere = look->is_everywhere && answered && is_as_wanted(*look, *answered);
          if (--look->waiting == 0 && look->is_everywhere) look->found();
        });
  }
}

}  // namespace holdfast::control
