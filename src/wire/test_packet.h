// SPDX-License-Identifier: GPL-3.0-or-later
// Builds packets for tests, malformed ones included: it writes what it is told, counts apart.
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "wire/name.h"

namespace holdfast::wire {

class TestPacket {
 public:
  TestPacket() = default;
  TestPacket(uint16_t id, uint16_t flags, std::initializer_list<uint16_t> counts) {
    u16(id).u16(flags);
    for (const uint16_t count : counts) u16(count);
  }

  TestPacket& u8(unsigned value) {
    bytes_.push_back(static_cast<uint8_t>(value));
    return *this;
  }
  TestPacket& u16(unsigned value) { return u8(value >> 8).u8(value); }
  TestPacket& u32(uint32_t value) { return u16(value >> 16).u16(value & 0xFFFF); }
  TestPacket& raw(std::initializer_list<unsigned> values) {
    for (const unsigned value : values) u8(value);
    return *this;
  }
  TestPacket& raw(Bytes more) {
    bytes_.insert(bytes_.end(), more.begin(), more.end());
    return *this;
  }
  TestPacket& text(std::string_view characters) {
    for (const char character : characters) u8(static_cast<uint8_t>(character));
    return *this;
  }
  TestPacket& name(std::string_view text) {
    const auto parsed = Name::from_text(text);
    CHECK(parsed.has_value());
    return raw(parsed->view().bytes());
  }
  TestPacket& question(std::string_view qname, unsigned qtype, unsigned qclass = 1) {
    return name(qname).u16(qtype).u16(qclass);
  }
  TestPacket& record(std::string_view owner, unsigned type, uint32_t ttl, const TestPacket& rdata) {
    return name(owner).u16(type).u16(1).u32(ttl).u16(rdata.size()).raw(rdata.bytes());
  }
  TestPacket& opt(const TestPacket& options, unsigned payload_bytes = 1232, uint32_t ttl = 0) {
    return u8(0).u16(41).u16(payload_bytes).u32(ttl).u16(options.size()).raw(options.bytes());
  }
  TestPacket& option(unsigned code, const TestPacket& data) {
    return u16(code).u16(data.size()).raw(data.bytes());
  }

  [[nodiscard]] Bytes bytes() const { return bytes_; }
  [[nodiscard]] unsigned size() const { return static_cast<unsigned>(bytes_.size()); }

 private:
  std::vector<uint8_t> bytes_;
};

}  // namespace holdfast::wire
