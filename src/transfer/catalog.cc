// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/catalog.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>

#include "base/check.h"
#include "transfer/zone_records.h"

namespace holdfast::transfer {

namespace {

constexpr std::string_view version_label = "version";
constexpr std::string_view zones_label = "zones";
constexpr std::string_view group_label = "group";
constexpr std::string_view next_label = "coo";
constexpr std::string_view version = "2";
// RFC 9432 §4: of what is never asked for by a resolver.
constexpr uint32_t ttl_s = 0;
constexpr size_t unique_bytes = 16;  // of a hash; as digits twice that, within a label's 63

bool is_label(Bytes label, std::string_view text) {
  return std::ranges::equal(label, text, [](uint8_t byte, char letter) {
    return wire::to_lower(byte) == static_cast<uint8_t>(letter);
  });
}

std::string lower_text(wire::NameView name) {
  wire::Name folded(name);
  folded.fold_case();
  return folded.view().to_text();
}

// The bytes of a TXT record of one string; nothing if it has several.
std::optional<std::string> single_text(Bytes rdata) {
  if (rdata.empty() || rdata.size() != size_t{1} + rdata[0]) return std::nullopt;
  return std::string(rdata.begin() + 1, rdata.end());
}

class CatalogReader {
 public:
  CatalogReader(wire::NameView apex, size_t members_max)
      : apex_labels_(apex.label_count()), members_max_(members_max) {}

  void take(const ZoneRecord& record) {
    if (!error_.empty()) return;
    const size_t labels = record.owner.label_count() - apex_labels_;
    if (labels == 1 && record.type == wire::type_txt &&
        is_label(record.owner.first_label(), version_label)) {
      ++versions_;
      is_known_version_ = single_text(record.rdata) == version;
    }
    if (labels != 2 && labels != 3) return;
    const wire::NameView member = record.owner.without_labels(labels - 2);
    if (!is_label(member.parent().first_label(), zones_label)) return;
    if (labels == 2) {
      if (record.type == wire::type_ptr) add_member(member, record.rdata);
    } else {
      add_property(record, member);
    }
  }

  Result<std::vector<CatalogMember>> finish() {
    if (!error_.empty()) return fail(error_);
    // §4.2.1: without its version nothing of it may be understood.
    if (versions_ == 0) return fail("it has no version property (version TXT \"2\")");
    if (versions_ > 1) return fail("it has more than one version");
    if (!is_known_version_) return fail("its version is not 2, which is the one that is known");
    std::vector<CatalogMember> members;
    members.reserve(members_.size());
    for (auto& [unique, member] : members_) {
      if (member.zone.empty()) continue;  // properties of nothing
      member.unique = unique;
      members.push_back(std::move(member));
    }
    std::ranges::sort(members, {}, &CatalogMember::zone);
    const auto twice = std::ranges::adjacent_find(members, {}, &CatalogMember::zone);
    // RFC 9432 §5.1: which of the two would be meant?
    if (twice != members.end()) return fail("zone " + twice->zone + " is in it twice");
    return members;
  }

 private:
  void add_member(wire::NameView owner, Bytes rdata) {
    CatalogMember& member = find(owner);
    if (!member.zone.empty()) {
      error_ = "the member " + unique_of(owner) + " names more than one zone";
      return;
    }
    member.zone = lower_text(wire::NameView(rdata));
    if (++count_ > members_max_) {
      error_ = "it has more members than the " + std::to_string(members_max_) +
               " that catalog.members_max allows";
    }
  }

  void add_property(const ZoneRecord& record, wire::NameView owner) {
    const Bytes property = record.owner.first_label();
    if (record.type == wire::type_ptr && is_label(property, next_label)) {
      CatalogMember& member = find(owner);
      if (!member.next_catalog.empty()) {
        error_ = "the member " + unique_of(owner) + " has more than one coo property";
        return;
      }
      member.next_catalog = lower_text(wire::NameView(record.rdata));
    } else if (record.type == wire::type_txt && is_label(property, group_label)) {
      const auto group = single_text(record.rdata);
      if (!group) return;  // not of the form of §4.3.2: as if it were not there
      CatalogMember& member = find(owner);
      if (member.group.empty() || *group < member.group) member.group = *group;
    }
  }

  static std::string unique_of(wire::NameView owner) {
    wire::Name label;
    const Bytes first = owner.bytes().first(size_t{1} + owner.bytes()[0]);
    CHECK(label.assign_joined(first, wire::NameView()));
    std::string text = lower_text(label);
    text.pop_back();  // the root's dot
    return text;
  }

  CatalogMember& find(wire::NameView owner) { return members_[unique_of(owner)]; }

  size_t apex_labels_;
  size_t members_max_;
  size_t count_ = 0;
  size_t versions_ = 0;
  bool is_known_version_ = false;
  std::map<std::string, CatalogMember> members_;
  std::string error_;
};

// The same zone has the same one at each start; a zone of another name has another one.
std::string unique_for(const std::string& zone) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  CHECK(EVP_Digest(zone.data(), zone.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < unique_bytes; ++i) {
    text += digits[digest[i] >> 4];
    text += digits[digest[i] & 15];
  }
  return text;
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char byte : text) {
    if (byte == '"' || byte == '\\') result += '\\';
    result += byte;
  }
  return result + "\"";
}

}  // namespace

Result<std::vector<CatalogMember>> read_catalog(const zone::ZoneView& zone, size_t members_max) {
  CatalogReader reader(zone.apex(), members_max);
  for_each_record_but_soa(zone, [&](const ZoneRecord& record) { reader.take(record); });
  return reader.finish();
}

std::string catalog_text(const std::string& name, std::span<const config::ZoneSource> zones) {
  std::string text = "@ NS invalid.\nversion TXT \"2\"\n";
  for (const config::ZoneSource& zone : zones) {
    if (!zone.membership || zone.membership->catalog != name) continue;
    const std::string owner = unique_for(zone.name) + ".zones";
    text += owner + " PTR " + zone.name + "\n";
    if (!zone.membership->group.empty()) {
      text += "group." + owner + " TXT " + quoted(zone.membership->group) + "\n";
    }
    if (!zone.membership->next_catalog.empty()) {
      text += "coo." + owner + " PTR " + zone.membership->next_catalog + "\n";
    }
  }
  return text;
}

std::string catalog_head(const std::string& name, uint32_t serial) {
  return "; Written by holdfast from its configuration.\n$ORIGIN " + name + "\n$TTL " +
         std::to_string(ttl_s) + "\n@ SOA invalid. invalid. " + std::to_string(serial) +
         " 3600 600 2147483646 0\n";
}

uint32_t catalog_serial(const std::string& name, std::string_view text) {
  const std::string head = catalog_head(name, 0);
  const size_t at = head.find(" invalid. 0 ") + std::string_view(" invalid. ").size();
  if (text.size() < at || text.substr(0, at) != std::string_view(head).substr(0, at)) return 0;
  uint32_t serial = 0;
  std::from_chars(text.data() + at, text.data() + text.size(), serial);
  return serial;
}

}  // namespace holdfast::transfer
