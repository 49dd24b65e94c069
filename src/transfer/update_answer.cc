// SPDX-License-Identifier: GPL-3.0-or-later
// The part of the answerer that receives dynamic updates (RFC 2136 §3.1 and §3.3).
#include "log/log.h"
#include "transfer/answerer.h"
#include "transfer/epoch.h"
#include "transfer/update_waiting.h"

namespace holdfast::transfer {

namespace {

using log::Category;

std::string text_of(wire::NameView name) {
  wire::Name folded(name);
  folded.fold_case();
  return folded.view().to_text();
}

Answerer::Answer at_once(Reply reply) { return {.reply = std::move(reply)}; }

}  // namespace

Reply Answerer::refuse_update(Waiting& waiting, uint16_t rcode, const std::string& reason) {
  count_update(rcode);
  log::warning(Category::transfer, "update-refused",
               "an update of " + waiting.query.qname.to_text() + " was refused to " +
                   waiting.request.client.to_text() + ": " + reason);
  return waiting.reply(rcode);
}

void Answerer::count_update(uint16_t rcode) {
  UpdateCounters& counters = parts_.update_counters;
  switch (rcode) {
    case wire::rcode_noerror:
      counters.done.fetch_add(1, std::memory_order_relaxed);
      break;
    case wire::rcode_servfail:
      counters.failed.fetch_add(1, std::memory_order_relaxed);
      break;
    case wire::rcode_nxdomain:
    case wire::rcode_yxdomain:
    case rcode_nxrrset:
    case rcode_yxrrset:
      counters.declined.fetch_add(1, std::memory_order_relaxed);
      break;
    default:
      counters.refused.fetch_add(1, std::memory_order_relaxed);
  }
}

Answerer::Answer Answerer::begin_update(const std::shared_ptr<Waiting>& waiting) {
  const wire::Query& query = waiting->query;
  const auto settings = parts_.settings.read();
  const auto setting = query.has_question ? settings->find(query.qname) : nullptr;
  // What is signed for the primary is judged there.
  if (setting && setting->forward_updates) return forward(waiting, *setting);
  if (query.has_tsig) {
    const auto verdict = waiting->tsig.verify_request(settings->keys(), waiting->request.message,
                                                      query.tsig_start, parts_.clock.wall_s());
    if (verdict == TsigChain::Request::malformed) {
      return at_once(refuse_update(*waiting, wire::rcode_formerr, "malformed"));
    }
    if (verdict == TsigChain::Request::rejected) {
      return at_once(refuse_update(*waiting, wire::rcode_notauth,
                                   std::string(tsig_error_text(waiting->tsig.error()))));
    }
  }
  auto message = read_update(waiting->request.message);
  if (!message) {
    return at_once(refuse_update(*waiting, message.error(), "its message is out of order"));
  }
  bool is_served = false;
  {
    const Epoch epoch(parts_.panel.epochs);
    is_served = find_zone(parts_.zones, message->zone).has_value();
  }
  if (!is_served || (setting && !setting->primaries.empty())) {
    return at_once(refuse_update(*waiting, wire::rcode_notauth, "this is not its primary"));
  }
  const std::string key = waiting->tsig.is_signed() ? text_of(waiting->tsig.key_name()) : "";
  if (key.empty() || !setting || !may_update(*setting, key)) {
    return at_once(refuse_update(*waiting, wire::rcode_refused,
                                 key.empty() ? "it is not signed" : "no rule names its key"));
  }
  const std::string source = "UPDATE from " + waiting->request.client.to_text() + " by " + key;
  parts_.on_update({*std::move(message), setting, key, source}, [this, waiting](uint16_t rcode) {
    count_update(rcode);
    waiting->later(waiting->reply(rcode));
  });
  return {.reply = std::nullopt, .comes_later = true};
}

// RFC 2136 §6: the primary answers, and we say what it said.
Answerer::Answer Answerer::forward(const std::shared_ptr<Waiting>& waiting,
                                   const config::TransferSetting& setting) {
  parts_.update_counters.forwarded.fetch_add(1, std::memory_order_relaxed);
  parts_.on_forward(waiting->request.message, setting.primaries,
                    [this, waiting](std::vector<uint8_t> response) {
                      if (response.empty()) {
                        count_update(wire::rcode_servfail);
                        return waiting->later(waiting->reply(wire::rcode_servfail));
                      }
                      waiting->later(Reply(std::move(response), {}));
                    });
  return {.reply = std::nullopt, .comes_later = true};
}

}  // namespace holdfast::transfer
