// SPDX-License-Identifier: GPL-3.0-or-later
// For tests: shared memory as the processes have it, with one small zone published.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/shared_memory.h"
#include "exchange/panel.h"
#include "shield/refusal_table.h"
#include "wire/name.h"
#include "zone/loader.h"
#include "zone/memory.h"

namespace holdfast::server {

class TestService {
 public:
  static constexpr uint64_t memory_bytes_max = uint64_t{64} << 20;

  TestService()
      : panel(*SharedObject<exchange::Panel>::create("a test")),
        refusals(*SharedObject<shield::RefusalTable>::create("a test")) {
    std::string pattern = testing::TempDir() + "serverXXXXXX";
    directory_ = mkdtemp(pattern.data());
    refusals->set_key(shield::LikenessKey{1, 2, 3});
  }
  ~TestService() { std::filesystem::remove_all(directory_); }
  TestService(const TestService&) = delete;
  TestService& operator=(const TestService&) = delete;

  [[nodiscard]] std::string memory_path() const { return directory_ + "/zones.mem"; }

  void publish_zone() {
    memory_.emplace(*zone::Memory::open(
        {.path = memory_path(), .bytes_max = memory_bytes_max, .hash_key = {7, 9}}, panel->epochs));
    const std::vector<uint8_t> apex = {7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0};
    auto loaded = zone::load_zone_text(
        "@ 300 SOA ns1 host 1 3600 600 86400 300\n@ NS ns1\nns1 A 192.0.2.1\n"
        "www A 192.0.2.80\nlong TXT " +
            std::string(200, 'x') + "\n",
        "test", wire::NameView(apex), {});
    ASSERT_TRUE(loaded.contents.has_value());
    ASSERT_TRUE(memory_->publish(*loaded.contents, nullptr).has_value());
    exchange::MemoryLocation location;
    ASSERT_TRUE(location.path.assign(memory_path()));
    location.bytes_max = memory_bytes_max;
    panel->memory.publish(location);
  }
  [[nodiscard]] zone::MemoryReader reader() const { return memory_->reader(); }

  SharedObject<exchange::Panel> panel;
  SharedObject<shield::RefusalTable> refusals;

 private:
  std::string directory_;
  std::optional<zone::Memory> memory_;
};

// A question for `label`.example, type A unless told, with an OPT record.
inline std::vector<uint8_t> make_query(const std::string& label, uint16_t type = 1) {
  std::vector<uint8_t> packet = {0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1};
  packet.push_back(static_cast<uint8_t>(label.size()));
  packet.insert(packet.end(), label.begin(), label.end());
  const std::vector<uint8_t> rest = {7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0,
                                     static_cast<uint8_t>(type >> 8), static_cast<uint8_t>(type), 0,
                                     1,
                                     // OPT, 1232 bytes, DO
                                     0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0};
  packet.insert(packet.end(), rest.begin(), rest.end());
  return packet;
}

}  // namespace holdfast::server
