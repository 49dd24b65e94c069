// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/token_key.h"

#include <sys/random.h>

#include <array>

#include "base/check.h"
#include "dnssec/token_module.h"

namespace holdfast::dnssec {

namespace {

constexpr size_t id_bytes = 16;
constexpr size_t attribute_bytes_max = 4096;
constexpr uint8_t octet_string = 0x04;  // DER; also an EC point that is not compressed

// Object identifiers in DER: RFC 5480 §2.1.1.1, RFC 8410 §3.
constexpr std::array<uint8_t, 10> p256{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7};
constexpr std::array<uint8_t, 7> p384{6, 5, 0x2b, 0x81, 4, 0, 0x22};
constexpr std::array<uint8_t, 5> edwards25519{6, 3, 0x2b, 0x65, 0x70};
constexpr std::array<uint8_t, 5> edwards448{6, 3, 0x2b, 0x65, 0x71};
constexpr std::array<uint8_t, 3> rsa_exponent{1, 0, 1};

Bytes curve_of(const AlgorithmInfo& algorithm) {
  switch (algorithm.number) {
    case ecdsa_p256_sha256:
      return p256;
    case ecdsa_p384_sha384:
      return p384;
    case ed25519:
      return edwards25519;
    default:
      return edwards448;
  }
}

CK_KEY_TYPE key_type_of(const AlgorithmInfo& algorithm) {
  if (algorithm.is_rsa()) return CKK_RSA;
  return algorithm.is_ecdsa() ? CKK_EC : CKK_EC_EDWARDS;
}

CK_MECHANISM_TYPE making_of(const AlgorithmInfo& algorithm) {
  if (algorithm.is_rsa()) return CKM_RSA_PKCS_KEY_PAIR_GEN;
  return algorithm.is_ecdsa() ? CKM_EC_KEY_PAIR_GEN : CKM_EC_EDWARDS_KEY_PAIR_GEN;
}

CK_MECHANISM_TYPE signing_of(const AlgorithmInfo& algorithm) {
  if (algorithm.is_ecdsa()) return CKM_ECDSA;
  if (!algorithm.is_rsa()) return CKM_EDDSA;
  return algorithm.number == rsa_sha256 ? CKM_SHA256_RSA_PKCS : CKM_SHA512_RSA_PKCS;
}

// Attributes of an object; what they point to outlives it.
class Template {
 public:
  Template& add(CK_ATTRIBUTE_TYPE type, Bytes value) {
    attributes_.push_back({type, const_cast<uint8_t*>(value.data()),  // the call only reads it
                           static_cast<CK_ULONG>(value.size())});
    return *this;
  }
  Template& add(CK_ATTRIBUTE_TYPE type, const std::string& value) {
    return add(type, Bytes(reinterpret_cast<const uint8_t*>(value.data()), value.size()));
  }
  Template& add(CK_ATTRIBUTE_TYPE type, const CK_ULONG& value) {
    return add(type, Bytes(reinterpret_cast<const uint8_t*>(&value), sizeof value));
  }
  Template& add(CK_ATTRIBUTE_TYPE type, const CK_BBOOL& value) {
    return add(type, Bytes(&value, sizeof value));
  }
  [[nodiscard]] CK_ATTRIBUTE* data() { return attributes_.data(); }
  [[nodiscard]] CK_ULONG size() const { return static_cast<CK_ULONG>(attributes_.size()); }

