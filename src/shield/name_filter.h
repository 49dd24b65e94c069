// SPDX-License-Identifier: GPL-3.0-or-later
// Fills the filter of names that exist in the zones under attack (name_filter_layout.h).
//
//   writer.begin();
//   if (writer.begin_zone(apex, names)) { add_name / add_cover for each } ...
//   writer.show();
//
// What is entered is seen after `show`, all at once. Between two calls of `begin` a second must
// pass, so that no reader is still at the table that is filled anew. Names are whole, in wire form
// and of any case, and lie in the zone that was begun last. Owner: one process, one thread.
#pragma once

#include "base/bytes.h"
#include "base/hash.h"
#include "shield/name_filter_layout.h"
#include "wire/name.h"

namespace holdfast::shield {

class NameFilterWriter {
 public:
  // The key must be random and is set once in the filter's life, before programs read it.
  static void set_key(NameFilter& filter, const HashKey& key);
  explicit NameFilterWriter(NameFilter& filter) : filter_(filter) {}

  void begin();
  // False if there is no place left: then, as in a zone whose names do not all fit, every name is
  // taken to exist. `entries`: how many names and covers will be added, at most.
  bool begin_zone(wire::NameView apex, size_t entries);
  void add_name(wire::NameView name);
  // It and everything below it is taken to exist.
  void add_cover(wire::NameView name);
  // Names of the zone begun last may be denied with its SOA record, as it stands in an answer but
  // for its owner: to who wants proof, only if there is none. One that is too long is left out.
  enum class Proofs : uint8_t { none, needed };
  void deny_with(Bytes soa_record, Proofs proofs);
  void show();
  // From now on, and until the next `show`, every name is taken to exist. Any thread.
  void suspend();

  // What the program would say of a name, of what is shown; for tests and `explain`.
  enum class Verdict : uint8_t { elsewhere, exists, absent };
  [[nodiscard]] static Verdict judge(const NameFilter& filter, wire::NameView name);

 private:
  [[nodiscard]] NameFilterTable& next() { return filter_.tables[(filter_.current & 1) ^ 1]; }
  void enter(uint64_t name, uint64_t hash);

  NameFilter& filter_;
  NameFilterZone* zone_ = nullptr;
  uint32_t lines_used_ = 0;
};

}  // namespace holdfast::shield
