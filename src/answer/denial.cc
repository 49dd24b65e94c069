// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer/denial.h"

#include "dnssec/nsec3_hash.h"

namespace holdfast::answer {

namespace {

using zone::Denial;

Denial denial_for(const Draft& draft, const zone::ZoneView& zone) {
  return draft.signatures() == Signatures::included ? zone.denial() : Denial::none;
}

void collect_nsec(Draft& draft, const zone::ZoneView& zone, wire::NameView name) {
  if (const auto node = zone.nsec_at_or_before(name)) draft.collect_proof(zone, *node);
}

std::optional<zone::ZoneView::Nsec3Match> find_nsec3(const zone::ZoneView& zone,
                                                     wire::NameView name) {
  const zone::Nsec3Parameters parameters = zone.nsec3_parameters();
  const auto hash = dnssec::nsec3_hash(name, parameters.salt, parameters.iterations);
  return zone.nsec3_match_or_cover(hash);
}

void collect_nsec3(Draft& draft, const zone::ZoneView& zone, wire::NameView name) {
  if (const auto found = find_nsec3(zone, name)) draft.collect_proof(zone, found->node);
}

// RFC 5155 §7.2.1. Ancestors that opt-out left without a record are passed over, so that the
// encloser is the closest provable one; returns its labels.
size_t prove_closest_encloser(Draft& draft, const zone::ZoneView& zone, wire::NameView name,
                              size_t encloser_labels) {
  size_t labels = encloser_labels;
  for (;; --labels) {
    const auto found = find_nsec3(zone, name.last_labels(labels));
    if (found && found->exact) {
      draft.collect_proof(zone, found->node);
      break;
    }
    if (labels <= zone.apex_label_count()) break;
  }
  collect_nsec3(draft, zone, name.last_labels(labels + 1));
  return labels;
}

}  // namespace

void deny_name(Draft& draft, const MissingName& missing) {
  const auto& [zone, name, encloser_labels] = missing;
  const Denial denial = denial_for(draft, zone);
  if (denial == Denial::none) return;
  wire::Name wildcard;
  if (denial == Denial::nsec) {
    collect_nsec(draft, zone, name);
    if (wildcard.assign_wildcard_of(name.last_labels(encloser_labels))) {
      collect_nsec(draft, zone, wildcard);
    }
    return;
  }
  const size_t proven_labels = prove_closest_encloser(draft, zone, name, encloser_labels);
  if (wildcard.assign_wildcard_of(name.last_labels(proven_labels))) {
    collect_nsec3(draft, zone, wildcard);
  }
}

void deny_type(Draft& draft, const zone::ZoneView& zone, wire::NameView name) {
  const Denial denial = denial_for(draft, zone);
  if (denial == Denial::none) return;
  if (denial == Denial::nsec) {
    collect_nsec(draft, zone, name);
    return;
  }
  const auto found = find_nsec3(zone, name);
  if (!found) return;
  if (found->exact) {
    draft.collect_proof(zone, found->node);
  } else if (name.label_count() > zone.apex_label_count()) {
    // Opt-out: an unsigned delegation, or an empty non-terminal above one.
    prove_closest_encloser(draft, zone, name, name.label_count() - 1);
  }
}

void deny_closer_match(Draft& draft, const MissingName& missing) {
  const auto& [zone, name, encloser_labels] = missing;
  const Denial denial = denial_for(draft, zone);
  if (denial == Denial::nsec) collect_nsec(draft, zone, name);
  if (denial == Denial::nsec3) {
    collect_nsec3(draft, zone, name.last_labels(encloser_labels + 1));
  }
}

void deny_type_at_wildcard(Draft& draft, const MissingName& missing) {
  const auto& [zone, name, encloser_labels] = missing;
  const Denial denial = denial_for(draft, zone);
  wire::Name wildcard;
  if (denial == Denial::none || !wildcard.assign_wildcard_of(name.last_labels(encloser_labels))) {
    return;
  }
  if (denial == Denial::nsec) {
    collect_nsec(draft, zone, name);
    collect_nsec(draft, zone, wildcard);
    return;
  }
  prove_closest_encloser(draft, zone, name, encloser_labels);
  collect_nsec3(draft, zone, wildcard);
}

}  // namespace holdfast::answer
