// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/public_key.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>

#include "dnssec/algorithm.h"
#include "dnssec/der_signature.h"
#include "dnssec/dnskey.h"
#include "dnssec/openssl_handles.h"

namespace holdfast::dnssec {

struct PublicKey::State {
  const AlgorithmInfo* algorithm;
  PkeyHandle key;
  PkeyContextHandle verifier;  // none for EdDSA, which begins anew each time
  DigestHandle digest;
  DigestContextHandle context;
};

namespace {

constexpr size_t rsa_exponent_bytes_max = 8;

Result<PkeyHandle> make_key(const char* type, OSSL_PARAM_BLD* builder) {
  const ParamsHandle params(OSSL_PARAM_BLD_to_param(builder));
  const PkeyContextHandle context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return fail_crypto("not a public key");
  }
  return PkeyHandle(key);
}

// RFC 3110 §2.
Result<PkeyHandle> make_rsa(Bytes public_key) {
  ByteReader reader(public_key);
  size_t exponent_bytes = reader.read_u8();
  if (exponent_bytes == 0) exponent_bytes = reader.read_u16();
  const Bytes exponent = reader.read_bytes(exponent_bytes);
  const Bytes modulus = reader.read_bytes(reader.remaining());
  if (reader.failed() || exponent.empty() || modulus.empty()) {
    return fail("an RSA key without modulus or exponent");
  }
  if (exponent.size() > rsa_exponent_bytes_max) return fail("an RSA exponent above 64 bits");
  const NumberHandle n(BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr));
  const NumberHandle e(BN_bin2bn(exponent.data(), static_cast<int>(exponent.size()), nullptr));
  const ParamBuilderHandle builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder) return fail_crypto("out of memory");
  const auto bits = static_cast<unsigned>(BN_num_bits(n.get()));
  if (bits < rsa_bits_min || bits > rsa_bits_max) {
    return fail("an RSA key of " + std::to_string(bits) + " bits; expected " +
                std::to_string(rsa_bits_min) + " to " + std::to_string(rsa_bits_max));
  }
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  return make_key("RSA", builder.get());
}

// RFC 6605 §4: the point without the byte that says it is not compressed.
Result<PkeyHandle> make_ecdsa(const AlgorithmInfo& algorithm, Bytes public_key) {
  std::array<uint8_t, 97> point{0x04};  // of P-384, the larger
  std::ranges::copy(public_key, point.begin() + 1);
  const ParamBuilderHandle builder(OSSL_PARAM_BLD_new());
  if (!builder) return fail_crypto("out of memory");
  const char* group = algorithm.number == ecdsa_p256_sha256 ? "P-256" : "P-384";
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   1 + public_key.size());
  return make_key("EC", builder.get());
}

Result<PkeyHandle> make_eddsa(const AlgorithmInfo& algorithm, Bytes public_key) {
  const int type = algorithm.number == ed25519 ? EVP_PKEY_ED25519 : EVP_PKEY_ED448;
  PkeyHandle key(EVP_PKEY_new_raw_public_key(type, nullptr, public_key.data(), public_key.size()));
  if (!key) return fail_crypto("not a public key");
  return key;
}

Result<PkeyHandle> make_pkey(const AlgorithmInfo& algorithm, Bytes public_key) {
  if (algorithm.is_rsa()) return make_rsa(public_key);
  if (public_key.size() != algorithm.public_key_bytes) {
    return fail("a key of " + std::to_string(public_key.size()) + " bytes; " +
                std::string(algorithm.mnemonic) + " has " +
                std::to_string(algorithm.public_key_bytes));
  }
  return algorithm.is_ecdsa() ? make_ecdsa(algorithm, public_key)
                              : make_eddsa(algorithm, public_key);
}

}  // namespace

PublicKey::PublicKey(std::unique_ptr<State> state) : state_(std::move(state)) {}
PublicKey::PublicKey(PublicKey&&) noexcept = default;
PublicKey& PublicKey::operator=(PublicKey&&) noexcept = default;
PublicKey::~PublicKey() = default;

Result<PublicKey> PublicKey::from_dnskey(Bytes dnskey_rdata) {
  const auto dnskey = Dnskey::parse(dnskey_rdata);
  if (!dnskey) return fail("a DNSKEY without a key");
  const AlgorithmInfo* algorithm = find_algorithm(dnskey->algorithm);
  if (algorithm == nullptr) {
    return fail("algorithm " + std::to_string(dnskey->algorithm) + " is not supported");
  }
  auto state = std::make_unique<State>();
  state->algorithm = algorithm;
  state->key = TRY(make_pkey(*algorithm, dnskey->public_key));
  state->context.reset(EVP_MD_CTX_new());
  if (!state->context) return fail_crypto("out of memory");
  if (algorithm->digest.empty()) return PublicKey(std::move(state));
  state->digest.reset(EVP_MD_fetch(nullptr, std::string(algorithm->digest).c_str(), nullptr));
  state->verifier.reset(EVP_PKEY_CTX_new_from_pkey(nullptr, state->key.get(), nullptr));
  EVP_PKEY_CTX* verifier = state->verifier.get();
  if (!state->digest || verifier == nullptr || EVP_PKEY_verify_init(verifier) != 1 ||
      (algorithm->is_rsa() && EVP_PKEY_CTX_set_rsa_padding(verifier, RSA_PKCS1_PADDING) != 1) ||
      EVP_PKEY_CTX_set_signature_md(verifier, state->digest.get()) != 1) {
    return fail_crypto("the key cannot verify");
  }
  return PublicKey(std::move(state));
}

bool PublicKey::verify(Bytes data, Bytes signature) {
  State& state = *state_;
  const AlgorithmInfo& algorithm = *state.algorithm;
  if (algorithm.signature_bytes != 0 && signature.size() != algorithm.signature_bytes) return false;
  int verdict = 0;
  if (!state.verifier) {
    verdict =
        EVP_DigestVerifyInit(state.context.get(), nullptr, nullptr, nullptr, state.key.get()) == 1
            ? EVP_DigestVerify(state.context.get(), signature.data(), signature.size(), data.data(),
                               data.size())
            : 0;
  } else {
    std::array<uint8_t, EVP_MAX_MD_SIZE> hash;
    unsigned hash_size = 0;
    if (EVP_DigestInit_ex(state.context.get(), state.digest.get(), nullptr) != 1 ||
        EVP_DigestUpdate(state.context.get(), data.data(), data.size()) != 1 ||
        EVP_DigestFinal_ex(state.context.get(), hash.data(), &hash_size) != 1) {
      return false;
    }
    std::array<uint8_t, der_signature_bytes_max> der;
    if (algorithm.is_ecdsa()) signature = Bytes(der).first(signature_to_der(signature, der));
    verdict = EVP_PKEY_verify(state.verifier.get(), signature.data(), signature.size(), hash.data(),
                              hash_size);
  }
  if (verdict != 1) ERR_clear_error();
  return verdict == 1;
}

}  // namespace holdfast::dnssec
