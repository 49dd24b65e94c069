// SPDX-License-Identifier: GPL-3.0-or-later
// One response in the making: what the stages of answering share and fill.
//
// Lives on the stack for one question. Once a required RRset did not fit, `truncated` is set and
// nothing more is written.
#pragma once

#include "answer/outcome.h"
#include "wire/response_writer.h"
#include "zone/view.h"

namespace holdfast::answer {

// Whether the client wants DNSSEC records (RFC 3225: the DO bit).
enum class Signatures : uint8_t { left_out, included };

// An unsigned RRset of one record made for the occasion, in the form of zone memory.
[[nodiscard]] zone::RrsetView single_record(uint16_t type, uint32_t ttl, Bytes record);

class Draft {
 public:
  Draft(wire::ResponseWriter& writer, Signatures signatures)
      : writer_(writer), signatures_(signatures) {}  // NOLINT: proofs_ comes later

  [[nodiscard]] Signatures signatures() const { return signatures_; }
  [[nodiscard]] wire::ResponseWriter& writer() { return writer_; }

  // Adds the RRset with its RRSIGs if they are wanted; TC if they do not fit (RFC 2181 §9, RFC 4035
  // §3.1).
  void require(wire::Section section, wire::NameView owner, const zone::RrsetView& rrset,
               uint32_t ttl_max = wire::ttl_unlimited);
  // The same, but what does not fit is left out of the additional section.
  void offer(wire::NameView owner, const zone::RrsetView& rrset);

  // Remembers the NSEC or NSEC3 of `node` for the authority section, once (RFC 4035 §3.1.3).
  void collect_proof(const zone::ZoneView& from, const zone::NodeView& node);
  void write_proofs();

  // Bound: each alias adds at most one proof, the end at most three.
  static constexpr size_t proofs_max = 24;

  uint16_t rcode = wire::rcode_noerror;
  Kind kind = Kind::error;
  bool authoritative = false;
  bool truncated = false;
  std::optional<uint16_t> extended_error;
  // The zone that the question's name was looked up in.
  std::optional<zone::ZoneView> zone;

 private:
  struct Proof {
    wire::NameView apex;
    zone::NodeView node;
  };

  [[nodiscard]] bool add(wire::Section section, wire::NameView owner, const zone::RrsetView& rrset,
                         uint32_t ttl_max);
  void require_proof(const Proof& proof);

  wire::ResponseWriter& writer_;
  Signatures signatures_;
  size_t proof_count_ = 0;
  // Only the first proof_count_ are there: most answers have none.
  union {
    std::array<Proof, proofs_max> proofs_;
  };
};

}  // namespace holdfast::answer
