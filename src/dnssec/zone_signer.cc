// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/zone_signer.h"

#include <algorithm>
#include <deque>

#include "base/check.h"
#include "dnssec/made_records.h"
#include "dnssec/nsec3_chain.h"
#include "dnssec/sign_pool.h"
#include "dnssec/signature_plan.h"
#include "dnssec/type_bitmap.h"
#include "dnssec/zonemd.h"
#include "wire/types.h"

namespace holdfast::dnssec {

namespace {

using zone::StagedNode;
using zone::StagedRrset;

// Enough that handing one over costs nothing, few enough that all threads have some.
constexpr size_t batch_rrsets = 128;

class Run {
 public:
  Run(const SigningTask& task, const KeyRoles& roles)
      : task_(task),
        roles_(roles),
        old_(task.before, task.policy, task.now_s),
        plan_(task, roles, old_),
        chain_(task.records->apex(), task.policy.opt_out),
        result_{.contents = zone::Contents(task.records->apex())},
        pool_(roles, task.threads,
              [this](const SignBatch& batch) { batch.add_to(result_.contents); }) {}

  Result<SignedZone> sign() {
    zone::Contents::Cursor cursor(*task_.records);
    while (const StagedNode* node = cursor.next()) {
      if ((node->flags & zone::node_nsec3) != 0) break;  // of the input: made anew
      visit(*node);
    }
    if (uses_nsec3()) {
      if (!chain_.finish()) return fail("two names of the zone have the same NSEC3 hash");
      for (size_t i = 0; i < chain_.size(); ++i) put_nsec3(i);
    } else {
      end_nsec(task_.records->apex());
    }
    flush();
    TRY(pool_.finish());
    TRY(result_.contents.finish());
    plan_.add_to(result_);
    return std::move(result_);
  }

 private:
  [[nodiscard]] bool uses_nsec3() const { return task_.policy.denial == DenialMethod::nsec3; }

  void visit(const StagedNode& node) {
    const bool is_apex = (node.flags & zone::node_apex) != 0;
    const bool is_hidden = (node.flags & zone::node_occluded) != 0;
    const bool is_cut = (node.flags & zone::node_cut) != 0;
    types_.clear();
    for (const StagedRrset& rrset : node.rrsets) {
      if (is_made_anywhere(rrset.type) || (is_apex && is_made_at_apex(rrset.type))) continue;
      types_.push_back(rrset.type);
    }
    if (is_apex) read_soa(node);
    const bool is_empty = types_.empty() && !is_apex;
    if (is_empty && (is_hidden || !uses_nsec3())) return;
    if (is_empty) return chain_.add_empty(node.owner);
    if (!is_hidden && !uses_nsec3()) end_nsec(node.owner);
    if (batch_->rrsets.size() >= batch_rrsets && !nsec_waits_) flush();
    old_.seek(node.owner, false);
    owner_ = batch_->arena.keep(node.owner.bytes());
    for (const StagedRrset& rrset : node.rrsets) {
      if (std::ranges::find(types_, rrset.type) == types_.end()) continue;
      const bool is_authoritative = !is_hidden && (!is_cut || rrset.type == wire::type_ds);
      if (is_apex && rrset.type == wire::type_soa) {
        put_soa(rrset);
      } else if (is_apex && rrset.type == wire::type_ns) {
        put_name_servers(rrset);
      } else {
        put(rrset.type, rrset.ttl, rrset.rdata,
            is_authoritative ? SignedBy::zone_keys : SignedBy::nobody);
      }
    }
    if (is_apex) put_apex_records();
    if (is_hidden) return;
    if (is_cut) {
      std::erase_if(types_,
                    [](uint16_t type) { return type != wire::type_ns && type != wire::type_ds; });
    }
    if (uses_nsec3()) {
      add_to_chain(node.owner, is_cut);
    } else {
      begin_nsec();
    }
  }

  // RFC 9077: what is denied is remembered for the lesser of both.
  void read_soa(const StagedNode& apex) {
    const auto soa = std::ranges::find(apex.rrsets, wire::type_soa, &StagedRrset::type);
    if (soa == apex.rrsets.end() || soa->rdata.front().size() < 20) return;
    denial_ttl_ = std::min(soa->ttl, load_be32(soa->rdata.front().last(4).data()));
  }

  void put_soa(const StagedRrset& soa) {
    const Bytes rdata = soa.rdata.front();
    if (!task_.serial) return put(soa.type, soa.ttl, soa.rdata, SignedBy::zone_keys);
    std::vector<uint8_t> changed(rdata.begin(), rdata.end());
    store_be32(changed.data() + changed.size() - 20, *task_.serial);
    const Bytes kept = batch_->arena.keep(changed);
    put(soa.type, soa.ttl, {&kept, 1}, SignedBy::zone_keys);
  }

  void put_name_servers(const StagedRrset& source) {
    if (task_.additions == nullptr || !task_.additions->changes_name_servers()) {
      return put(source.type, source.ttl, source.rdata, SignedBy::zone_keys);
    }
    put(source.type, source.ttl, keep(name_servers_of(source.rdata, *task_.additions)),
        SignedBy::zone_keys);
  }

