// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/target_check.h"

#include <algorithm>

#include "wire/rdata.h"
#include "wire/types.h"

namespace holdfast::zone {

namespace {

using enum Verdicts::Kind;
using Types = std::vector<uint16_t>;

// Equal hosts must have equal hashes; that a stranger can make others collide costs a warning.
constexpr HashKey hash_key{0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F};

bool contains(const Types& types, uint16_t type) {
  return std::ranges::find(types, type) != types.end();
}

// The types that answer for `target`, by wildcard too.
std::optional<Types> types_for(wire::NameView target, const Contents& contents) {
  if (auto types = contents.types_at(target)) return types;
  wire::NameView encloser = target;
  do {
    encloser = encloser.parent();
  } while (!contents.types_at(encloser) && encloser.size() > contents.apex().size());
  wire::Name wildcard;
  if (!wildcard.assign_wildcard_of(encloser)) return std::nullopt;
  return contents.types_at(wildcard);
}

std::optional<wire::Name> cut_above(wire::NameView target, const Contents& contents) {
  std::optional<wire::Name> highest;
  for (wire::NameView name = target; name.size() > contents.apex().size(); name = name.parent()) {
    const auto types = contents.types_at(name);
    if (types && contains(*types, wire::type_ns)) highest = wire::Name(name);
  }
  return highest;
}

}  // namespace

void TargetCheck::visit(const StagedNode& node, const StagedRrset& rrset) {
  const uint16_t type = rrset.type;
  if (type != wire::type_ns && type != wire::type_mx && type != wire::type_srv) return;
  if ((node.flags & node_cut) != 0 && type != wire::type_ns) return;
  for (const Bytes& rdata : rrset.rdata) {
    wire::for_each_rdata_name(type, rdata, [&](size_t, wire::NameView target, wire::RdataField) {
      if (target.is_root() || !target.is_at_or_below(apex_)) return;
      wire::Name folded(target);
      folded.fold_case();
      const uint64_t hash = hash_bytes(folded.view().bytes(), hash_key);
      if (!seen_.insert(hash).second) return;
      uses_.push_back({target.bytes(), owners_.size(), rrset.place, type});
      const Bytes owner = node.owner.bytes();
      owners_.insert(owners_.end(), owner.begin(), owner.end());
    });
  }
}

void TargetCheck::conclude(const Contents& contents) {
  for (const Use& use : uses_) judge(use, contents);
}

void TargetCheck::judge(const Use& use, const Contents& contents) {
  const wire::NameView target(use.target);
  const auto types = types_for(target, contents);
  const Types none;
  const Types& found = types ? *types : none;
  if (contains(found, wire::type_a) || contains(found, wire::type_aaaa)) return;
  const Bytes owner = Bytes(owners_).subspan(use.owner_offset);
  const auto complain = [&](const std::string& what) {
    verdicts_.add(strict_error, use.place,
                  wire::NameView(owner.first(wire::uncompressed_name_size(owner))), use.type,
                  "names " + target.to_text() + ", " + what);
  };
  if (contains(found, wire::type_cname)) {
    return complain("which is a CNAME and must not be (RFC 2181 §10.3)");
  }
  const auto cut = cut_above(target, contents);
  if (cut && use.type == wire::type_ns) {
    complain("which lies below the zone cut at " + cut->view().to_text() +
             " and has no address (glue) here");
  } else if (!cut) {
    complain("which has no address in the zone");
  }
}

}  // namespace holdfast::zone
