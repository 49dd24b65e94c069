// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/delta_signer.h"

#include <algorithm>

#include "base/check.h"
#include "dnssec/delta_chain.h"
#include "dnssec/made_records.h"
#include "dnssec/signature_check.h"
#include "dnssec/signature_plan.h"
#include "wire/types.h"
#include "zone/node_assembly.h"

namespace holdfast::dnssec {

namespace {

using zone::DraftNode;
using zone::NodeView;
using zone::StagedRrset;

// More are compared by their fields alone: the time of all other changes is at stake.
constexpr size_t verified_nodes_max = 2000;

template <typename Visit>
void for_each_record(Bytes records, Visit&& visit) {
  ByteReader reader(records);
  while (reader.remaining() > 0) {
    reader.skip(2);  // the owner, as a pointer (zone/view.h)
    const uint16_t type = reader.read_u16();
    reader.skip(2);
    const uint32_t ttl = reader.read_u32();
    const Bytes rdata = reader.read_bytes(reader.read_u16());
    CHECK(!reader.failed());
    visit(type, ttl, rdata);
  }
}

void add_all(const DraftNode& node, zone::Contents& contents) {
  if (!node.before) return;
  for (size_t i = 0; i < node.before->rrset_count(); ++i) {
    const zone::RrsetView rrset = node.before->rrset_at(i);
    const auto add = [&](uint16_t type, uint32_t ttl, Bytes rdata) {
      contents.add(node.owner, type, ttl, rdata);
    };
    for_each_record(rrset.records, add);
    for_each_record(rrset.signatures, add);
  }
}

// TTL of NSEC and NSEC3 records (RFC 9077).
std::optional<uint32_t> denial_ttl(uint32_t soa_ttl, Bytes soa_rdata) {
  if (soa_rdata.size() < 20) return std::nullopt;
  return std::min(soa_ttl, load_be32(soa_rdata.last(4).data()));
}

class Run {
 public:
  Run(const DeltaTask& task, const KeyRoles& roles)
      : task_(task),
        roles_(roles),
        signing_{.policy = task.policy, .now_s = task.now_s, .jitter_key = task.jitter_key},
        made_(make_apex_records(task.draft.apex(), roles, task.policy, task.additions)) {}

  Result<std::optional<SignedDelta>> sign() {
    nodes_ = TRY(task_.draft.settle());
    if (!concerns_names_alone()) return std::nullopt;
    for (const MadeRecords& records : made_) apex_types_.push_back(records.type);
    if (!mend_chain()) return std::nullopt;
    zone::Contents old_records(task_.draft.apex());
    for (const ChainRecord& record : chain_) add_all(record.node, old_records);
    TRY(old_records.finish());
    return lay_out_and_sign(old_records);
  }

 private:
  [[nodiscard]] bool uses_nsec3() const { return task_.policy.denial == DenialMethod::nsec3; }

  // Whether what is served has the keys and the kind of chain that sign_zone would give it.
  [[nodiscard]] bool concerns_names_alone() {
    const zone::ZoneView& before = task_.draft.before();
    const NodeView apex = before.apex_node();
    if (task_.policy.zonemd != Zonemd::no || apex.find(wire::type_zonemd)) return false;
    const auto denial = uses_nsec3() ? zone::Denial::nsec3 : zone::Denial::nsec;
    if (before.denial() != denial) return false;
    for (const uint16_t type : {wire::type_dnskey, wire::type_cds, wire::type_cdnskey,
                                wire::type_csync, wire::type_nsec3param}) {
      if (!is_as_made(apex, type)) return false;
    }
    if (concerns_name_servers(apex)) return false;
    return has_same_signers(apex) && has_same_denial(before, apex);
  }

  [[nodiscard]] bool is_as_made(const NodeView& apex, uint16_t type) const {
    const auto served = apex.find(type);
    const auto made = std::ranges::find(made_, type, &MadeRecords::type);
    if (!served || made == made_.end()) return !served && made == made_.end();
    std::vector<std::vector<uint8_t>> rdata;
    for_each_record(served->records, [&](uint16_t, uint32_t, Bytes record) {
      rdata.emplace_back(record.begin(), record.end());
    });
    std::ranges::sort(rdata);
    return served->ttl == made->ttl && rdata == made->rdata;
  }

