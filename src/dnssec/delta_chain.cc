// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/delta_chain.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/check.h"
#include "dnssec/type_bitmap.h"
#include "wire/types.h"

namespace holdfast::dnssec {

namespace {

using zone::DraftNode;
using zone::NodeView;

bool contains(const std::vector<uint16_t>& types, uint16_t type) {
  return std::ranges::find(types, type) != types.end();
}

std::vector<uint16_t> own_types(const DraftNode& node) {
  std::vector<uint16_t> types;
  types.reserve(node.records.size());
  for (const zone::StagedRecord& record : node.records) types.push_back(record.type);
  return types;
}

// What the bitmap of a name tells of, but for what denial itself adds.
std::vector<uint16_t> denied_types(const DeltaNames& names, const DraftNode& node) {
  std::vector<uint16_t> types = own_types(node);
  if (node.has(zone::node_cut)) {
    std::erase_if(types,
                  [](uint16_t type) { return type != wire::type_ns && type != wire::type_ds; });
  }
  if (node.has(zone::node_apex)) {
    types.insert(types.end(), names.apex_types.begin(), names.apex_types.end());
  }
  return types;
}

// RFC 4035 §2.3: names with records that are not hidden.
bool has_nsec(const DraftNode& node) {
  return !node.has(zone::node_removed) && !node.has(zone::node_occluded) &&
         !node.has(zone::node_empty);
}

bool had_nsec(const std::optional<NodeView>& before) {
  return before && before->find(wire::type_nsec).has_value();
}

class NsecMend {
 public:
  explicit NsecMend(const DeltaNames& names) : names_(names), before_(names.draft.before()) {
    for (const DraftNode& node : names.nodes) {
      if (!node.has(zone::node_nsec3)) made_.emplace(node.key, ChainRecord{node, {}});
    }
  }

  std::vector<ChainRecord> mend() {
    std::vector<DraftNode> neighbours;
    for (const auto& [key, record] : made_) {
      if (has_nsec(record.node) == had_nsec(record.node.before)) continue;
      if (const auto node = published_before(record.node)) {
        neighbours.push_back(names_.draft.unchanged(*node));
      }
    }
    for (DraftNode& node : neighbours) {
      const std::string key = node.key;
      made_.try_emplace(key, ChainRecord{std::move(node), {}});
    }
    for (auto record = made_.begin(); record != made_.end(); ++record) {
      if (has_nsec(record->second.node)) write(record);
    }
    std::vector<ChainRecord> records;
    for (auto& [key, record] : made_) records.push_back(std::move(record));
    return records;
  }

 private:
  using Made = std::map<std::string, ChainRecord>;

  [[nodiscard]] Bytes relative(wire::NameView owner) const {
    return owner.bytes().first(owner.size() - before_.apex().size());
  }
  // The last published name of the chain before `node`, if it is not among the settled ones and
  // none of those that stay lies between.
  [[nodiscard]] std::optional<NodeView> published_before(const DraftNode& node) const {
    for (size_t at = before_.position_of(relative(node.owner)); at > 0; --at) {
      const NodeView candidate = before_.index_at(at - 1);
      if (!candidate.find(wire::type_nsec)) continue;
      const DraftNode published = names_.draft.unchanged(candidate);
      const auto settled = made_.find(published.key);
      if (settled == made_.end()) return candidate;
      if (has_nsec(settled->second.node)) return std::nullopt;  // writes its own anew
    }
    return std::nullopt;
  }

  // The next name of the chain: of the settled ones, or a published one before it.
  [[nodiscard]] wire::Name next_after(Made::const_iterator record) const {
    auto next = std::next(record);
    while (next != made_.end() && !has_nsec(next->second.node)) ++next;
    const size_t end = before_.index_ordinary_size();
    size_t at = before_.position_of(relative(record->second.node.owner));
    for (; at < end; ++at) {
      const NodeView candidate = before_.index_at(at);
      if (!candidate.find(wire::type_nsec)) continue;
      const DraftNode published = names_.draft.unchanged(candidate);
      if (published.key <= record->first) continue;
      if (next != made_.end() && next->first <= published.key) break;
      if (!made_.contains(published.key)) return published.owner;
    }
    return next == made_.end() ? wire::Name(before_.apex()) : next->second.node.owner;
  }

