// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/private_key.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "dnssec/openssl_handles.h"
#include "dnssec/private_key_state.h"
#include "dnssec/token_key.h"

namespace holdfast::dnssec {

namespace {

struct RsaField {
  const char* name;   // in BIND's files
  const char* param;  // OpenSSL's
};
constexpr std::array rsa_fields{
    RsaField{"Modulus", OSSL_PKEY_PARAM_RSA_N},
    RsaField{"PublicExponent", OSSL_PKEY_PARAM_RSA_E},
    RsaField{"PrivateExponent", OSSL_PKEY_PARAM_RSA_D},
    RsaField{"Prime1", OSSL_PKEY_PARAM_RSA_FACTOR1},
    RsaField{"Prime2", OSSL_PKEY_PARAM_RSA_FACTOR2},
    RsaField{"Exponent1", OSSL_PKEY_PARAM_RSA_EXPONENT1},
    RsaField{"Exponent2", OSSL_PKEY_PARAM_RSA_EXPONENT2},
    RsaField{"Coefficient", OSSL_PKEY_PARAM_RSA_COEFFICIENT1},
};
constexpr const char* private_field = "PrivateKey";

struct Curve {
  const char* name;
  int number;
  size_t bytes;
};
Curve curve_of(const AlgorithmInfo& algorithm) {
  return algorithm.number == ecdsa_p256_sha256 ? Curve{"P-256", NID_X9_62_prime256v1, 32}
                                               : Curve{"P-384", NID_secp384r1, 48};
}

int eddsa_type(const AlgorithmInfo& algorithm) {
  return algorithm.number == ed25519 ? EVP_PKEY_ED25519 : EVP_PKEY_ED448;
}

std::vector<uint8_t> to_bytes(const BIGNUM* number, size_t size) {
  std::vector<uint8_t> bytes(size);
  CHECK(BN_bn2binpad(number, bytes.data(), static_cast<int>(size)) >= 0);
  return bytes;
}

NumberHandle number_of(const EVP_PKEY* key, const char* param) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, param, &number);
  return NumberHandle(number);
}

// RFC 3110 §2.
Result<std::vector<uint8_t>> rsa_public_key(const EVP_PKEY* key) {
  const NumberHandle modulus = number_of(key, OSSL_PKEY_PARAM_RSA_N);
  const NumberHandle exponent = number_of(key, OSSL_PKEY_PARAM_RSA_E);
  if (!modulus || !exponent) return fail_crypto("no public key in an RSA key");
  const std::vector<uint8_t> e =
      to_bytes(exponent.get(), static_cast<size_t>(BN_num_bytes(exponent.get())));
  const std::vector<uint8_t> n =
      to_bytes(modulus.get(), static_cast<size_t>(BN_num_bytes(modulus.get())));
  if (e.size() > 255) return fail("an RSA exponent of " + std::to_string(e.size()) + " bytes");
  std::vector<uint8_t> bytes{static_cast<uint8_t>(e.size())};
  bytes.insert(bytes.end(), e.begin(), e.end());
  bytes.insert(bytes.end(), n.begin(), n.end());
  return bytes;
}

Result<std::vector<uint8_t>> public_key_of(const AlgorithmInfo& algorithm, const EVP_PKEY* key) {
  if (algorithm.is_rsa()) return rsa_public_key(key);
  std::vector<uint8_t> bytes(algorithm.public_key_bytes + (algorithm.is_ecdsa() ? 1 : 0));
  size_t size = bytes.size();
  if (algorithm.is_ecdsa()) {
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, bytes.data(), bytes.size(),
                                        &size) != 1 ||
        size != bytes.size() || bytes[0] != 0x04) {
      return fail_crypto("no public key in an ECDSA key");
    }
    bytes.erase(bytes.begin());  // says that the point is not compressed
    return bytes;
  }
  if (EVP_PKEY_get_raw_public_key(key, bytes.data(), &size) != 1 || size != bytes.size()) {
    return fail_crypto("no public key in an EdDSA key");
  }
  return bytes;
}