  // Others who sign the zone have a say in its NS, and the parent is to be told of them.
  [[nodiscard]] bool concerns_name_servers(const NodeView& apex) const {
    const ApexAdditions* additions = task_.additions;
    if (additions == nullptr || (!additions->changes_name_servers() && !additions->csync)) {
      return false;
    }
    std::vector<std::vector<uint8_t>> before;
    std::vector<std::vector<uint8_t>> now;
    if (const auto served = apex.find(wire::type_ns)) {
      for_each_record(served->records, [&](uint16_t, uint32_t, Bytes rdata) {
        before.emplace_back(rdata.begin(), rdata.end());
      });
    }
    for (const zone::StagedRecord& record : nodes_.front().records) {
      if (record.type == wire::type_ns) now.emplace_back(record.rdata.begin(), record.rdata.end());
    }
    std::ranges::sort(before);
    std::ranges::sort(now);
    return before != now;
  }

  // The SOA tells for all.
  [[nodiscard]] bool has_same_signers(const NodeView& apex) const {
    const auto soa = apex.find(wire::type_soa);
    if (!soa || soa->signature_count != roles_.for_zone.size()) return false;
    size_t known = 0;
    for_each_record(soa->signatures, [&](uint16_t, uint32_t, Bytes rdata) {
      const auto rrsig = Rrsig::parse(rdata);
      if (!rrsig) return;
      for (const ZoneKey* key : roles_.for_zone) {
        const bool is_its =
            key->tag() == rrsig->key_tag && key->algorithm().number == rrsig->algorithm;
        known += is_its ? 1 : 0;
      }
    });
    return known == roles_.for_zone.size();
  }

  [[nodiscard]] bool has_same_denial(const zone::ZoneView& before, const NodeView& apex) {
    const auto soa_before = apex.find(wire::type_soa);
    const DraftNode& apex_now = nodes_.front();
    const auto soa_now =
        std::ranges::find(apex_now.records, wire::type_soa, &zone::StagedRecord::type);
    if (!soa_before || soa_now == apex_now.records.end()) return false;
    std::optional<uint32_t> ttl_before;
    for_each_record(soa_before->records, [&](uint16_t, uint32_t ttl, Bytes rdata) {
      ttl_before = denial_ttl(ttl, rdata);
    });
    const auto ttl_now = denial_ttl(soa_now->ttl, soa_now->rdata);
    if (!ttl_now || ttl_now != ttl_before) return false;
    denial_ttl_ = *ttl_now;
    const size_t first_nsec3 = before.index_ordinary_size();
    if (!uses_nsec3()) {
      const auto nsec = apex.find(wire::type_nsec);
      return nsec && nsec->ttl == denial_ttl_ && first_nsec3 == before.index_size();
    }
    const zone::Nsec3Parameters parameters = before.nsec3_parameters();
    if (parameters.iterations != 0 || !parameters.salt.empty()) return false;
    const auto nsec3 = before.index_at(first_nsec3).find(wire::type_nsec3);
    constexpr size_t flags_at = 13;  // behind the head of a record and the algorithm
    const uint8_t wanted = task_.policy.opt_out == OptOut::yes ? 1 : 0;
    return nsec3 && nsec3->ttl == denial_ttl_ && nsec3->records[flags_at] == wanted &&
           !apex.find(wire::type_nsec);
  }

  // Fills chain_: all names that are to be written, in order.
  [[nodiscard]] bool mend_chain() {
    const DeltaNames names{task_.draft, nodes_, apex_types_};
    if (!uses_nsec3()) {
      chain_ = mend_nsec(names);
      return true;
    }
    for (const DraftNode& node : nodes_) chain_.push_back({node, {}});
    auto records = mend_nsec3(names, task_.policy.opt_out);
    if (!records) return false;
    std::ranges::move(*records, std::back_inserter(chain_));
    return true;
  }

  Result<std::optional<SignedDelta>> lay_out_and_sign(const zone::Contents& old_records) {
    OldVersion old(&old_records, task_.policy, task_.now_s);
    SignaturePlan plan(signing_, roles_, old);
    SignBatch batch;
    for (const ChainRecord& record : chain_) {
      if (record.node.has(zone::node_removed)) continue;
      old.seek(record.node.owner, record.node.has(zone::node_nsec3));
      lay_out(record, plan, old, batch);
    }
    BatchSigner signer = TRY(BatchSigner::make(roles_));
    TRY(signer.sign(batch));
    zone::Contents contents(task_.draft.apex());
    batch.add_to(contents);
    std::vector<DraftNode> nodes;
    for (ChainRecord& record : chain_) {
      // What has records now is known by this; which, the contents say.
      if (record.node.records.empty() && !record.rdata.empty()) {
        record.node.records.push_back({wire::type_nsec3, denial_ttl_, record.rdata, {}});
      }
      nodes.push_back(std::move(record.node));
    }
    SignedDelta made{.change = TRY(zone::stage_change(std::move(contents), std::move(nodes)))};
    SignedZone counted{.contents = zone::Contents(task_.draft.apex())};
    plan.add_to(counted);
    made.signatures_made = counted.signatures_made;
    made.signatures_kept = counted.signatures_kept;
    made.refresh_at_s = counted.refresh_at_s;
    TRY(verify(made.change));
    return made;
  }

