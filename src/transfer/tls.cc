// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/check.h"
#include "config/key_secret.h"
#include "wire/name.h"

namespace holdfast::transfer {

namespace {

constexpr std::array<unsigned char, 4> alpn_dot{3, 'd', 'o', 't'};
// Authorities between a certificate and one that is believed.
constexpr int chain_depth_max = 8;

struct ReleaseX509 {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
};
using CertificateHandle = std::unique_ptr<X509, ReleaseX509>;
using StoreContextHandle = std::unique_ptr<X509_STORE_CTX, ReleaseX509>;

std::unexpected<Error> fail_tls(const std::string& what) {
  const unsigned long code = ERR_get_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return fail(what + (reason == nullptr ? std::string() : std::string(": ") + reason));
}

std::string canonical(const std::string& name) {
  wire::Name folded = wire::Name::from_text(name).value();  // parse_config has checked it
  folded.fold_case();
  return folded.view().to_text();
}

// A client that offers protocols, but not ours, is told so (RFC 7301 §3.2).
int select_protocol(SSL*, const unsigned char** out, unsigned char* out_bytes,
                    const unsigned char* offered, unsigned offered_bytes, void*) {
  unsigned char* chosen = nullptr;
  const int result = SSL_select_next_proto(&chosen, out_bytes, alpn_dot.data(), alpn_dot.size(),
                                           offered, offered_bytes);
  *out = chosen;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Whose certificate it is, and whether that counts, is judged where it is needed.
int take_any_certificate(int, X509_STORE_CTX*) { return 1; }

void restrict(SSL_CTX* context) {
  CHECK(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  CHECK(SSL_CTX_set_num_tickets(context, 0) == 1);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
}

Result<void> use_files(SSL_CTX* context, const config::TlsSettings& settings) {
  if (SSL_CTX_use_certificate_chain_file(context, settings.certificate.c_str()) != 1) {
    return fail_tls("tls.certificate: " + settings.certificate);
  }
  if (SSL_CTX_use_PrivateKey_file(context, settings.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return fail_tls("tls.key: " + settings.key);
  }
  return {};
}

uint64_t end_of(const X509* certificate) {
  int days = 0;
  int seconds = 0;
  const ASN1_TIME* end = X509_get0_notAfter(certificate);
  std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> epoch(ASN1_TIME_set(nullptr, 0),
                                                              ASN1_TIME_free);
  if (!epoch || ASN1_TIME_diff(&days, &seconds, epoch.get(), end) != 1) return 0;
  return days < 0 ? 0
                  : uint64_t{86400} * static_cast<unsigned>(days) + static_cast<unsigned>(seconds);
}

bool has_pin(X509* certificate, const std::vector<std::vector<uint8_t>>& pins) {
  unsigned char* encoded = nullptr;
  const int bytes = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &encoded);
  if (bytes <= 0) return false;
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  const bool hashed = EVP_Digest(encoded, static_cast<size_t>(bytes), digest.data(), nullptr,
                                 EVP_sha256(), nullptr) == 1;
  OPENSSL_free(encoded);
  return hashed && std::ranges::any_of(
                       pins, [&](const auto& pin) { return std::ranges::equal(pin, digest); });
}

Result<void> verify_chain(X509* certificate, STACK_OF(X509) * sent, X509_STORE* authorities,
                          const std::string& hostname, TlsSide side) {
  const StoreContextHandle context(X509_STORE_CTX_new());
  if (!context || X509_STORE_CTX_init(context.get(), authorities, certificate, sent) != 1) {
    return fail_tls("its certificate cannot be verified");
  }
  X509_VERIFY_PARAM* wanted = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_depth(wanted, chain_depth_max);
  const int purpose = side == TlsSide::server ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT;
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (X509_VERIFY_PARAM_set_purpose(wanted, purpose) != 1 ||
      X509_VERIFY_PARAM_set1_host(wanted, hostname.c_str(), hostname.size()) != 1) {
    return fail_tls("its certificate cannot be verified");
  }
  if (X509_verify_cert(context.get()) == 1) return {};
  const int error = X509_STORE_CTX_get_error(context.get());
  ERR_clear_error();
  return fail("its certificate does not prove it to be " + hostname + ": " +
              X509_verify_cert_error_string(error));
}

}  // namespace

void TlsCredentials::Release::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
void TlsCredentials::Release::operator()(x509_store_st* store) const { X509_STORE_free(store); }

Result<std::shared_ptr<const TlsCredentials>> TlsCredentials::load(const config::Config& config) {
  if (config.tls.certificate.empty() != config.tls.key.empty()) {
    return fail("[tls] has one of 'certificate' and 'key'; expected both");
  }
  if (!config.server.listen_tls.empty() && config.tls.certificate.empty()) {
    return fail("server.listen_tls is set without [tls]; expected its 'certificate' and 'key'");
  }
  std::shared_ptr<TlsCredentials> credentials(new TlsCredentials);
  credentials->client_.reset(SSL_CTX_new(TLS_client_method()));
  CHECK(credentials->client_ != nullptr);
  restrict(credentials->client_.get());
  // 0 is success here alone.
  CHECK(SSL_CTX_set_alpn_protos(credentials->client_.get(), alpn_dot.data(), alpn_dot.size()) == 0);
  SSL_CTX_set_verify(credentials->client_.get(), SSL_VERIFY_NONE, nullptr);
  if (!config.tls.certificate.empty()) TRY(credentials->read_own(config.tls));
  for (const config::TlsPeerSetting& peer : config.tls_peers) TRY(credentials->add_peer(peer));
  return std::shared_ptr<const TlsCredentials>(std::move(credentials));
}

Result<void> TlsCredentials::read_own(const config::TlsSettings& settings) {
  server_.reset(SSL_CTX_new(TLS_server_method()));
  CHECK(server_ != nullptr);
  restrict(server_.get());
  SSL_CTX_set_alpn_select_cb(server_.get(), select_protocol, nullptr);
  SSL_CTX_set_verify(server_.get(), SSL_VERIFY_PEER, take_any_certificate);
  TRY(use_files(server_.get(), settings));
  TRY(use_files(client_.get(), settings));
  expires_unix_s_ = end_of(SSL_CTX_get0_certificate(server_.get()));
  return {};
}

Result<void> TlsCredentials::add_peer(const config::TlsPeerSetting& setting) {
  Peer peer;
  peer.hostname = setting.hostname;
  peer.needs_alpn = setting.needs_alpn;
  if (peer.hostname.ends_with('.')) peer.hostname.pop_back();
  for (const std::string& pin : setting.pins) {
    peer.pins.push_back(config::key_secret_from_text(pin).value());
  }
  if (!peer.hostname.empty()) {
    peer.authorities.reset(X509_STORE_new());
    CHECK(peer.authorities != nullptr);
    const bool read = setting.ca.empty()
                          ? X509_STORE_set_default_paths(peer.authorities.get()) == 1
                          : X509_STORE_load_file(peer.authorities.get(), setting.ca.c_str()) == 1;
    if (!read) return fail_tls("tls_peer.ca of " + setting.name + ": " + setting.ca);
  }
  peers_.emplace(canonical(setting.name), std::move(peer));
  return {};
}

std::string TlsCredentials::hostname_of(const std::string& peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? std::string() : found->second.hostname;
}

bool TlsCredentials::needs_alpn(const std::string& peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end() || found->second.needs_alpn;
}

Result<void> TlsCredentials::prove_server(ssl_st* session, const std::string& peer) const {
  if (needs_alpn(peer) && !is_dns_agreed(session)) {
    return fail("the server did not choose ALPN \"dot\"");
  }
  return peer.empty() ? Result<void>() : prove(session, TlsSide::server, peer);
}

Result<void> TlsCredentials::prove(ssl_st* session, TlsSide side, const std::string& peer) const {
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return fail("there is no tls_peer " + peer + " any more");
  const CertificateHandle certificate(SSL_get1_peer_certificate(session));
  if (!certificate) return fail("it has no certificate");
  if (!found->second.pins.empty() && !has_pin(certificate.get(), found->second.pins)) {
    return fail("its public key is none of those that are pinned");
  }
  if (found->second.hostname.empty()) return {};
  return verify_chain(certificate.get(), SSL_get_peer_cert_chain(session),
                      found->second.authorities.get(), found->second.hostname, side);
}

bool is_dns_agreed(const ssl_st* session) {
  const unsigned char* chosen = nullptr;
  unsigned bytes = 0;
  SSL_get0_alpn_selected(session, &chosen, &bytes);
  return std::ranges::equal(std::span(chosen, bytes), std::span(alpn_dot).subspan(1));
}

}  // namespace holdfast::transfer
