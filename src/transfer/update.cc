// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/update.h"

#include <algorithm>
#include <map>

#include "transfer/apply_differences.h"
#include "transfer/serial.h"
#include "wire/types.h"

namespace holdfast::transfer {

namespace {

using zone::Draft;
using zone::DraftRecord;
using zone::DraftRecords;

constexpr uint16_t type_wks = 11;
// What a SOA may be given at the least; all others have names and numbers of their own.
constexpr size_t wks_identity_bytes = 5;  // address and protocol

bool is_same(const DraftRecord& a, const UpdateRecord& b) {
  return a.type == b.type && is_same_rdata(a.type, a.rdata, b.rdata);
}

bool has_type(const DraftRecords& records, uint16_t type) {
  return std::ranges::find(records, type, &DraftRecord::type) != records.end();
}

// What may stand beside a CNAME (RFC 4034 §2.5, RFC 3007 §3.1).
bool may_join_cname(uint16_t type) {
  return type == wire::type_key || type == wire::type_rrsig || type == wire::type_nsec;
}

// §3.2.3: an RRset that must be there with exactly these values.
bool has_values(const DraftRecords& records, uint16_t type,
                const std::vector<const UpdateRecord*>& wanted) {
  size_t found = 0;
  for (const DraftRecord& record : records) {
    if (record.type != type) continue;
    const bool is_wanted = std::ranges::any_of(
        wanted, [&](const UpdateRecord* value) { return is_same(record, *value); });
    if (!is_wanted) return false;
    ++found;
  }
  return found != 0 && std::ranges::all_of(wanted, [&](const UpdateRecord* value) {
           return std::ranges::any_of(
               records, [&](const DraftRecord& record) { return is_same(record, *value); });
         });
}

// §3.2.5
uint16_t check_prerequisites(Draft& draft, const UpdateMessage& message) {
  std::map<std::string, std::map<uint16_t, std::vector<const UpdateRecord*>>> values;
  for (const UpdateRecord& wanted : message.prerequisites) {
    const DraftRecords& records = draft.read(wanted.owner);
    const bool is_there =
        wanted.type == wire::type_any ? !records.empty() : has_type(records, wanted.type);
    if (wanted.record_class == wire::class_any) {
      if (is_there) continue;
      return wanted.type == wire::type_any ? uint16_t{wire::rcode_nxdomain} : rcode_nxrrset;
    }
    if (wanted.record_class == wire::class_none) {
      if (!is_there) continue;
      return wanted.type == wire::type_any ? uint16_t{wire::rcode_yxdomain} : rcode_yxrrset;
    }
    wire::Name folded = wanted.owner;
    folded.fold_case();
    values[folded.view().to_text()][wanted.type].push_back(&wanted);
  }
  for (const auto& [owner, types] : values) {
    for (const auto& [type, wanted] : types) {
      if (!has_values(draft.read(wanted.front()->owner), type, wanted)) return rcode_nxrrset;
    }
  }
  return wire::rcode_noerror;
}

class Application {
 public:
  Application(Draft& draft, const Update& update, const IsForbidden& is_forbidden)
      : draft_(draft), update_(update), is_forbidden_(is_forbidden) {}

  uint16_t run() {
    for (const UpdateRecord& change : update_.message.updates) {
      if (!is_permitted(change)) return wire::rcode_refused;
    }
    for (const UpdateRecord& change : update_.message.updates) {
      switch (change.record_class) {
        case wire::class_in:
          add(change);
          break;
        case wire::class_any:
          remove_rrsets(change);
          break;
        default:
          remove_record(change);
      }
    }
    return wire::rcode_noerror;
  }

 private:
  [[nodiscard]] bool is_apex(const UpdateRecord& change) const {
    return change.owner.view() == draft_.apex();
  }

  [[nodiscard]] bool is_permitted(wire::NameView owner, uint16_t type) const {
    return std::ranges::any_of(update_.setting->update, [&](const config::UpdateRule& rule) {
      return rule.key == update_.key && rule.covers(owner, type);
    });
  }

  // To remove all types of a name is to remove each that is there.
  [[nodiscard]] bool is_permitted(const UpdateRecord& change) {
    if (change.type != wire::type_any) {
      return !is_forbidden_(is_apex(change), change.type) &&
             is_permitted(change.owner, change.type);
    }
    const bool is_named =
        std::ranges::any_of(update_.setting->update, [&](const config::UpdateRule& rule) {
          return rule.key == update_.key && rule.covers_name(change.owner);
        });
    return is_named &&
           std::ranges::all_of(draft_.read(change.owner), [&](const DraftRecord& record) {
             return is_kept_at_apex(change, record.type) || is_permitted(change.owner, record.type);
           });
  }

  // §3.4.2.3: the SOA and the NS set of the apex are not removed as a whole.
  [[nodiscard]] bool is_kept_at_apex(const UpdateRecord& change, uint16_t type) const {
    return is_apex(change) && (type == wire::type_soa || type == wire::type_ns);
  }

