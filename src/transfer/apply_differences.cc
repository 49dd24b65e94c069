// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/apply_differences.h"

#include <map>
#include <string>
#include <unordered_map>

#include "wire/rdata.h"
#include "wire/types.h"

namespace holdfast::transfer {

namespace {

// What a record is, whatever its case and TTL.
std::string identity_of(uint16_t type, Bytes rdata) {
  std::string key{static_cast<char>(type >> 8), static_cast<char>(type)};
  std::vector<uint8_t> folded(rdata.begin(), rdata.end());
  (void)wire::fold_rdata_names(type, folded);
  key.append(folded.begin(), folded.end());
  return key;
}

std::string owner_key(wire::NameView owner) {
  wire::Name folded(owner);
  folded.fold_case();
  const Bytes bytes = folded.view().bytes();
  return {bytes.begin(), bytes.end()};
}

struct Kept {
  wire::Name owner;
  uint16_t type = 0;
  uint32_t ttl = 0;
  std::vector<uint8_t> rdata;
};

// The records of all names that any difference touches.
class Touched {
 public:
  void touch(wire::NameView owner) { names_.try_emplace(owner_key(owner)); }
  // Null if no difference touches the name.
  std::map<std::string, Kept>* find(wire::NameView owner) {
    const auto found = names_.find(owner_key(owner));
    return found == names_.end() ? nullptr : &found->second;
  }
  void take(std::map<std::string, Kept>& records, const ZoneRecord& record) {
    records.insert_or_assign(identity_of(record.type, record.rdata), keep(record));
  }
  Result<void> remove(const ZoneRecord& record) {
    if (find(record.owner)->erase(identity_of(record.type, record.rdata)) == 1) return {};
    return fail("a difference removes " + text_of(record) + ", which is not there");
  }
  Result<void> add(const ZoneRecord& record) {
    const auto [unused, is_new] =
        find(record.owner)->try_emplace(identity_of(record.type, record.rdata), keep(record));
    if (is_new) return {};
    return fail("a difference adds " + text_of(record) + ", which is there already");
  }
  void put_into(zone::Contents& contents) const {
    for (const auto& [unused, records] : names_) {
      for (const auto& [key, kept] : records) {
        contents.add(kept.owner, kept.type, kept.ttl, kept.rdata);
      }
    }
  }

 private:
  static Kept keep(const ZoneRecord& record) {
    return {wire::Name(record.owner),
            record.type,
            record.ttl,
            {record.rdata.begin(), record.rdata.end()}};
  }
  static std::string text_of(const ZoneRecord& record) {
    return "a " + wire::type_to_text(record.type) + " record of " + record.owner.to_text();
  }

  std::unordered_map<std::string, std::map<std::string, Kept>> names_;
};

Result<void> replay(const Difference& difference, Touched& touched) {
  Result<void> result;
  difference.removed.for_each([&](const ZoneRecord& record) {
    if (result) result = touched.remove(record);
  });
  difference.added.for_each([&](const ZoneRecord& record) {
    if (result) result = touched.add(record);
  });
  return result;
}

}  // namespace

Result<zone::Contents> apply_differences(const zone::ZoneView& zone,
                                         std::span<const Difference> differences) {
  Touched touched;
  const auto touch = [&](const ZoneRecord& record) { touched.touch(record.owner); };
  for (const Difference& difference : differences) {
    difference.removed.for_each(touch);
    difference.added.for_each(touch);
  }
  zone::Contents contents(zone.apex());
  const auto sort_out = [&](const ZoneRecord& record) {
    if (auto* records = touched.find(record.owner)) {
      touched.take(*records, record);
    } else {
      contents.add(record.owner, record.type, record.ttl, record.rdata);
    }
  };
  for_each_soa(zone, sort_out);
  for_each_record_but_soa(zone, sort_out);
  for (const Difference& difference : differences) TRY(replay(difference, touched));
  touched.put_into(contents);
  return contents;
}

}  // namespace holdfast::transfer
