// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/tsig.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "wire/query.h"

namespace holdfast::transfer {

namespace {

constexpr size_t arcount_at = 10;
constexpr size_t mac_bytes_min = 10;  // RFC 8945 §5.2.2.1
constexpr std::array<std::string_view, 3> algorithm_names{"hmac-sha256", "hmac-sha384",
                                                          "hmac-sha512"};

const EVP_MD* digest_of(TsigAlgorithm algorithm) {
  switch (algorithm) {
    case TsigAlgorithm::hmac_sha256:
      return EVP_sha256();
    case TsigAlgorithm::hmac_sha384:
      return EVP_sha384();
    case TsigAlgorithm::hmac_sha512:
      return EVP_sha512();
  }
  return nullptr;
}

wire::Name name_of(TsigAlgorithm algorithm) {
  return *wire::Name::from_text(tsig_algorithm_text(algorithm));
}

void put_u16(std::vector<uint8_t>& to, unsigned value) {
  to.push_back(static_cast<uint8_t>(value >> 8));
  to.push_back(static_cast<uint8_t>(value));
}
void put_u48(std::vector<uint8_t>& to, uint64_t value) {
  for (int shift = 40; shift >= 0; shift -= 8) to.push_back(static_cast<uint8_t>(value >> shift));
}
void put_bytes(std::vector<uint8_t>& to, Bytes bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}
void put_sized(std::vector<uint8_t>& to, Bytes bytes) {
  put_u16(to, static_cast<unsigned>(bytes.size()));
  put_bytes(to, bytes);
}

uint64_t read_u48(ByteReader& reader) {
  const uint64_t high = reader.read_u16();
  return high << 32 | reader.read_u32();
}

// Without its TSIG, as it was before it was signed (RFC 8945 §4.3.1).
void take_off(std::vector<uint8_t>& message, size_t tsig_start, uint16_t original_id) {
  message.resize(tsig_start);
  store_be16(message.data(), original_id);
  const uint16_t additionals = load_be16(message.data() + arcount_at);
  store_be16(message.data() + arcount_at, static_cast<uint16_t>(additionals - 1));
}

// Of a TSIG record, beside its two names, its MAC and the time of the other side.
constexpr size_t fixed_bytes = 26;

bool is_near(uint64_t a, uint64_t b, uint16_t fudge) { return (a > b ? a - b : b - a) <= fudge; }

}  // namespace

struct TsigChain::Record {
  wire::Name key;
  wire::Name algorithm;
  uint64_t time_s = 0;
  uint16_t fudge_s = tsig_fudge_s;
  Bytes mac;
  uint16_t original_id = 0;
  uint16_t error = 0;
  std::vector<uint8_t> other;
};

Result<TsigAlgorithm> tsig_algorithm_from_text(std::string_view text) {
  const auto found = std::ranges::find(algorithm_names, text);
  if (found != algorithm_names.end()) {
    return static_cast<TsigAlgorithm>(found - algorithm_names.begin());
  }
  const std::string offered = "; expected hmac-sha256, hmac-sha384 or hmac-sha512";
  if (text == "hmac-md5" || text == "hmac-sha1" || text == "hmac-sha224") {
    return fail("algorithm " + std::string(text) + " is too weak to be offered" + offered);
  }
  return fail("unknown algorithm \"" + std::string(text) + "\"" + offered);
}

std::string_view tsig_algorithm_text(TsigAlgorithm algorithm) {
  return algorithm_names[static_cast<size_t>(algorithm)];
}

std::string_view tsig_error_text(TsigError error) {
  switch (error) {
    case TsigError::none:
      return "no error";
    case TsigError::bad_sig:
      return "BADSIG";
    case TsigError::bad_key:
      return "BADKEY";
    case TsigError::bad_time:
      return "BADTIME";
    case TsigError::bad_trunc:
      return "BADTRUNC";
  }
  return "an unknown error";
}

void TsigKeys::add(TsigKey key) {
  key.name.fold_case();
  keys_.push_back(std::make_shared<const TsigKey>(std::move(key)));
}

std::shared_ptr<const TsigKey> TsigKeys::find(wire::NameView name) const {
  const auto found =
      std::ranges::find_if(keys_, [&](const auto& key) { return key->name.view() == name; });
  return found == keys_.end() ? nullptr : *found;
}

void TsigChain::sign_request(std::shared_ptr<const TsigKey> key, std::vector<uint8_t>& message,
                             uint64_t now_s) {
  key_ = std::move(key);
  Record record = own_record(now_s);
  record.original_id = load_be16(message.data());
  last_mac_ = mac_of(message, record);
  append(message, record, last_mac_);
}

Result<void> TsigChain::verify_response(std::vector<uint8_t>& message, uint64_t now_s) {
  CHECK(is_signed());
  const auto start = find_tsig(message);
  if (!start) {
    if (is_first_) return fail("the answer is not signed");
    if (++unsigned_count_ > tsig_unsigned_in_a_row_max) {
      return fail("100 messages in a row are not signed");
    }
    put_bytes(unsigned_, message);
    return {};
  }
  const auto record = read_record(message, *start);
  if (!record) return fail("the TSIG of the answer is malformed");
  const auto error = static_cast<TsigError>(record->error);
  if (error != TsigError::none && record->mac.empty()) {
    return fail("the server refuses the signature: " + std::string(tsig_error_text(error)));
  }
  if (!(record->key.view() == key_->name.view()))
    return fail("the answer is signed with another key");
  const std::vector<uint8_t> mac(record->mac.begin(), record->mac.end());
  take_off(message, *start, record->original_id);
  const std::vector<uint8_t> expected = mac_of(message, *record);
  if (mac.size() != expected.size() ||
      CRYPTO_memcmp(mac.data(), expected.data(), mac.size()) != 0) {
    return fail("the signature of the answer is wrong");
  }
  if (error != TsigError::none) {
    return fail("the server refuses the request: " + std::string(tsig_error_text(error)));
  }
  if (!is_near(now_s, record->time_s, record->fudge_s)) {
    return fail("the answer was signed at another time than now: compare the clocks");
  }
  last_mac_ = mac;
  unsigned_.clear();
  unsigned_count_ = 0;
  is_first_ = false;
  return {};
}

TsigChain::Request TsigChain::verify_request(const TsigKeys& keys, std::vector<uint8_t>& message,
                                             size_t tsig_start, uint64_t now_s) {
  const auto record = read_record(message, tsig_start);
  if (!record) return Request::malformed;
  answers_with_tsig_ = true;
  rejected_key_ = record->key;
  rejected_algorithm_ = record->algorithm;
  request_time_s_ = record->time_s;
  const auto reject = [&](TsigError error) {
    error_ = error;
    take_off(message, tsig_start, record->original_id);
    return Request::rejected;
  };
  auto key = keys.find(record->key);
  // RFC 8945 §5.2.1: another algorithm is another key.
  if (!key || !(name_of(key->algorithm).view() == record->algorithm.view())) {
    return reject(TsigError::bad_key);
  }
  const auto hash_bytes = static_cast<size_t>(EVP_MD_get_size(digest_of(key->algorithm)));
  const std::vector<uint8_t> mac(record->mac.begin(), record->mac.end());
  if (mac.size() > hash_bytes || mac.size() < std::max(mac_bytes_min, hash_bytes / 2)) {
    return Request::malformed;  // RFC 8945 §5.2.2.1
  }
  key_ = std::move(key);
  take_off(message, tsig_start, record->original_id);
  const std::vector<uint8_t> expected = mac_of(message, *record);
  if (CRYPTO_memcmp(mac.data(), expected.data(), mac.size()) != 0) {
    key_.reset();
    error_ = TsigError::bad_sig;
    return Request::rejected;
  }
  last_mac_ = mac;
  if (!is_near(now_s, record->time_s, record->fudge_s)) {
    error_ = TsigError::bad_time;
    return Request::rejected;
  }
  if (mac.size() < hash_bytes) {
    error_ = TsigError::bad_trunc;
    return Request::rejected;
  }
  return Request::accepted;
}

void TsigChain::sign_response(std::vector<uint8_t>& message, uint64_t now_s) {
  if (!answers_with_tsig_) return;
  if (!is_signed()) {
    // RFC 8945 §5.2.1, §5.2.2: nothing that could be signed with.
    Record record;
    record.key = rejected_key_;
    record.algorithm = rejected_algorithm_;
    record.time_s = now_s;
    record.original_id = load_be16(message.data());
    record.error = static_cast<uint16_t>(error_);
    append(message, record, {});
    return;
  }
  Record record = own_record(now_s);
  record.original_id = load_be16(message.data());
  record.error = static_cast<uint16_t>(error_);
  if (error_ == TsigError::bad_time) {  // RFC 8945 §5.2.3
    record.time_s = request_time_s_;
    put_u48(record.other, now_s);
  }
  last_mac_ = mac_of(message, record);
  append(message, record, last_mac_);
  is_first_ = false;
}

size_t TsigChain::response_bytes() const {
  if (!answers_with_tsig_) return 0;
  if (!is_signed()) {
    return rejected_key_.view().size() + rejected_algorithm_.view().size() + fixed_bytes;
  }
  constexpr size_t time_bytes = 6;
  return request_bytes(*key_) + (error_ == TsigError::bad_time ? time_bytes : 0);
}

size_t TsigChain::request_bytes(const TsigKey& key) {
  return key.name.view().size() + name_of(key.algorithm).view().size() + fixed_bytes +
         static_cast<size_t>(EVP_MD_get_size(digest_of(key.algorithm)));
}

TsigChain::Record TsigChain::own_record(uint64_t now_s) const {
  Record record;
  record.key = key_->name;
  record.algorithm = name_of(key_->algorithm);
  record.time_s = now_s;
  return record;
}

std::optional<TsigChain::Record> TsigChain::read_record(Bytes message, size_t start) {
  Record record;
  size_t position = start;
  if (wire::read_name(message, position, record.key) != wire::NameError::none) return std::nullopt;
  ByteReader head(message.subspan(position));
  if (head.read_u16() != wire::type_tsig || head.read_u16() != wire::class_any ||
      head.read_u32() != 0) {
    return std::nullopt;
  }
  const Bytes rdata = head.read_bytes(head.read_u16());
  const size_t algorithm_bytes = wire::uncompressed_name_size(rdata);
  if (head.failed() || head.remaining() != 0 || algorithm_bytes == 0) return std::nullopt;
  record.algorithm.assign(wire::NameView(rdata.first(algorithm_bytes)));
  ByteReader reader(rdata.subspan(algorithm_bytes));
  record.time_s = read_u48(reader);
  record.fudge_s = reader.read_u16();
  record.mac = reader.read_bytes(reader.read_u16());
  record.original_id = reader.read_u16();
  record.error = reader.read_u16();
  const Bytes other = reader.read_bytes(reader.read_u16());
  record.other.assign(other.begin(), other.end());
  if (reader.failed() || reader.remaining() != 0) return std::nullopt;
  record.key.fold_case();
  record.algorithm.fold_case();
  return record;
}

// Over the MAC before it, the messages since, this one, and what RFC 8945 §4.3.3 lists.
std::vector<uint8_t> TsigChain::mac_of(Bytes message, const Record& record) const {
  std::vector<uint8_t> input;
  input.reserve(last_mac_.size() + unsigned_.size() + message.size() + tsig_bytes_max);
  if (!last_mac_.empty()) put_sized(input, last_mac_);
  put_bytes(input, unsigned_);
  put_bytes(input, message);
  if (is_first_) {
    put_bytes(input, record.key.view().bytes());
    put_u16(input, wire::class_any);
    put_u16(input, 0);  // TTL
    put_u16(input, 0);
    put_bytes(input, record.algorithm.view().bytes());
  }
  put_u48(input, record.time_s);
  put_u16(input, record.fudge_s);
  if (is_first_) {
    put_u16(input, record.error);
    put_sized(input, record.other);
  }
  std::vector<uint8_t> mac(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  CHECK(HMAC(digest_of(key_->algorithm), key_->secret.data(), static_cast<int>(key_->secret.size()),
             input.data(), input.size(), mac.data(), &size) != nullptr);
  mac.resize(size);
  return mac;
}

void TsigChain::append(std::vector<uint8_t>& message, const Record& record, Bytes mac) const {
  put_bytes(message, record.key.view().bytes());
  put_u16(message, wire::type_tsig);
  put_u16(message, wire::class_any);
  put_u16(message, 0);
  put_u16(message, 0);
  std::vector<uint8_t> rdata;
  put_bytes(rdata, record.algorithm.view().bytes());
  put_u48(rdata, record.time_s);
  put_u16(rdata, record.fudge_s);
  put_sized(rdata, mac);
  put_u16(rdata, record.original_id);
  put_u16(rdata, record.error);
  put_sized(rdata, record.other);
  put_sized(message, rdata);
  const uint16_t additionals = load_be16(message.data() + arcount_at);
  store_be16(message.data() + arcount_at, static_cast<uint16_t>(additionals + 1));
}

namespace {

std::optional<size_t> find_last(Bytes message, uint16_t wanted) {
  if (message.size() < wire::header_bytes) return std::nullopt;
  size_t position = wire::header_bytes;
  wire::Name name;
  const auto count = [&](size_t at) { return load_be16(message.data() + at); };
  for (size_t i = 0; i < count(4); ++i) {
    if (position > message.size()) return std::nullopt;
    if (wire::read_name(message, position, name) != wire::NameError::none) return std::nullopt;
    position += 4;
  }
  const size_t records = size_t{count(6)} + count(8) + count(arcount_at);
  if (count(arcount_at) == 0) return std::nullopt;
  for (size_t i = 0; i < records; ++i) {
    const size_t start = position;
    if (position > message.size() ||
        wire::read_name(message, position, name) != wire::NameError::none) {
      return std::nullopt;
    }
    ByteReader reader(message.subspan(position));
    const uint16_t type = reader.read_u16();
    reader.skip(6);
    reader.skip(reader.read_u16());
    if (reader.failed()) return std::nullopt;
    position += reader.position();
    if (i + 1 == records && type == wanted) return start;
  }
  return std::nullopt;
}

}  // namespace

std::optional<size_t> find_tsig(Bytes message) { return find_last(message, wire::type_tsig); }
std::optional<size_t> find_opt(Bytes message) { return find_last(message, wire::type_opt); }

}  // namespace holdfast::transfer
