// SPDX-License-Identifier: GPL-3.0-or-later
// The keys of [tls] and [[tls_peer]], for the tables in keys.cc and entry_keys.cc.
#pragma once

#include <array>

#include "config/keys.h"

namespace holdfast::config {

// Of a text: &TlsSettings::key.
template <auto member>
Value get_tls(const Draft& draft) {
  return draft.config.tls.*member;
}
template <auto member>
void set_tls(Draft& draft, const Value& value) {
  draft.config.tls.*member = std::get<std::string>(value);
}
template <auto member>
Value get_tls_peer(const Draft& draft) {
  return draft.tls_peer.*member;
}
template <auto member>
void set_tls_peer(Draft& draft, const Value& value) {
  auto& target = draft.tls_peer.*member;
  target = std::get<std::remove_reference_t<decltype(target)>>(value);
}

inline constexpr std::array tls_keys{
    Key{.table = "tls",
        .name = "certificate",
        .kind = Kind::path,
        .meaning = "PEM file of our certificate, followed by those between it and its authority. "
                   "Read at start and at each reload.",
        .get = get_tls<&TlsSettings::certificate>,
        .set = set_tls<&TlsSettings::certificate>},
    Key{.table = "tls",
        .name = "key",
        .kind = Kind::path,
        .meaning = "PEM file of its private key, which `server.user` must be able to read.",
        .get = get_tls<&TlsSettings::key>,
        .set = set_tls<&TlsSettings::key>},
};

inline constexpr std::array tls_peer_keys{
    Key{.table = "tls_peer",
        .name = "name",
        .kind = Kind::domain_name,
        .min = 1,
        .presence = Presence::required,
        .meaning = "What `tls=NAME` in `primaries` and `transfer_to` names.",
        .get = get_tls_peer<&TlsPeerSetting::name>,
        .set = set_tls_peer<&TlsPeerSetting::name>},
    Key{.table = "tls_peer",
        .name = "hostname",
        .kind = Kind::domain_name,
        .meaning = "The name that its certificate must be for, and an authority answer for.",
        .get = get_tls_peer<&TlsPeerSetting::hostname>,
        .set = set_tls_peer<&TlsPeerSetting::hostname>},
    Key{.table = "tls_peer",
        .name = "pins",
        .kind = Kind::pins,
        .max = tls_pins_max,
        .meaning = "Its public keys, one of which it must have: SHA-256 of SubjectPublicKeyInfo in "
                   "base64, as `kdig +tls-pin` takes them. With `hostname` both must hold.",
        .get = get_tls_peer<&TlsPeerSetting::pins>,
        .set = set_tls_peer<&TlsPeerSetting::pins>},
    Key{.table = "tls_peer",
        .name = "ca",
        .kind = Kind::path,
        .meaning = "PEM file of the authorities that may answer for `hostname`; empty: those of "
                   "the system.",
        .get = get_tls_peer<&TlsPeerSetting::ca>,
        .set = set_tls_peer<&TlsPeerSetting::ca>},
    Key{.table = "tls_peer",
        .name = "needs_alpn",
        .kind = Kind::boolean,
        .meaning = "Whether it must choose ALPN `dot` when it is asked for a zone, as RFC 9103 "
                   "demands; `false` for servers that do not know ALPN, as NSD 4.6.",
        .get = get_tls_peer<&TlsPeerSetting::needs_alpn>,
        .set = set_tls_peer<&TlsPeerSetting::needs_alpn>},
};

}  // namespace holdfast::config
