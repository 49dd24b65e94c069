// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/zone_difference.h"

#include <algorithm>

#include "base/check.h"
#include "dnssec/delta_signer.h"
#include "transfer/serial.h"
#include "transfer/zone_records.h"
#include "wire/types.h"

namespace holdfast::control {

namespace {

using zone::NodeView;
using zone::StagedNode;
using zone::StagedRrset;

constexpr size_t soa_numbers_bytes = 20;

bool is_same_soa(Bytes a, Bytes b) {
  const size_t before_serial = a.size() - soa_numbers_bytes;
  return a.size() == b.size() && a.size() > soa_numbers_bytes &&
         std::ranges::equal(a.first(before_serial), b.first(before_serial)) &&
         std::ranges::equal(a.last(soa_numbers_bytes - 4), b.last(soa_numbers_bytes - 4));
}

// Serials of SOA apart.
bool is_same(const StagedRrset& staged, const zone::RrsetView& served) {
  if (staged.type != served.type || staged.ttl != served.ttl ||
      staged.rdata.size() != served.count) {
    return false;
  }
  size_t at = 0;
  bool same = true;
  transfer::for_each_of(served.records, wire::NameView(), [&](const transfer::ZoneRecord& record) {
    const Bytes wanted = staged.rdata[at++];
    same = same && (staged.type == wire::type_soa ? is_same_soa(wanted, record.rdata)
                                                  : std::ranges::equal(wanted, record.rdata));
  });
  return same;
}

bool is_same(const StagedNode& staged, const NodeView& served) {
  const bool is_apex = (staged.flags & zone::node_apex) != 0;
  size_t at = 0;
  const size_t end = served.rrset_count();
  const auto pass_over_made = [&] {
    while (at < end && !dnssec::is_from_source(is_apex, served.rrset_at(at).type)) ++at;
  };
  for (const StagedRrset& rrset : staged.rrsets) {
    if (!dnssec::is_from_source(is_apex, rrset.type)) continue;
    pass_over_made();
    if (at == end || !is_same(rrset, served.rrset_at(at))) return false;
    ++at;
  }
  pass_over_made();
  return at == end;
}

class Comparison {
 public:
  Comparison(const zone::Contents& contents, zone::Draft& draft)
      : cursor_(contents),
        draft_(draft),
        before_(draft.before()),
        names_max_(std::min(names_by_difference_max, before_.node_count() / 4 + 10)) {}

  bool run() {
    const StagedNode* staged = next_staged();
    while (staged != nullptr || at_ < before_.index_ordinary_size()) {
      if (draft_.changed_count() > names_max_) return false;
      const int side = side_of(staged);
      if (side > 0) {
        if (before_.index_at(at_).rrset_count() > 0) draft_.change(served_).clear();
      } else if (side < 0 || !is_same(*staged, before_.index_at(at_))) {
        replace(*staged);
      }
      if (side <= 0) staged = next_staged();
      if (side >= 0) ++at_;
    }
    return true;
  }

 private:
  // What has records; empty non-terminals follow from it.
  const StagedNode* next_staged() {
    while (const StagedNode* node = cursor_.next()) {
      if ((node->flags & zone::node_nsec3) != 0) return nullptr;
      if ((node->flags & zone::node_empty) == 0) return node;
    }
    return nullptr;
  }

  // Negative: the staged name comes first, or alone.
  int side_of(const StagedNode* staged) {
    while (at_ < before_.index_ordinary_size() && before_.index_at(at_).rrset_count() == 0) ++at_;
    if (at_ == before_.index_ordinary_size()) return staged == nullptr ? 1 : -1;
    CHECK(served_.assign_joined(before_.index_at(at_).relative_owner(), before_.apex()));
    if (staged == nullptr) return 1;
    return wire::compare_canonical(staged->owner, served_);
  }

  void replace(const StagedNode& staged) {
    const bool is_apex = (staged.flags & zone::node_apex) != 0;
    zone::DraftRecords& records = draft_.change(staged.owner);
    records.clear();
    for (const StagedRrset& rrset : staged.rrsets) {
      if (!dnssec::is_from_source(is_apex, rrset.type)) continue;
      for (const Bytes rdata : rrset.rdata) {
        records.push_back({rrset.type, rrset.ttl, {rdata.begin(), rdata.end()}});
      }
    }
  }

  zone::Contents::Cursor cursor_;
  zone::Draft& draft_;
  const zone::ZoneView& before_;
  const size_t names_max_;
  size_t at_ = 0;
  wire::Name served_;
};

}  // namespace

bool draft_difference(const zone::Contents& contents, zone::Draft& draft) {
  if (!Comparison(contents, draft).run()) return false;
  const auto serial = serial_of(contents);
  const uint32_t served = draft.before().serial();
  if (!serial) return false;
  if (transfer::is_after(*serial, served)) {
    set_serial(draft, *serial);
  } else {
    set_serial(draft, draft.changed_count() == 0 ? served : served + 1);
  }
  return true;
}

void set_serial(zone::Draft& draft, uint32_t serial) {
  for (zone::DraftRecord& record : draft.change(draft.apex())) {
    if (record.type != wire::type_soa || record.rdata.size() < soa_numbers_bytes) continue;
    store_be32(record.rdata.data() + record.rdata.size() - soa_numbers_bytes, serial);
  }
}

std::optional<uint32_t> serial_of(const zone::Contents& contents) {
  zone::Contents::Cursor cursor(contents);
  for (const StagedRrset& rrset : cursor.next()->rrsets) {
    if (rrset.type == wire::type_soa) return transfer::soa_numbers(rrset.rdata.front()).serial;
  }
  return std::nullopt;
}

std::optional<uint32_t> serial_of(zone::Draft& draft) {
  for (const zone::DraftRecord& record : draft.read(draft.apex())) {
    if (record.type == wire::type_soa && record.rdata.size() >= soa_numbers_bytes) {
      return load_be32(record.rdata.data() + record.rdata.size() - soa_numbers_bytes);
    }
  }
  return std::nullopt;
}

}  // namespace holdfast::control
