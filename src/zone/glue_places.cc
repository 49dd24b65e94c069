// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/glue_places.h"

#include "wire/types.h"
#include "zone/contents.h"

namespace holdfast::zone {

namespace {

// Calls visit(place, server's labels below the apex) for each place of the cut whose server is in
// its zone.
template <typename Visit>
void for_each_place(layout::Node* cut, Bytes apex, Visit&& visit) {
  const size_t count = layout::glue_place_count(cut);
  if (count == 0) return;
  const uint8_t* record = layout::first_record(cut);
  for (size_t i = 0; layout::rrset_entry(cut, i).type != wire::type_ns; ++i) {
    const layout::RrsetEntry entry = layout::rrset_entry(cut, i);
    record += entry.record_bytes + entry.signature_bytes;
  }
  layout::Ref* place = layout::glue_places(cut);
  for (size_t i = 0; i < count; ++i, ++place) {
    const size_t bytes = load_be16(record + layout::record_length_offset);
    const Bytes server(record + layout::record_header_bytes, bytes);
    record += layout::record_header_bytes + bytes;
    if (!wire::NameView(server).is_at_or_below(wire::NameView(apex))) continue;
    visit(*place, server.first(server.size() - apex.size()));
  }
}

bool is_below(Bytes owner, Bytes ancestor) {
  if (owner.size() <= ancestor.size()) return false;
  const size_t skip = owner.size() - ancestor.size();
  size_t at = 0;
  while (at < skip) at += 1U + owner[at];
  return at == skip && layout::same_labels(owner.subspan(at), ancestor);
}

}  // namespace

void GluePlaces::follow(layout::Ref ref, layout::Ref now) {
  const layout::Node* node = node_at(ref);
  const Bytes owner = layout::owner_of(node);
  const layout::Ref cut = cut_above(node);
  if (cut == 0) return;
  const Bytes apex = layout::apex_of(layout::at<layout::Zone>(base_, node->zone));
  for_each_place(node_at(cut), apex, [&](layout::Ref& place, Bytes server) {
    if (layout::same_labels(server, owner)) layout::store_shared(place, present(now));
  });
}

void GluePlaces::fill(layout::Ref ref) {
  layout::Node* cut = node_at(ref);
  const layout::Ref zone = cut->zone;
  const Bytes apex = layout::apex_of(layout::at<layout::Zone>(base_, zone));
  for_each_place(cut, apex, [&](layout::Ref& place, Bytes server) {
    if (!is_below(server, layout::owner_of(cut))) return;
    const layout::Ref found = tables_.find_name(tag_of_name(base_, zone, server), zone, server);
    layout::store_shared(place, present(found));
  });
}

// What a place may hold of it.
layout::Ref GluePlaces::present(layout::Ref node) const {
  return node != 0 && (node_at(node)->flags & node_occluded) != 0 ? node : 0;
}

// The newest node of the cut that `node` lies below.
layout::Ref GluePlaces::cut_above(const layout::Node* node) {
  const Bytes owner = layout::owner_of(node);
  if (last_cut_ != 0 && node_at(last_cut_)->zone == node->zone &&
      is_below(owner, layout::owner_of(node_at(last_cut_)))) {
    return last_cut_;
  }
  last_cut_ = 0;
  for (size_t at = 0; at < owner.size();) {
    at += 1U + owner[at];
    const Bytes above = owner.subspan(at);
    if (above.empty()) break;
    const layout::Ref found =
        tables_.find_name(tag_of_name(base_, node->zone, above), node->zone, above);
    if (found != 0 && (node_at(found)->flags & node_glue_places) != 0) last_cut_ = found;
  }
  return last_cut_;
}

}  // namespace holdfast::zone
