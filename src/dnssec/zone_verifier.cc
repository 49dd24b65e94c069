// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/zone_verifier.h"

#include <algorithm>
#include <ctime>
#include <thread>

#include "dnssec/chain_check.h"
#include "dnssec/dnskey.h"
#include "dnssec/fault_list.h"
#include "dnssec/zonemd.h"
#include "wire/types.h"

namespace holdfast::dnssec {

namespace {

using zone::StagedNode;
using zone::StagedRrset;

// A thread takes so many nodes in a row, so that each sees all parts of the zone.
constexpr size_t stretch_nodes = 64;

const StagedRrset* find(const StagedNode& node, uint16_t type) {
  const auto found = std::ranges::find(node.rrsets, type, &StagedRrset::type);
  return found == node.rrsets.end() ? nullptr : &*found;
}

// What the DNSKEY records ask of every RRset.
struct ZoneKeys {
  std::vector<Bytes> rdata;
  std::vector<uint8_t> algorithms;  // each signs everything (RFC 4035 §2.2)

  explicit ZoneKeys(const StagedNode& apex) {
    const StagedRrset* dnskeys = find(apex, wire::type_dnskey);
    if (dnskeys == nullptr) return;
    rdata = dnskeys->rdata;
    for (const Bytes of : rdata) {
      const auto key = Dnskey::parse(of);
      if (key && key->is_zone_key()) algorithms.push_back(key->algorithm);
    }
    std::ranges::sort(algorithms);
    algorithms.erase(std::ranges::unique(algorithms).begin(), algorithms.end());
  }
};

std::string tag_text(Bytes rrsig_rdata) {
  const auto rrsig = Rrsig::parse(rrsig_rdata);
  return rrsig ? "by key " + std::to_string(rrsig->key_tag) : std::string();
}

// One thread's share of the signatures.
class SignatureShare {
 public:
  SignatureShare(wire::NameView zone, const ZoneKeys& keys, const VerifyOptions& options)
      : keys_(keys), options_(options), check_(zone, keys.rdata), faults(options.faults_max) {}

  void run(const zone::Contents& contents, size_t share, size_t shares) {
    zone::Contents::Cursor cursor(contents);
    size_t position = 0;
    while (const StagedNode* node = cursor.next()) {
      if (position++ / stretch_nodes % shares == share) visit(*node);
    }
  }

 private:
  void visit(const StagedNode& node) {
    if ((node.flags & zone::node_occluded) != 0) return;
    const bool is_cut = (node.flags & zone::node_cut) != 0;
    for (const StagedRrset& rrset : node.rrsets) {
      if (rrset.type == wire::type_rrsig) continue;
      if (is_cut && rrset.type != wire::type_ds && rrset.type != wire::type_nsec) continue;
      verify(node.owner, rrset);
    }
  }

  void verify(wire::NameView owner, const StagedRrset& rrset) {
    if (rrset.signatures.empty()) return faults.add(owner, rrset.type, "is not signed");
    check_.begin_rrset();
    algorithms_.clear();
    for (const Bytes rrsig : rrset.signatures) {
      size_t key = 0;
      const SignatureCheck::Rrset of{owner, rrset.type, rrset.ttl, rrset.rdata};
      const SignatureFault fault = check_.check(of, rrsig, options_.now_s, options_.depth, key);
      if (fault != SignatureFault::none) {
        faults.add(owner, rrset.type,
                   "the signature " + tag_text(rrsig) + " " + std::string(fault_text(fault)));
        continue;
      }
      ++signatures;
      const uint32_t left = load_be32(rrsig.data() + 8) - static_cast<uint32_t>(options_.now_s);
      expires_at_s = std::min(expires_at_s, options_.now_s + left);
      algorithms_.push_back(rrsig[2]);
    }
    for (const uint8_t algorithm : keys_.algorithms) {
      if (std::ranges::find(algorithms_, algorithm) != algorithms_.end()) continue;
      faults.add(owner, rrset.type,
                 "no good signature of algorithm " + std::to_string(algorithm) +
                     ", which the DNSKEY records have");
    }
  }

  const ZoneKeys& keys_;
  const VerifyOptions& options_;
  SignatureCheck check_;
  std::vector<uint8_t> algorithms_;

