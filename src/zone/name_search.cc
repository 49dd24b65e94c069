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

TableRoot names_of(const uint8_t* base) {
  return TableRoot::from_word(layout::load_shared(layout::file_header(base)->name_table));
}

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
  frame_.is_available = false;
  is_open_ = false;
}

void NameSearch::take_first(const NameSearch* before) {
  const HashKey& key = layout::file_header(base_)->hash_key;
  hashes_.find_labels(name_);
  if (before != nullptr && is_in_zone_of(*before)) {
    zone_ = before->zone_;
    frame_ = before->frame_;
    hashes_.compute_from(before->hashes_, frame_.apex_labels, name_, key);
  } else {
    hashes_.compute_all(name_, key);
    if (zone_steps_ == ZoneSteps::apart) {
      ask_for_zone_places();
      return;
    }
    ask_for_zone();
    find_zone();
    read_frame();
  }
  ask_for_name_places();
}

// Exactly, or not at all: it holds the name, and no apex could be deeper.
bool NameSearch::is_in_zone_of(const NameSearch& other) const {
  const size_t labels = other.frame_.apex_labels;
  return other.frame_.is_available && labels <= hashes_.label_count() &&
         hashes_.label_count() < other.frame_.deeper_apex_labels &&
         layout::same_labels(other.frame_.apex,
                             name_.bytes().subspan(hashes_.offset_of_last(labels)));
}

void NameSearch::read_frame() {
  if (!zone_ || !zone_->available()) return;
  frame_.salt = zone_->salt();
  frame_.apex = zone_->apex().bytes();
  frame_.apex_labels = static_cast<uint8_t>(zone_->apex_label_count());
  frame_.labels_below_apex_max = static_cast<uint8_t>(zone_->labels_below_apex_max());
  frame_.mostly_delegates = zone_->mostly_delegates();
  frame_.is_available = true;
  frame_.deeper_apex_labels = wire::labels_max + 1;
  layout::for_each_apex_depth(layout::file_header(base_), wire::labels_max + 1, [&](size_t labels) {
    if (labels <= frame_.apex_labels) return false;
    frame_.deeper_apex_labels = static_cast<uint8_t>(labels);
    return true;
  });
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
    zone_labels_ = static_cast<uint8_t>(labels);
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
  if (!frame_.is_available) return;
  const size_t apex = frame_.apex_labels;
  size_t deepest = std::min(hashes_.label_count(), apex + frame_.labels_below_apex_max);
  // A cut hides what is deeper, and where nothing is, nothing is deeper: one place says it all.
  guesses_cut_ = !is_open_ && deepest > apex + 1 && frame_.mostly_delegates;
  if (guesses_cut_) deepest = apex + 1;
  deepest_ = static_cast<uint8_t>(deepest);
  const TableRoot root = names_of(base_);
  size_t asked = 0;
  for (size_t labels = deepest; labels > apex && asked < labels_ahead_max; --labels, ++asked) {
    prefetch_bucket(base_, root, layout::name_tag(hashes_.of_last(labels), frame_.salt));
  }
}

void NameSearch::ask_for_node() {
  is_settled_ = true;
  node_candidate_ = 0;
  if (!frame_.is_available) return;
  const TableRoot root = names_of(base_);
  const size_t found_labels = deepest_where(frame_.apex_labels, deepest_, [&](size_t labels) {
    const FirstLook look =
        look_in_first_bucket(base_, root, layout::name_tag(hashes_.of_last(labels), frame_.salt));
    if (look.ref != 0) node_candidate_ = look.ref;
    is_settled_ &= look.is_settled;
    return look.ref != 0;
  });
  node_labels_ = static_cast<uint8_t>(found_labels);
  // Without any it is the apex. Few zones' are at hand.
  if (node_candidate_ != 0) {
    NodeView(base_, node_candidate_).prefetch();
  } else if (zone_steps_ == ZoneSteps::apart) {
    zone_->apex_node().prefetch();
  }
}

// The same once more, as far as it takes: all that it reads has been asked for by now.
void NameSearch::settle() {
  const TableRoot root = names_of(base_);
  layout::Ref candidate = 0;
  const size_t found_labels = deepest_where(frame_.apex_labels, deepest_, [&](size_t labels) {
    const uint32_t tag = layout::name_tag(hashes_.of_last(labels), frame_.salt);
    const layout::Ref found = find_in_table(base_, root, tag, any_candidate);
    if (found != 0) candidate = found;
    return found != 0;
  });
  node_labels_ = static_cast<uint8_t>(found_labels);
  if (candidate == node_candidate_) return;
  node_candidate_ = candidate;
  if (candidate != 0) NodeView(base_, candidate).prefetch();
}

void NameSearch::find_node() {
  is_open_ = false;
  if (!frame_.is_available) return;
  if (node_candidate_ == 0) {  // a tag that is nowhere proves that the name is not
    encloser_ = Encloser{zone_->apex_node(), frame_.apex_labels};
    if (zone_steps_ == ZoneSteps::at_once) return;
  } else if (const auto node = zone_->read(node_candidate_, name_, hashes_, node_labels_)) {
    if (guesses_cut_ && !node->has(node_cut) && !node->has(node_dname)) {
      is_open_ = true;
      return;
    }
    encloser_ = Encloser{*node, node_labels_};
  } else {  // of another version, or two names with one tag
    encloser_ = find_encloser(*zone_, name_, hashes_);
  }
  encloser_->node.prefetch_rest();
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