  void write(Made::iterator record) {
    const wire::Name next = next_after(record);
    std::vector<uint16_t> types = denied_types(names_, record->second.node);
    types.push_back(wire::type_nsec);
    types.push_back(wire::type_rrsig);
    const Bytes bytes = next.view().bytes();
    record->second.rdata.assign(bytes.begin(), bytes.end());
    append_type_bitmap(types, record->second.rdata);
  }

  const DeltaNames& names_;
  const zone::ZoneView& before_;
  Made made_;
};

constexpr uint8_t flag_opt_out = 1;
constexpr size_t hash_at = 6;  // in RDATA without a salt

class Nsec3Mend {
 public:
  Nsec3Mend(const DeltaNames& names, OptOut opt_out)
      : names_(names), before_(names.draft.before()), opt_out_(opt_out) {}

  std::optional<std::vector<ChainRecord>> mend() {
    for (const DraftNode& node : names_.nodes) {
      if (node.has(zone::node_nsec3)) continue;
      const Nsec3Hash hash = nsec3_hash(node.owner, {}, 0);
      Link link{.is_linked = is_linked(node), .was_linked = exact(hash).has_value(), .bitmap = {}};
      if (link.is_linked) link.bitmap = bitmap_of(node);
      if (!links_.emplace(hash, std::move(link)).second) return std::nullopt;
    }
    add_neighbours();
    std::vector<ChainRecord> records;
    for (auto link = links_.begin(); link != links_.end(); ++link) {
      if (link->second.is_linked || link->second.was_linked) records.push_back(write(link));
    }
    return records;
  }

 private:
  struct Link {
    bool is_linked = false;
    bool was_linked = false;
    std::vector<uint8_t> bitmap;
  };
  using Links = std::map<Nsec3Hash, Link>;

  [[nodiscard]] bool is_insecure_cut(bool is_cut, const std::vector<uint16_t>& types) const {
    return is_cut && !contains(types, wire::type_ds);
  }

  // RFC 5155 §7.1: empty non-terminals count if a name below them does.
  [[nodiscard]] bool is_linked(const DraftNode& node) const {
    if (node.has(zone::node_removed) || node.has(zone::node_occluded)) return false;
    if (opt_out_ == OptOut::no) return true;
    if (!node.has(zone::node_empty)) {
      return !is_insecure_cut(node.has(zone::node_cut), own_types(node));
    }
    return names_.draft.any_below(
        node.owner, [&](wire::NameView owner, const std::vector<uint16_t>& types) {
          return !is_insecure_cut(contains(types, wire::type_ns), types) &&
                 !names_.draft.is_hidden(owner);
        });
  }

  [[nodiscard]] std::vector<uint8_t> bitmap_of(const DraftNode& node) const {
    std::vector<uint8_t> bitmap;
    if (node.has(zone::node_empty)) return bitmap;
    std::vector<uint16_t> types = denied_types(names_, node);
    if (!is_insecure_cut(node.has(zone::node_cut), types)) types.push_back(wire::type_rrsig);
    append_type_bitmap(types, bitmap);
    return bitmap;
  }

  [[nodiscard]] std::optional<NodeView> exact(const Nsec3Hash& hash) const {
    const auto match = before_.nsec3_match_or_cover(hash);
    if (!match || !match->exact) return std::nullopt;
    return match->node;
  }

  static Bytes rdata_of(const NodeView& node) {
    const auto rrset = node.find(wire::type_nsec3);
    CHECK(rrset.has_value());
    constexpr size_t record_head_bytes = 12;
    return rrset->records.subspan(record_head_bytes);
  }
  static Bytes bitmap_of(const NodeView& node) {
    return rdata_of(node).subspan(hash_at + nsec3_hash_bytes);
  }

