// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/checks.h"

#include <algorithm>

#include "wire/rdata.h"
#include "wire/types.h"
#include "zone/denial_check.h"
#include "zone/target_check.h"

namespace holdfast::zone {

namespace {

using enum Verdicts::Kind;

const StagedRrset* find(const StagedNode& node, uint16_t type) {
  const auto found = std::ranges::find(node.rrsets, type, &StagedRrset::type);
  return found == node.rrsets.end() ? nullptr : &*found;
}

// What may stand beside a CNAME: RFC 4034 §2.5 and §4, RFC 3007 §3.1 (KEY), and their elders.
bool may_join_cname(uint16_t type) {
  return type == wire::type_cname || type == wire::type_rrsig || type == wire::type_nsec ||
         type == wire::type_key || type == wire::type_sig || type == wire::type_nxt;
}

// What is answered at a zone cut, or is glue there.
bool is_visible_at_cut(uint16_t type) {
  return type == wire::type_ns || type == wire::type_ds || type == wire::type_rrsig ||
         type == wire::type_nsec || type == wire::type_a || type == wire::type_aaaa;
}

void check_alias(const StagedNode& node, Verdicts& verdicts) {
  if (const StagedRrset* cname = find(node, wire::type_cname)) {
    if (cname->rdata.size() > 1) {
      verdicts.add(error, cname->place, node.owner, wire::type_cname,
                   std::to_string(cname->rdata.size()) +
                       " CNAME records at one name; only one is "
                       "allowed (RFC 2181 §10.1)");
    }
    for (const StagedRrset& other : node.rrsets) {
      if (may_join_cname(other.type)) continue;
      verdicts.add(error, other.place, node.owner, wire::type_cname,
                   "stands beside " + wire::type_to_text(other.type) +
                       "; a CNAME must be alone at its name (RFC 1034 §3.6.2)");
    }
  }
  if (const StagedRrset* dname = find(node, wire::type_dname)) {
    if (dname->rdata.size() > 1) {
      verdicts.add(error, dname->place, node.owner, wire::type_dname,
                   std::to_string(dname->rdata.size()) +
                       " DNAME records at one name; only one is "
                       "allowed (RFC 6672 §2.4)");
    }
    if ((node.flags & node_apex) == 0 && find(node, wire::type_ns) != nullptr) {
      verdicts.add(error, dname->place, node.owner, wire::type_dname,
                   "stands beside NS, which makes the name a zone cut (RFC 6672 §2.3)");
    }
  }
}

void check_soa_timers(const StagedNode& node, const StagedRrset& soa, Verdicts& verdicts) {
  const Bytes rdata = soa.rdata.front();
  const uint8_t* timers = rdata.data() + rdata.size() - 20;
  const uint32_t serial = load_be32(timers);
  const uint32_t refresh = load_be32(timers + 4);
  const uint32_t retry = load_be32(timers + 8);
  const uint32_t expire = load_be32(timers + 12);
  const uint32_t minimum = load_be32(timers + 16);
  const auto warn = [&](const std::string& message) {
    verdicts.add(warning, soa.place, node.owner, wire::type_soa, message);
  };
  if (serial == 0) warn("serial 0: some secondaries take it for none");
  if (retry >= refresh) {
    warn("retry " + std::to_string(retry) + " is not below refresh " + std::to_string(refresh));
  }
  if (expire < uint64_t{refresh} + retry) {
    warn("expire " + std::to_string(expire) + " is below refresh + retry: one failed refresh " +
         "makes secondaries drop the zone");
  }
  if (minimum > 86400) {
    warn("minimum " + std::to_string(minimum) + ": that a name does not exist is remembered for " +
         "more than a day (RFC 2308 §5 advises 1 to 3 hours)");
  }
}

void check_apex(const StagedNode& node, Verdicts& verdicts) {
  const StagedRrset* soa = find(node, wire::type_soa);
  if (soa == nullptr) {
    verdicts.add(error, {}, node.owner, 0, "no SOA record at the apex of the zone");
  } else if (soa->rdata.size() > 1) {
    verdicts.add(error, soa->place, node.owner, wire::type_soa,
                 std::to_string(soa->rdata.size()) + " SOA records; a zone has exactly one");
  } else {
    check_soa_timers(node, *soa, verdicts);
  }
  if (find(node, wire::type_ns) == nullptr) {
    verdicts.add(error, node.place, node.owner, 0, "no NS record at the apex of the zone");
  }
  if (const StagedRrset* ds = find(node, wire::type_ds)) {
    verdicts.add(warning, ds->place, node.owner, wire::type_ds,
                 "belongs into the parent zone; here it is not seen");
  }
}

void check_wildcard(const StagedNode& node, Verdicts& verdicts) {
  if (!node.owner.is_wildcard()) return;
  for (const uint16_t type : {wire::type_ns, wire::type_dname, wire::type_ds}) {
    const StagedRrset* rrset = find(node, type);
    if (rrset == nullptr) continue;
    verdicts.add(warning, rrset->place, node.owner, type,
                 "at a wildcard has no defined meaning (RFC 4592 §4)");
  }
}

void check_rrsets(const StagedNode& node, Verdicts& verdicts) {
  for (const StagedRrset& rrset : node.rrsets) {
    if (rrset.dropped_copies > 0) {
      verdicts.add(warning, rrset.place, node.owner, rrset.type,
                   std::to_string(rrset.dropped_copies) +
                       (rrset.dropped_copies == 1 ? " copy" : " copies") + " of a record dropped");
    }
    if (rrset.ttl_highest != rrset.ttl) {
      verdicts.add(warning, rrset.place, node.owner, rrset.type,
                   "TTLs from " + std::to_string(rrset.ttl) + " to " +
                       std::to_string(rrset.ttl_highest) +
                       " in one set; the lowest is used (RFC 2181 §5.2)");
    }
    if (rrset.type == wire::type_soa && (node.flags & node_apex) == 0) {
      verdicts.add(error, rrset.place, node.owner, wire::type_soa,
                   "below the apex of the zone, where only one may stand");
    }
  }
}

}  // namespace

void Verdicts::add(Kind kind, Place place, wire::NameView owner, uint16_t type,
                   const std::string& message) {
  const bool is_error = kind == error || (kind == strict_error && strict_);
  const std::string& file = files_.at(place.line > 0 ? place.file : 0);
  findings_.add(
      is_error ? Severity::error : Severity::warning, file, place.line,
      owner.to_text() + (type == 0 ? "" : " " + wire::type_to_text(type)) + ": " + message);
}

void check_name(const StagedNode& node, Verdicts& verdicts) {
  if ((node.flags & node_apex) != 0) check_apex(node, verdicts);
  check_rrsets(node, verdicts);
  check_alias(node, verdicts);
}

struct ZoneCheck::State {
  State(wire::NameView apex, uint64_t now_s, Verdicts& to)
      : verdicts(to), targets(apex, to), denial(apex, now_s, to) {}

