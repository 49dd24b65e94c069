// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/denial_check.h"

#include <algorithm>
#include <ctime>
#include <optional>

#include "wire/rdata.h"
#include "wire/types.h"

namespace holdfast::zone {

namespace {

using enum Verdicts::Kind;

// RFC 9276 §3.1 wants 0; §3.2 lets validators refuse more. Above this a question that is denied
// costs the server more than the one who asks.
constexpr uint16_t iterations_max = 50;
constexpr size_t hash_bytes_sha1 = 20;
constexpr size_t hash_digits_sha1 = 32;

const StagedRrset* find(const StagedNode& node, uint16_t type) {
  const auto found = std::ranges::find(node.rrsets, type, &StagedRrset::type);
  return found == node.rrsets.end() ? nullptr : &*found;
}

// RFC 5155 §1.3: the first label of an owner, from base32 without padding. None if it is no SHA-1
// hash.
std::optional<std::string> hash_of_owner(wire::NameView owner) {
  const Bytes label = owner.first_label();
  if (label.size() != hash_digits_sha1) return std::nullopt;
  std::string hash;
  uint64_t bits = 0;
  unsigned bit_count = 0;
  for (const uint8_t byte : label) {
    const uint8_t digit = wire::to_lower(byte);
    const bool is_number = digit >= '0' && digit <= '9';
    if (!is_number && (digit < 'a' || digit > 'v')) return std::nullopt;
    bits = bits << 5 | static_cast<uint64_t>(is_number ? digit - '0' : digit - 'a' + 10);
    bit_count += 5;
    if (bit_count < 8) continue;
    bit_count -= 8;
    hash += static_cast<char>(bits >> bit_count & 0xFF);
  }
  return hash;
}

// The next hashed owner of an NSEC3 record.
std::string next_hash(Bytes rdata) {
  const Bytes behind_salt = rdata.subspan(5U + rdata[4]);
  const Bytes hash = behind_salt.subspan(1, behind_salt[0]);
  return {hash.begin(), hash.end()};
}

std::string date_text(uint32_t seconds) {
  const auto time = static_cast<time_t>(seconds);
  tm parts{};
  ::gmtime_r(&time, &parts);
  std::string text(20, '\0');
  text.resize(std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts));
  return text + " UTC";
}

// Whether `a` is later than `b` in the arithmetic of RFC 1982, as RFC 4034 §3.1.5 wants.
bool is_later(uint32_t a, uint32_t b) { return a != b && a - b < 0x80000000U; }

}  // namespace

bool DenialCheck::Parameters::equals(const Parameters& other) const {
  return algorithm == other.algorithm && iterations == other.iterations &&
         std::ranges::equal(salt, other.salt);
}

DenialCheck::Parameters DenialCheck::parameters_of(Bytes rdata) {
  return {rdata[0], load_be16(rdata.data() + 2), rdata.subspan(5, rdata[4])};
}

void DenialCheck::visit(const StagedNode& node) {
  if ((node.flags & node_apex) != 0) visit_apex(node);
  if ((node.flags & node_nsec3) != 0) return continue_nsec3_chain(node);
  if (!signed_ || (node.flags & node_occluded) != 0) return;
  ++names_to_prove_;
  check_signatures(node);
  if (!uses_nsec3_ && (node.flags & node_empty) == 0) continue_nsec_chain(node);
}

void DenialCheck::visit_apex(const StagedNode& node) {
  const StagedRrset* soa = find(node, wire::type_soa);
  signed_ = find(node, wire::type_dnskey) != nullptr && soa != nullptr && !soa->signatures.empty();
  const StagedRrset* parameters = find(node, wire::type_nsec3param);
  if (parameters == nullptr) return;
  uses_nsec3_ = true;
  parameters_ = parameters_of(parameters->rdata.front());
  parameters_place_ = parameters->place;
  check_iterations(node, *parameters, parameters_.iterations);
}

void DenialCheck::check_signatures(const StagedNode& node) {
  for (const StagedRrset& rrset : node.rrsets) {
    const bool delegates = (node.flags & node_cut) != 0 && rrset.type != wire::type_ds &&
                           rrset.type != wire::type_nsec;
    if (rrset.type == wire::type_rrsig) {
      verdicts_.add(warning, rrset.place, node.owner, wire::type_rrsig,
                    "covers a type that is not at this name");
    } else if (rrset.signatures.empty() && !delegates) {
      report(Fault::unsigned_rrset, strict_error, rrset.place, node.owner, rrset.type,
             "no RRSIG in a signed zone");
    }
    check_times(node, rrset);
  }
}

