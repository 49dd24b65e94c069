// SPDX-License-Identifier: GPL-3.0-or-later
// libzscanner behind an interface that can be set back and started anywhere in a text.
//
// Its state is 200 kB that costs microseconds to initialise, so a scanner is made once a thread and
// reset for each text. Stops at each record, at $INCLUDE and at each error; after either of the
// last two the caller goes on with `resume`. One thread.
#pragma once

#include <memory>
#include <string_view>

#include "wire/name.h"

struct zs_scanner;

namespace holdfast::zone {

class RecordScanner {
 public:
  // Stands for "no $TTL so far" in the default TTL; above what a TTL may be (RFC 2181 §8).
  static constexpr uint32_t no_ttl = 0xFFFFFFFF;

  RecordScanner();
  RecordScanner(const RecordScanner&) = delete;
  RecordScanner& operator=(const RecordScanner&) = delete;
  ~RecordScanner();

  // As before the first line of a zone: no owner, no $TTL.
  void reset(wire::NameView origin);
  // What the next line takes where it states nothing.
  void set_owner(wire::NameView owner);
  void clear_owner();
  void set_origin(wire::NameView origin);
  void set_default_ttl(uint32_t ttl);
  [[nodiscard]] wire::NameView origin() const;

  // Goes on at the start of `text`, which begins line `line`. `text` stays in place while scanned.
  void resume(std::string_view text, uint64_t line);

  enum class Found : uint8_t {
    record,
    interruption,  // $INCLUDE, or what the library cannot read: `fault()` says what
    end,
  };
  [[nodiscard]] Found next();

  [[nodiscard]] wire::NameView owner() const;
  [[nodiscard]] uint16_t type() const;
  [[nodiscard]] uint32_t ttl() const;
  [[nodiscard]] uint32_t default_ttl() const;
  [[nodiscard]] Bytes rdata() const;

  // The library gives a record at the line end behind its last field, even if the parenthesis
  // closes on a later line.
  [[nodiscard]] bool in_parentheses() const;
  // Of the last line that was read.
  [[nodiscard]] uint64_t line() const;
  // Where the scanner stands: the rest of the line behind a record.
  [[nodiscard]] const char* position() const;
  // "invalid IPv4 address"
  [[nodiscard]] const char* fault() const;

 private:
  std::unique_ptr<zs_scanner> scanner_;
  int start_state_ = 0;
  const char* end_ = nullptr;
};

}  // namespace holdfast::zone