  // §3.4.2.2; what cannot be is passed over in silence.
  void add(const UpdateRecord& change) {
    const DraftRecords& there = draft_.read(change.owner);
    const bool is_alias = change.type == wire::type_cname;
    for (const DraftRecord& record : there) {
      const bool is_other = is_alias && record.type != wire::type_cname;
      if (is_other && !may_join_cname(record.type)) return;
      if (!is_alias && record.type == wire::type_cname && !may_join_cname(change.type)) return;
    }
    if (change.type == wire::type_soa && !is_newer_soa(change, there)) return;
    // RFC 6672 §5.2
    if (change.type == wire::type_dname && has_type(there, wire::type_dname)) return;
    DraftRecords& records = draft_.change(change.owner);
    const bool is_single = is_alias || change.type == wire::type_soa;
    std::erase_if(records, [&](const DraftRecord& record) {
      return record.type == change.type &&
             (is_single || is_same(record, change) || is_same_service(record, change));
    });
    // RFC 2181 §5.2: one TTL for all of a set, the newest.
    for (DraftRecord& record : records) {
      if (record.type == change.type) record.ttl = change.ttl;
    }
    records.push_back({change.type, change.ttl, change.rdata});
  }

  [[nodiscard]] bool is_newer_soa(const UpdateRecord& change, const DraftRecords& there) const {
    const auto soa = std::ranges::find(there, wire::type_soa, &DraftRecord::type);
    return is_apex(change) && soa != there.end() &&
           is_after(soa_numbers(change.rdata).serial, soa_numbers(soa->rdata).serial);
  }

  static bool is_same_service(const DraftRecord& record, const UpdateRecord& change) {
    return change.type == type_wks && record.rdata.size() >= wks_identity_bytes &&
           change.rdata.size() >= wks_identity_bytes &&
           std::equal(change.rdata.begin(), change.rdata.begin() + wks_identity_bytes,
                      record.rdata.begin());
  }

  void remove_rrsets(const UpdateRecord& change) {
    if (draft_.read(change.owner).empty()) return;
    std::erase_if(draft_.change(change.owner), [&](const DraftRecord& record) {
      const bool is_meant = change.type == wire::type_any || change.type == record.type;
      return is_meant && !is_kept_at_apex(change, record.type);
    });
  }

  // §3.4.2.4
  void remove_record(const UpdateRecord& change) {
    const DraftRecords& there = draft_.read(change.owner);
    if (change.type == wire::type_soa || !has_type(there, change.type)) return;
    const bool is_last_ns = is_kept_at_apex(change, change.type) &&
                            std::ranges::count(there, change.type, &DraftRecord::type) == 1;
    if (is_last_ns) return;
    std::erase_if(draft_.change(change.owner),
                  [&](const DraftRecord& record) { return is_same(record, change); });
  }

  Draft& draft_;
  const Update& update_;
  const IsForbidden& is_forbidden_;
};

bool is_equal(const DraftRecord& a, const DraftRecord& b) {
  return a.type == b.type && a.ttl == b.ttl && a.rdata == b.rdata;
}

bool are_equal(const DraftRecords& a, const DraftRecords& b) {
  return a.size() == b.size() && std::ranges::all_of(a, [&](const DraftRecord& record) {
           return std::ranges::any_of(
               b, [&](const DraftRecord& other) { return is_equal(record, other); });
         });
}

uint32_t serial_of(const DraftRecords& apex) {
  const auto soa = std::ranges::find(apex, wire::type_soa, &DraftRecord::type);
  return soa == apex.end() ? 0 : soa_numbers(soa->rdata).serial;
}

// §3.6: it rises by itself where the update does not set it. 0 is no serial to secondaries.
void raise_serial(DraftRecords& apex) {
  for (DraftRecord& record : apex) {
    if (record.type != wire::type_soa || record.rdata.size() < soa_numbers_bytes) continue;
    uint8_t* serial = record.rdata.data() + record.rdata.size() - soa_numbers_bytes;
    const uint32_t next = load_be32(serial) + 1;
    store_be32(serial, next == 0 ? 1 : next);
  }
}

}  // namespace

bool may_update(const config::TransferSetting& setting, const std::string& key) {
  return std::ranges::any_of(setting.update,
                             [&](const config::UpdateRule& rule) { return rule.key == key; });
}

UpdateOutcome apply_update(Draft& draft, const Update& update, const IsForbidden& is_forbidden) {
  if (const uint16_t rcode = check_prerequisites(draft, update.message); rcode != 0) {
    return {.rcode = rcode};
  }
  std::map<std::string, std::pair<wire::Name, DraftRecords>> before;
  for (const UpdateRecord& change : update.message.updates) {
    wire::Name folded = change.owner;
    folded.fold_case();
    auto [at, is_new] = before.try_emplace(folded.view().to_text());
    if (is_new) at->second = {change.owner, draft.read(change.owner)};
  }
  const uint32_t serial = serial_of(draft.read(draft.apex()));
  draft.mark();
  if (const uint16_t rcode = Application(draft, update, is_forbidden).run(); rcode != 0) {
    draft.take_back();
    return {.rcode = rcode};
  }
  const bool has_changed = std::ranges::any_of(before, [&](const auto& known) {
    return !are_equal(known.second.second, draft.read(known.second.first));
  });
  if (!has_changed) {
    draft.take_back();
    return {};
  }
  if (serial_of(draft.read(draft.apex())) == serial) raise_serial(draft.change(draft.apex()));
  return {.has_changed = true};
}

}  // namespace holdfast::transfer
