// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/name_search.h"

#include <algorithm>

#include "zone/layout.h"
#include "zone/slot_table.h"

namespace holdfast::zone {

namespace {

// Zones at more depths, and names of more labels below their apex, are rare: the places of further
// ones are read without having been asked for.
constexpr size_t depths_ahead_max = 4;
constexpr size_t labels_ahead_max = 4;

constexpr auto any_candidate = [](layout::Ref) { return true; };

// The number of labels of the deepest name for which `exists` holds, among those of at most
// `deepest` labels. It holds for `apex` labels, and wherever it holds, for all fewer: every
// ancestor of a node is one too (empty non-terminals are nodes). By halves.
template <typename Exists>
size_t deepest_where(size_t apex, size_t deepest, Exists&& exists) {
  if (deepest == apex || exists(deepest)) return deepest;
  size_t found = apex;
  while (deepest - found > 1) {
    const size_t middle = (found + deepest) / 2;
    (exists(middle) ? found : deepest) = middle;
  }
  return found;
}

}  // namespace

void NameSearch::begin(const MemoryReader& zones, wire::NameView name, ZoneSteps zone_steps) {
  base_ = zones.base();
  name_ = name;
  zone_steps_ = zone_steps;
  zone_.reset();
  encloser_.reset();
  zone_candidate_ = 0;
  node_candidate_ = 0;
}

void NameSearch::take(size_t step) {
  switch (step) {
    case 0:
      begin_search();
      return;
    case 1:
      ask_for_zone();
      return;
    case 2:
      find_zone();
      return;
    case 3:
      ask_for_name_places();
      return;
    case names_step:
      ask_for_node();
      return;
    default:
      find_node();
  }
}

void NameSearch::begin_search() {
  hashes_.compute(name_, layout::file_header(base_)->hash_key);
  if (zone_steps_ == ZoneSteps::apart) {
    ask_for_zone_places();
    return;
  }
  ask_for_zone();
  find_zone();
  ask_for_name_places();
}

void NameSearch::ask_for_zone_places() {
  const layout::FileHeader* header = layout::file_header(base_);
  const TableRoot root = TableRoot::from_word(layout::load_shared(header->zone_table));
  size_t asked = 0;
  layout::for_each_apex_depth(header, hashes_.label_count() + 1, [&](size_t labels) {
    prefetch_bucket(base_, root, layout::zone_tag(hashes_.of_last(labels)));
    return ++asked < depths_ahead_max;
  });
}

void NameSearch::ask_for_zone() {
  const layout::FileHeader* header = layout::file_header(base_);
  const TableRoot root = TableRoot::from_word(layout::load_shared(header->zone_table));
  layout::for_each_apex_depth(header, hashes_.label_count() + 1, [&](size_t labels) {
    zone_candidate_ =
        find_in_table(base_, root, layout::zone_tag(hashes_.of_last(labels)), any_candidate);
    if (zone_candidate_ == 0) return true;
    __builtin_prefetch(layout::at<layout::Zone>(base_, zone_candidate_));
    zone_labels_ = labels;
    return false;
  });
}

void NameSearch::find_zone() {
  if (zone_candidate_ == 0) return;
  const auto* zone = layout::at<layout::Zone>(base_, zone_candidate_);
  const Bytes suffix = name_.bytes().subspan(hashes_.offset_of_last(zone_labels_));
  if (layout::same_labels(layout::apex_of(zone), suffix)) {
    const layout::Ref version = layout::load_shared(zone->version);
    __builtin_prefetch(layout::at<layout::Version>(base_, version));
    zone_ = ZoneView(base_, zone_candidate_, version);
  } else {  // two names with one tag
    zone_ = MemoryReader(base_).find_zone(name_, hashes_, MemoryReader::Search::at_or_above);
  }
}

void NameSearch::ask_for_name_places() {
  if (!zone_ || !zone_->available()) return;
  const size_t apex = zone_->apex_label_count();
  deepest_ = std::min(hashes_.label_count(), apex + zone_->labels_below_apex_max());
  const layout::FileHeader* header = layout::file_header(base_);
  const TableRoot root = TableRoot::from_word(layout::load_shared(header->name_table));
  size_t asked = 0;
  for (size_t labels = deepest_; labels > apex && asked < labels_ahead_max; --labels, ++asked) {
    prefetch_bucket(base_, root, layout::name_tag(hashes_.of_last(labels), zone_->salt()));
  }
}

layout::Ref NameSearch::node_candidate(size_t labels) const {
  const layout::FileHeader* header = layout::file_header(base_);
  return find_in_table(base_, TableRoot::from_word(layout::load_shared(header->name_table)),
                       layout::name_tag(hashes_.of_last(labels), zone_->salt()), any_candidate);
}

void NameSearch::ask_for_node() {
  if (!zone_ || !zone_->available()) return;
  node_labels_ = deepest_where(zone_->apex_label_count(), deepest_, [&](size_t labels) {
    const layout::Ref found = node_candidate(labels);
    if (found != 0) node_candidate_ = found;
    return found != 0;
  });
  if (node_candidate_ != 0) NodeView(base_, node_candidate_).prefetch();
}

void NameSearch::find_node() {
  if (!zone_ || !zone_->available()) return;
  if (node_candidate_ == 0) {  // a tag that is nowhere proves that the name is not
    encloser_ = Encloser{zone_->apex_node(), zone_->apex_label_count()};
  } else if (const auto node = zone_->read(node_candidate_, name_, hashes_, node_labels_)) {
    encloser_ = Encloser{*node, node_labels_};
  } else {  // of another version, or two names with one tag
    encloser_ = find_encloser(*zone_, name_, hashes_);
  }
  if (encloser_->node.has(node_cut)) encloser_->node.prefetch_more();
}

Encloser find_encloser(const ZoneView& zone, wire::NameView name,
                       const wire::SuffixHashes& hashes) {
  const size_t apex = zone.apex_label_count();
  const size_t deepest = std::min(hashes.label_count(), apex + zone.labels_below_apex_max());
  Encloser found{zone.apex_node(), apex};
  (void)deepest_where(apex, deepest, [&](size_t labels) {
    const auto node = zone.find(name, hashes, labels);
    if (node) found = {*node, labels};
    return node.has_value();
  });
  return found;
}

}  // namespace holdfast::zone
