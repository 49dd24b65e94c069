// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/dnskey.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/check.h"

namespace holdfast::dnssec {

namespace {

constexpr size_t dnskey_head_bytes = 4;
constexpr size_t ds_head_bytes = 4;

// RFC 4034 §5.1.4: of the owner in canonical form, then the RDATA.
std::vector<uint8_t> digest_key(wire::NameView owner, Bytes dnskey_rdata, DsDigest digest) {
  wire::Name folded(owner);
  folded.fold_case();
  const Bytes name = folded.view().bytes();
  std::vector<uint8_t> input(name.begin(), name.end());
  input.insert(input.end(), dnskey_rdata.begin(), dnskey_rdata.end());
  std::array<uint8_t, EVP_MAX_MD_SIZE> output;
  unsigned size = 0;
  const EVP_MD* method = digest == DsDigest::sha256 ? EVP_sha256() : EVP_sha384();
  CHECK(EVP_Digest(input.data(), input.size(), output.data(), &size, method, nullptr) == 1);
  return {output.begin(), output.begin() + size};
}

}  // namespace

std::optional<Dnskey> Dnskey::parse(Bytes rdata) {
  if (rdata.size() <= dnskey_head_bytes) return std::nullopt;
  return Dnskey{.flags = load_be16(rdata.data()),
                .protocol = rdata[2],
                .algorithm = rdata[3],
                .public_key = rdata.subspan(dnskey_head_bytes)};
}

std::vector<uint8_t> make_dnskey_rdata(uint16_t flags, uint8_t algorithm, Bytes public_key) {
  std::vector<uint8_t> rdata(dnskey_head_bytes);
  store_be16(rdata.data(), flags);
  rdata[2] = dnskey_protocol;
  rdata[3] = algorithm;
  rdata.insert(rdata.end(), public_key.begin(), public_key.end());
  return rdata;
}

uint16_t key_tag(Bytes dnskey_rdata) {
  uint32_t sum = 0;
  for (size_t i = 0; i < dnskey_rdata.size(); ++i) {
    sum += i % 2 == 0 ? uint32_t{dnskey_rdata[i]} << 8 : uint32_t{dnskey_rdata[i]};
  }
  sum += sum >> 16;
  return static_cast<uint16_t>(sum);
}

std::optional<Ds> Ds::parse(Bytes rdata) {
  if (rdata.size() <= ds_head_bytes) return std::nullopt;
  return Ds{.key_tag = load_be16(rdata.data()),
            .algorithm = rdata[2],
            .digest_type = rdata[3],
            .digest = rdata.subspan(ds_head_bytes)};
}

std::vector<uint8_t> make_ds_rdata(wire::NameView owner, Bytes dnskey_rdata, DsDigest digest) {
  CHECK(dnskey_rdata.size() > dnskey_head_bytes);
  std::vector<uint8_t> rdata(ds_head_bytes);
  store_be16(rdata.data(), key_tag(dnskey_rdata));
  rdata[2] = dnskey_rdata[3];
  rdata[3] = static_cast<uint8_t>(digest);
  const std::vector<uint8_t> hash = digest_key(owner, dnskey_rdata, digest);
  rdata.insert(rdata.end(), hash.begin(), hash.end());
  return rdata;
}

bool ds_matches(const Ds& ds, wire::NameView owner, Bytes dnskey_rdata) {
  const auto key = Dnskey::parse(dnskey_rdata);
  if (!key || key->algorithm != ds.algorithm || key_tag(dnskey_rdata) != ds.key_tag) return false;
  const auto digest = static_cast<DsDigest>(ds.digest_type);
  if (digest != DsDigest::sha256 && digest != DsDigest::sha384) return false;
  return std::ranges::equal(digest_key(owner, dnskey_rdata, digest), ds.digest);
}

}  // namespace holdfast::dnssec
