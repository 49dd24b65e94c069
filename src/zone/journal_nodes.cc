// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/journal_nodes.h"

#include "base/check.h"
#include "wire/rdata.h"

namespace holdfast::zone {

namespace {

constexpr size_t node_size_bytes = 4;
constexpr size_t state_bytes = 8;

void append_u16(std::vector<uint8_t>& bytes, size_t value) {
  CHECK(value <= 0xFFFF);
  bytes.push_back(static_cast<uint8_t>(value >> 8));
  bytes.push_back(static_cast<uint8_t>(value));
}
void append_u32(std::vector<uint8_t>& bytes, uint32_t value) {
  append_u16(bytes, value >> 16);
  append_u16(bytes, value & 0xFFFF);
}
void append_rdata(std::vector<uint8_t>& bytes, const std::vector<Bytes>& rdata) {
  for (const Bytes record : rdata) {
    append_u16(bytes, record.size());
    bytes.insert(bytes.end(), record.begin(), record.end());
  }
}

bool add_rdata(ByteReader& reader, size_t count, uint16_t type, uint32_t ttl, wire::NameView owner,
               Contents& contents) {
  for (; count > 0; --count) {
    const Bytes rdata = reader.read_bytes(reader.read_u16());
    if (reader.failed() || !wire::rdata_is_well_formed(type, rdata)) return false;
    contents.add(owner, type, ttl, rdata);
  }
  return true;
}

}  // namespace

void append_head(const JournalHead& head, std::vector<uint8_t>& bytes) {
  bytes.insert(bytes.end(), head.apex.bytes().begin(), head.apex.bytes().end());
  append_u32(bytes, static_cast<uint32_t>(head.state >> 32));
  append_u32(bytes, static_cast<uint32_t>(head.state));
}

std::optional<JournalHead> read_head(Bytes payload) {
  const size_t size = wire::uncompressed_name_size(payload);
  if (size == 0 || payload.size() < size + state_bytes) return std::nullopt;
  const uint8_t* state = payload.data() + size;
  return JournalHead{wire::NameView(payload.first(size)),
                     uint64_t{load_be32(state)} << 32 | load_be32(state + 4)};
}

void append_node(const StagedNode& node, wire::NameView apex, std::vector<uint8_t>& bytes) {
  const size_t begin = bytes.size();
  bytes.resize(begin + node_size_bytes);
  bytes.push_back((node.flags & node_nsec3) != 0 ? 1 : 0);
  const Bytes labels = node.owner.bytes().first(node.owner.size() - apex.size());
  bytes.insert(bytes.end(), labels.begin(), labels.end());
  bytes.push_back(0);
  if ((node.flags & node_removed) == 0) {
    for (const StagedRrset& rrset : node.rrsets) {
      append_u16(bytes, rrset.type);
      append_u32(bytes, rrset.ttl);
      append_u32(bytes, rrset.signature_ttl);
      append_u16(bytes, rrset.rdata.size());
      append_u16(bytes, rrset.signatures.size());
      append_rdata(bytes, rrset.rdata);
      append_rdata(bytes, rrset.signatures);
    }
  }
  store_be32(bytes.data() + begin, static_cast<uint32_t>(bytes.size() - begin - node_size_bytes));
}

bool JournalNodeReader::add(Bytes piece) {
  if (failed_) return false;
  if (pending_.empty()) {
    const size_t taken = take(piece);
    pending_.assign(piece.begin() + static_cast<ptrdiff_t>(taken), piece.end());
  } else {
    pending_.insert(pending_.end(), piece.begin(), piece.end());
    const size_t taken = take(pending_);
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(taken));
  }
  return !failed_;
}

// Visits the complete nodes at the start of `bytes`; returns how many bytes they take.
size_t JournalNodeReader::take(Bytes bytes) {
  size_t at = 0;
  if (!head_passed_) {  // the first piece holds it whole
    const auto head = read_head(bytes);
    failed_ = !head;
    head_passed_ = true;
    if (head) at = head->apex.size() + state_bytes;
  }
  while (!failed_ && bytes.size() - at >= node_size_bytes) {
    const size_t size = load_be32(bytes.data() + at);
    if (bytes.size() - at - node_size_bytes < size) break;
    const Bytes node = bytes.subspan(at + node_size_bytes, size);
    const size_t owner_size = size < 1 ? 0 : wire::uncompressed_name_size(node.subspan(1));
    failed_ = owner_size == 0;
    if (!failed_) visit_({node.first(1 + owner_size), node.subspan(1 + owner_size)});
    at += node_size_bytes + size;
  }
  return failed_ ? bytes.size() : at;
}

bool add_records(const JournalNode& node, Contents& contents) {
  wire::Name owner;
  const wire::NameView relative = node.relative_owner();
  if (!owner.assign_joined(relative.bytes().first(relative.size() - 1), contents.apex())) {
    return false;
  }
  ByteReader reader(node.rrsets);
  while (reader.remaining() > 0) {
    const uint16_t type = reader.read_u16();
    const uint32_t ttl = reader.read_u32();
    const uint32_t signature_ttl = reader.read_u32();
    const size_t count = reader.read_u16();
    const size_t signature_count = reader.read_u16();
    if (reader.failed() || type == 0) return false;
    if (!add_rdata(reader, count, type, ttl, owner, contents)) return false;
    if (!add_rdata(reader, signature_count, wire::type_rrsig, signature_ttl, owner, contents)) {
      return false;
    }
  }
  return true;
}

}  // namespace holdfast::zone