  std::vector<Bytes> keep(const std::vector<std::vector<uint8_t>>& records) {
    std::vector<Bytes> kept;
    kept.reserve(records.size());
    for (const auto& record : records) kept.push_back(batch_->arena.keep(record));
    return kept;
  }

  void put_apex_records() {
    for (MadeRecords& made :
         make_apex_records(task_.records->apex(), roles_, task_.policy, task_.additions)) {
      types_.push_back(made.type);
      const std::vector<Bytes> rdata = keep(made.rdata);
      if (!made.is_given) {
        put(made.type, made.ttl, rdata, SignedBy::zone_keys);
        continue;
      }
      given_.push_back(std::move(made));  // for as long as its batch
      batch_->rrsets.push_back(plan_.lay_out_given(*batch_, owner_, given_.back(), rdata,
                                                   old_.find(given_.back().type)));
    }
    if (task_.policy.zonemd != Zonemd::no) types_.push_back(wire::type_zonemd);  // added last
  }

  void add_to_chain(wire::NameView owner, bool is_cut) {
    const bool is_signed = !is_cut || std::ranges::find(types_, wire::type_ds) != types_.end();
    if (is_signed) {
      types_.push_back(wire::type_rrsig);
    } else if (task_.policy.opt_out == OptOut::yes) {
      return;
    }
    chain_.add(owner, types_);
  }

  // The NSEC of a name waits for the next name.
  void begin_nsec() {
    nsec_waits_ = true;
    nsec_owner_ = owner_;
    nsec_types_ = types_;
    nsec_types_.push_back(wire::type_nsec);
    nsec_types_.push_back(wire::type_rrsig);
    nsec_place_ = batch_->rrsets.size();
    batch_->rrsets.emplace_back();
    const StagedRrset* old = old_.find(wire::type_nsec);
    has_old_nsec_ = old != nullptr;
    if (has_old_nsec_) old_nsec_ = *old;
  }

  void end_nsec(wire::NameView next) {
    if (!nsec_waits_) return;
    nsec_waits_ = false;
    std::vector<uint8_t> rdata(next.bytes().begin(), next.bytes().end());
    append_type_bitmap(nsec_types_, rdata);
    const Bytes kept = batch_->arena.keep(rdata);
    batch_->rrsets[nsec_place_] =
        plan_.lay_out(*batch_, nsec_owner_, wire::type_nsec, denial_ttl_, {&kept, 1},
                      SignedBy::zone_keys, has_old_nsec_ ? &old_nsec_ : nullptr);
  }

  void put_nsec3(size_t index) {
    if (batch_->rrsets.size() >= batch_rrsets) flush();
    wire::Name owner;
    chain_.read(index, owner, scratch_);
    old_.seek(owner, true);
    owner_ = batch_->arena.keep(owner.view().bytes());
    const Bytes rdata = batch_->arena.keep(scratch_);
    put(wire::type_nsec3, denial_ttl_, {&rdata, 1}, SignedBy::zone_keys);
  }

  void put(uint16_t type, uint32_t ttl, std::span<const Bytes> rdata, SignedBy signed_by) {
    batch_->rrsets.push_back(
        plan_.lay_out(*batch_, owner_, type, ttl, rdata, signed_by, old_.find(type)));
  }

  void flush() {
    CHECK(!nsec_waits_);
    if (batch_->rrsets.empty()) return;
    pool_.put(std::exchange(batch_, std::make_unique<SignBatch>()));
  }

  const SigningTask& task_;
  const KeyRoles& roles_;
  OldVersion old_;
  SignaturePlan plan_;
  Nsec3Chain chain_;
  SignedZone result_;
  std::deque<MadeRecords> given_;
  std::unique_ptr<SignBatch> batch_ = std::make_unique<SignBatch>();
  uint32_t denial_ttl_ = 0;
  // The name that is being visited.
  Bytes owner_;
  std::vector<uint16_t> types_;
  std::vector<uint8_t> scratch_;
  // The NSEC that waits for the name after it.
  bool nsec_waits_ = false;
  bool has_old_nsec_ = false;
  StagedRrset old_nsec_;
  Bytes nsec_owner_;
  std::vector<uint16_t> nsec_types_;
  size_t nsec_place_ = 0;
  SignPool pool_;  // last: it ends first
};

}  // namespace

Result<SignedZone> sign_zone(const SigningTask& task) {
  const KeyRoles roles = TRY(KeyRoles::at(task.keys, task.now_s));
  const SigningPolicy& policy = task.policy;
  if (uint64_t{policy.refresh_s} + policy.jitter_s >= policy.validity_s) {
    return fail("signatures hold for " + std::to_string(policy.validity_s) +
                " s, which is not above their refresh and jitter of " +
                std::to_string(uint64_t{policy.refresh_s} + policy.jitter_s) + " s");
  }
  SignedZone made = TRY(Run(task, roles).sign());
  if (policy.zonemd != Zonemd::no) made = TRY(add_zonemd(task, roles, std::move(made)));
  // What went without a trace among what is there.
  made.has_changed |=
      task.before == nullptr || task.before->record_count() != made.contents.record_count();
  return made;
}

}  // namespace holdfast::dnssec
