// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/record_scanner.h"

extern "C" {
#include <libzscanner/scanner.h>
}

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "wire/types.h"

namespace holdfast::zone {

RecordScanner::RecordScanner() : scanner_(std::make_unique<zs_scanner>()) {
  CHECK(zs_init(scanner_.get(), ".", wire::class_in, no_ttl) == 0);
  start_state_ = scanner_->cs;
}

RecordScanner::~RecordScanner() { zs_deinit(scanner_.get()); }

void RecordScanner::reset(wire::NameView origin) {
  set_origin(origin);
  set_default_ttl(no_ttl);
  clear_owner();
}

void RecordScanner::set_owner(wire::NameView owner) {
  std::ranges::copy(owner.bytes(), scanner_->r_owner);
  scanner_->r_owner_length = static_cast<uint32_t>(owner.size());
}

void RecordScanner::clear_owner() { scanner_->r_owner_length = 0; }

void RecordScanner::set_origin(wire::NameView origin) {
  std::ranges::copy(origin.bytes(), scanner_->zone_origin);
  scanner_->zone_origin_length = static_cast<uint32_t>(origin.size());
}

void RecordScanner::set_default_ttl(uint32_t ttl) { scanner_->default_ttl = ttl; }

wire::NameView RecordScanner::origin() const {
  return wire::NameView(Bytes(scanner_->zone_origin, scanner_->zone_origin_length));
}

void RecordScanner::resume(std::string_view text, uint64_t line) {
  zs_scanner& scanner = *scanner_;
  scanner.cs = start_state_;
  scanner.top = 0;
  scanner.multiline = false;
  scanner.long_string = false;
  scanner.comma_list = false;
  scanner.buffer_length = 0;
  scanner.r_data_tail = 0;
  scanner.error = {};
  scanner.line_counter = line;
  CHECK(zs_set_input_string(&scanner, text.data(), text.size()) == 0);
  end_ = text.data() + text.size();
}

RecordScanner::Found RecordScanner::next() {
  CHECK(zs_parse_record(scanner_.get()) == 0);
  switch (scanner_->state) {
    case ZS_STATE_DATA:
      return Found::record;
    case ZS_STATE_EOF:
      return Found::end;
    default:
      return Found::interruption;
  }
}

wire::NameView RecordScanner::owner() const {
  return wire::NameView(Bytes(scanner_->r_owner, scanner_->r_owner_length));
}
uint16_t RecordScanner::type() const { return scanner_->r_type; }
uint32_t RecordScanner::ttl() const { return scanner_->r_ttl; }
uint32_t RecordScanner::default_ttl() const { return scanner_->default_ttl; }
Bytes RecordScanner::rdata() const { return {scanner_->r_data, scanner_->r_data_length}; }
uint64_t RecordScanner::line() const { return scanner_->line_counter; }
bool RecordScanner::in_parentheses() const { return scanner_->multiline; }
const char* RecordScanner::fault() const { return zs_strerror(scanner_->error.code); }

const char* RecordScanner::position() const {
  // The library closes the input with a line feed of its own.
  return scanner_->input.end == end_ ? scanner_->input.current : end_;
}

}  // namespace holdfast::zone