  Verdicts& verdicts;
  TargetCheck targets;
  DenialCheck denial;
  // Of the last cut or DNAME, under which occluded names lie.
  wire::Name occluder;
  uint16_t occluder_flags = 0;
};

ZoneCheck::ZoneCheck(wire::NameView apex, uint64_t now_s, Verdicts& verdicts)
    : state_(std::make_unique<State>(apex, now_s, verdicts)) {}
ZoneCheck::~ZoneCheck() = default;

void ZoneCheck::visit(const StagedNode& node) {
  State& state = *state_;
  state.denial.visit(node);
  if ((node.flags & node_nsec3) != 0) return;
  check_name(node, state.verdicts);
  if ((node.flags & node_occluded) != 0) {
    const bool below_dname = (state.occluder_flags & node_dname) != 0;
    if (below_dname && !node.rrsets.empty()) {
      state.verdicts.add(error, node.place, node.owner, 0,
                         "below the DNAME at " + state.occluder.view().to_text() +
                             ", where no name may be (RFC 6672 §2.4)");
    } else if (const StagedRrset* ns = find(node, wire::type_ns)) {
      state.verdicts.add(warning, ns->place, node.owner, wire::type_ns,
                         "hidden below the zone cut at " + state.occluder.view().to_text());
    }
    return;
  }
  if ((node.flags & (node_cut | node_dname)) != 0) {
    state.occluder.assign(node.owner);
    state.occluder_flags = node.flags;
  }
  check_wildcard(node, state.verdicts);
  for (const StagedRrset& rrset : node.rrsets) {
    if ((node.flags & node_cut) != 0 && !is_visible_at_cut(rrset.type)) {
      state.verdicts.add(warning, rrset.place, node.owner, rrset.type,
                         "hidden by the NS records at the same name");
    }
    if (rrset.type == wire::type_ds && (node.flags & (node_cut | node_apex)) == 0) {
      state.verdicts.add(warning, rrset.place, node.owner, rrset.type,
                         "without NS at the same name has no meaning");
    }
    state.targets.visit(node, rrset);
  }
}

void ZoneCheck::conclude(const Contents& contents) {
  state_->targets.conclude(contents);
  state_->denial.conclude();
}

}  // namespace holdfast::zone
