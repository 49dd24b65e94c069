// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer/look_ahead.h"

#include "answer/servers.h"

namespace holdfast::answer {

namespace {

constexpr std::array<uint8_t, 2> wildcard_label{1, '*'};

}  // namespace

void LookAhead::begin() {
  for (size_t i = 0; i < count_; ++i) slots_[order_[i]].query = nullptr;
  count_ = 0;
  zone_steps_ = zone::NameSearch::zone_steps(zones_);
}

void LookAhead::add(size_t index, const wire::Query& query) {
  if (query.opcode != wire::opcode_query || !query.has_question || query.qclass != wire::class_in) {
    return;
  }
  slots_[index].query = &query;
  slots_[index].search.begin(zones_, query.qname, zone_steps_);
  order_[count_++] = static_cast<uint8_t>(index);
}

void LookAhead::take_step(size_t step, Slot& slot) {
  if (step < zone::NameSearch::steps) {
    slot.search.take(step);
  } else if (step == zone::NameSearch::steps) {
    ask_for_places_of_further(slot);
  } else {
    for (size_t i = 0; i < slot.further_count; ++i) {
      slot.search.zone()->prefetch_node(slot.further[i]);
    }
  }
}

void LookAhead::ask_for_places_of_further(Slot& slot) const {
  slot.further_count = 0;
  if (!slot.search.encloser()) return;
  const auto& [node, labels] = *slot.search.encloser();
  const wire::SuffixHashes& hashes = slot.search.hashes();
  const auto ask = [&](uint64_t hash) {
    if (slot.further_count == further_max) return;
    slot.further[slot.further_count++] = hash;
    slot.search.zone()->prefetch_place(hash);
  };
  if (node.has(zone::node_cut)) {
    const auto servers = node.find(wire::type_ns);
    if (!servers) return;
    const wire::NameView cut = slot.query->qname.last_labels(labels);
    size_t index = 0;
    for_each_server(*servers, [&](wire::NameView server) {
      if (slot.search.zone()->prefetch_glue(node, index++)) return;
      // One label below the cut is what glue nearly always is.
      if (server.is_root() || !(server.parent() == cut)) return;
      ask(wire::hash_of_child(hashes.of_last(labels), server.bytes().first(1U + server.data()[0]),
                              zones_.hash_key()));
    });
  } else if (labels < hashes.label_count() && node.has(zone::node_has_wildcard)) {
    ask(wire::hash_of_child(hashes.of_last(labels), wildcard_label, zones_.hash_key()));
  }
}

}  // namespace holdfast::answer
