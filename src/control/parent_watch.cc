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

bool is_of_this_key(const Look& look, const transfer::Records& records) {
  return !records.empty() && std::ranges::all_of(records, [&](const auto& rdata) {
    const auto ds = dnssec::Ds::parse(rdata);
    return ds && dnssec::ds_matches(*ds, look.apex, look.key.dnskey);
  });
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
    transfer::ask_records(
        context, parent, look->apex, wire::type_ds,
        [look, parent](const Result<transfer::Records>& records) {
          if (!records) {
            log::warning(Category::zones, "parent-unasked",
                         "the DS of zone " + look->zone + " could not be asked for at " +
                             parent.to_text() + ": " + records.error().message);
          }
          look->is_everywhere = look->is_everywhere && records && is_of_this_key(*look, *records);
          if (--look->waiting == 0 && look->is_everywhere) look->found();
        });
  }
}

}  // namespace holdfast::control
