// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer/resolve.h"

#include <algorithm>

#include "answer/additional.h"
#include "answer/alias.h"
#include "answer/denial.h"
#include "answer/lookup.h"
#include "base/check.h"

namespace holdfast::answer {

namespace {

using wire::Section;

// How the answer section came to its end, which decides on the other two.
enum class Ending : uint8_t {
  nothing,  // refused, failed, or an alias whose target we do not answer for
  positive,
  no_data,
  name_error,
  referral,
};

// What one name of the chain came to.
enum class Step : uint8_t { ended, alias };

class Resolution {
 public:
  Resolution(Draft& draft, const zone::MemoryReader& zones, const Question& question)
      : draft_(draft), zones_(zones), name_(question.name), qtype_(question.type) {}

  void fill_answer(const zone::NameSearch* ahead, Coverage coverage);
  void fill_authority();
  void fill_additional();

 private:
  [[nodiscard]] uint64_t hash_of_name() const {
    return ahead_->hashes().of_last(ahead_->hashes().label_count());
  }
  [[nodiscard]] bool asks_parent() const;
  [[nodiscard]] std::optional<zone::ZoneView> zone_for_ds() const;
  void fail_without_zone(const std::optional<zone::ZoneView>& zone, Coverage coverage);
  [[nodiscard]] Step answer_from(const zone::ZoneView& zone, const zone::Encloser& encloser);
  [[nodiscard]] Step answer_at(const zone::ZoneView& zone, const Location& location);
  [[nodiscard]] Step follow_dname(const Location& location);
  [[nodiscard]] bool is_in_answer_already(const zone::NodeView& dname_owner);
  [[nodiscard]] bool seen_before() const;
  void end(Ending ending, Kind kind);
  void add_soa();
  void refer();

  Draft& draft_;
  const zone::MemoryReader& zones_;
  wire::NameView name_;                      // of the chain's current step
  const zone::NameSearch* ahead_ = nullptr;  // of name_, once it is known
  zone::NameSearch own_;
  uint16_t qtype_;
  wire::Name synthesized_;  // holds name_ after a DNAME

  // Where the chain ended.
  Ending ending_ = Ending::nothing;
  std::optional<zone::ZoneView> zone_;
  std::optional<Location> location_;
  std::optional<zone::RrsetView> positive_;

