// SPDX-License-Identifier: GPL-3.0-or-later
// Which token, and which key in it, by a URI of RFC 7512:
//   pkcs11:token=NAME;object=LABEL;id=%01?module-path=FILE&pin-source=file:FILE
//
// All of it may be left out but the token's name and the module. A PIN within the URI is refused:
// it would stand in configurations and logs. Attributes that we have no use for are errors, as they
// would be passed over where they were meant to choose.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace holdfast {

struct TokenUri {
  std::string token;        // its label
  std::string object;       // label of a key; empty: any
  std::vector<uint8_t> id;  // of a key; empty: any
  std::string module;       // path of the PKCS#11 library
  std::string pin_file;     // empty: the token needs none

  [[nodiscard]] static Result<TokenUri> from_text(std::string_view text);
  [[nodiscard]] std::string to_text() const;
  // Names a key, not only a token.
  [[nodiscard]] bool names_key() const { return !object.empty() || !id.empty(); }
};

}  // namespace holdfast