  [[nodiscard]] size_t nsec3_begin() const { return before_.index_ordinary_size(); }
  [[nodiscard]] size_t nsec3_end() const { return before_.index_size(); }
  [[nodiscard]] size_t position_of(const Nsec3Hash& hash) const {
    const auto digits = nsec3_label(hash);
    std::array<uint8_t, 1 + nsec3_label_bytes> label{nsec3_label_bytes};
    std::ranges::copy(digits, label.begin() + 1);
    return before_.position_of_nsec3(label);
  }
  // By what the record before it says: every hash of the chain is the next one of another.
  [[nodiscard]] Nsec3Hash hash_at_position(size_t position) const {
    const size_t count = nsec3_end() - nsec3_begin();
    const size_t before = nsec3_begin() + (position - nsec3_begin() + count - 1) % count;
    Nsec3Hash hash{};
    std::ranges::copy(rdata_of(before_.index_at(before)).subspan(hash_at, nsec3_hash_bytes),
                      hash.begin());
    return hash;
  }

  // Where a hash comes or goes, the record before it names another next one.
  void add_neighbours() {
    std::vector<std::pair<Nsec3Hash, Link>> neighbours;
    const size_t count = nsec3_end() - nsec3_begin();
    for (const auto& [hash, link] : links_) {
      if (link.is_linked == link.was_linked) continue;
      size_t at = position_of(hash) - nsec3_begin();
      for (size_t looked = 0; looked < count; ++looked) {
        at = (at + count - 1) % count;
        const Nsec3Hash candidate = hash_at_position(nsec3_begin() + at);
        const auto settled = links_.find(candidate);
        if (settled != links_.end() && settled->second.is_linked) break;
        if (settled != links_.end()) continue;
        const Bytes bitmap = bitmap_of(before_.index_at(nsec3_begin() + at));
        neighbours.emplace_back(candidate, Link{true, true, {bitmap.begin(), bitmap.end()}});
        break;
      }
    }
    for (auto& [hash, link] : neighbours) links_.try_emplace(hash, std::move(link));
  }

  // Of the settled ones or of the published ones that stay, whichever comes first.
  [[nodiscard]] Nsec3Hash next_after(Links::const_iterator link) const {
    auto next = link;
    do {
      if (++next == links_.end()) next = links_.begin();
    } while (!next->second.is_linked);
    const auto distance = [&](const Nsec3Hash& to) {  // going up from `link`, round the end
      return std::pair(to <= link->first, to);
    };
    const size_t count = nsec3_end() - nsec3_begin();
    size_t at = position_of(link->first) - nsec3_begin();
    for (size_t looked = 0; looked < count; ++looked, ++at) {
      const Nsec3Hash candidate = hash_at_position(nsec3_begin() + at % count);
      if (candidate == link->first) continue;
      if (next != link && distance(next->first) <= distance(candidate)) break;
      if (!links_.contains(candidate)) return candidate;
    }
    return next->first;
  }

  [[nodiscard]] ChainRecord write(Links::const_iterator link) const {
    ChainRecord record;
    const auto digits = nsec3_label(link->first);
    std::array<uint8_t, 1 + nsec3_label_bytes> label{nsec3_label_bytes};
    std::ranges::copy(digits, label.begin() + 1);
    CHECK(record.node.owner.assign_joined(label, before_.apex()));
    record.node.key.assign(digits.begin(), digits.end());
    record.node.flags = zone::node_nsec3;
    record.node.before = exact(link->first);
    if (!link->second.is_linked) {
      record.node.flags |= zone::node_removed;
      return record;
    }
    const Nsec3Hash next = next_after(link);
    record.rdata = {
        nsec3_algorithm_sha1, opt_out_ == OptOut::yes ? flag_opt_out : uint8_t{0}, 0, 0, 0,
        nsec3_hash_bytes};
    record.rdata.insert(record.rdata.end(), next.begin(), next.end());
    record.rdata.insert(record.rdata.end(), link->second.bitmap.begin(), link->second.bitmap.end());
    return record;
  }

  const DeltaNames& names_;
  const zone::ZoneView& before_;
  OptOut opt_out_;
  Links links_;
};

}  // namespace

std::vector<ChainRecord> mend_nsec(const DeltaNames& names) { return NsecMend(names).mend(); }

std::optional<std::vector<ChainRecord>> mend_nsec3(const DeltaNames& names, OptOut opt_out) {
  return Nsec3Mend(names, opt_out).mend();
}

}  // namespace holdfast::dnssec
