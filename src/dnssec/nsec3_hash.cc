// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/nsec3_hash.h"

// OpenSSL 3 marks SHA1_Init and its like as deprecated in favour of EVP, whose digests allocate a
// context at every use or need one kept and copied: the old calls work on a struct of ours. Only
// the public names being hashed go in, so nothing rests on what EVP adds (providers, FIPS).
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "base/check.h"

namespace holdfast::dnssec {

Nsec3Hash nsec3_hash(wire::NameView name, Bytes salt, uint16_t iterations) {
  CHECK(salt.size() <= nsec3_salt_bytes_max);
  std::array<uint8_t, wire::name_bytes_max + nsec3_salt_bytes_max> input;
  for (size_t i = 0; i < name.size(); ++i) input[i] = wire::to_lower(name.data()[i]);
  size_t size = name.size();
  Nsec3Hash hash;
  // IH(salt, x, 0) = H(x || salt); IH(salt, x, k) = H(IH(salt, x, k-1) || salt).
  for (unsigned round = 0; round <= iterations; ++round) {
    if (!salt.empty() && round < 2) std::memcpy(input.data() + size, salt.data(), salt.size());
    SHA_CTX context;
    SHA1_Init(&context);
    SHA1_Update(&context, input.data(), size + salt.size());
    SHA1_Final(hash.data(), &context);
    std::memcpy(input.data(), hash.data(), hash.size());
    size = hash.size();
  }
  return hash;
}

std::array<char, nsec3_label_bytes> nsec3_label(const Nsec3Hash& hash) {
  static constexpr char digits[] = "0123456789abcdefghijklmnopqrstuv";
  std::array<char, nsec3_label_bytes> label;
  uint64_t bits = 0;
  unsigned bit_count = 0;
  size_t written = 0;
  for (const uint8_t byte : hash) {
    bits = (bits << 8) | byte;
    bit_count += 8;
    while (bit_count >= 5) {
      bit_count -= 5;
      label[written++] = digits[(bits >> bit_count) & 31];
    }
  }
  return label;  // 160 bits are 32 digits exactly
}

}  // namespace holdfast::dnssec
