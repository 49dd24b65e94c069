// SPDX-License-Identifier: GPL-3.0-or-later
// The keys of [[policy]], for the table in keys.cc.
#pragma once

#include <algorithm>
#include <array>

#include "base/check.h"
#include "config/keys.h"

namespace holdfast::config {

inline constexpr std::array<std::string_view, 6> policy_algorithms{
    "rsasha256", "rsasha512", "ecdsap256sha256", "ecdsap384sha384", "ed25519", "ed448"};
inline constexpr std::array<std::string_view, 2> policy_key_schemes{"csk", "ksk+zsk"};
inline constexpr std::array<std::string_view, 3> policy_denials{"nsec", "nsec3", "nsec3-opt-out"};

inline constexpr uint32_t policy_s_max = 10 * 365 * 86400;  // longer than any key should live

template <auto member>
Value get_policy(const Draft& draft) {
  return draft.policy.*member;
}
template <auto member>
void set_policy(Draft& draft, const Value& value) {
  auto& target = draft.policy.*member;
  target = std::get<std::remove_reference_t<decltype(target)>>(value);
}

template <auto member, auto& names>
Value get_policy_choice(const Draft& draft) {
  return std::string(names[static_cast<size_t>(draft.policy.*member)]);
}
template <auto member, auto& names>
void set_policy_choice(Draft& draft, const Value& value) {
  const auto found = std::ranges::find(names, std::get<std::string>(value));
  CHECK(found != names.end());
  auto& target = draft.policy.*member;
  target = static_cast<std::remove_reference_t<decltype(target)>>(found - names.begin());
}

template <auto member>
Value get_servers(const Draft& draft) {
  std::vector<std::string> texts;
  for (const Endpoint& server : draft.policy.*member) texts.push_back(server.to_text());
  return texts;
}
template <auto member>
void set_servers(Draft& draft, const Value& value) {
  auto& servers = draft.policy.*member;
  servers.clear();
  for (const std::string& text : std::get<std::vector<std::string>>(value)) {
    servers.push_back(*parse_endpoint(text, 53));
  }
}

inline Value get_signers(const Draft& draft) {
  std::vector<std::string> texts;
  for (const SignerSetting& signer : draft.policy.signers) texts.push_back(signer.to_text());
  return texts;
}
inline void set_signers(Draft& draft, const Value& value) {
  draft.policy.signers.clear();
  for (const std::string& text : std::get<std::vector<std::string>>(value)) {
    draft.policy.signers.push_back(*parse_signer(text));
  }
}

template <auto member>
constexpr Key policy(Key key) {
  key.table = "policy";
  key.get = get_policy<member>;
  key.set = set_policy<member>;
  return key;
}
template <auto member>
constexpr Key policy_s(Key key) {
  key.kind = Kind::integer;
  key.max = policy_s_max;
  return policy<member>(key);
}
template <auto member, auto& names>
constexpr Key policy_choice(Key key) {
  key.table = "policy";
  key.kind = Kind::choice;
  key.choices = names;
  key.get = get_policy_choice<member, names>;
  key.set = set_policy_choice<member, names>;
  return key;
}
inline constexpr std::array policy_keys{
    policy<&PolicySetting::name>({.name = "name",
                                  .max = policy_name_bytes_max,
                                  .presence = Presence::required,
                                  .meaning = "What `zone.policy` and `zones.policy` name."}),
    policy_choice<&PolicySetting::algorithm, policy_algorithms>(
        {.name = "algorithm", .meaning = "Of keys that are made."}),
    policy_choice<&PolicySetting::keys, policy_key_schemes>(
        {.name = "keys",
         .meaning = "`csk`: one key signs all; `ksk+zsk`: one signs the keys, one the rest. Made "
                    "where a zone has none, and kept in `server.state`."}),
    policy<&PolicySetting::rsa_bits>({.name = "rsa_bits",
                                      .kind = Kind::integer,
                                      .min = 1024,
                                      .max = 4096,
                                      .meaning = "Bits of RSA keys that are made."}),
    Key{.table = "policy",
        .name = "token",
        .kind = Kind::token,
        .meaning = "The token in which keys are made and stay, by PKCS#11, as a URI of RFC 7512: "
                   "`pkcs11:token=NAME?module-path=/usr/lib/….so&pin-source=file:/…`. Empty: keys "
                   "are files in `server.state`.",
        .get = get_policy<&PolicySetting::token>,
        .set = set_policy<&PolicySetting::token>},
    policy_choice<&PolicySetting::denial, policy_denials>(
        {.name = "denial",
         .meaning = "How it is proved that a name does not exist. With `nsec` resolvers absorb "
                    "floods of random names (RFC 8198); `nsec3` hides the names; with "
                    "`nsec3-opt-out` delegations that are not signed cost nothing."}),
    policy<&PolicySetting::zonemd>(
        {.name = "zonemd",
         .kind = Kind::boolean,
         .meaning = "Whether a digest over the whole zone is added (RFC 8976). Each change then "
                    "costs a walk over the zone."}),
    policy_s<&PolicySetting::dnskey_ttl_s>(
        {.name = "dnskey_ttl_s", .meaning = "Seconds to live of DNSKEY, CDS and CDNSKEY."}),
    policy_s<&PolicySetting::signature_validity_s>(
        {.name = "signature_validity_s",
         .min = 3600,
         .meaning = "Seconds for which a signature holds at most."}),
    policy_s<&PolicySetting::signature_refresh_s>(
        {.name = "signature_refresh_s",
         .meaning = "A signature that holds for no more seconds than this is made anew: so long "
                    "may the signer be away. It should exceed the SOA's expire."}),
    policy_s<&PolicySetting::signature_jitter_s>(
        {.name = "signature_jitter_s",
         .meaning = "Signatures hold for up to so many seconds less, each for its own time, so "
                    "that not all are made anew at once."}),
    policy_s<&PolicySetting::zsk_lifetime_s>(
        {.name = "zsk_lifetime_s",
         .meaning = "Seconds for which a ZSK signs before another takes over by itself "
                    "(pre-publication); 0: until `holdfast key roll`."}),
    policy_s<&PolicySetting::ksk_lifetime_s>(
        {.name = "ksk_lifetime_s",
         .meaning = "The same of a KSK or CSK: its successor signs beside it, CDS and CDNSKEY ask "
                    "the parent for its DS, and once `parents` have it the old one goes."}),
    policy<&PolicySetting::roll_algorithm>(
        {.name = "roll_algorithm",
         .kind = Kind::boolean,
         .meaning = "Whether keys of another algorithm than `algorithm` are replaced in the same "
                    "way."}),
    Key{.table = "policy",
        .name = "parents",
        .kind = Kind::endpoints,
        .max = parents_max,
        .meaning =
            "Servers that are asked for the zone's DS, each as `address@port`: those of the "
            "parent, or resolvers. All must have it. None: `holdfast key submitted` says that "
            "it is there.",
        .get = get_servers<&PolicySetting::parents>,
        .set = set_servers<&PolicySetting::parents>},
    Key{.table = "policy",
        .name = "secondaries",
        .kind = Kind::endpoints,
        .max = secondaries_max,
        .meaning = "Servers of the zones that are asked what they serve while keys are replaced, "
                   "each as `address@port`: no step is taken before all have come as far as it "
                   "needs, and the old has left caches. None: `propagation_s` is waited for, and "
                   "nobody is asked.",
        .get = get_servers<&PolicySetting::secondaries>,
        .set = set_servers<&PolicySetting::secondaries>},
    policy<&PolicySetting::notify_parent>(
        {.name = "notify_parent",
         .kind = Kind::boolean,
         .meaning = "Whether the parent is told of new CDS and CSYNC by NOTIFY, where its DSYNC "
                    "records, which `parents` are asked for, say so (RFC 9859)."}),
    policy<&PolicySetting::csync>(
        {.name = "csync",
         .kind = Kind::boolean,
         .meaning = "Whether CSYNC asks the parent to take over changes of NS and glue (RFC "
                    "7477)."}),
    Key{.table = "policy",
        .name = "signers",
        .kind = Kind::signers,
        .max = signers_max,
        .meaning = "Other providers that sign the zones with keys of their own (RFC 8901, model "
                   "2). One that is added joins, one that is taken out leaves, in steps that wait "
                   "for what it, the others and `parents` serve. The name servers come into NS "
                   "and go out of it by themselves.",
        .get = get_signers,
        .set = set_signers},
    policy<&PolicySetting::unsign>(
        {.name = "unsign",
         .kind = Kind::boolean,
         .meaning = "Whether the zones go unsigned: CDS and CDNSKEY ask for the removal of the DS "
                    "(RFC 8078), and once none of `parents` has one, and its TTL is over, "
                    "signatures and keys are served no more."}),
    policy<&PolicySetting::offline_ksk>(
        {.name = "offline_ksk",
         .kind = Kind::boolean,
         .meaning = "Whether the KSK is kept elsewhere: DNSKEY, CDS and CDNSKEY are served as "
                    "`holdfast key import-response` has taken them. Only ZSKs are made here."}),
    policy_s<&PolicySetting::ttl_max_s>(
        {.name = "ttl_max_s", .meaning = "The largest TTL in the zones, in seconds."}),
    policy_s<&PolicySetting::ds_ttl_s>(
        {.name = "ds_ttl_s", .meaning = "Seconds to live of the DS at the parent."}),
    policy_s<&PolicySetting::propagation_s>(
        {.name = "propagation_s",
         .meaning = "Seconds after which all secondaries serve a change."}),
};

}  // namespace holdfast::config
