// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/signer_sighting.h"

#include <algorithm>

#include "dnssec/signature_check.h"
#include "wire/types.h"

namespace holdfast::dnssec {

namespace {

void sort(RdataList& records) {
  std::ranges::sort(records);
  const auto copies = std::ranges::unique(records);
  records.erase(copies.begin(), copies.end());
}

SeenRecords combine(std::span<const SeenServer> servers, SeenRrset SeenServer::* rrset) {
  SeenRecords seen;
  for (const SeenServer& server : servers) {
    const RdataList& records = (server.*rrset).rdata;
    seen.in_any.insert(seen.in_any.end(), records.begin(), records.end());
  }
  sort(seen.in_any);
  for (const auto& rdata : seen.in_any) {
    const bool is_everywhere = std::ranges::all_of(servers, [&](const SeenServer& server) {
      return holds_record((server.*rrset).rdata, rdata);
    });
    if (is_everywhere) seen.in_all.push_back(rdata);
  }
  return seen;
}

bool is_signed_by(const SeenRrset& rrset, uint16_t type, wire::NameView zone,
                  const RdataList& dnskeys, uint64_t now_s) {
  const std::vector<Bytes> keys(dnskeys.begin(), dnskeys.end());
  RdataList sorted = rrset.rdata;
  sort(sorted);
  const std::vector<Bytes> rdata(sorted.begin(), sorted.end());
  SignatureCheck check(zone, keys);
  return std::ranges::any_of(rrset.signatures, [&](const std::vector<uint8_t>& rrsig) {
    size_t used = 0;
    return check.check({zone, type, rrset.ttl, rdata}, rrsig, now_s, Depth::signatures, used) ==
           SignatureFault::none;
  });
}

// Those of the signer that are known, as far as the server has them; of one of which none is known,
// those that the parent vouches for.
RdataList trusted_keys(const OtherSigner& signer, const SeenServer& server, wire::NameView zone,
                       const ParentSighting& parent) {
  RdataList trusted;
  for (const auto& rdata : server.dnskeys.rdata) {
    const bool is_known = std::ranges::any_of(
        signer.keys, [&](const ForeignKey& key) { return key.dnskey == rdata; });
    const bool is_vouched_for =
        signer.keys.empty() && parent.fault.empty() && holds_ds_of(parent.ds.in_all, zone, rdata);
    if (is_known || is_vouched_for) trusted.push_back(rdata);
  }
  return trusted;
}

std::string fault_of(const OtherSigner& signer, const SeenServer& server, wire::NameView zone,
                     const ParentSighting& parent, uint64_t now_s) {
  if (!server.error.empty()) return server.server + ": " + server.error;
  if (server.dnskeys.rdata.empty()) return server.server + " serves no DNSKEY";
  const RdataList trusted = trusted_keys(signer, server, zone, parent);
  if (!is_signed_by(server.dnskeys, wire::type_dnskey, zone, trusted, now_s)) {
    return server.server + " serves DNSKEY records that no known key of its has signed";
  }
  if (server.cds.rdata.empty()) return {};
  if (!is_signed_by(server.cds, wire::type_cds, zone, server.dnskeys.rdata, now_s)) {
    return server.server + " serves CDS records that none of its keys has signed";
  }
  return {};
}

}  // namespace

ParentSighting see_parent(std::span<const SeenServer> servers) {
  for (const SeenServer& server : servers) {
    if (!server.error.empty()) return {.fault = server.server + ": " + server.error};
  }
  if (servers.empty()) return {.fault = "no server of it is configured"};
  return {.fault = {},
          .ds = combine(servers, &SeenServer::ds),
          .name_servers = combine(servers, &SeenServer::name_servers)};
}

SignerSighting see_signer(const OtherSigner& signer, wire::NameView zone,
                          std::span<const SeenServer> servers, const ParentSighting& parent,
                          uint64_t now_s) {
  if (servers.empty()) return {.fault = "no server of it is configured"};
  SignerSighting seen;
  for (const SeenServer& server : servers) {
    seen.fault = fault_of(signer, server, zone, parent, now_s);
    if (!seen.fault.empty()) return seen;
    seen.dnskey_ttl_s = std::max(seen.dnskey_ttl_s, server.dnskeys.ttl);
  }
  seen.dnskeys = combine(servers, &SeenServer::dnskeys);
  seen.cds = combine(servers, &SeenServer::cds);
  seen.name_servers = combine(servers, &SeenServer::name_servers);
  return seen;
}

bool holds_record(const RdataList& records, Bytes rdata) {
  return std::ranges::any_of(records,
                             [&](const auto& record) { return std::ranges::equal(record, rdata); });
}

bool holds_ds_of(const RdataList& ds, wire::NameView zone, Bytes dnskey) {
  return std::ranges::any_of(ds, [&](const auto& rdata) {
    const auto parsed = Ds::parse(rdata);
    return parsed && ds_matches(*parsed, zone, dnskey);
  });
}

bool holds_name_server(const RdataList& servers, wire::NameView name) {
  return std::ranges::any_of(
      servers, [&](const auto& rdata) { return wire::NameView(Bytes(rdata)) == name; });
}

}  // namespace holdfast::dnssec
