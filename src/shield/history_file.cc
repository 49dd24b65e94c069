// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/history_file.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "shield/source_history.h"

namespace holdfast::shield {

namespace {

constexpr std::array<char, 8> magic = {'H', 'F', 'S', 'H', 'L', 'D', '0', '2'};
// Of the form before, where rates had the bit that is now SHIELD_HOP_SEEN_SHIFT, always 0 there.
// Who knows this one alone would take it for a rate.
constexpr std::array<char, 8> magic_before = {'H', 'F', 'S', 'H', 'L', 'D', '0', '1'};
constexpr HashKey checksum_key = {0x686f6c6466617374, 0x736869656c643031};

struct Header {
  std::array<char, 8> magic;
  uint64_t wall_s;
  uint64_t slot_s;
  std::array<uint64_t, 4> key;
  uint64_t checksum;  // of the lines and the fields before
};
static_assert(sizeof(Header) == 64);

constexpr size_t lines_bytes = sizeof(ShieldMemory::history);
constexpr size_t file_bytes = sizeof(Header) + lines_bytes;

uint64_t checksum_of(const Header& header, Bytes lines) {
  const Bytes fields(reinterpret_cast<const uint8_t*>(&header), offsetof(Header, checksum));
  return hash_mix(hash_bytes(fields, checksum_key) | 1, hash_bytes(lines, checksum_key) | 1);
}

}  // namespace

std::string history_path(const std::string& state_directory) {
  return state_directory + "/shield.history";
}

uint32_t slot_at(uint64_t wall_s, uint32_t slot_s) {
  return static_cast<uint32_t>(wall_s / (slot_s == 0 ? 1 : slot_s));
}

Result<void> write_history(const std::string& path, const ShieldMemory& memory, uint64_t wall_s,
                           uint32_t slot_s) {
  std::vector<uint8_t> content(file_bytes);
  size_t at = sizeof(Header);
  for (const ShieldHistoryLine& line : memory.history) {
    for (const __u64& entry : line.entries) {
      // Operators' words have their own end, which is not kept.
      constexpr __u64 words = (SHIELD_FLAG_ALLOWED | SHIELD_FLAG_DENIED);
      const __u64 kept = SourceHistory::renumbered(
          SHIELD_LOAD(&entry) & ~(words << SHIELD_FLAGS_SHIFT), 0 - memory.common.slot_offset);
      std::memcpy(content.data() + at, &kept, sizeof kept);
      at += sizeof kept;
    }
  }
  Header header{.magic = magic, .wall_s = wall_s, .slot_s = slot_s, .key = {}, .checksum = 0};
  std::ranges::copy(memory.common.key, header.key.begin());
  header.checksum = checksum_of(header, Bytes(content).subspan(sizeof header));
  std::memcpy(content.data(), &header, sizeof header);
  return replace_file(path, content, 0600);
}

Result<void> read_history(const std::string& path, ShieldMemory& memory, uint64_t wall_s,
                          uint32_t slot_s) {
  const std::string content = TRY(read_file(path, file_bytes));
  const Bytes bytes(reinterpret_cast<const uint8_t*>(content.data()), content.size());
  Header header;
  if (bytes.size() != file_bytes) return fail(path + ": not a history of sources");
  std::memcpy(&header, bytes.data(), sizeof header);
  if ((header.magic != magic && header.magic != magic_before) ||
      header.checksum != checksum_of(header, bytes.subspan(sizeof header))) {
    return fail(path + ": not a history of sources, or damaged");
  }
  const uint32_t slot = slot_at(wall_s, slot_s);
  const uint32_t saved_slot = slot_at(header.wall_s, slot_s);
  const uint32_t slots_away = slot - saved_slot;
  std::ranges::copy(header.key, memory.common.key);
  // Ages are kept modulo 256: what would come round is not taken over.
  if (slots_away > SourceHistory::slots_kept_max) return {};
  std::memcpy(memory.history, bytes.data() + sizeof header, lines_bytes);
  SourceHistory history(
      std::span<ShieldHistoryLine, SHIELD_HISTORY_LINES>(memory.history, SHIELD_HISTORY_LINES));
  // An age is a number of slots, whatever their length has become.
  const uint32_t by = saved_slot - slot_at(header.wall_s, static_cast<uint32_t>(header.slot_s));
  // Nothing was said of distances in the form before: as if each had been the usual one.
  const __u64 seen = header.magic == magic_before ? __u64{1} << SHIELD_HOP_SEEN_SHIFT : 0;
  for (ShieldHistoryLine& line : memory.history) {
    for (__u64& entry : line.entries) {
      if (entry != 0) entry = SourceHistory::renumbered(entry, by) | seen;
    }
  }
  history.expire(saved_slot, SourceHistory::slots_kept_max - slots_away);
  return {};
}

}  // namespace holdfast::shield
