// SPDX-License-Identifier: GPL-3.0-or-later
// A zone whose contents follow from its serial, so that a test can tell a whole version from a mix
// of two.
#pragma once

#include <string>

#include "zone/memory_samples.h"

namespace holdfast::zone {

class ModelZone {
 public:
  ModelZone(std::string apex, uint32_t names) : apex_(std::move(apex)), names_(names) {}

  // One name in three is missing from each version, another third each time; each address stays
  // for some versions.
  [[nodiscard]] static bool has(uint32_t index, uint32_t serial) {
    return (index + serial) % 3 != 0;
  }
  [[nodiscard]] static uint32_t address(uint32_t index, uint32_t serial) {
    return serial / (1 + index % 4);
  }
  [[nodiscard]] std::string owner(uint32_t index) const {
    return "h" + std::to_string(index) + "." + apex_;
  }
  [[nodiscard]] const std::string& apex() const { return apex_; }

  [[nodiscard]] SampleZone version(uint32_t serial) const {
    SampleZone zone(apex_);
    zone.soa(serial).nsec(apex_, apex_);
    for (uint32_t i = 0; i < names_; ++i) {
      if (has(i, serial)) zone.a(owner(i), address(i, serial)).nsec(owner(i), apex_);
    }
    return zone;
  }

  // What is wrong with what the reader sees, or nothing.
  [[nodiscard]] std::string trouble_with(const MemoryReader& reader, const ZoneView& zone) const {
    const uint32_t serial = zone.serial();
    const std::string where = apex_ + " serial " + std::to_string(serial) + ": ";
    size_t expected_nodes = 1;
    for (uint32_t i = 0; i < names_; ++i) {
      const wire::Name name = sample_name(owner(i));
      const wire::SuffixHashes hashes(name, reader.hash_key());
      const auto node = zone.find(name, hashes, hashes.label_count());
      if (node.has_value() != has(i, serial)) return where + owner(i) + " is there or not";
      const auto before = zone.nsec_at_or_before(name);
      if (!before) return where + "no NSEC at or before " + owner(i);
      if (!node) continue;
      ++expected_nodes;
      if (before->reference() != node->reference()) return where + "another NSEC for " + owner(i);
      const auto rrset = node->find(wire::type_a);
      if (!rrset || rrset->records.size() != 16) return where + owner(i) + " has no address";
      if (load_be32(rrset->records.data() + 12) != address(i, serial)) {
        return where + owner(i) + " has the address of another version";
      }
    }
    size_t nodes = 0;
    zone.for_each_node([&](const NodeView& node) { nodes += node.rrset_count() > 0 ? 1U : 0U; });
    if (nodes != expected_nodes || zone.node_count() != expected_nodes) {
      return where + std::to_string(nodes) + " nodes";
    }
    return "";
  }

 private:
  std::string apex_;
  uint32_t names_;
};

}  // namespace holdfast::zone
