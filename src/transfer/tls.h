// SPDX-License-Identifier: GPL-3.0-or-later
// TLS between servers (RFC 9103): our certificate, and how others prove who they are.
//
// Made from a configuration, whose files are read once: a reload that cannot read them leaves the
// one before in force. TLS 1.3 alone. ALPN "dot" is chosen where it is offered: transfers are given
// to nobody else (RFC 9103 §7.1), and who offers other protocols alone is refused in the handshake.
// Sessions are not resumed, so that each connection is judged by what is in force. What the other
// side must be is judged after the handshake and before anything else is sent. Immutable; any
// thread.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "config/config.h"

// OpenSSL's SSL_CTX, SSL and X509_STORE.
struct ssl_ctx_st;
struct ssl_st;
struct x509_store_st;

namespace holdfast::transfer {

enum class TlsSide : uint8_t { server, client };

class TlsCredentials {
 public:
  // The error names the setting, the file and what is wrong with it.
  [[nodiscard]] static Result<std::shared_ptr<const TlsCredentials>> load(
      const config::Config& config);

  // For connections to us; null: we have no certificate.
  [[nodiscard]] ssl_ctx_st* server() const { return server_.get(); }
  // For connections to others.
  [[nodiscard]] ssl_ctx_st* client() const { return client_.get(); }
  // The name to ask `peer` for (RFC 6066 §3); empty: none.
  [[nodiscard]] std::string hostname_of(const std::string& peer) const;
  // Whether `peer` must choose ALPN "dot" when it is asked, as whoever is not named must.
  [[nodiscard]] bool needs_alpn(const std::string& peer) const;
  // Whether the other side of `session`, which is its `side`, is `peer`. The error says why not.
  [[nodiscard]] Result<void> prove(ssl_st* session, TlsSide side, const std::string& peer) const;
  // Before anything is sent to a server: ALPN, and who it is if a peer is named (RFC 9103 §9.3).
  [[nodiscard]] Result<void> prove_server(ssl_st* session, const std::string& peer) const;
  // When our certificate ends; 0: there is none.
  [[nodiscard]] uint64_t expires_unix_s() const { return expires_unix_s_; }

 private:
  struct Release {
    void operator()(ssl_ctx_st* context) const;
    void operator()(x509_store_st* store) const;
  };
  struct Peer {
    std::string hostname;  // empty: not asked for
    bool needs_alpn = true;
    std::vector<std::vector<uint8_t>> pins;
    std::unique_ptr<x509_store_st, Release> authorities;
  };

  TlsCredentials() = default;
  [[nodiscard]] Result<void> read_own(const config::TlsSettings& settings);
  [[nodiscard]] Result<void> add_peer(const config::TlsPeerSetting& setting);

  std::unique_ptr<ssl_ctx_st, Release> server_;
  std::unique_ptr<ssl_ctx_st, Release> client_;
  std::unordered_map<std::string, Peer> peers_;  // by canonical name
  uint64_t expires_unix_s_ = 0;
};

// Whether both sides agreed to ALPN "dot", as transfers need.
[[nodiscard]] bool is_dns_agreed(const ssl_st* session);

// The client of a connection within TLS, as access rules ask for it.
struct TlsClient {
  ssl_st* session = nullptr;
  const TlsCredentials* credentials = nullptr;
  [[nodiscard]] bool is(const std::string& peer) const {
    return credentials->prove(session, TlsSide::client, peer).has_value();
  }
};

}  // namespace holdfast::transfer
