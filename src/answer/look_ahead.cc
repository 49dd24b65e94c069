// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer/look_ahead.h"

#include "answer/servers.h"

namespace holdfast::answer {

namespace {

constexpr std::array<uint8_t, 2> wildcard_label{1, '*'};

// Some of the batch, without a branch for each.
class Chosen {
 public:
  void add_if(bool is_chosen, uint8_t index) {
    indices_[count_] = index;
    count_ += is_chosen ? 1U : 0U;
  }
  [[nodiscard]] std::span<const uint8_t> indices() const { return {indices_.data(), count_}; }

 private:
  size_t count_ = 0;
  std::array<uint8_t, LookAhead::size_max + 1> indices_;  // the last is written to in vain
};

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

void LookAhead::run(std::atomic<uint64_t>& in_hand, std::span<const uint64_t> marks) {
  using zone::NameSearch;
  const auto each = [&](std::span<const uint8_t> indices, const auto& act) {
    for (const uint8_t index : indices) {
      in_hand.store(marks[index], std::memory_order_relaxed);
      std::atomic_signal_fence(std::memory_order_seq_cst);
      act(index, slots_[index].search);
    }
  };
  // Each step written out, so that a pass is one loop without a choice in it.
  const std::span all(order_.data(), count_);
  const NameSearch* before = nullptr;
  each(all, [&](uint8_t, NameSearch& search) {
    search.take_first(before);
    before = &search;
  });
  if (zone_steps_ == NameSearch::ZoneSteps::apart) {
    each(all, [](uint8_t, NameSearch& search) { search.take(1); });
    each(all, [](uint8_t, NameSearch& search) { search.take(2); });
    each(all, [](uint8_t, NameSearch& search) { search.take(3); });
  }
  static_assert(NameSearch::places_step == 3 && NameSearch::names_step == 4 &&
                NameSearch::steps == 7);
  Chosen unsettled;
  each(all, [&](uint8_t index, NameSearch& search) {
    search.take(4);
    unsettled.add_if(!search.is_settled(), index);
  });
  each(unsettled.indices(), [](uint8_t, NameSearch& search) { search.take(5); });
  Chosen open;
  Chosen with_further;
  const auto finish = [&](uint8_t index, NameSearch& search) {
    search.take(6);
    ask_for_places_of_further(slots_[index]);
    with_further.add_if(slots_[index].further_count > 0, index);
  };
  each(all, [&](uint8_t index, NameSearch& search) {
    finish(index, search);
    open.add_if(search.is_open(), index);
  });
  each(open.indices(), [](uint8_t, NameSearch& search) { search.take(3); });
  each(open.indices(), [](uint8_t, NameSearch& search) { search.take(4); });
  each(open.indices(), [](uint8_t, NameSearch& search) { search.take(5); });
  each(open.indices(), finish);
  each(with_further.indices(), [&](uint8_t index, NameSearch& search) {
    const Slot& slot = slots_[index];
    for (size_t i = 0; i < slot.further_count; ++i) search.zone()->prefetch_node(slot.further[i]);
  });
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
    if (slot.search.zone()->prefetch_glue(node)) return;
    const auto servers = node.find(wire::type_ns);
    if (!servers) return;
    const wire::NameView cut = slot.query->qname.last_labels(labels);
    size_t index = 0;
    for_each_server(*servers, [&](wire::NameView server) {
      if (node.glue_place(index++) != 0) return;
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