void DenialCheck::check_times(const StagedNode& node, const StagedRrset& rrset) {
  const auto now = static_cast<uint32_t>(now_s_);
  for (const Bytes& signature : rrset.signatures) {
    const uint32_t expiration = load_be32(signature.data() + 8);
    const uint32_t inception = load_be32(signature.data() + 12);
    if (is_later(now, expiration)) {
      report(Fault::expired, strict_error, rrset.place, node.owner, rrset.type,
             "the RRSIG expired on " + date_text(expiration));
    } else if (is_later(inception, now)) {
      report(Fault::future, strict_error, rrset.place, node.owner, rrset.type,
             "the RRSIG is valid only from " + date_text(inception));
    }
  }
}

void DenialCheck::continue_nsec_chain(const StagedNode& node) {
  const StagedRrset* nsec = find(node, wire::type_nsec);
  if (nsec == nullptr) {
    report(Fault::nsec_gap, strict_error, node.place, node.owner, 0,
           "no NSEC record: the chain of the signed zone has a gap");
    return;
  }
  if (!next_owner_.empty() && !(wire::NameView(next_owner_) == node.owner)) {
    report(Fault::nsec_gap, strict_error, last_place_, last_owner_, wire::type_nsec,
           "the next name is " + wire::NameView(next_owner_).to_text() + ", but the zone has " +
               node.owner.to_text() + " before it");
  }
  last_owner_.assign(node.owner);
  last_place_ = nsec->place;
  next_owner_ = nsec->rdata.front().first(wire::uncompressed_name_size(nsec->rdata.front()));
}

void DenialCheck::continue_nsec3_chain(const StagedNode& node) {
  const StagedRrset* nsec3 = find(node, wire::type_nsec3);
  if (nsec3 == nullptr) return;
  const Bytes rdata = nsec3->rdata.front();
  const Parameters parameters = parameters_of(rdata);
  check_iterations(node, *nsec3, parameters.iterations);
  const auto complain = [&](const std::string& message) {
    report(Fault::nsec3, strict_error, nsec3->place, node.owner, wire::type_nsec3, message);
  };
  if (!uses_nsec3_) return complain("without an NSEC3PARAM at the apex it is not used");
  const auto hash = hash_of_owner(node.owner);
  if (!hash || !(node.owner.parent() == apex_)) {
    return complain("the owner is not a hash of 32 digits below the apex");
  }
  if (!parameters.equals(parameters_)) {
    return complain("algorithm, iterations or salt differ from the NSEC3PARAM at the apex");
  }
  if (first_hash_.empty()) first_hash_ = *hash;
  if (!next_hash_.empty() && next_hash_ != *hash) {
    complain("the record before it names another next hash: the chain has a gap");
  }
  next_hash_ = next_hash(rdata);
  ++nsec3_count_;
  if ((rdata[1] & 1) != 0) opt_out_ = true;
  if (next_hash_.size() != hash_bytes_sha1) complain("the next hash does not have 20 bytes");
  if (signed_) check_times(node, *nsec3);
}

void DenialCheck::check_iterations(const StagedNode& node, const StagedRrset& rrset,
                                   uint16_t iterations) {
  if (iterations == 0) return;
  if (iterations > iterations_max) {
    report(Fault::too_many_iterations, error, rrset.place, node.owner, rrset.type,
           std::to_string(iterations) + " iterations; at most " + std::to_string(iterations_max) +
               " are served (RFC 9276 §3.2)");
  } else {
    report(Fault::iterations, warning, rrset.place, node.owner, rrset.type,
           std::to_string(iterations) + " iterations; RFC 9276 §3.1 wants 0");
  }
}

void DenialCheck::conclude() {
  if (!uses_nsec3_) {
    if (signed_ && !next_owner_.empty() && !(wire::NameView(next_owner_) == apex_)) {
      report(Fault::nsec_gap, strict_error, last_place_, last_owner_, wire::type_nsec,
             "is the last of the chain, but the next name is " +
                 wire::NameView(next_owner_).to_text() + " and not the apex");
    }
    return;
  }
  const auto complain = [&](const std::string& message) {
    report(Fault::nsec3, strict_error, parameters_place_, apex_, wire::type_nsec3param, message);
  };
  if (parameters_.algorithm != 1) {
    complain("hash algorithm " + std::to_string(parameters_.algorithm) + "; only 1 is known");
  } else if (nsec3_count_ == 0) {
    complain("no NSEC3 record with these parameters");
  } else if (next_hash_ != first_hash_) {
    complain("the last NSEC3 record does not lead to the first: the chain has a gap");
  } else if (signed_ && !opt_out_ && nsec3_count_ != names_to_prove_) {
    complain(std::to_string(nsec3_count_) + " NSEC3 records for " +
             std::to_string(names_to_prove_) + " names");
  }
}

void DenialCheck::report(Fault fault, Verdicts::Kind kind, Place place, wire::NameView owner,
                         uint16_t type, const std::string& message) {
  const uint32_t bit = 1U << static_cast<unsigned>(fault);
  if ((reported_ & bit) != 0) return;
  reported_ |= bit;
  verdicts_.add(kind, place, owner, type, message);
}

}  // namespace holdfast::zone
