// SPDX-License-Identifier: GPL-3.0-or-later
// TSIG (RFC 8945): messages signed with a secret that both sides know, single or as a stream.
//
// Algorithms: hmac-sha256, hmac-sha384 and hmac-sha512. MD5 and SHA-1 are refused by name, and MACs
// shorter than their hash by BADTRUNC: both sides have had better for over a decade. Secrets stay
// in memory until their keys go. Plain values; thread: the owner's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "wire/name.h"

namespace holdfast::transfer {

enum class TsigAlgorithm : uint8_t { hmac_sha256, hmac_sha384, hmac_sha512 };

// As BIND, Knot and NSD write it. The error says which there are.
[[nodiscard]] Result<TsigAlgorithm> tsig_algorithm_from_text(std::string_view text);
[[nodiscard]] std::string_view tsig_algorithm_text(TsigAlgorithm algorithm);

struct TsigKey {
  wire::Name name;  // lower case
  TsigAlgorithm algorithm = TsigAlgorithm::hmac_sha256;
  std::vector<uint8_t> secret;
};

class TsigKeys {
 public:
  void add(TsigKey key);
  [[nodiscard]] std::shared_ptr<const TsigKey> find(wire::NameView name) const;
  [[nodiscard]] bool empty() const { return keys_.empty(); }

 private:
  std::vector<std::shared_ptr<const TsigKey>> keys_;
};

// RFC 8945 §3: what the error field of a TSIG says.
enum class TsigError : uint16_t {
  none = 0,
  bad_sig = 16,
  bad_key = 17,
  bad_time = 18,
  bad_trunc = 22
};
[[nodiscard]] std::string_view tsig_error_text(TsigError error);

// Both sides' clocks may differ by this (RFC 8945 §10).
constexpr uint16_t tsig_fudge_s = 300;
// A TSIG record of ours at most: two names, fixed fields, the largest MAC, a time.
constexpr size_t tsig_bytes_max = 2 * wire::name_bytes_max + 26 + 64 + 6;
// Messages of a stream without a TSIG in between (RFC 8945 §5.3.1).
constexpr size_t tsig_unsigned_in_a_row_max = 99;

// The chain of MACs of one request and all that answers it.
class TsigChain {
 public:
  TsigChain() = default;

  [[nodiscard]] bool is_signed() const { return key_ != nullptr; }
  [[nodiscard]] wire::NameView key_name() const { return key_->name; }

  // --- the side that asks
  // Signs a request that is complete but for its TSIG.
  void sign_request(std::shared_ptr<const TsigKey> key, std::vector<uint8_t>& message,
                    uint64_t now_s);
  // Verifies the next message that answers it, and takes its TSIG off. The error is a sentence.
  [[nodiscard]] Result<void> verify_response(std::vector<uint8_t>& message, uint64_t now_s);
  // Whether the last message was signed, as that of a stream must be.
  [[nodiscard]] bool ends_signed() const { return unsigned_count_ == 0; }

  // --- the side that answers
  enum class Request : uint8_t { accepted, rejected, malformed };
  // Verifies a request whose TSIG record is at `tsig_start`, and takes it off. If it is rejected,
  // the response has RCODE NOTAUTH, and sign_response says why.
  [[nodiscard]] Request verify_request(const TsigKeys& keys, std::vector<uint8_t>& message,
                                       size_t tsig_start, uint64_t now_s);
  [[nodiscard]] TsigError error() const { return error_; }
  // Appends the TSIG to the next message of the response. Nothing if the request had none.
  void sign_response(std::vector<uint8_t>& message, uint64_t now_s);
  // What that will append, and what a request of `key` gets.
  [[nodiscard]] size_t response_bytes() const;
  [[nodiscard]] static size_t request_bytes(const TsigKey& key);

 private:
  struct Record;
  [[nodiscard]] static std::optional<Record> read_record(Bytes message, size_t start);
  [[nodiscard]] std::vector<uint8_t> mac_of(Bytes message, const Record& record) const;
  void append(std::vector<uint8_t>& message, const Record& record, Bytes mac) const;
  [[nodiscard]] Record own_record(uint64_t now_s) const;

  std::shared_ptr<const TsigKey> key_;
  bool answers_with_tsig_ = false;
  bool is_first_ = true;           // of the answers
  std::vector<uint8_t> last_mac_;  // of the request, then of the last signed answer
  std::vector<uint8_t> unsigned_;  // answers since then
  size_t unsigned_count_ = 0;
  TsigError error_ = TsigError::none;
  wire::Name rejected_key_;  // as the request had them, for a rejection without a MAC
  wire::Name rejected_algorithm_;
  uint64_t request_time_s_ = 0;
};

// Where the TSIG record of a message begins, if it ends with one; none too if it is malformed.
[[nodiscard]] std::optional<size_t> find_tsig(Bytes message);
// The same of OPT, before a TSIG is appended.
[[nodiscard]] std::optional<size_t> find_opt(Bytes message);

}  // namespace holdfast::transfer
