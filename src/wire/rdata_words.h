// SPDX-License-Identifier: GPL-3.0-or-later
// The words of a record's text, one after another, for the fields and types that have a form of
// their own.
//
// What is given is well formed for its type. A function returns false where the form could not be
// read back as the same bytes; the text so far is then of no use. Management only.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace holdfast::wire {

class RdataWords {
 public:
  // Where the next word is to be appended.
  std::string& begin_word() {
    if (!text_.empty()) text_ += ' ';
    return text_;
  }
  [[nodiscard]] std::string text() && { return std::move(text_); }

  // Fields.
  bool add(std::string_view word);
  bool add_number(uint64_t number);
  bool add_name(Bytes name);        // one well-formed name
  bool add_time(uint32_t unix_s);   // RFC 4034 §3.2: YYYYMMDDHHmmSS
  bool add_address(Bytes address);  // 4 or 16 bytes
  bool add_groups(Bytes bytes, size_t group_bytes, char separator);  // small hex digits
  bool add_bitmap(Bytes bitmap);
  bool add_parameters(Bytes parameters);  // RFC 9460 §2.1
  bool add_location(Bytes location);      // RFC 1876 §3
  bool add_prefixes(Bytes prefixes);      // RFC 3123 §5

  // Types.
  bool add_services(Bytes rdata);       // WKS, RFC 1035 §3.4.2
  bool add_next_domain(Bytes rdata);    // NXT, RFC 2535 §5.2
  bool add_a6(Bytes rdata);             // RFC 2874 §3.1
  bool add_ipsec_key(Bytes rdata);      // RFC 4025 §3.1
  bool add_host_identity(Bytes rdata);  // HIP, RFC 8005 §6
  bool add_dsync(Bytes rdata);          // RFC 9859 §2.2
  bool add_authorization(Bytes rdata);  // CAA, RFC 8659 §4.1.1
  bool add_object(Bytes rdata);         // DOA
  bool add_relay(Bytes rdata);          // AMTRELAY, RFC 8777 §4.3

 private:
  bool add_gateway(uint8_t kind, Bytes gateway);

  std::string text_;
};

}  // namespace holdfast::wire