  void lay_out(const ChainRecord& record, SignaturePlan& plan, const OldVersion& old,
               SignBatch& batch) {
    const DraftNode& node = record.node;
    const Bytes owner = node.owner.view().bytes();
    const bool is_hidden = node.has(zone::node_occluded);
    const bool is_cut = node.has(zone::node_cut);
    const auto put = [&](uint16_t type, uint32_t ttl, std::span<const Bytes> rdata,
                         SignedBy signed_by) {
      batch.rrsets.push_back(
          plan.lay_out(batch, owner, type, ttl, rdata, signed_by, old.find(type)));
    };
    for (const StagedRrset& rrset : assembly_.assemble(node.records).rrsets) {
      const bool is_authoritative = !is_hidden && (!is_cut || rrset.type == wire::type_ds);
      put(rrset.type, rrset.ttl, rrset.rdata,
          is_authoritative ? SignedBy::zone_keys : SignedBy::nobody);
    }
    if (node.has(zone::node_apex)) {
      for (const MadeRecords& records : made_) {
        const std::vector<Bytes> rdata(records.rdata.begin(), records.rdata.end());
        if (records.is_given) {
          batch.rrsets.push_back(
              plan.lay_out_given(batch, owner, records, rdata, old.find(records.type)));
        } else {
          put(records.type, records.ttl, rdata, SignedBy::zone_keys);
        }
      }
    }
    if (record.rdata.empty()) return;
    const Bytes rdata = record.rdata;
    put(node.has(zone::node_nsec3) ? wire::type_nsec3 : wire::type_nsec, denial_ttl_, {&rdata, 1},
        SignedBy::zone_keys);
  }

  // A signature that does not hold makes a name bogus, so none is served unseen.
  [[nodiscard]] Result<void> verify(const zone::StagedChange& change) const {
    std::vector<Bytes> dnskeys;
    for (const MadeRecords& made : made_) {
      if (made.type == wire::type_dnskey) dnskeys.assign(made.rdata.begin(), made.rdata.end());
    }
    SignatureCheck check(task_.draft.apex(), dnskeys);
    const Depth depth =
        change.nodes.size() <= verified_nodes_max ? Depth::signatures : Depth::fields;
    for (const zone::StagedNode& node : change.nodes) {
      for (const StagedRrset& rrset : node.rrsets) {
        check.begin_rrset();
        for (const Bytes rdata : rrset.signatures) {
          size_t key = 0;
          const SignatureFault fault = check.check({node.owner, rrset.type, rrset.ttl, rrset.rdata},
                                                   rdata, task_.now_s, depth, key);
          if (fault == SignatureFault::none) continue;
          return fail("the signed zone would be bogus: " + node.owner.to_text() + " " +
                      wire::type_to_text(rrset.type) + ": a signature " +
                      std::string(fault_text(fault)));
        }
      }
    }
    return {};
  }

  const DeltaTask& task_;
  const KeyRoles& roles_;
  const SigningTask signing_;
  const std::vector<MadeRecords> made_;
  std::vector<uint16_t> apex_types_;
  std::vector<DraftNode> nodes_;
  std::vector<ChainRecord> chain_;
  uint32_t denial_ttl_ = 0;
  zone::NodeAssembly assembly_;
};

}  // namespace

Result<std::optional<SignedDelta>> sign_delta(const DeltaTask& task) {
  const KeyRoles roles = TRY(KeyRoles::at(task.keys, task.now_s));
  return Run(task, roles).sign();
}

bool is_from_source(bool is_apex, uint16_t type) {
  return !is_made_anywhere(type) && !(is_apex && is_made_at_apex(type));
}

bool is_from_source(const zone::NodeView& node, uint16_t type) {
  return is_from_source(node.has(zone::node_apex), type);
}

}  // namespace holdfast::dnssec