  size_t steps_ = 0;
  std::array<uint64_t, alias_steps_max> seen_;  // keyed hashes of the names before this one
  size_t dname_count_ = 0;
  std::array<uint32_t, alias_steps_max + 1> dnames_;  // nodes whose DNAME was written
};

// What answers a question for `type` at a node, aliases aside. ANY and RRSIG get one RRset, always
// the same (RFC 8482 §4.1, §4.2).
std::optional<zone::RrsetView> rrset_for_type(const zone::NodeView& node, uint16_t type) {
  if (type == wire::type_any) {
    if (node.rrset_count() == 0) return std::nullopt;
    return node.rrset_at(0);
  }
  if (type == wire::type_rrsig) {
    for (size_t i = 0; i < node.rrset_count(); ++i) {
      const zone::RrsetView covered = node.rrset_at(i);
      if (covered.signature_count == 0) continue;
      zone::RrsetView signatures;
      signatures.type = type;
      signatures.ttl = covered.ttl;
      signatures.count = covered.signature_count;
      signatures.records = covered.signatures;
      return signatures;
    }
  }
  return node.find(type);
}

void Resolution::fill_answer(const zone::NameSearch* ahead, Coverage coverage) {
  ahead_ = ahead;
  while (true) {
    if (ahead_ == nullptr) {
      own_.run(zones_, name_);
      ahead_ = &own_;
    }
    const bool first = steps_ == 0;
    const bool of_parent = asks_parent();
    const auto zone = of_parent ? zone_for_ds() : ahead_->zone();
    if (!zone || !zone->available()) {
      if (first) fail_without_zone(zone, coverage);
      return;
    }
    if (first) {
      draft_.zone = zone;
      draft_.authoritative = true;  // RFC 1034 §4.1.1: of the first owner
    } else if (seen_before()) {
      return;
    }
    const bool is_known = !of_parent && ahead_->encloser();
    const zone::Encloser encloser =
        is_known ? *ahead_->encloser() : zone::find_encloser(*zone, name_, ahead_->hashes());
    if (answer_from(*zone, encloser) == Step::ended || draft_.truncated) return;
    draft_.kind = Kind::alias;
    if (steps_ == alias_steps_max) return;
    seen_[steps_++] = hash_of_name();
    ahead_ = nullptr;  // of the name before this one
  }
}

bool Resolution::asks_parent() const {
  return qtype_ == wire::type_ds && ahead_->zone() &&
         ahead_->zone()->apex_label_count() == ahead_->hashes().label_count();
}

// DS at an apex is asked of the parent's side (RFC 4035 §3.1.4.1), unless the parent's parent is
// here instead and could only refer away.
std::optional<zone::ZoneView> Resolution::zone_for_ds() const {
  const wire::SuffixHashes& hashes = ahead_->hashes();
  const auto parent = zones_.find_zone(name_, hashes, zone::MemoryReader::Search::strictly_above);
  if (!parent) return ahead_->zone();
  if (!parent->available()) return parent;
  const zone::Encloser encloser = zone::find_encloser(*parent, name_, hashes);
  const auto location = locate(zones_, *parent, name_, hashes, encloser, qtype_);
  return location.match == Match::delegation ? ahead_->zone() : parent;
}

void Resolution::fail_without_zone(const std::optional<zone::ZoneView>& zone, Coverage coverage) {
  draft_.kind = Kind::error;
  draft_.rcode = wire::rcode_servfail;
  if (coverage == Coverage::still_loading) {
    draft_.extended_error = wire::ede_not_ready;
  } else if (zone) {
    draft_.extended_error = wire::ede_invalid_data;  // RFC 8914 §4.25
  } else {
    draft_.kind = Kind::refused;
    draft_.rcode = wire::rcode_refused;
    draft_.extended_error = wire::ede_not_authoritative;
  }
}

// RFC 1034 §4.3.2 step 3.
Step Resolution::answer_from(const zone::ZoneView& zone, const zone::Encloser& encloser) {
  const Location location = locate(zones_, zone, name_, ahead_->hashes(), encloser, qtype_);
  zone_ = zone;
  location_ = location;
  switch (location.match) {
    case Match::exact:
    case Match::wildcard:
      return answer_at(zone, location);
    case Match::dname:
      return follow_dname(location);
    case Match::delegation:
      if (steps_ == 0) draft_.authoritative = false;
      end(Ending::referral, Kind::referral);
      return Step::ended;
    case Match::none:
      draft_.rcode = wire::rcode_nxdomain;
      deny_name(draft_, {zone, name_, location.labels});
      end(Ending::name_error, Kind::name_error);
      return Step::ended;
  }
  return Step::ended;
}

// RFC 1034 §4.3.2 step 3a and 3c: the name's own records, or those of the wildcard for it.
Step Resolution::answer_at(const zone::ZoneView& zone, const Location& location) {
  const MissingName missing{zone, name_, location.labels};
  const bool from_wildcard = location.match == Match::wildcard;
  const auto rrset = rrset_for_type(location.node, qtype_);
  const auto cname = rrset ? std::nullopt : location.node.find(wire::type_cname);
  if (from_wildcard && (rrset || cname)) deny_closer_match(draft_, missing);
  if (rrset) {
    // A DNAME that led here may be what was asked for: no RRset twice (RFC 2181 §5.5).
    const bool is_written = rrset->type == wire::type_dname && is_in_answer_already(location.node);
    if (!is_written) draft_.require(Section::answer, name_, *rrset);
    positive_ = rrset;
    end(Ending::positive, Kind::positive);
    return Step::ended;
  }
  if (cname) {
    draft_.require(Section::answer, name_, *cname);
    name_ = alias_target(*cname);
    return Step::alias;
  }
  if (from_wildcard) {
    deny_type_at_wildcard(draft_, missing);
  } else {
    deny_type(draft_, zone, name_);
  }
  end(Ending::no_data, Kind::no_data);
  return Step::ended;
}

// RFC 6672 §3.2.
Step Resolution::follow_dname(const Location& location) {
  const auto dname = location.node.find(wire::type_dname);
  CHECK(dname.has_value());
  const wire::NameView owner = name_.last_labels(location.labels);
  if (!is_in_answer_already(location.node)) draft_.require(Section::answer, owner, *dname);
  draft_.kind = Kind::alias;
  const wire::NameView target = alias_target(*dname);
  wire::Name substituted;
  if (!substitute_suffix(name_, owner, target, substituted)) {
    draft_.rcode = wire::rcode_yxdomain;
    return Step::ended;
  }
  const SynthesizedCname cname(substituted, dname->ttl);
  draft_.require(Section::answer, name_, cname.rrset());
  // The CNAME is what was asked for.
  if (qtype_ == wire::type_cname || qtype_ == wire::type_any) return Step::ended;
  // Into its own subtree: each further step would only lengthen the name.
  if (target.is_at_or_below(owner)) return Step::ended;
  synthesized_ = substituted;
  name_ = synthesized_;
  return Step::alias;
}

bool Resolution::is_in_answer_already(const zone::NodeView& dname_owner) {
  const auto end = dnames_.begin() + static_cast<ptrdiff_t>(dname_count_);
  if (std::find(dnames_.begin(), end, dname_owner.reference()) != end) return true;
  dnames_[dname_count_++] = dname_owner.reference();
  return false;
}

bool Resolution::seen_before() const {
  const auto end = seen_.begin() + static_cast<ptrdiff_t>(steps_);
  return std::find(seen_.begin(), end, hash_of_name()) != end;
}

void Resolution::end(Ending ending, Kind kind) {
  ending_ = ending;
  if (steps_ == 0) draft_.kind = kind;
}

void Resolution::fill_authority() {
  if (ending_ == Ending::no_data || ending_ == Ending::name_error) add_soa();
  if (ending_ == Ending::referral) refer();
  draft_.write_proofs();
}

// RFC 2308 §3 and §5: the TTL is the lower of the SOA's own and its MINIMUM field.
void Resolution::add_soa() {
  const auto soa = zone_->apex_node().find(wire::type_soa);
  if (!soa) return;
  const uint32_t minimum = load_be32(soa->records.data() + soa->records.size() - 4);
  draft_.require(Section::authority, zone_->apex(), *soa, minimum);
}

// RFC 4035 §3.1.4: with DS, or the proof that there is none. An unsigned zone has no say in it.
void Resolution::refer() {
  const wire::NameView cut = name_.last_labels(location_->labels);
  const auto servers = location_->node.find(wire::type_ns);
  CHECK(servers.has_value());
  draft_.require(Section::authority, cut, *servers);
  const bool is_signed = zone_->denial() != zone::Denial::none;
  if (draft_.signatures() == Signatures::left_out || !is_signed) return;
  if (const auto ds = location_->node.find(wire::type_ds)) {
    draft_.require(Section::authority, cut, *ds);
  } else {
    deny_type(draft_, *zone_, cut);
  }
}

void Resolution::fill_additional() {
  if (ending_ == Ending::referral) {
    const wire::NameView cut = name_.last_labels(location_->labels);
    add_glue(draft_, zones_, *zone_, location_->node, cut);
  } else if (ending_ == Ending::positive && qtype_ == wire::type_ns) {
    offer_addresses(draft_, zones_, *zone_, *positive_);
  }
}

}  // namespace

void resolve(Draft& draft, const zone::MemoryReader& zones, const Question& question,
             const zone::NameSearch* ahead, Coverage coverage) {
  Resolution resolution(draft, zones, question);
  resolution.fill_answer(ahead, coverage);
  resolution.fill_authority();
  resolution.fill_additional();
}

}  // namespace holdfast::answer