 private:
  std::vector<CK_ATTRIBUTE> attributes_;
};

Result<CK_OBJECT_HANDLE> find_object(const TokenSession& session, const TokenUri& key,
                                     CK_OBJECT_CLASS object_class, CK_KEY_TYPE type) {
  if (!key.names_key()) return fail("\"" + key.to_text() + "\" names a token, but no key in it");
  Template wanted;
  wanted.add(CKA_CLASS, object_class).add(CKA_KEY_TYPE, type);
  if (!key.object.empty()) wanted.add(CKA_LABEL, key.object);
  if (!key.id.empty()) wanted.add(CKA_ID, Bytes(key.id));
  CK_FUNCTION_LIST& calls = session.calls();
  std::array<CK_OBJECT_HANDLE, 2> found{};
  CK_ULONG count = 0;
  CK_RV value = calls.C_FindObjectsInit(session.handle(), wanted.data(), wanted.size());
  if (value == CKR_OK) {
    value = calls.C_FindObjects(session.handle(), found.data(), found.size(), &count);
    calls.C_FindObjectsFinal(session.handle());
  }
  if (value != CKR_OK) return session.failed("the key cannot be looked for", value);
  if (count == 0) {
    return fail("token \"" + key.token +
                "\" has no such key, or hides it without a PIN: " + key.to_text());
  }
  if (count > 1) return fail("more than one key of the token is meant by " + key.to_text());
  return found[0];
}

Result<std::vector<uint8_t>> attribute_of(const TokenSession& session, CK_OBJECT_HANDLE object,
                                          CK_ATTRIBUTE_TYPE type) {
  std::vector<uint8_t> bytes(attribute_bytes_max);
  CK_ATTRIBUTE attribute{type, bytes.data(), static_cast<CK_ULONG>(bytes.size())};
  const CK_RV value = session.calls().C_GetAttributeValue(session.handle(), object, &attribute, 1);
  if (value != CKR_OK || attribute.ulValueLen > bytes.size()) {
    return session.failed("the public key cannot be read", value);
  }
  bytes.resize(attribute.ulValueLen);
  return bytes;
}

// RFC 3110 §2.
Result<std::vector<uint8_t>> rsa_public_key(const TokenSession& session, CK_OBJECT_HANDLE object) {
  const auto exponent = TRY(attribute_of(session, object, CKA_PUBLIC_EXPONENT));
  const auto modulus = TRY(attribute_of(session, object, CKA_MODULUS));
  const auto without_zeros = [](const std::vector<uint8_t>& number) {
    Bytes bytes(number);
    while (!bytes.empty() && bytes[0] == 0) bytes = bytes.subspan(1);
    return bytes;
  };
  const Bytes e = without_zeros(exponent);
  const Bytes n = without_zeros(modulus);
  if (e.empty() || e.size() > 255) {
    return fail("an RSA exponent of " + std::to_string(e.size()) + " bytes");
  }
  if (n.size() < rsa_bits_min / 8 || n.size() > rsa_bits_max / 8) {
    return fail("an RSA key of " + std::to_string(n.size() * 8) + " bits; expected " +
                std::to_string(rsa_bits_min) + " to " + std::to_string(rsa_bits_max));
  }
  std::vector<uint8_t> bytes{static_cast<uint8_t>(e.size())};
  bytes.insert(bytes.end(), e.begin(), e.end());
  bytes.insert(bytes.end(), n.begin(), n.end());
  return bytes;
}

// A point in an OCTET STRING (PKCS#11 §2.3.3), or as it is, which some tokens give.
Result<std::vector<uint8_t>> curve_public_key(const TokenSession& session, CK_OBJECT_HANDLE object,
                                              const AlgorithmInfo& algorithm) {
  const auto point = TRY(attribute_of(session, object, CKA_EC_POINT));
  const size_t form_bytes = algorithm.is_ecdsa() ? 1 : 0;  // says that it is not compressed
  const size_t point_bytes = form_bytes + algorithm.public_key_bytes;
  Bytes bytes(point);
  if (bytes.size() == point_bytes + 2 && bytes[0] == octet_string && bytes[1] == point_bytes) {
    bytes = bytes.subspan(2);
  }
  if (bytes.size() != point_bytes || (form_bytes == 1 && bytes[0] != octet_string)) {
    return fail("the token's key is not one of " + std::string(algorithm.mnemonic));
  }
  bytes = bytes.subspan(form_bytes);
  return std::vector<uint8_t>(bytes.begin(), bytes.end());
}

Result<std::vector<uint8_t>> public_key_in(const TokenSession& session, const TokenUri& key,
                                           const AlgorithmInfo& algorithm) {
  const CK_OBJECT_HANDLE object =
      TRY(find_object(session, key, CKO_PUBLIC_KEY, key_type_of(algorithm)));
  return algorithm.is_rsa() ? rsa_public_key(session, object)
                            : curve_public_key(session, object, algorithm);
}

}  // namespace

Result<MadeTokenKey> make_token_key(const TokenUri& token, const AlgorithmInfo& algorithm,
                                    unsigned rsa_bits, const std::string& label) {
  const TokenSession session = TRY(TokenSession::open(token, TokenSession::Access::write));
  MadeTokenKey made{.uri = token, .public_key = {}};
  made.uri.object = label;
  made.uri.id.resize(id_bytes);
  CHECK(::getrandom(made.uri.id.data(), id_bytes, 0) == static_cast<ssize_t>(id_bytes));
  const CK_BBOOL yes = CK_TRUE;
  const CK_BBOOL no = CK_FALSE;
  const CK_ULONG bits = rsa_bits;
  Template of_public;
  of_public.add(CKA_TOKEN, yes).add(CKA_PRIVATE, no).add(CKA_VERIFY, yes);
  of_public.add(CKA_LABEL, label).add(CKA_ID, Bytes(made.uri.id));
  if (algorithm.is_rsa()) {
    of_public.add(CKA_MODULUS_BITS, bits).add(CKA_PUBLIC_EXPONENT, Bytes(rsa_exponent));
  } else {
    of_public.add(CKA_EC_PARAMS, curve_of(algorithm));
  }
  Template of_private;
  of_private.add(CKA_TOKEN, yes).add(CKA_PRIVATE, yes).add(CKA_SENSITIVE, yes);
  of_private.add(CKA_EXTRACTABLE, no).add(CKA_SIGN, yes);
  of_private.add(CKA_LABEL, label).add(CKA_ID, Bytes(made.uri.id));
  CK_MECHANISM mechanism{making_of(algorithm), nullptr, 0};
  CK_OBJECT_HANDLE public_handle = 0;
  CK_OBJECT_HANDLE private_handle = 0;
  const CK_RV value = session.calls().C_GenerateKeyPair(
      session.handle(), &mechanism, of_public.data(), of_public.size(), of_private.data(),
      of_private.size(), &public_handle, &private_handle);
  if (value != CKR_OK) {
    return session.failed("token \"" + token.token + "\": no key could be made", value);
  }
  made.public_key = TRY(public_key_in(session, made.uri, algorithm));
  return made;
}

Result<std::vector<uint8_t>> token_public_key(const TokenUri& key, const AlgorithmInfo& algorithm) {
  const TokenSession session = TRY(TokenSession::open(key, TokenSession::Access::read));
  return public_key_in(session, key, algorithm);
}

Result<void> remove_token_key(const TokenUri& key, const AlgorithmInfo& algorithm) {
  const TokenSession session = TRY(TokenSession::open(key, TokenSession::Access::write));
  for (const CK_OBJECT_CLASS half : {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY}) {
    const CK_OBJECT_HANDLE object = TRY(find_object(session, key, half, key_type_of(algorithm)));
    const CK_RV value = session.calls().C_DestroyObject(session.handle(), object);
    if (value != CKR_OK) return session.failed("the key cannot be removed", value);
  }
  return {};
}

struct TokenSigner::State {
  TokenSession session;
  CK_OBJECT_HANDLE key;
  CK_MECHANISM mechanism;
  std::string token;
};

TokenSigner::TokenSigner(std::unique_ptr<State> state) : state_(std::move(state)) {}
TokenSigner::TokenSigner(TokenSigner&&) noexcept = default;
TokenSigner& TokenSigner::operator=(TokenSigner&&) noexcept = default;
TokenSigner::~TokenSigner() = default;

Result<TokenSigner> TokenSigner::open(const TokenUri& key, const AlgorithmInfo& algorithm) {
  TokenSession session = TRY(TokenSession::open(key, TokenSession::Access::read));
  const CK_OBJECT_HANDLE object =
      TRY(find_object(session, key, CKO_PRIVATE_KEY, key_type_of(algorithm)));
  return TokenSigner(std::make_unique<State>(
      State{std::move(session), object, {signing_of(algorithm), nullptr, 0}, key.token}));
}

Result<void> TokenSigner::sign(Bytes input, MutableBytes signature) {
  State& state = *state_;
  CK_FUNCTION_LIST& calls = state.session.calls();
  auto size = static_cast<CK_ULONG>(signature.size());
  CK_RV value = calls.C_SignInit(state.session.handle(), &state.mechanism, state.key);
  if (value == CKR_OK) {
    value = calls.C_Sign(state.session.handle(), const_cast<uint8_t*>(input.data()),  // only read
                         static_cast<CK_ULONG>(input.size()), signature.data(), &size);
  }
  if (value != CKR_OK) {
    return state.session.failed("token \"" + state.token + "\" cannot sign", value);
  }
  if (size != signature.size()) {
    return fail("token \"" + state.token + "\" gives a signature of " + std::to_string(size) +
                " bytes where " + std::to_string(signature.size()) + " are due");
  }
  return {};
}

}  // namespace holdfast::dnssec
