// SPDX-License-Identifier: GPL-3.0-or-later
// What the servers of another signer, and those of the parent, were seen to serve of a zone; and
// what of it can be relied on.
//
// Nothing is believed of a signer whose DNSKEY records are not signed by a key of its that is known
// already: taken by command, seen earlier, or one that the parent's DS stands for. The work is
// bounded (signature_check.h). Pure; any thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "dnssec/other_signer.h"

namespace holdfast::dnssec {

using RdataList = std::vector<std::vector<uint8_t>>;

struct SeenRrset {
  RdataList rdata = {};
  RdataList signatures = {};  // RDATA of RRSIGs
  uint32_t ttl = 0;
};

// What one server said.
struct SeenServer {
  std::string server;      // for people
  std::string error = {};  // why it did not answer; empty: it did
  SeenRrset dnskeys = {};
  SeenRrset cds = {};
  SeenRrset ds = {};  // of the parent's alone
  SeenRrset name_servers = {};
  SeenRrset soa = {};  // of a secondary's alone
};

// Of several servers, each of which may have another version.
struct SeenRecords {
  RdataList in_all = {};
  RdataList in_any = {};
};

struct SignerSighting {
  std::string fault = {};  // why nothing is known, to follow the name of the signer; empty: all is
  SeenRecords dnskeys = {};
  SeenRecords cds = {};
  SeenRecords name_servers = {};
  uint32_t dnskey_ttl_s = 0;
};

struct ParentSighting {
  std::string fault = {};
  SeenRecords ds = {};
  SeenRecords name_servers = {};
};

[[nodiscard]] ParentSighting see_parent(std::span<const SeenServer> servers);
[[nodiscard]] SignerSighting see_signer(const OtherSigner& signer, wire::NameView zone,
                                        std::span<const SeenServer> servers,
                                        const ParentSighting& parent, uint64_t now_s);

[[nodiscard]] bool holds_record(const RdataList& records, Bytes rdata);
// Whether a DS among them stands for the key.
[[nodiscard]] bool holds_ds_of(const RdataList& ds, wire::NameView zone, Bytes dnskey);
[[nodiscard]] bool holds_name_server(const RdataList& servers, wire::NameView name);

}  // namespace holdfast::dnssec