 public:
  FaultList faults;
  size_t signatures = 0;
  uint64_t expires_at_s = UINT64_MAX;
};

bool signs_keys(const StagedRrset& dnskeys, Bytes key, wire::NameView apex,
                const VerifyOptions& options) {
  SignatureCheck check(apex, {&key, 1});
  return std::ranges::any_of(dnskeys.signatures, [&](Bytes rrsig) {
    size_t used = 0;
    return check.check({apex, wire::type_dnskey, dnskeys.ttl, dnskeys.rdata}, rrsig, options.now_s,
                       options.depth, used) == SignatureFault::none;
  });
}

bool any_ds_matches(std::span<const Bytes> ds_records, wire::NameView apex, Bytes key) {
  return std::ranges::any_of(ds_records, [&](Bytes rdata) {
    const auto ds = Ds::parse(rdata);
    return ds && ds_matches(*ds, apex, key);
  });
}

// RFC 7344 §4.1: what the parent would take over must lead to the zone. With other signers some of
// it stands for keys of theirs that are not here (RFC 8901 §2.2.2). RFC 8078 §4: "0 0 0 00" asks
// the parent to remove its DS.
void check_announced(const StagedNode& node, const StagedRrset& dnskeys, FaultList& faults) {
  const auto fits_any = [&](const StagedRrset& announced, auto&& fits) {
    return std::ranges::any_of(announced.rdata, [&](Bytes rdata) {
      return std::ranges::any_of(dnskeys.rdata, [&](Bytes key) { return fits(rdata, key); });
    });
  };
  const StagedRrset* cds = find(node, wire::type_cds);
  if (cds != nullptr && cds->rdata.front().size() > 2 && cds->rdata.front()[2] != 0 &&
      !fits_any(*cds, [&](Bytes rdata, Bytes key) {
        const auto ds = Ds::parse(rdata);
        return ds && ds_matches(*ds, node.owner, key);
      })) {
    faults.add(node.owner, wire::type_cds, "fits none of the DNSKEY records");
  }
  const StagedRrset* cdnskey = find(node, wire::type_cdnskey);
  if (cdnskey != nullptr && cdnskey->rdata.front().size() > 3 && cdnskey->rdata.front()[3] != 0 &&
      !fits_any(*cdnskey, [](Bytes rdata, Bytes key) { return std::ranges::equal(rdata, key); })) {
    faults.add(node.owner, wire::type_cdnskey, "is none of the DNSKEY records");
  }
}

void check_apex(const StagedNode& node, const VerifyOptions& options, FaultList& faults) {
  const StagedRrset* dnskeys = find(node, wire::type_dnskey);
  if (dnskeys == nullptr) {
    return faults.add(node.owner, wire::type_dnskey, "is missing: the zone is not signed");
  }
  if (!options.ds.empty()) {
    const bool is_trusted = std::ranges::any_of(dnskeys->rdata, [&](Bytes key) {
      return any_ds_matches(options.ds, node.owner, key) &&
             signs_keys(*dnskeys, key, node.owner, options);
    });
    if (!is_trusted) {
      faults.add(node.owner, wire::type_dnskey,
                 "no key that the parent's DS records stand for signs the DNSKEY records");
    }
  }
  check_announced(node, *dnskeys, faults);
}

}  // namespace

Verification verify_zone(const zone::Contents& contents, const VerifyOptions& options) {
  FaultList faults(options.faults_max);
  zone::Contents::Cursor apex_cursor(contents);
  const StagedNode& apex = *apex_cursor.next();
  check_apex(apex, options, faults);
  const ZoneKeys keys(apex);
  Verification result;
  if (!keys.rdata.empty()) {
    const size_t shares = std::max(options.threads, 1U);
    std::vector<SignatureShare> share_of;
    share_of.reserve(shares);
    for (size_t i = 0; i < shares; ++i) share_of.emplace_back(contents.apex(), keys, options);
    {
      std::vector<std::jthread> threads;
      for (size_t i = 1; i < shares; ++i) {
        threads.emplace_back([&, i] { share_of[i].run(contents, i, shares); });
      }
      share_of[0].run(contents, 0, shares);
    }
    for (const SignatureShare& share : share_of) {
      faults.append(share.faults);
      result.signatures += share.signatures;
      result.expires_at_s = std::min(result.expires_at_s, share.expires_at_s);
    }
    ChainCheck chain(contents.apex(), faults);
    zone::Contents::Cursor cursor(contents);
    while (const StagedNode* node = cursor.next()) chain.visit(*node);
    chain.conclude();
  }
  if (const auto fault = check_zonemd(contents)) {
    faults.add(contents.apex(), wire::type_zonemd, *fault);
  }
  result.faults = faults.texts();
  result.faults_suppressed = faults.suppressed();
  return result;
}

}  // namespace holdfast::dnssec
