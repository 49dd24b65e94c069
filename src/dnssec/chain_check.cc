// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/chain_check.h"

#include <algorithm>

#include "dnssec/type_bitmap.h"
#include "wire/types.h"

namespace holdfast::dnssec {

namespace {

using zone::StagedNode;
using zone::StagedRrset;

constexpr uint16_t iterations_max = 50;  // what the loader accepts
constexpr size_t nsec3_head_bytes = 5;   // up to the salt

const StagedRrset* find(const StagedNode& node, uint16_t type) {
  const auto found = std::ranges::find(node.rrsets, type, &StagedRrset::type);
  return found == node.rrsets.end() ? nullptr : &*found;
}

// The types at a name that a bitmap tells of, but for RRSIG and NSEC.
std::vector<uint16_t> types_of(const StagedNode& node) {
  const bool is_cut = (node.flags & zone::node_cut) != 0;
  std::vector<uint16_t> types;
  for (const StagedRrset& rrset : node.rrsets) {
    if (rrset.type == wire::type_rrsig || rrset.type == wire::type_nsec) continue;
    if (is_cut && rrset.type != wire::type_ns && rrset.type != wire::type_ds) continue;
    types.push_back(rrset.type);
  }
  return types;
}

// The hash, salt excluded, and the bitmap of an NSEC3; false if it is malformed.
bool split_nsec3(Bytes rdata, Bytes& salt, Bytes& next, Bytes& bitmap) {
  if (rdata.size() < nsec3_head_bytes) return false;
  ByteReader reader(rdata.subspan(nsec3_head_bytes - 1));
  salt = reader.read_bytes(reader.read_u8());
  next = reader.read_bytes(reader.read_u8());
  bitmap = reader.read_bytes(reader.remaining());
  return !reader.failed() && next.size() == nsec3_hash_bytes;
}

// RFC 5155 §1.3: the hash in the first label of an owner; false if it is none.
bool read_hash(wire::NameView owner, Nsec3Hash& hash) {
  const Bytes label = owner.first_label();
  if (label.size() != nsec3_label_bytes) return false;
  uint64_t bits = 0;
  unsigned bit_count = 0;
  size_t written = 0;
  for (const uint8_t byte : label) {
    const uint8_t digit = wire::to_lower(byte);
    const bool is_number = digit >= '0' && digit <= '9';
    if (!is_number && (digit < 'a' || digit > 'v')) return false;
    bits = bits << 5 | static_cast<uint64_t>(is_number ? digit - '0' : digit - 'a' + 10);
    bit_count += 5;
    if (bit_count < 8) continue;
    bit_count -= 8;
    hash[written++] = static_cast<uint8_t>(bits >> bit_count);
  }
  return true;
}

}  // namespace

void ChainCheck::visit(const StagedNode& node) {
  if ((node.flags & zone::node_apex) != 0) visit_apex(node);
  if ((node.flags & zone::node_nsec3) != 0) {
    visit_nsec3(node);
  } else {
    visit_named(node);
  }
}

void ChainCheck::visit_apex(const StagedNode& node) {
  const StagedRrset* parameters = find(node, wire::type_nsec3param);
  const bool has_nsec = find(node, wire::type_nsec) != nullptr;
  if (parameters == nullptr) return;
  if (has_nsec) {
    faults_.add(node.owner, wire::type_nsec, "stands beside NSEC3PARAM; expected one or the other");
  }
  const Bytes rdata = parameters->rdata.front();
  if (rdata.size() < nsec3_head_bytes || rdata.size() < nsec3_head_bytes + rdata[4] ||
      rdata[0] != nsec3_algorithm_sha1) {
    return faults_.add(node.owner, wire::type_nsec3param, "cannot be used");
  }
  const Bytes salt = rdata.subspan(nsec3_head_bytes, rdata[4]);
  nsec3_ =
      Parameters{.iterations = load_be16(rdata.data() + 2), .salt = {salt.begin(), salt.end()}};
  if (nsec3_->iterations <= iterations_max) return;
  faults_.add(node.owner, wire::type_nsec3param,
              std::to_string(nsec3_->iterations) + " iterations; RFC 9276 §3.1 wants 0");
  nsec3_->iterations = 0;  // and every hash will be wrong: not worth the time
}

void ChainCheck::visit_named(const StagedNode& node) {
  if ((node.flags & zone::node_occluded) != 0) {
    if (find(node, wire::type_nsec) != nullptr) {
      faults_.add(node.owner, wire::type_nsec, "at a name that the zone has no authority for");
    }
    return;
  }
  std::vector<uint16_t> types = types_of(node);
  if (types.empty() && (node.flags & zone::node_apex) == 0) {
    if (!nsec3_) {
      if (find(node, wire::type_nsec) != nullptr) {
        faults_.add(node.owner, wire::type_nsec, "at a name without other records");
      }
      return;
    }
    while (!empty_.empty() && !node.owner.is_at_or_below(empty_.back())) empty_.pop_back();
    empty_.emplace_back(node.owner);
    return;
  }
  const bool is_cut = (node.flags & zone::node_cut) != 0;
  const bool is_insecure = is_cut && std::ranges::find(types, wire::type_ds) == types.end();
  std::vector<uint8_t> bitmap;
  if (!nsec3_) {
    types.insert(types.end(), {wire::type_nsec, wire::type_rrsig});
    append_type_bitmap(types, bitmap);
    return check_nsec(node, bitmap);
  }
  if (!is_insecure) types.push_back(wire::type_rrsig);
  append_type_bitmap(types, bitmap);
  for (const wire::Name& empty : empty_) {
    if (node.owner.is_at_or_below(empty)) expect_nsec3(empty, {}, is_insecure);
  }
  // Those above an insecure delegation alone are looked at again for each name below them.
  if (!is_insecure) empty_.clear();
  expect_nsec3(node.owner, bitmap, is_insecure);
}

void ChainCheck::check_nsec(const StagedNode& node, const std::vector<uint8_t>& bitmap) {
  expect_next(node.owner);
  last_owner_.assign(node.owner);
  has_last_ = true;
  next_ = {};
  const StagedRrset* nsec = find(node, wire::type_nsec);
  if (nsec == nullptr) return faults_.add(node.owner, wire::type_nsec, "is missing");
  if (nsec->rdata.size() != 1) {
    return faults_.add(node.owner, wire::type_nsec, "more than one at a name");
  }
  const Bytes rdata = nsec->rdata.front();
  const size_t name_bytes = wire::uncompressed_name_size(rdata);
  if (name_bytes == 0) return faults_.add(node.owner, wire::type_nsec, "cannot be read");
  next_ = arena_.keep(rdata.first(name_bytes));
  if (!std::ranges::equal(rdata.subspan(name_bytes), bitmap)) {
    faults_.add(node.owner, wire::type_nsec, "lists other types than the name has");
  }
}

// The last NSEC leads to `owner`.
void ChainCheck::expect_next(wire::NameView owner) {
  if (!has_last_ || next_.empty() || wire::NameView(next_) == owner) return;
  faults_.add(
      last_owner_, wire::type_nsec,
      "leads to " + wire::NameView(next_).to_text() + "; the next name is " + owner.to_text());
}

void ChainCheck::expect_nsec3(wire::NameView owner, Bytes bitmap, bool may_be_left_out) {
  expected_.push_back({.hash = nsec3_hash(owner, nsec3_->salt, nsec3_->iterations),
                       .bitmap = arena_.keep(bitmap),
                       .owner = arena_.keep(owner.bytes()),
                       .may_be_left_out = may_be_left_out});
}

void ChainCheck::visit_nsec3(const StagedNode& node) {
  const StagedRrset* nsec3 = find(node, wire::type_nsec3);
  if (nsec3 == nullptr) return;
  if (!nsec3_) return faults_.add(node.owner, wire::type_nsec3, "without NSEC3PARAM at the apex");
  for (const Bytes rdata : nsec3->rdata) {
    Bytes salt;
    Bytes next;
    Bytes bitmap;
    Nsec3Hash hash;
    if (!split_nsec3(rdata, salt, next, bitmap) || !read_hash(node.owner, hash)) {
      faults_.add(node.owner, wire::type_nsec3, "cannot be read");
      continue;
    }
    // Of another chain, while parameters change.
    if (load_be16(rdata.data() + 2) != nsec3_->iterations ||
        !std::ranges::equal(salt, nsec3_->salt)) {
      continue;
    }
    found_.push_back({.hash = hash, .rdata = rdata, .is_opt_out = (rdata[1] & 1) != 0});
  }
}

void ChainCheck::conclude() {
  if (!nsec3_) return expect_next(apex_);
  // The same empty non-terminal may stand several times: one that must not be left out comes first.
  std::ranges::sort(expected_, [](const Expected& a, const Expected& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.may_be_left_out < b.may_be_left_out;
  });
  expected_.erase(std::ranges::unique(expected_, {}, &Expected::hash).begin(), expected_.end());
  std::ranges::sort(found_, {}, &Found::hash);
  compare_nsec3();
  check_nsec3_links();
}

void ChainCheck::compare_nsec3() {
  size_t at = 0;
  for (const Expected& expected : expected_) {
    const wire::NameView owner(expected.owner);
    for (; at < found_.size() && found_[at].hash < expected.hash; ++at) {
      const auto label = nsec3_label(found_[at].hash);
      faults_.add(apex_, wire::type_nsec3,
                  std::string(label.begin(), label.end()) + " is the hash of no name");
    }
    if (at == found_.size() || found_[at].hash != expected.hash) {
      // The one before in hash order covers it; before the first comes the last.
      const bool is_covered =
          !found_.empty() && (at == 0 ? found_.back() : found_[at - 1]).is_opt_out;
      if (!expected.may_be_left_out || !is_covered) {
        faults_.add(owner, wire::type_nsec3, "is missing");
      }
      continue;
    }
    Bytes salt;
    Bytes next;
    Bytes bitmap;
    if (split_nsec3(found_[at].rdata, salt, next, bitmap) &&
        !std::ranges::equal(bitmap, expected.bitmap)) {
      faults_.add(owner, wire::type_nsec3, "lists other types than the name has");
    }
    ++at;
  }
  for (; at < found_.size(); ++at) {
    const auto label = nsec3_label(found_[at].hash);
    faults_.add(apex_, wire::type_nsec3,
                std::string(label.begin(), label.end()) + " is the hash of no name");
  }
}

void ChainCheck::check_nsec3_links() {
  for (size_t i = 0; i < found_.size(); ++i) {
    Bytes salt;
    Bytes next;
    Bytes bitmap;
    if (!split_nsec3(found_[i].rdata, salt, next, bitmap)) continue;
    if (std::ranges::equal(next, found_[(i + 1) % found_.size()].hash)) continue;
    const auto label = nsec3_label(found_[i].hash);
    faults_.add(apex_, wire::type_nsec3,
                std::string(label.begin(), label.end()) + " does not lead to the next hash");
  }
}

}  // namespace holdfast::dnssec
