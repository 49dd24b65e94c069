// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/contents.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "wire/types.h"
#include "zone/node_assembly.h"
#include "zone/node_walk.h"
#include "zone/staging.h"

namespace holdfast::zone {

struct Contents::Storage {
  explicit Storage(wire::NameView apex_name) : apex(apex_name) {}

  wire::Name apex;
  Staging staging;
  bool finished = false;
  RunOrder order;
  std::vector<uint32_t> wildcard_parents;  // positions of nodes in the walk, ascending
  size_t record_count = 0;
  size_t node_count = 0;
  size_t dropped_copies = 0;
};

struct Contents::Cursor::State {
  explicit State(const Storage& of) : storage(of), walk(of.staging, of.order) {}

  const Storage& storage;
  NodeWalk walk;
  NodeAssembly assembly;
  wire::Name owner;
  size_t position = 0;
  size_t wildcard_parent = 0;  // next in storage.wildcard_parents
};

namespace {

constexpr size_t message_bytes_max = 65535;
constexpr size_t message_header_bytes = 12;
constexpr size_t question_fixed_bytes = 4;  // type and class
constexpr size_t record_fixed_bytes = 12;   // pointer to the owner, type, class, TTL, RDLENGTH

// The last labels of `owner` after which the apex begins, as a name of its own.
wire::Name make_relative(wire::NameView owner, size_t apex_bytes) {
  wire::Name relative;
  const Bytes labels = owner.bytes().first(owner.size() - apex_bytes);
  CHECK(relative.assign_joined(labels, wire::NameView()));
  return relative;
}

void make_absolute(wire::NameView relative, wire::NameView apex, wire::Name& owner) {
  CHECK(owner.assign_joined(relative.bytes().first(relative.size() - 1), apex));
}

Result<void> check_bounds(const StagedNode& node, wire::NameView owner) {
  size_t types = node.rrsets.size();
  for (const StagedRrset& rrset : node.rrsets) {
    if (!rrset.signatures.empty()) types = std::max(types, node.rrsets.size() + 1);
    size_t bytes = message_header_bytes + owner.size() + question_fixed_bytes;
    for (const Bytes& rdata : rrset.rdata) bytes += record_fixed_bytes + rdata.size();
    for (const Bytes& rdata : rrset.signatures) bytes += record_fixed_bytes + rdata.size();
    if (bytes > message_bytes_max) {
      return fail(owner.to_text() + " " + wire::type_to_text(rrset.type) + ": " +
                  std::to_string(rrset.rdata.size()) + " records make a message of " +
                  std::to_string(bytes) + " bytes; a DNS message has at most 65535");
    }
  }
  if (types > Contents::types_per_name_max) {
    return fail(owner.to_text() + ": " + std::to_string(types) + " record types; at most " +
                std::to_string(Contents::types_per_name_max) + " are allowed at a name");
  }
  return {};
}

}  // namespace

Contents::Contents(wire::NameView apex) : storage_(std::make_unique<Storage>(apex)) {}
Contents::Contents(Contents&&) noexcept = default;
Contents& Contents::operator=(Contents&&) noexcept = default;
Contents::~Contents() = default;

wire::NameView Contents::apex() const { return storage_->apex; }
size_t Contents::record_count() const { return storage_->record_count; }
size_t Contents::node_count() const { return storage_->node_count; }
size_t Contents::dropped_copies() const { return storage_->dropped_copies; }

void Contents::add(wire::NameView owner, uint16_t type, uint32_t ttl, Bytes rdata, Place place) {
  CHECK(!storage_->finished);
  const size_t apex_bytes = storage_->apex.view().size();
  CHECK(owner.size() >= apex_bytes);
  const Bytes labels = owner.bytes().first(owner.size() - apex_bytes);
  storage_->staging.add(labels, type, ttl, rdata, place);
}

bool Contents::append(Contents&& part, uint32_t lines_before) {
  CHECK(!storage_->finished && !part.storage_->finished);
  CHECK(storage_->apex.view() == part.storage_->apex.view());
  return storage_->staging.append(std::move(part.storage_->staging), lines_before);
}

Result<void> Contents::finish(const NodeVisitor& visit) {
  Storage& storage = *storage_;
  CHECK(!storage.finished);
  if (storage.staging.full()) {
    return fail(storage.apex.view().to_text() + ": more than 16 GiB of records");
  }
  storage.finished = true;
  storage.staging.shrink();
  storage.order = order_runs(storage.staging);

  NodeWalk walk(storage.staging, storage.order);
  NodeAssembly assembly;
  std::array<uint32_t, wire::labels_max + 1> node_at_level{};
  wire::Name owner;
  while (walk.next()) {
    const NodeStep& step = walk.step();
    const auto position = static_cast<uint32_t>(storage.node_count++);
    if ((step.flags & node_nsec3) == 0) {
      const size_t level = step.relative_owner.label_count();
      node_at_level[level] = position;
      if (step.relative_owner.is_wildcard() && (step.flags & node_occluded) == 0) {
        storage.wildcard_parents.push_back(node_at_level[level - 1]);
      }
    }
    StagedNode& node = assembly.assemble(walk.records());
    make_absolute(step.relative_owner, storage.apex, owner);
    TRY(check_bounds(node, owner));
    if (visit) {
      node.owner = owner;
      node.flags = step.flags;
      node.place = step.place;
      visit(node);
    }
    storage.record_count += walk.records().size();
    for (const StagedRrset& rrset : node.rrsets) storage.dropped_copies += rrset.dropped_copies;
  }
  storage.record_count -= storage.dropped_copies;
  std::ranges::sort(storage.wildcard_parents);
  return {};
}

std::optional<std::vector<uint16_t>> Contents::types_at(wire::NameView owner) const {
  const Storage& storage = *storage_;
  CHECK(storage.finished);
  const wire::Name relative = make_relative(owner, storage.apex.view().size());
  const std::vector<Staging::Run>& runs = storage.order.ordinary;
  auto run = std::ranges::partition_point(runs, [&](Staging::Run candidate) {
    return wire::compare_canonical(storage.staging.owner(candidate), relative) < 0;
  });
  if (run == runs.end() || !storage.staging.owner(*run).is_at_or_below(relative)) {
    return std::nullopt;
  }
  std::vector<StagedRecord> records;
  for (; run != runs.end() && storage.staging.owner(*run) == relative; ++run) {
    storage.staging.read_records(*run, records);
  }
  std::vector<uint16_t> types;
  types.reserve(records.size());
  for (const StagedRecord& record : records) types.push_back(record.type);
  return types;
}

Contents::Cursor::Cursor(const Contents& contents)
    : state_(std::make_unique<State>(*contents.storage_)) {
  CHECK(contents.storage_->finished);
}
Contents::Cursor::~Cursor() = default;

const StagedNode* Contents::Cursor::next() {
  State& state = *state_;
  if (!state.walk.next()) return nullptr;
  const NodeStep& step = state.walk.step();
  StagedNode& node = state.assembly.assemble(state.walk.records());
  make_absolute(step.relative_owner, state.storage.apex, state.owner);
  node.owner = state.owner;
  node.flags = step.flags;
  node.place = step.place;
  const std::vector<uint32_t>& parents = state.storage.wildcard_parents;
  if (state.wildcard_parent < parents.size() && parents[state.wildcard_parent] == state.position) {
    node.flags |= node_has_wildcard;
    ++state.wildcard_parent;
  }
  ++state.position;
  return &node;
}

}  // namespace holdfast::zone
