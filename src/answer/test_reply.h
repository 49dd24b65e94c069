// SPDX-License-Identifier: GPL-3.0-or-later
// A response read back for tests: sections as lines of text, checked for form on the way.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "wire/query.h"
#include "wire/rdata.h"
#include "wire/rdata_text.h"

namespace holdfast::answer {

struct TestReply {
  std::string problem;  // why it cannot be read; empty if it can
  uint16_t id = 0;
  uint16_t flags = 0;
  uint16_t rcode = 0;  // with the upper bits from OPT
  std::string question;
  std::vector<std::string> answer;
  std::vector<std::string> authority;
  std::vector<std::string> additional;  // without OPT and TSIG
  bool has_opt = false;
  uint16_t opt_payload_bytes = 0;
  uint32_t opt_ttl = 0;
  std::vector<std::pair<uint16_t, std::vector<uint8_t>>> options;
  bool has_tsig = false;

  [[nodiscard]] const std::vector<uint8_t>* option(uint16_t code) const {
    const auto found =
        std::ranges::find(options, code, [](const auto& entry) { return entry.first; });
    return found == options.end() ? nullptr : &found->second;
  }
};

class TestReplyReader {
 public:
  explicit TestReplyReader(Bytes message) : message_(message) {}

  TestReply read() {
    if (message_.size() < wire::header_bytes) return fail("no whole header");
    reply_.id = load_be16(message_.data());
    reply_.flags = load_be16(message_.data() + 2);
    reply_.rcode = reply_.flags & 0x0F;
    if (load_be16(message_.data() + 4) == 1 && !read_question()) return reply_;
    for (size_t section = 0; section < 3; ++section) {
      for (unsigned i = load_be16(message_.data() + 6 + 2 * section); i > 0; --i) {
        if (!read_record(section)) return reply_;
      }
    }
    if (at_ != message_.size()) return fail("bytes behind the last record");
    return reply_;
  }

 private:
  TestReply fail(const char* problem) {
    reply_.problem = std::string(problem) + " at byte " + std::to_string(at_);
    return reply_;
  }
  bool problem(const char* text) {
    fail(text);
    return false;
  }

  bool read_question() {
    wire::Name name;
    if (wire::read_name(message_, at_, name) != wire::NameError::none) return problem("bad qname");
    if (message_.size() - at_ < 4) return problem("short question");
    reply_.question = name.view().to_text() + " " + wire::type_to_text(load_be16(&message_[at_]));
    at_ += 4;
    return true;
  }

  bool read_record(size_t section) {
    wire::Name owner;
    if (wire::read_name(message_, at_, owner) != wire::NameError::none) return problem("bad owner");
    if (message_.size() - at_ < 10) return problem("short record");
    const uint16_t type = load_be16(&message_[at_]);
    const uint16_t record_class = load_be16(&message_[at_ + 2]);
    const uint32_t ttl = load_be32(&message_[at_ + 4]);
    const size_t rdata_bytes = load_be16(&message_[at_ + 8]);
    at_ += 10;
    if (message_.size() - at_ < rdata_bytes) return problem("short rdata");
    const size_t end = at_ + rdata_bytes;
    if (type == wire::type_opt) return read_opt(record_class, ttl, end);
    if (type == wire::type_tsig) {
      reply_.has_tsig = true;
      at_ = end;
      return true;
    }
    std::vector<uint8_t> rdata;
    if (!decompress(type, end, rdata)) return false;
    if (!wire::rdata_is_well_formed(type, rdata)) return problem("malformed rdata");
    std::vector<std::string>* lists[] = {&reply_.answer, &reply_.authority, &reply_.additional};
    lists[section]->push_back(wire::record_to_text(owner, type, ttl, rdata));
    return true;
  }

  bool read_opt(uint16_t payload_bytes, uint32_t ttl, size_t end) {
    if (reply_.has_opt) return problem("a second OPT");
    reply_.has_opt = true;
    reply_.opt_payload_bytes = payload_bytes;
    reply_.opt_ttl = ttl;
    reply_.rcode = static_cast<uint16_t>(reply_.rcode | (ttl >> 24 << 4));
    ByteReader reader(message_.subspan(at_, end - at_));
    while (reader.remaining() > 0) {
      const uint16_t code = reader.read_u16();
      const Bytes value = reader.read_bytes(reader.read_u16());
      if (reader.failed()) return problem("bad option");
      reply_.options.emplace_back(code, std::vector<uint8_t>(value.begin(), value.end()));
    }
    at_ = end;
    return true;
  }

  bool decompress(uint16_t type, size_t end, std::vector<uint8_t>& rdata) {
    const auto names = wire::compressible_names(type);
    const auto copy = [&](size_t until) {
      rdata.insert(rdata.end(), message_.begin() + static_cast<ptrdiff_t>(at_),
                   message_.begin() + static_cast<ptrdiff_t>(until));
      at_ = until;
    };
    if (names.count > 0 && end - at_ < names.offset) return problem("short rdata");
    if (names.count > 0) copy(at_ + names.offset);
    for (size_t i = 0; i < names.count; ++i) {
      wire::Name name;
      if (wire::read_name(message_, at_, name) != wire::NameError::none || at_ > end) {
        return problem("bad name in rdata");
      }
      rdata.insert(rdata.end(), name.view().bytes().begin(), name.view().bytes().end());
    }
    copy(end);
    return true;
  }

  Bytes message_;
  size_t at_ = wire::header_bytes;
  TestReply reply_;
};

}  // namespace holdfast::answer
