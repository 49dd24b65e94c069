// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/difference_recorder.h"

#include <algorithm>

#include "transfer/serial.h"

namespace holdfast::transfer {

namespace {

struct Entry {
  uint16_t type = 0;
  uint32_t ttl = 0;
  Bytes rdata;
};

bool is_before(const Entry& a, const Entry& b) {
  if (a.type != b.type) return a.type < b.type;
  if (a.ttl != b.ttl) return a.ttl < b.ttl;
  return std::ranges::lexicographical_compare(a.rdata, b.rdata);
}

std::vector<Entry> entries_of(const zone::NodeView& node) {
  std::vector<Entry> entries;
  const auto add = [&](const ZoneRecord& record) {
    entries.push_back({record.type, record.ttl, record.rdata});
  };
  for (size_t i = 0; i < node.rrset_count(); ++i) {
    const zone::RrsetView rrset = node.rrset_at(i);
    for_each_of(rrset.records, wire::NameView(), add);
    for_each_of(rrset.signatures, wire::NameView(), add);
  }
  std::ranges::sort(entries, is_before);
  return entries;
}

std::vector<Entry> entries_of(const zone::StagedNode& node) {
  std::vector<Entry> entries;
  for (const zone::StagedRrset& rrset : node.rrsets) {
    for (const Bytes rdata : rrset.rdata) entries.push_back({rrset.type, rrset.ttl, rdata});
    for (const Bytes rdata : rrset.signatures) {
      entries.push_back({wire::type_rrsig, rrset.signature_ttl, rdata});
    }
  }
  std::ranges::sort(entries, is_before);
  return entries;
}

// The hash that an NSEC3 owner's first label says in base32hex (RFC 5155 §3.3).
std::optional<std::array<uint8_t, 20>> hash_of(Bytes label) {
  std::array<uint8_t, 20> hash{};
  if (label.size() != 32) return std::nullopt;
  for (size_t i = 0; i < label.size(); ++i) {
    const uint8_t digit = wire::to_lower(label[i]);
    unsigned value = 0;
    if (digit >= '0' && digit <= '9') {
      value = digit - unsigned{'0'};
    } else if (digit >= 'a' && digit <= 'v') {
      value = digit - unsigned{'a'} + 10;
    } else {
      return std::nullopt;
    }
    for (size_t bit = 0; bit < 5; ++bit) {
      const size_t at = i * 5 + bit;
      if ((value >> (4 - bit) & 1) != 0) hash[at / 8] |= static_cast<uint8_t>(0x80 >> (at % 8));
    }
  }
  return hash;
}

void merge(RecordList& into, const RecordList& from) {
  from.for_each([&](const ZoneRecord& record) { into.add(record); });
}

uint32_t serial_of(const RecordList& soa) {
  uint32_t serial = 0;
  soa.for_each([&](const ZoneRecord& record) { serial = soa_numbers(record.rdata).serial; });
  return serial;
}

}  // namespace

DifferenceRecorder::DifferenceRecorder(const zone::ZoneView& before, const HashKey& key,
                                       size_t bytes_max)
    : before_(before), key_(key), bytes_max_(bytes_max) {}

void DifferenceRecorder::add(const zone::StagedNode& node) {
  if (is_given_up_) return;
  compare(node.owner, find_before(node), node);
  is_given_up_ = removed_.bytes().size() + added_.bytes().size() > bytes_max_;
}

std::optional<zone::NodeView> DifferenceRecorder::find_before(const zone::StagedNode& node) const {
  if ((node.flags & zone::node_nsec3) == 0) {
    const wire::SuffixHashes hashes(node.owner, key_);
    const auto found = before_.find(node.owner, hashes, node.owner.label_count());
    if (found) return found;
  }
  // A removed node does not say that it was an NSEC3 owner.
  const auto hash = hash_of(node.owner.first_label());
  if (!hash || before_.denial() != zone::Denial::nsec3) return std::nullopt;
  const auto match = before_.nsec3_match_or_cover(*hash);
  if (!match || !match->exact) return std::nullopt;
  return match->node;
}

void DifferenceRecorder::compare(wire::NameView owner, const std::optional<zone::NodeView>& before,
                                 const zone::StagedNode& after) {
  const std::vector<Entry> was = before ? entries_of(*before) : std::vector<Entry>();
  const std::vector<Entry> is = entries_of(after);
  const auto put = [&](RecordList& list, RecordList& soa, const Entry& entry) {
    (entry.type == wire::type_soa ? soa : list).add({owner, entry.type, entry.ttl, entry.rdata});
  };
  auto old_one = was.begin();
  auto new_one = is.begin();
  while (old_one != was.end() || new_one != is.end()) {
    if (new_one == is.end() || (old_one != was.end() && is_before(*old_one, *new_one))) {
      put(removed_, soa_before_, *old_one++);
    } else if (old_one == was.end() || is_before(*new_one, *old_one)) {
      put(added_, soa_after_, *new_one++);
    } else {
      ++old_one;
      ++new_one;
    }
  }
}

std::optional<Difference> DifferenceRecorder::take() {
  if (is_given_up_ || soa_before_.count() != 1 || soa_after_.count() != 1) return std::nullopt;
  Difference difference;
  difference.from = serial_of(soa_before_);
  difference.to = serial_of(soa_after_);
  if (!is_after(difference.to, difference.from)) return std::nullopt;
  difference.removed = std::move(soa_before_);
  merge(difference.removed, removed_);
  difference.added = std::move(soa_after_);
  merge(difference.added, added_);
  return difference;
}

}  // namespace holdfast::transfer
