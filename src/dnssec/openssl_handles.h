// SPDX-License-Identifier: GPL-3.0-or-later
// Owners of OpenSSL's objects, and its errors as ours. For the .cc files of this module.
#pragma once

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <memory>
#include <string>

#include "base/error.h"

namespace holdfast::dnssec {

template <auto release>
struct Release {
  template <typename T>
  void operator()(T* object) const {
    release(object);
  }
};

using PkeyHandle = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;
using PkeyContextHandle = std::unique_ptr<EVP_PKEY_CTX, Release<EVP_PKEY_CTX_free>>;
using DigestContextHandle = std::unique_ptr<EVP_MD_CTX, Release<EVP_MD_CTX_free>>;
using DigestHandle = std::unique_ptr<EVP_MD, Release<EVP_MD_free>>;
using NumberHandle = std::unique_ptr<BIGNUM, Release<BN_clear_free>>;
using ParamBuilderHandle = std::unique_ptr<OSSL_PARAM_BLD, Release<OSSL_PARAM_BLD_free>>;
using ParamsHandle = std::unique_ptr<OSSL_PARAM, Release<OSSL_PARAM_free>>;

[[nodiscard]] inline std::unexpected<Error> fail_crypto(const std::string& what) {
  const unsigned long code = ERR_get_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return fail(what + (reason == nullptr ? std::string() : std::string(": ") + reason));
}

}  // namespace holdfast::dnssec