Result<PkeyHandle> make_pair(const char* type, OSSL_PARAM_BLD* builder) {
  const ParamsHandle params(OSSL_PARAM_BLD_to_param(builder));
  const PkeyContextHandle context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, params.get()) != 1) {
    return fail_crypto("not a private key");
  }
  PkeyHandle handle(key);
  const PkeyContextHandle checker(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (!checker || EVP_PKEY_pairwise_check(checker.get()) != 1) {
    return fail_crypto("the private and the public number do not belong together");
  }
  return handle;
}

Result<NumberHandle> find_number(const KeyFields& fields, const char* name) {
  const auto found = std::ranges::find(fields, name, &KeyFields::value_type::first);
  if (found == fields.end()) return fail(std::string("no ") + name);
  NumberHandle number(BN_secure_new());
  if (!number || BN_bin2bn(found->second.data(), static_cast<int>(found->second.size()),
                           number.get()) == nullptr) {
    return fail_crypto("out of memory");
  }
  return number;
}

Result<PkeyHandle> rsa_from_fields(const KeyFields& fields) {
  const ParamBuilderHandle builder(OSSL_PARAM_BLD_new());
  std::vector<NumberHandle> numbers;
  for (const RsaField& field : rsa_fields) {
    numbers.push_back(TRY(find_number(fields, field.name)));
    OSSL_PARAM_BLD_push_BN(builder.get(), field.param, numbers.back().get());
  }
  const auto bits = static_cast<unsigned>(BN_num_bits(numbers.front().get()));
  if (bits < rsa_bits_min || bits > rsa_bits_max) {
    return fail("an RSA key of " + std::to_string(bits) + " bits; expected " +
                std::to_string(rsa_bits_min) + " to " + std::to_string(rsa_bits_max));
  }
  return make_pair("RSA", builder.get());
}

// The file holds the private number alone; the public point is its multiple of the generator.
Result<PkeyHandle> ecdsa_from_fields(const AlgorithmInfo& algorithm, const KeyFields& fields) {
  const Curve curve = curve_of(algorithm);
  const NumberHandle secret = TRY(find_number(fields, private_field));
  const std::unique_ptr<EC_GROUP, Release<EC_GROUP_free>> group(
      EC_GROUP_new_by_curve_name(curve.number));
  CHECK(group != nullptr);
  const std::unique_ptr<EC_POINT, Release<EC_POINT_free>> point(EC_POINT_new(group.get()));
  std::array<uint8_t, 97> octets;
  if (!point ||
      EC_POINT_mul(group.get(), point.get(), secret.get(), nullptr, nullptr, nullptr) != 1) {
    return fail_crypto("not a private key");
  }
  const size_t size = EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED,
                                         octets.data(), octets.size(), nullptr);
  if (size != 1 + algorithm.public_key_bytes) return fail_crypto("not a private key");
  const ParamBuilderHandle builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.name, 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, octets.data(), size);
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, secret.get());
  return make_pair("EC", builder.get());
}

Result<PkeyHandle> eddsa_from_fields(const AlgorithmInfo& algorithm, const KeyFields& fields) {
  const auto found = std::ranges::find(fields, private_field, &KeyFields::value_type::first);
  if (found == fields.end()) return fail(std::string("no ") + private_field);
  PkeyHandle key(EVP_PKEY_new_raw_private_key(eddsa_type(algorithm), nullptr, found->second.data(),
                                              found->second.size()));
  if (!key) return fail_crypto("not a private key");
  return key;
}

// Of the public key; OpenSSL counts those of EdDSA now so, now so.
unsigned bits_of(const AlgorithmInfo& algorithm, Bytes public_key) {
  switch (algorithm.number) {
    case ecdsa_p256_sha256:
      return 256;
    case ecdsa_p384_sha384:
      return 384;
    case ed25519:
      return 256;
    case ed448:
      return 456;
    default:
      break;
  }
  // RFC 3110 §2; an exponent of more than 255 bytes is not taken.
  const size_t head_bytes = public_key.empty() ? 0 : size_t{1} + public_key[0];
  return public_key.size() > head_bytes ? static_cast<unsigned>(public_key.size() - head_bytes) * 8
                                        : 0;
}

std::vector<uint8_t> to_field(const std::string& text) {
  std::vector<uint8_t> bytes(text.begin(), text.end());
  bytes.push_back(0);
  return bytes;
}

