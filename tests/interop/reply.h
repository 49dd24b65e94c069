// SPDX-License-Identifier: GPL-3.0-or-later
// A response in a form in which two servers' answers can be compared.
//
// Reads messages by itself, with nothing of the server's own reader, so that both cannot be wrong
// alike. Names are lower case and uncompressed, in RDATA too; sections are sorted. Allocates.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"

namespace holdfast::interop {

struct Reply {
  std::string problem;  // "timeout", "closed", "malformed: ..."; empty if the rest is valid
  unsigned rcode = 0;   // with the extended bits
  std::string flags;    // "qr aa tc rd ra ad cd", those that are set
  std::string question;
  std::string edns;                 // "version flags payload", empty without OPT
  size_t size = 0;                  // bytes on the wire; not compared
  std::vector<std::string> answer;  // "owner ttl TYPE rdata", rdata as a name or hexadecimal
  std::vector<std::string> authority;
  std::vector<std::string> additional;  // without OPT

  [[nodiscard]] bool same_as(const Reply& other) const;
  [[nodiscard]] std::string to_json() const;
};

[[nodiscard]] Reply read_reply(Bytes message);

// "name" with escapes \. and \DDD into wire form; empty if it is none.
[[nodiscard]] std::vector<uint8_t> name_from_text(const std::string& text);
[[nodiscard]] std::string json_string(const std::string& text);

}  // namespace holdfast::interop
