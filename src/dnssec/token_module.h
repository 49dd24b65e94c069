// SPDX-License-Identifier: GPL-3.0-or-later
// A PKCS#11 library and the sessions that are open in it: for token_key.cc alone.
//
// A library is loaded and set up when it is first asked for, and stays so. After an error that may
// come of a token that was taken away, it is set up anew as soon as no session is open, as many
// libraries look for tokens only then. A PIN that was refused is not sent a second time: tokens
// lock themselves after a few. Thread: any.
#pragma once

#include <p11-kit/pkcs11.h>

#include <memory>
#include <string>

#include "base/error.h"
#include "base/token_uri.h"

namespace holdfast::dnssec {

class TokenModule;

// Logged in, of one thread; it keeps its library set up.
class TokenSession {
 public:
  enum class Access : uint8_t { read, write };
  [[nodiscard]] static Result<TokenSession> open(const TokenUri& uri, Access access);
  TokenSession(TokenSession&& other) noexcept
      : module_(std::move(other.module_)), handle_(other.handle_) {}
  TokenSession(const TokenSession&) = delete;
  TokenSession& operator=(const TokenSession&) = delete;
  TokenSession& operator=(TokenSession&&) = delete;
  ~TokenSession();

  [[nodiscard]] CK_FUNCTION_LIST& calls() const;
  [[nodiscard]] CK_SESSION_HANDLE handle() const { return handle_; }
  // The error of a call that failed: "what: CKR_…".
  [[nodiscard]] std::unexpected<Error> failed(const std::string& what, CK_RV value) const;

 private:
  TokenSession(std::shared_ptr<TokenModule> module, CK_SESSION_HANDLE handle)
      : module_(std::move(module)), handle_(handle) {}

  std::shared_ptr<TokenModule> module_;
  CK_SESSION_HANDLE handle_;
};

}  // namespace holdfast::dnssec