Result<PkeyHandle> generate_pkey(const AlgorithmInfo& algorithm, unsigned rsa_bits) {
  EVP_PKEY* key = nullptr;
  if (algorithm.is_rsa()) {
    if (rsa_bits < rsa_bits_min || rsa_bits > rsa_bits_max) {
      return fail("RSA keys have " + std::to_string(rsa_bits_min) + " to " +
                  std::to_string(rsa_bits_max) + " bits, not " + std::to_string(rsa_bits));
    }
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", size_t{rsa_bits});
  } else if (algorithm.is_ecdsa()) {
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve_of(algorithm).name);
  } else {
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, algorithm.number == ed25519 ? "ED25519" : "ED448");
  }
  if (key == nullptr) return fail_crypto("no key could be made");
  return PkeyHandle(key);
}

}  // namespace

Result<PrivateKey> PrivateKey::generate(const AlgorithmInfo& algorithm, unsigned rsa_bits) {
  auto state = std::make_shared<State>();
  state->algorithm = &algorithm;
  state->key = TRY(generate_pkey(algorithm, rsa_bits));
  state->public_key = TRY(public_key_of(algorithm, state->key.get()));
  return PrivateKey(std::move(state));
}

Result<PrivateKey> PrivateKey::from_fields(const AlgorithmInfo& algorithm,
                                           const KeyFields& fields) {
  auto state = std::make_shared<State>();
  state->algorithm = &algorithm;
  if (algorithm.is_rsa()) {
    state->key = TRY(rsa_from_fields(fields));
  } else if (algorithm.is_ecdsa()) {
    state->key = TRY(ecdsa_from_fields(algorithm, fields));
  } else {
    state->key = TRY(eddsa_from_fields(algorithm, fields));
  }
  state->public_key = TRY(public_key_of(algorithm, state->key.get()));
  return PrivateKey(std::move(state));
}

Result<PrivateKey> PrivateKey::generate_in(const TokenUri& token, const AlgorithmInfo& algorithm,
                                           unsigned rsa_bits, const std::string& label) {
  MadeTokenKey made = TRY(make_token_key(token, algorithm, rsa_bits, label));
  return in_token(algorithm, std::move(made.uri), made.public_key);
}

PrivateKey PrivateKey::in_token(const AlgorithmInfo& algorithm, TokenUri key, Bytes public_key) {
  auto state = std::make_shared<State>();
  state->algorithm = &algorithm;
  state->token = std::move(key);
  state->public_key.assign(public_key.begin(), public_key.end());
  return PrivateKey(std::move(state));
}

const TokenUri* PrivateKey::token() const { return state_->token ? &*state_->token : nullptr; }
const AlgorithmInfo& PrivateKey::algorithm() const { return *state_->algorithm; }
const std::vector<uint8_t>& PrivateKey::public_key() const { return state_->public_key; }
unsigned PrivateKey::bits() const { return bits_of(*state_->algorithm, state_->public_key); }

Result<KeyFields> PrivateKey::fields() const {
  const EVP_PKEY* key = state_->key.get();
  const AlgorithmInfo& algorithm = *state_->algorithm;
  KeyFields fields;
  if (state_->token) {
    fields.emplace_back("Engine", to_field("pkcs11"));
    fields.emplace_back("Label", to_field(state_->token->to_text()));
  } else if (algorithm.is_rsa()) {
    for (const RsaField& field : rsa_fields) {
      const NumberHandle number = number_of(key, field.param);
      if (!number) return fail_crypto(std::string("an RSA key without ") + field.name);
      fields.emplace_back(field.name,
                          to_bytes(number.get(), static_cast<size_t>(BN_num_bytes(number.get()))));
    }
  } else if (algorithm.is_ecdsa()) {
    const NumberHandle number = number_of(key, OSSL_PKEY_PARAM_PRIV_KEY);
    if (!number) return fail_crypto("an ECDSA key without a private number");
    fields.emplace_back(private_field, to_bytes(number.get(), curve_of(algorithm).bytes));
  } else {
    std::vector<uint8_t> secret(algorithm.public_key_bytes);
    size_t size = secret.size();
    if (EVP_PKEY_get_raw_private_key(key, secret.data(), &size) != 1) {
      return fail_crypto("an EdDSA key without a private number");
    }
    fields.emplace_back(private_field, std::move(secret));
  }
  return fields;
}

}  // namespace holdfast::dnssec
