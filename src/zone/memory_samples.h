// SPDX-License-Identifier: GPL-3.0-or-later
// Zones for the tests and benchmarks of zone memory, and a place on disk for its file.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "wire/types.h"
#include "zone/memory.h"

namespace holdfast::zone {

inline wire::Name sample_name(const std::string& text) {
  auto name = wire::Name::from_text(text);
  CHECK(name.has_value());
  return *name;
}

class SampleZone {
 public:
  explicit SampleZone(const std::string& apex)
      : apex_(sample_name(apex)), contents_(apex_.view()) {}

  SampleZone& add(const std::string& owner, uint16_t type, const std::vector<uint8_t>& rdata,
                  uint32_t ttl = 300) {
    contents_.add(sample_name(owner), type, ttl, rdata);
    return *this;
  }
  SampleZone& a(const std::string& owner, uint32_t address) {
    return add(owner, wire::type_a, number(address));
  }
  SampleZone& ns(const std::string& owner, const std::string& target) {
    return add(owner, wire::type_ns, name_bytes(target));
  }
  SampleZone& soa(uint32_t serial) {
    std::vector<uint8_t> rdata = name_bytes("ns.invalid");
    append(rdata, name_bytes("hostmaster.invalid"));
    for (const uint32_t value : {serial, 3600U, 900U, 86400U, 300U}) append(rdata, number(value));
    const std::string apex = apex_.view().to_text();
    return add(apex, wire::type_soa, rdata);
  }
  SampleZone& nsec(const std::string& owner, const std::string& next) {
    std::vector<uint8_t> rdata = name_bytes(next);
    append(rdata, {0, 1, 0x40});
    return add(owner, wire::type_nsec, rdata);
  }
  SampleZone& nsec3param(uint16_t iterations, const std::vector<uint8_t>& salt) {
    return add(apex_.view().to_text(), wire::type_nsec3param, nsec3_start(iterations, salt));
  }
  // `hash_label` and `next` are base32hex; the next hash is not looked at here.
  SampleZone& nsec3(const std::string& hash_label, uint16_t iterations,
                    const std::vector<uint8_t>& salt) {
    std::vector<uint8_t> rdata = nsec3_start(iterations, salt);
    rdata.push_back(20);
    rdata.resize(rdata.size() + 20);
    return add(hash_label + "." + apex_.view().to_text(), wire::type_nsec3, rdata);
  }
  const Contents& finish() {
    CHECK(contents_.finish().has_value());
    return contents_;
  }

  static std::vector<uint8_t> name_bytes(const std::string& text) {
    const wire::Name name = sample_name(text);
    return {name.view().bytes().begin(), name.view().bytes().end()};
  }
  static std::vector<uint8_t> number(uint32_t value) {
    std::vector<uint8_t> bytes(4);
    store_be32(bytes.data(), value);
    return bytes;
  }

 private:
  static void append(std::vector<uint8_t>& to, const std::vector<uint8_t>& bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
  }
  static std::vector<uint8_t> nsec3_start(uint16_t iterations, const std::vector<uint8_t>& salt) {
    std::vector<uint8_t> rdata{1, 0, static_cast<uint8_t>(iterations >> 8),
                               static_cast<uint8_t>(iterations), static_cast<uint8_t>(salt.size())};
    append(rdata, salt);
    return rdata;
  }

  wire::Name apex_;
  Contents contents_;
};

// One name changed: it has this address and nothing else, or it is removed.
inline Result<Publication> amend_address(Memory& memory, const std::string& apex,
                                         const std::string& owner,
                                         std::optional<uint32_t> address) {
  const wire::Name name = sample_name(owner);
  const std::vector<uint8_t> rdata = SampleZone::number(address.value_or(0));
  StagedNode node;
  node.owner = name;
  if (address) {
    StagedRrset& rrset = node.rrsets.emplace_back();
    rrset.type = wire::type_a;
    rrset.ttl = 300;
    rrset.rdata.emplace_back(rdata);
  } else {
    node.flags = node_removed;
  }
  return memory.amend(sample_name(apex), {&node, 1}, nullptr);
}

// What a question for it would find.
inline std::optional<uint32_t> address_of(const Memory& memory, const std::string& apex,
                                          const std::string& owner) {
  const auto zone = memory.find(sample_name(apex));
  if (!zone) return std::nullopt;
  const wire::Name name = sample_name(owner);
  const wire::SuffixHashes hashes(name, memory.reader().hash_key());
  const auto node = zone->find(name, hashes, hashes.label_count());
  if (!node) return std::nullopt;
  const auto rrset = node->find(wire::type_a);
  if (!rrset || rrset->records.size() != layout::record_header_bytes + 4) return std::nullopt;
  return load_be32(rrset->records.data() + layout::record_header_bytes);
}

// A folder of its own below the system's temporary one, removed at the end.
class SampleFolder {
 public:
  SampleFolder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "holdfast-zone-XXXXXX").string();
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  SampleFolder(const SampleFolder&) = delete;
  SampleFolder& operator=(const SampleFolder&) = delete;
  ~SampleFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string file() const { return path_ + "/zones.mem"; }

 private:
  std::string path_;
};

inline MemoryOptions sample_options(const std::string& path) {
  return {.path = path,
          .bytes_max = uint64_t{4} << 30,
          .hash_key = {0x0123456789abcdefULL, 0xfedcba9876543210ULL}};
}

}  // namespace holdfast::zone
