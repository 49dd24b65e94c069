// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/key_commands.h"

#include <fmt/format.h>

#include <algorithm>

#include <boost/json.hpp>

#include "base/clock.h"
#include "base/file.h"
#include "dnssec/key_file.h"
#include "dnssec/key_time.h"
#include "dnssec/new_key.h"
#include "dnssec/other_signer.h"
#include "dnssec/parting.h"
#include "dnssec/rollover.h"
#include "dnssec/signed_keys.h"
#include "dnssec/token_key.h"
#include "main/key_place.h"
#include "main/table.h"
#include "wire/rdata_text.h"
#include "wire/types.h"

namespace holdfast {

namespace {

using dnssec::ZoneKey;

std::string role_of(const ZoneKey& key, const std::vector<ZoneKey>& all) {
  if (!key.is_entry_point()) return "zsk";
  for (const ZoneKey& other : all) {
    if (!other.is_entry_point() && other.algorithm().number == key.algorithm().number) return "ksk";
  }
  return "csk";
}

std::string state_of(const ZoneKey& key, uint64_t now_s) {
  if (key.is_active_at(now_s)) return "active";
  if (key.is_published_at(now_s)) return "published";
  return key.times.remove && *key.times.remove <= now_s ? "removed" : "waiting";
}

Result<const dnssec::AlgorithmInfo*> algorithm_of(const SigningOptions& options) {
  const dnssec::AlgorithmInfo* algorithm = dnssec::find_algorithm(options.algorithm);
  if (algorithm != nullptr) return algorithm;
  std::vector<std::string_view> known;
  for (const auto& info : dnssec::all_algorithms()) known.push_back(info.mnemonic);
  return fail(fmt::format("algorithm {} is not supported; expected one of {}", options.algorithm,
                          fmt::join(known, ", ")));
}

// In the token that is named, or that the zone's keys are in; or here.
Result<dnssec::PrivateKey> make_private_key(const KeyPlace& place, const SigningOptions& options,
                                            const dnssec::AlgorithmInfo& algorithm,
                                            const std::vector<ZoneKey>& others) {
  std::optional<TokenUri> token;
  for (const ZoneKey& key : others) {
    if (key.key().token() != nullptr) token = *key.key().token();
  }
  if (!options.token.empty()) token = TRY(TokenUri::from_text(options.token));
  if (!token) return dnssec::PrivateKey::generate(algorithm, options.rsa_bits);
  token->object.clear();
  token->id.clear();
  return dnssec::PrivateKey::generate_in(*token, algorithm, options.rsa_bits,
                                         place.zone.view().to_text());
}

uint16_t flags_of(const SigningOptions& options) {
  return options.role == "zsk" ? dnssec::flags_zsk : dnssec::flags_ksk;
}

Result<void> save_new(const KeyPlace& place, ZoneKey key) {
  key.times.created = SystemClock().wall_s();
  key.times.publish = key.times.created;
  key.times.activate = key.times.created;
  if (key.is_entry_point()) key.times.sync_publish = key.times.created;
  TRY(make_directories(place.folder, key_folder_mode));
  TRY(dnssec::save_key(key, place.folder));
  fmt::print("{}\n", dnssec::key_file_stem(key));
  return {};
}

Result<void> generate(const Invocation& invocation) {
  const KeyPlace place = TRY(key_place_of(invocation));
  const SigningOptions& options = invocation.signing;
  const dnssec::AlgorithmInfo* algorithm = TRY(algorithm_of(options));
  const std::vector<ZoneKey> others = TRY(dnssec::load_keys(place.folder, place.zone));
  dnssec::TakenTags taken(others);
  taken.add(TRY(dnssec::tags_of_others(place.folder, place.zone)));
  const auto make = [&] { return make_private_key(place, options, *algorithm, others); };
  return save_new(place, TRY(dnssec::make_new_key(place.zone, flags_of(options), taken, make)));
}

Result<void> list(const Invocation& invocation) {
  const KeyPlace place = TRY(key_place_of(invocation));
  const std::vector<ZoneKey> keys = TRY(dnssec::load_keys(place.folder, place.zone));
  const uint64_t now_s = SystemClock().wall_s();
  Table table({"KEY", "ROLE", "ALGORITHM", "BITS", "STATE", "IN"});
  boost::json::array array;
  for (const ZoneKey& key : keys) {
    const std::string algorithm(key.algorithm().mnemonic);
    const TokenUri* token = key.key().token();
    if (invocation.format == OutputFormat::json) {
      array.push_back({{"tag", key.tag()},
                       {"role", role_of(key, keys)},
                       {"algorithm", algorithm},
                       {"bits", key.key().bits()},
                       {"state", state_of(key, now_s)},
                       {"token", token == nullptr ? std::string() : token->to_text()},
                       {"file", place.folder + "/" + dnssec::key_file_stem(key) + ".key"}});
    } else {
      table.add({std::to_string(key.tag()), role_of(key, keys), algorithm,
                 std::to_string(key.key().bits()), state_of(key, now_s),
                 token == nullptr ? std::string("file") : "token " + token->token});
    }
  }
  if (invocation.format == OutputFormat::json) {
    fmt::print("{}\n", boost::json::serialize(array));
  } else {
    table.flush();
  }
  return {};
}

// Keys that the parent is to have a DS of: ours, one that is kept offline, those of other signers.
Result<std::vector<std::vector<uint8_t>>> entry_points(const KeyPlace& place, uint64_t now_s) {
  std::vector<std::vector<uint8_t>> found;
  for (const ZoneKey& key : TRY(dnssec::load_keys(place.folder, place.zone))) {
    if (key.is_entry_point() && key.is_published_at(now_s)) found.push_back(key.dnskey_rdata());
  }
  const auto periods = TRY(dnssec::load_signed_keys(place.folder, place.zone));
  if (const dnssec::KeyPeriod* period = dnssec::period_at(periods, now_s)) {
    for (const auto& dnskey : period->find(wire::type_dnskey)->rdata) {
      const auto key = dnssec::Dnskey::parse(dnskey);
      if (key && (key->flags & dnssec::flag_secure_entry_point) != 0) found.push_back(dnskey);
    }
  }
  for (const dnssec::OtherSigner& signer : TRY(dnssec::load_signers(place.folder))) {
    for (const dnssec::ForeignKey& key : signer.keys) {
      if (signer.is_announced() && key.is_announced) found.push_back(key.dnskey);
    }
  }
  return found;
}

Result<void> show_ds(const Invocation& invocation) {
  const KeyPlace place = TRY(key_place_of(invocation));
  constexpr uint32_t ttl = 3600;
  const auto keys = TRY(entry_points(place, SystemClock().wall_s()));
  for (const std::vector<uint8_t>& dnskey : keys) {
    const auto ds = dnssec::make_ds_rdata(place.zone, dnskey, dnssec::DsDigest::sha256);
    fmt::print("{}\n", wire::record_to_text(place.zone, wire::type_ds, ttl, ds));
  }
  if (!keys.empty()) return {};
  return fail(place.folder + ": no published KSK or CSK of " + place.zone.view().to_text());
}

// The public half of a key of another signer; its file is made if the server has not made it yet.
Result<void> import_foreign(const KeyPlace& place, const SigningOptions& options) {
  if (!dnssec::is_signer_name(options.signer)) {
    return fail("\"" + options.signer + "\" is no name for a signer");
  }
  const std::vector<ZoneKey> own = TRY(dnssec::load_keys(place.folder, place.zone));
  const dnssec::ForeignKey key =
      TRY(dnssec::read_foreign_key(options.path, place.zone.view(), own));
  for (const ZoneKey& of : own) {
    if (of.dnskey_rdata() == key.dnskey) return fail(options.path + ": is a key of ours");
  }
  TRY(make_directories(place.folder, key_folder_mode));
  std::vector<dnssec::OtherSigner> signers = TRY(dnssec::load_signers(place.folder));
  auto signer = std::ranges::find(signers, options.signer, &dnssec::OtherSigner::name);
  if (signer == signers.end()) {
    signer = signers.insert(signer, {.name = options.signer, .since_s = SystemClock().wall_s()});
  }
  for (dnssec::OtherSigner& other : signers) {
    // It may have been taken for one of another signer, which serves it as well.
    const bool had = std::erase_if(other.keys, [&](const dnssec::ForeignKey& of) {
                       return of.dnskey == key.dnskey;
                     }) > 0;
    if (had && other.name != signer->name) TRY(dnssec::save_signer(other, place.folder));
  }
  if (signer->keys.size() == dnssec::foreign_keys_max) {
    return fail("signer \"" + options.signer + "\" has " +
                std::to_string(dnssec::foreign_keys_max) + " keys already");
  }
  signer->keys.push_back(key);
  TRY(dnssec::save_signer(*signer, place.folder));
  fmt::print("key {} of signer \"{}\"\n", dnssec::key_tag(key.dnskey), options.signer);
  return {};
}

Result<void> import_from(const Invocation& invocation) {
  const KeyPlace place = TRY(key_place_of(invocation));
  const SigningOptions& options = invocation.signing;
  if (!options.signer.empty()) return import_foreign(place, options);
  if (options.path.starts_with("pkcs11:")) {
    const dnssec::AlgorithmInfo* algorithm = TRY(algorithm_of(options));
    TokenUri uri = TRY(TokenUri::from_text(options.path));
    const std::vector<uint8_t> public_key = TRY(dnssec::token_public_key(uri, *algorithm));
    return save_new(place,
                    ZoneKey(place.zone, flags_of(options),
                            dnssec::PrivateKey::in_token(*algorithm, std::move(uri), public_key)));
  }
  const ZoneKey key = TRY(dnssec::load_key(options.path));
  if (!(key.zone() == place.zone)) {
    return fail(options.path + ": is a key of " + key.zone().to_text() + ", not of " +
                place.zone.view().to_text());
  }
  TRY(make_directories(place.folder, key_folder_mode));
  TRY(dnssec::save_key(key, place.folder));
  fmt::print("{}\n", dnssec::key_file_stem(key));
  return {};
}

Result<void> export_to(const Invocation& invocation) {
  const KeyPlace place = TRY(key_place_of(invocation));
  const std::vector<ZoneKey> keys = TRY(dnssec::load_keys(place.folder, place.zone));
  if (keys.empty()) return fail(place.folder + ": no key of " + place.zone.view().to_text());
  TRY(make_directories(invocation.signing.path, key_folder_mode));
  for (const ZoneKey& key : keys) {
    TRY(dnssec::save_key(key, invocation.signing.path));
    fmt::print("{}\n", dnssec::key_file_stem(key));
  }
  return {};
}

// All TTLs by their bound: a rollover that takes longer than it must does no harm.
dnssec::RolloverTimes times_of(const SigningOptions& options) {
  return {.dnskey_ttl_s = options.ttl_max_s,
          .ttl_max_s = options.ttl_max_s,
          .ds_ttl_s = options.ttl_max_s};
}

std::string time_text(std::optional<uint64_t> time_s) {
  return time_s ? dnssec::key_time_text(*time_s) : std::string("-");
}

Result<void> save_all(const KeyPlace& place, const std::vector<ZoneKey>& changed) {
  for (const ZoneKey& key : changed) {
    TRY(dnssec::save_key(key, place.folder));
    fmt::print("{}: activate {}, inactive {}, remove {}, CDS {} to {}\n",
               dnssec::key_file_stem(key), time_text(key.times.activate),
               time_text(key.times.inactive), time_text(key.times.remove),
               time_text(key.times.sync_publish), time_text(key.times.sync_remove));
  }
  return {};
}

Result<void> roll(const Invocation& invocation) {
  const KeyPlace place = TRY(key_place_of(invocation));
  const SigningOptions& options = invocation.signing;
  const std::vector<ZoneKey> keys = TRY(dnssec::load_keys(place.folder, place.zone));
  const uint64_t now_s = SystemClock().wall_s();
  const bool is_zsk = options.role == "zsk";
  if (is_zsk && !options.next_algorithm.empty()) {
    return fail("a ZSK keeps its algorithm; roll the KSK or CSK to change it");
  }
  const dnssec::AlgorithmInfo* algorithm = nullptr;
  for (const ZoneKey& key : keys) {
    if (key.is_entry_point() != is_zsk && key.is_active_at(now_s)) algorithm = &key.algorithm();
  }
  if (!options.next_algorithm.empty()) {
    algorithm = dnssec::find_algorithm(options.next_algorithm);
    if (algorithm == nullptr) {
      return fail("algorithm " + options.next_algorithm + " is not supported");
    }
  }
  const auto make = [&]() -> Result<dnssec::PrivateKey> {
    if (algorithm == nullptr) return fail(place.folder + ": no key that signs");
    return make_private_key(place, options, *algorithm, keys);
  };
  const auto others = TRY(dnssec::tags_of_others(place.folder, place.zone));
  const auto times = times_of(options);
  const auto changed = is_zsk ? dnssec::roll_zsk(keys, now_s, times, make, others)
                              : dnssec::roll_entry_point(keys, now_s, times, make, others);
  if (!changed) return std::unexpected(changed.error());
  return save_all(place, *changed);
}

// The policy has the zone go unsigned.
Result<void> ds_is_gone(const KeyPlace& place) {
  dnssec::Parting parting = TRY(dnssec::load_parting(place.folder));
  if (!parting.ds_gone_s) parting.ds_gone_s = SystemClock().wall_s();
  TRY(dnssec::save_parting(parting, place.folder));
  fmt::print("no DS since {}\n", dnssec::key_time_text(*parting.ds_gone_s));
  return {};
}

Result<void> submitted(const Invocation& invocation) {
  const KeyPlace place = TRY(key_place_of(invocation));
  if (dnssec::is_parting(place.folder)) return ds_is_gone(place);
  const std::vector<ZoneKey> keys = TRY(dnssec::load_keys(place.folder, place.zone));
  const auto changed =
      dnssec::confirm_ds(keys, SystemClock().wall_s(), times_of(invocation.signing));
  if (!changed) return std::unexpected(changed.error());
  return save_all(place, *changed);
}

}  // namespace

ExitCode generate_key(const Invocation& invocation) { return end_of(generate(invocation)); }
ExitCode list_keys(const Invocation& invocation) { return end_of(list(invocation)); }
ExitCode print_ds(const Invocation& invocation) { return end_of(show_ds(invocation)); }
ExitCode import_key(const Invocation& invocation) { return end_of(import_from(invocation)); }
ExitCode export_keys(const Invocation& invocation) { return end_of(export_to(invocation)); }
ExitCode roll_key(const Invocation& invocation) { return end_of(roll(invocation)); }
ExitCode confirm_submission(const Invocation& invocation) { return end_of(submitted(invocation)); }

}  // namespace holdfast
