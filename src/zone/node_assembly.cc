// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/node_assembly.h"

#include <algorithm>

#include "wire/types.h"
#include "zone/node_walk.h"
#include "zone/rdata_order.h"

namespace holdfast::zone {

namespace {

void reset(StagedRrset& rrset, uint16_t type) {
  rrset.rdata.clear();
  rrset.signatures.clear();
  rrset.ttl = 0;
  rrset.ttl_highest = 0;
  rrset.signature_ttl = 0;
  rrset.dropped_copies = 0;
  rrset.type = type;
}

}  // namespace

StagedNode& NodeAssembly::assemble(std::span<const StagedRecord> records) {
  // By far the most frequent in zones of millions of names.
  if (records.size() == 1 && node_.rrsets.size() == 1) {
    assemble_one(records.front());
    return node_;
  }
  while (!node_.rrsets.empty()) {
    spare_.push_back(std::move(node_.rrsets.back()));
    node_.rrsets.pop_back();
  }
  types_.clear();
  for (const StagedRecord& record : records) {
    const bool counted = !types_.empty() && types_.back() == record.type;
    if (record.type != wire::type_rrsig && !counted) types_.push_back(record.type);
  }
  std::ranges::sort(types_);
  members_.clear();
  for (const StagedRecord& record : records) {
    // An RRSIG whose RRset is not here is a record in its own right.
    const bool is_signature = record.type == wire::type_rrsig &&
                              std::ranges::binary_search(types_, covered_type(record.rdata));
    members_.push_back(
        {&record, is_signature ? covered_type(record.rdata) : record.type, is_signature});
  }
  std::ranges::sort(members_, [](const Member& a, const Member& b) {
    if (a.rrset_type != b.rrset_type) return a.rrset_type < b.rrset_type;
    if (a.is_signature != b.is_signature) return b.is_signature;
    const int order = compare_rdata(a.record->type, a.record->rdata, b.record->rdata);
    return order != 0 ? order < 0 : a.record < b.record;
  });
  for (size_t begin = 0; begin < members_.size();) {
    size_t end = begin + 1;
    while (end < members_.size() && members_[end].rrset_type == members_[begin].rrset_type) ++end;
    add_group(std::span(members_).subspan(begin, end - begin));
    begin = end;
  }
  return node_;
}

void NodeAssembly::assemble_one(const StagedRecord& record) {
  StagedRrset& rrset = node_.rrsets.front();
  reset(rrset, record.type);  // RRSIG too: what it covers is not here
  rrset.ttl = record.ttl;
  rrset.ttl_highest = record.ttl;
  rrset.rdata.push_back(record.rdata);
  rrset.place = record.place;
}

void NodeAssembly::add_group(std::span<const Member> members) {
  StagedRrset& rrset = begin_rrset(members.front().rrset_type);
  const StagedRecord* first = members.front().record;
  for (size_t i = 0; i < members.size(); ++i) {
    const Member& member = members[i];
    const StagedRecord& record = *member.record;
    std::vector<Bytes>& rdata = member.is_signature ? rrset.signatures : rrset.rdata;
    uint32_t& ttl = member.is_signature ? rrset.signature_ttl : rrset.ttl;
    ttl = rdata.empty() ? record.ttl : std::min(ttl, record.ttl);
    if (!member.is_signature) {
      rrset.ttl_highest = std::max(rrset.ttl_highest, record.ttl);
      first = std::min(first, &record);
    }
    if (!rdata.empty() && compare_rdata(record.type, rdata.back(), record.rdata) == 0) {
      ++rrset.dropped_copies;
    } else {
      rdata.push_back(record.rdata);
    }
  }
  rrset.place = first->place;
}

StagedRrset& NodeAssembly::begin_rrset(uint16_t type) {
  if (spare_.empty()) {
    node_.rrsets.emplace_back();
  } else {
    node_.rrsets.push_back(std::move(spare_.back()));
    spare_.pop_back();
  }
  reset(node_.rrsets.back(), type);
  return node_.rrsets.back();
}

}  // namespace holdfast::zone
