// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/signing_state.h"

#include <algorithm>

#include "control/signer_rolls.h"
#include "dnssec/delta_signer.h"
#include "dnssec/made_records.h"
#include "wire/types.h"

namespace holdfast::control {

namespace {

using zone::StagedNode;
using zone::StagedRrset;

constexpr size_t soa_numbers_bytes = 20;  // RFC 1035 §3.3.13; the serial is the first of them

const StagedRrset* find(const StagedNode& node, uint16_t type) {
  const auto found = std::ranges::find(node.rrsets, type, &StagedRrset::type);
  return found == node.rrsets.end() ? nullptr : &*found;
}

bool is_serial_apart(Bytes a, Bytes b) {
  if (a.size() != b.size() || a.size() < soa_numbers_bytes) return false;
  const size_t serial_at = a.size() - soa_numbers_bytes;
  return std::ranges::equal(a.first(serial_at), b.first(serial_at)) &&
         std::ranges::equal(a.subspan(serial_at + 4), b.subspan(serial_at + 4));
}

bool is_same_rrset(const StagedRrset& a, const StagedRrset& b) {
  if (a.type != b.type || a.ttl != b.ttl || a.signatures.size() != b.signatures.size())
    return false;
  if (a.type == wire::type_soa) return is_serial_apart(a.rdata.front(), b.rdata.front());
  return std::ranges::equal(a.rdata, b.rdata,
                            [](Bytes x, Bytes y) { return std::ranges::equal(x, y); });
}

}  // namespace

bool SigningState::is_unsigned_at(const config::PolicySetting& policy, uint64_t now_s) const {
  return policy.unsign && parting.unsigned_at_s(rollover_times(policy)) <= now_s;
}

uint64_t SigningState::next_time(const config::PolicySetting& policy, uint64_t now_s) const {
  const uint64_t at_s = policy.unsign ? parting.unsigned_at_s(rollover_times(policy)) : UINT64_MAX;
  uint64_t next_s = at_s > now_s ? at_s : UINT64_MAX;
  for (const dnssec::KeyPeriod& period : periods) {
    if (period.begin_s > now_s) next_s = std::min(next_s, period.begin_s);
  }
  return next_s;
}

Result<SigningState> read_signing_state(const std::string& folder, wire::NameView zone,
                                        const config::PolicySetting& policy, uint64_t now_s) {
  SigningState state{.folder = folder};
  state.signers = TRY(SignerRolls::enlist(policy, folder, now_s));
  if (policy.unsign) {
    state.parting = TRY(dnssec::load_parting(folder));
    if (!dnssec::is_parting(folder)) TRY(dnssec::save_parting(state.parting, folder));
  } else if (dnssec::is_parting(folder)) {
    TRY(dnssec::end_parting(folder));
  }
  if (policy.offline_ksk) state.periods = TRY(dnssec::load_signed_keys(folder, zone));
  return state;
}

Result<dnssec::ApexAdditions> additions_of(const SigningState& state,
                                           const config::PolicySetting& policy, uint64_t now_s) {
  dnssec::ApexAdditions additions;
  dnssec::add_signers(state.signers, additions);
  additions.asks_for_removal = policy.unsign;
  if (!policy.offline_ksk) return additions;
  const dnssec::KeyPeriod* period = dnssec::period_at(state.periods, now_s);
  if (period == nullptr) {
    return fail(
        "its KSK is offline, and no signed DNSKEY records for now have been imported (holdfast key "
        "request, sign-request, import-response)");
  }
  additions.given = period->rrsets;
  return additions;
}

std::vector<uint8_t> csync_for(const zone::Contents& records, const zone::Contents* before,
                               const dnssec::ApexAdditions& additions, uint32_t serial) {
  if (before != nullptr) {
    zone::Contents::Cursor now_cursor(records);
    zone::Contents::Cursor before_cursor(*before);
    const StagedRrset* now = find(*now_cursor.next(), wire::type_ns);
    const StagedNode* apex_before = before_cursor.next();
    const StagedRrset* was = find(*apex_before, wire::type_ns);
    const StagedRrset* csync = find(*apex_before, wire::type_csync);
    if (now != nullptr && was != nullptr && csync != nullptr &&
        std::ranges::equal(dnssec::name_servers_of(now->rdata, additions), was->rdata,
                           [](const auto& a, const auto& b) { return std::ranges::equal(a, b); })) {
      return {csync->rdata.front().begin(), csync->rdata.front().end()};
    }
  }
  return dnssec::make_csync_rdata(serial);
}

std::optional<std::vector<uint8_t>> csync_of(const zone::ZoneView& served) {
  const auto rrset = served.apex_node().find(wire::type_csync);
  if (!rrset) return std::nullopt;
  ByteReader reader(rrset->records);
  reader.skip(10);  // owner, type, class, TTL (zone/view.h)
  const Bytes rdata = reader.read_bytes(reader.read_u16());
  if (reader.failed()) return std::nullopt;
  return std::vector<uint8_t>(rdata.begin(), rdata.end());
}

std::vector<Bytes> apex_rdata(const zone::Contents* served, uint16_t type) {
  if (served == nullptr) return {};
  zone::Contents::Cursor cursor(*served);
  const StagedRrset* rrset = find(*cursor.next(), type);
  return rrset == nullptr ? std::vector<Bytes>() : rrset->rdata;
}

dnssec::VersionKeys version_keys(const zone::Contents* served) {
  dnssec::VersionKeys keys{.dnskeys = apex_rdata(served, wire::type_dnskey)};
  if (served == nullptr) return keys;
  zone::Contents::Cursor cursor(*served);
  const StagedRrset* soa = find(*cursor.next(), wire::type_soa);
  if (soa != nullptr) keys.soa_signatures = soa->signatures;
  return keys;
}

bool is_signed_with(std::span<const dnssec::ZoneKey> keys, const zone::Contents* served) {
  const std::vector<Bytes> dnskeys = apex_rdata(served, wire::type_dnskey);
  return std::ranges::any_of(keys, [&](const dnssec::ZoneKey& key) {
    const std::vector<uint8_t>& dnskey = key.dnskey_rdata();
    return std::ranges::any_of(dnskeys,
                               [&](Bytes rdata) { return std::ranges::equal(rdata, dnskey); });
  });
}

Result<zone::Contents> without_signing(const zone::Contents& records,
                                       std::optional<uint32_t> serial) {
  zone::Contents plain(records.apex());
  zone::Contents::Cursor cursor(records);
  std::vector<uint8_t> soa;
  while (const StagedNode* node = cursor.next()) {
    const bool is_apex = (node->flags & zone::node_apex) != 0;
    for (const StagedRrset& rrset : node->rrsets) {
      if (!dnssec::is_from_source(is_apex, rrset.type)) continue;
      for (const Bytes rdata : rrset.rdata) {
        if (rrset.type == wire::type_soa && serial && rdata.size() >= soa_numbers_bytes) {
          soa.assign(rdata.begin(), rdata.end());
          store_be32(soa.data() + soa.size() - soa_numbers_bytes, *serial);
          plain.add(node->owner, rrset.type, rrset.ttl, soa);
        } else {
          plain.add(node->owner, rrset.type, rrset.ttl, rdata);
        }
      }
    }
  }
  TRY(plain.finish());
  return plain;
}

bool has_same_records(const zone::Contents& a, const zone::Contents& b) {
  if (a.record_count() != b.record_count()) return false;
  zone::Contents::Cursor of_a(a);
  zone::Contents::Cursor of_b(b);
  while (const StagedNode* node_a = of_a.next()) {
    const StagedNode* node_b = of_b.next();
    if (node_b == nullptr || !(node_a->owner == node_b->owner) ||
        !std::ranges::equal(node_a->rrsets, node_b->rrsets, is_same_rrset)) {
      return false;
    }
  }
  return of_b.next() == nullptr;
}

}  // namespace holdfast::control
