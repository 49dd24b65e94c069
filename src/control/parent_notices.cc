// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/parent_notices.h"

#include <algorithm>
#include <charconv>

#include "base/file.h"
#include "base/hash.h"
#include "log/log.h"
#include "wire/types.h"

namespace holdfast::control {

namespace {

constexpr size_t file_bytes_max = 200;
constexpr unsigned file_mode = 0644;
constexpr HashKey digest_key{0x486f6c6466617374, 0x70617265};  // any that stays

std::string path_of(const std::string& folder) { return folder + "/told-parent"; }

uint64_t mix(uint64_t digest, uint16_t type, Bytes rdata) {
  // In no order of theirs: the sum. Never 0.
  return digest + (hash_bytes(rdata, {digest_key.low ^ type, digest_key.high}) | 1U);
}

void take(ParentWishes& wishes, uint16_t type, Bytes rdata) {
  if (type == wire::type_cds || type == wire::type_cdnskey) {
    wishes.cds = mix(wishes.cds, type, rdata);
  } else if (type == wire::type_csync) {
    wishes.csync = mix(wishes.csync, type, rdata);
  }
}

// "<digest of CDS> <digest of CSYNC>"; what cannot be read was not told.
ParentWishes load(const std::string& folder) {
  ParentWishes told;
  const auto text = read_file(path_of(folder), file_bytes_max);
  if (!text) return told;
  const char* end = text->data() + text->size();
  const auto first = std::from_chars(text->data(), end, told.cds, 16);
  if (first.ec != std::errc() || first.ptr == end) return {};
  const auto second = std::from_chars(first.ptr + 1, end, told.csync, 16);
  return second.ec == std::errc() ? told : ParentWishes{};
}

Result<void> save(const std::string& folder, const ParentWishes& told) {
  std::array<char, 17> digits{};
  const auto hex = [&](uint64_t value) {
    const auto end = std::to_chars(digits.begin(), digits.end(), value, 16).ptr;
    return std::string(digits.begin(), end);
  };
  const std::string text = hex(told.cds) + " " + hex(told.csync) + "\n";
  return replace_file(path_of(folder), {reinterpret_cast<const uint8_t*>(text.data()), text.size()},
                      file_mode);
}

}  // namespace

ParentWishes wishes_of(const zone::Contents& contents) {
  ParentWishes wishes;
  zone::Contents::Cursor cursor(contents);
  for (const zone::StagedRrset& rrset : cursor.next()->rrsets) {
    for (const Bytes rdata : rrset.rdata) take(wishes, rrset.type, rdata);
  }
  return wishes;
}

ParentWishes wishes_of(const zone::ZoneView& served) {
  ParentWishes wishes;
  const zone::NodeView apex = served.apex_node();
  for (const uint16_t type : {wire::type_cds, wire::type_cdnskey, wire::type_csync}) {
    const auto rrset = apex.find(type);
    if (!rrset) continue;
    ByteReader reader(rrset->records);
    while (reader.remaining() > 0) {
      reader.skip(10);  // owner, type, class, TTL (zone/view.h)
      const Bytes rdata = reader.read_bytes(reader.read_u16());
      if (reader.failed()) break;
      take(wishes, type, rdata);
    }
  }
  return wishes;
}

void ParentNotices::note(const std::string& zone, const config::PolicySetting& policy,
                         const std::string& folder, const ParentWishes& wishes, uint64_t now_s) {
  if (policy.parents.empty() || !policy.notify_parent) return forget(zone);
  const auto before = waiting_.find(zone);
  if (before != waiting_.end() && before->second.wishes == wishes) return;
  const ParentWishes told = before == waiting_.end() ? load(folder) : before->second.told;
  if (told == wishes) return forget(zone);
  waiting_[zone] = {.folder = folder,
                    .parents = policy.parents,
                    .wishes = wishes,
                    .told = told,
                    .due_unix_s = now_s + policy.propagation_s};
}

std::vector<ParentNotice> ParentNotices::take_due(uint64_t now_s) {
  std::vector<ParentNotice> due;
  for (size_t left = waiting_.size(); left > 0 && due.size() < notices_max; --left) {
    auto next = waiting_.upper_bound(last_looked_at_);
    if (next == waiting_.end()) next = waiting_.begin();
    last_looked_at_ = next->first;
    auto& [zone, waiting] = *next;
    if (waiting.due_unix_s > now_s) continue;
    waiting.interval_s = std::clamp(waiting.interval_s * 2, retry_s_min, retry_s_max);
    waiting.due_unix_s = now_s + waiting.interval_s;
    if (waiting.wishes.cds != waiting.told.cds) {
      due.push_back({zone, wire::type_cds, waiting.parents, waiting.wishes});
    }
    if (waiting.wishes.csync != waiting.told.csync) {
      due.push_back({zone, wire::type_csync, waiting.parents, waiting.wishes});
    }
  }
  return due;
}

void ParentNotices::on_told(const ParentNotice& notice) {
  const auto found = waiting_.find(notice.zone);
  if (found == waiting_.end()) return;
  Waiting& waiting = found->second;
  if (notice.type == wire::type_cds) {
    waiting.told.cds = notice.wishes.cds;
  } else {
    waiting.told.csync = notice.wishes.csync;
  }
  if (const auto saved = save(waiting.folder, waiting.told); !saved) {
    // It will be told once more.
    log::warning(log::Category::zones, "told-parent-unkept", saved.error().message);
  }
  if (waiting.told == waiting.wishes) waiting_.erase(found);
}

}  // namespace holdfast::control
