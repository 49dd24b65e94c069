// SPDX-License-Identifier: GPL-3.0-or-later
// Signing with a private key (dnssec/private_key.h).
#include <openssl/rsa.h>

#include <array>
#include <optional>

#include "base/check.h"
#include "dnssec/der_signature.h"
#include "dnssec/dnskey.h"
#include "dnssec/private_key_state.h"
#include "dnssec/public_key.h"
#include "dnssec/token_key.h"

namespace holdfast::dnssec {

struct Signer::State {
  explicit State(const PrivateKey& of) : key(of) {}

  PrivateKey key;  // kept alive
  std::optional<TokenSigner> token;
  PkeyContextHandle signer;  // none for EdDSA, which begins anew each time, and for a token's keys
  DigestHandle digest;
  DigestContextHandle context;
  size_t signature_bytes = 0;
};

Signer::Signer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Signer::Signer(Signer&&) noexcept = default;
Signer& Signer::operator=(Signer&&) noexcept = default;
Signer::~Signer() = default;

size_t Signer::signature_bytes() const { return state_->signature_bytes; }

Result<Signer> Signer::make(const PrivateKey& key) {
  auto state = std::make_unique<State>(key);
  const AlgorithmInfo& algorithm = key.algorithm();
  if (key.token() != nullptr) return make_in_token(key);
  EVP_PKEY* pkey = key.state_->key.get();
  state->signature_bytes =
      algorithm.is_rsa() ? static_cast<size_t>(EVP_PKEY_get_size(pkey)) : algorithm.signature_bytes;
  state->context.reset(EVP_MD_CTX_new());
  if (!state->context) return fail_crypto("out of memory");
  if (algorithm.digest.empty()) return Signer(std::move(state));
  state->digest.reset(EVP_MD_fetch(nullptr, std::string(algorithm.digest).c_str(), nullptr));
  state->signer.reset(EVP_PKEY_CTX_new_from_pkey(nullptr, pkey, nullptr));
  EVP_PKEY_CTX* signer = state->signer.get();
  if (!state->digest || signer == nullptr || EVP_PKEY_sign_init(signer) != 1 ||
      (algorithm.is_rsa() && EVP_PKEY_CTX_set_rsa_padding(signer, RSA_PKCS1_PADDING) != 1) ||
      EVP_PKEY_CTX_set_signature_md(signer, state->digest.get()) != 1) {
    return fail_crypto("the key cannot sign");
  }
  return Signer(std::move(state));
}

// A key file may name another key of the token than the one that its zone has published.
Result<Signer> Signer::make_in_token(const PrivateKey& key) {
  auto state = std::make_unique<State>(key);
  const AlgorithmInfo& algorithm = key.algorithm();
  state->token.emplace(TRY(TokenSigner::open(*key.token(), algorithm)));
  state->signature_bytes = algorithm.is_rsa() ? (key.bits() + 7) / 8 : algorithm.signature_bytes;
  state->context.reset(EVP_MD_CTX_new());
  if (algorithm.is_ecdsa()) {
    state->digest.reset(EVP_MD_fetch(nullptr, std::string(algorithm.digest).c_str(), nullptr));
  }
  Signer signer(std::move(state));
  if (key.state_->is_proved) return signer;
  constexpr std::array<uint8_t, 8> trial{};
  std::vector<uint8_t> signature(signer.signature_bytes());
  TRY(signer.sign(trial, signature));
  PublicKey published =
      TRY(PublicKey::from_dnskey(make_dnskey_rdata(flags_zsk, algorithm.number, key.public_key())));
  if (!published.verify(trial, signature)) {
    return fail("the key in the token is not the private key of what is published: " +
                key.token()->to_text());
  }
  key.state_->is_proved = true;
  return signer;
}

Result<void> Signer::sign(Bytes data, MutableBytes signature) {
  State& state = *state_;
  CHECK(signature.size() == state.signature_bytes);
  size_t size = signature.size();
  if (state.token && !state.digest) return state.token->sign(data, signature);
  if (!state.signer && !state.token) {
    if (EVP_DigestSignInit(state.context.get(), nullptr, nullptr, nullptr,
                           state.key.state_->key.get()) != 1 ||
        EVP_DigestSign(state.context.get(), signature.data(), &size, data.data(), data.size()) !=
            1 ||
        size != signature.size()) {
      return fail_crypto("signing failed");
    }
    return {};
  }
  std::array<uint8_t, EVP_MAX_MD_SIZE> hash;
  unsigned hash_size = 0;
  if (EVP_DigestInit_ex(state.context.get(), state.digest.get(), nullptr) != 1 ||
      EVP_DigestUpdate(state.context.get(), data.data(), data.size()) != 1 ||
      EVP_DigestFinal_ex(state.context.get(), hash.data(), &hash_size) != 1) {
    return fail_crypto("hashing failed");
  }
  if (state.token) return state.token->sign(Bytes(hash).first(hash_size), signature);
  if (!state.key.algorithm().is_ecdsa()) {
    if (EVP_PKEY_sign(state.signer.get(), signature.data(), &size, hash.data(), hash_size) != 1 ||
        size != signature.size()) {
      return fail_crypto("signing failed");
    }
    return {};
  }
  std::array<uint8_t, der_signature_bytes_max> der;
  size = der.size();
  if (EVP_PKEY_sign(state.signer.get(), der.data(), &size, hash.data(), hash_size) != 1 ||
      !signature_from_der(Bytes(der).first(size), signature)) {
    return fail_crypto("signing failed");
  }
  return {};
}

}  // namespace holdfast::dnssec
