// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/zone_signing.h"

#include <sched.h>
#include <sys/stat.h>

#include <algorithm>
#include <random>
#include <set>

#include "base/file.h"
#include "dnssec/key_file.h"
#include "dnssec/key_folder.h"
#include "dnssec/key_roles.h"
#include "dnssec/key_time.h"
#include "dnssec/new_key.h"
#include "dnssec/rrsig.h"
#include "dnssec/zone_verifier.h"
#include "log/log.h"
#include "wire/types.h"

namespace holdfast::control {

namespace {

using config::PolicySetting;
using dnssec::ZoneKey;

constexpr unsigned key_folder_mode = 0700;

uint64_t mix(uint64_t state, uint64_t value) {
  return hash_mix(state ^ value, 0x9e3779b97f4a7c15U) + value;
}

unsigned usable_cores() {
  cpu_set_t cores;
  if (::sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
  return static_cast<unsigned>(CPU_COUNT(&cores));
}

dnssec::SigningPolicy signing_policy(const PolicySetting& policy) {
  dnssec::SigningPolicy signing;
  const bool is_nsec = policy.denial == config::SigningDenial::nsec;
  signing.denial = is_nsec ? dnssec::DenialMethod::nsec : dnssec::DenialMethod::nsec3;
  const bool opts_out = policy.denial == config::SigningDenial::nsec3_opt_out;
  signing.opt_out = opts_out ? dnssec::OptOut::yes : dnssec::OptOut::no;
  signing.zonemd = policy.zonemd ? dnssec::Zonemd::sha384 : dnssec::Zonemd::no;
  signing.dnskey_ttl = policy.dnskey_ttl_s;
  signing.validity_s = policy.signature_validity_s;
  signing.refresh_s = policy.signature_refresh_s;
  signing.jitter_s = policy.signature_jitter_s;
  return signing;
}

// RFC 1035 §3.3.13: one of the five numbers that end the RDATA.
enum class SoaNumber : uint8_t { serial, refresh, retry, expire, minimum };

std::optional<uint32_t> soa_number(const zone::Contents& contents, SoaNumber number) {
  zone::Contents::Cursor cursor(contents);
  const zone::StagedNode* apex = cursor.next();
  constexpr size_t number_bytes = 4;
  constexpr size_t numbers_bytes = 5 * number_bytes;
  for (const zone::StagedRrset& rrset : apex->rrsets) {
    if (rrset.type != wire::type_soa || rrset.rdata.front().size() < numbers_bytes) continue;
    const Bytes numbers = rrset.rdata.front().last(numbers_bytes);
    return load_be32(numbers.subspan(number_bytes * static_cast<size_t>(number)).data());
  }
  return std::nullopt;
}

std::optional<uint32_t> serial_of(const zone::Contents& contents) {
  return soa_number(contents, SoaNumber::serial);
}

// Key files alone tell when a key is used: the next such moment is one to sign again.
uint64_t next_key_time(std::span<const ZoneKey> keys, uint64_t now_s) {
  uint64_t next_s = UINT64_MAX;
  for (const ZoneKey& key : keys) {
    for (const auto& time : {key.times.publish, key.times.activate, key.times.inactive,
                             key.times.remove, key.times.sync_publish, key.times.sync_remove}) {
      if (time && *time > now_s) next_s = std::min(next_s, *time);
    }
  }
  return next_s;
}

std::vector<Bytes> rdata_of(Bytes records) {
  std::vector<Bytes> found;
  ByteReader reader(records);
  while (reader.remaining() > 0) {
    reader.skip(10);  // owner, type, class, TTL (zone/view.h)
    const Bytes rdata = reader.read_bytes(reader.read_u16());
    if (reader.failed()) break;
    found.push_back(rdata);
  }
  return found;
}

// Key tags, which stand at that place of each RDATA.
std::set<uint16_t> tags_in(Bytes records, size_t at) {
  std::set<uint16_t> tags;
  for (const Bytes rdata : rdata_of(records)) {
    if (rdata.size() >= at + 2) tags.insert(load_be16(rdata.data() + at));
  }
  return tags;
}
std::set<uint16_t> tags_of(const std::vector<const ZoneKey*>& keys) {
  std::set<uint16_t> tags;
  for (const ZoneKey* key : keys) tags.insert(key->tag());
  return tags;
}

// Whether it has the DNSKEY records, the signers and the CDS that the keys' times make now.
bool has_keys(const zone::ZoneView& served, std::span<const ZoneKey> keys, uint64_t now_s) {
  const auto roles = dnssec::KeyRoles::at(keys, now_s);
  if (!roles) return false;
  const zone::NodeView apex = served.apex_node();
  const zone::RrsetView dnskeys = apex.find(wire::type_dnskey).value_or(zone::RrsetView{});
  std::vector<std::vector<uint8_t>> wanted;
  for (const ZoneKey* key : roles->published) wanted.push_back(key->dnskey_rdata());
  std::vector<std::vector<uint8_t>> found;
  for (const Bytes rdata : rdata_of(dnskeys.records)) {
    found.emplace_back(rdata.begin(), rdata.end());
  }
  std::ranges::sort(wanted);
  std::ranges::sort(found);
  const zone::RrsetView soa = apex.find(wire::type_soa).value_or(zone::RrsetView{});
  const zone::RrsetView cds = apex.find(wire::type_cds).value_or(zone::RrsetView{});
  return wanted == found &&
         tags_in(dnskeys.signatures, dnssec::rrsig_tag_at) == tags_of(roles->for_keys) &&
         tags_in(soa.signatures, dnssec::rrsig_tag_at) == tags_of(roles->for_zone) &&
         tags_in(cds.records, 0) == tags_of(roles->announced);  // RFC 7344 §3.1: as in DS
}

// Of what was signed ahead.
void warn_of_end(const std::string& zone, const PolicySetting& policy, const SigningState& state,
                 uint64_t now_s) {
  if (!policy.offline_ksk || state.periods.empty()) return;
  const uint64_t end_s = state.periods.back().expires_at_s(now_s);
  if (end_s > now_s + policy.signature_refresh_s) return;
  log::warning(log::Category::zones, "signed-keys-end",
               "DNSKEY records of zone " + zone + " are signed until " +
                   dnssec::key_time_text(end_s) +
                   " only: import what its offline KSK signs for the time after that");
}

// A secondary that has lost its primary serves what it has until the SOA's expire; no signature may
// end before that.
void warn_of_expire(const std::string& zone, const PolicySetting& policy,
                    const zone::Contents& records) {
  const uint32_t expire_s = soa_number(records, SoaNumber::expire).value_or(0);
  if (expire_s <= policy.signature_refresh_s) return;
  log::warning(log::Category::zones, "signatures-end-early",
               "the SOA of zone " + zone + " lets secondaries serve it for " +
                   std::to_string(expire_s) + " s without us, its signatures may end after " +
                   std::to_string(policy.signature_refresh_s) +
                   " s of that: raise signature_refresh_s of policy \"" + policy.name +
                   "\", or lower the expire of the SOA");
}

Result<void> judge(const dnssec::SignedZone& made, uint64_t now_s, unsigned threads) {
  const bool is_small = made.contents.record_count() <= ZoneSigning::verified_records_max;
  const dnssec::Verification verified = dnssec::verify_zone(
      made.contents, {.now_s = now_s,
                      .depth = is_small ? dnssec::Depth::signatures : dnssec::Depth::fields,
                      .threads = threads,
                      .faults_max = 1});
  if (verified.holds()) return {};
  return fail("the signed zone would be bogus: " + verified.faults.front() +
              (verified.faults_suppressed == 0
                   ? std::string()
                   : " (and " + std::to_string(verified.faults_suppressed) + " more)"));
}

}  // namespace

ZoneSigning::ZoneSigning(std::string state_directory, const Clock& clock, GenerateKey generate)
    : state_directory_(std::move(state_directory)),
      clock_(clock),
      generate_(std::move(generate)),
      rolls_(generate_) {
  std::random_device random;
  jitter_key_ = {uint64_t{random()} << 32 | random(), uint64_t{random()} << 32 | random()};
}

uint64_t ZoneSigning::prepare(const config::ZoneSource& source) const {
  if (!source.policy) return 0;
  const PolicySetting& policy = *source.policy;
  uint64_t digest = 1;
  for (const uint64_t value :
       {uint64_t{static_cast<uint8_t>(policy.denial)}, uint64_t{policy.zonemd ? 1U : 0U},
        uint64_t{policy.dnskey_ttl_s}, uint64_t{policy.signature_validity_s},
        uint64_t{policy.signature_refresh_s}, uint64_t{policy.signature_jitter_s},
        uint64_t{policy.zsk_lifetime_s}, uint64_t{policy.ksk_lifetime_s},
        uint64_t{policy.ttl_max_s}, uint64_t{policy.ds_ttl_s}, uint64_t{policy.propagation_s},
        uint64_t{policy.csync ? 1U : 0U} + uint64_t{policy.unsign ? 2U : 0U} +
            uint64_t{policy.offline_ksk ? 4U : 0U},
        policy.roll_algorithm ? 1 + uint64_t{static_cast<uint8_t>(policy.algorithm)} : 0}) {
    digest = mix(digest, value);
  }
  for (const Endpoint& parent : policy.parents) {
    for (const char byte : parent.to_text()) digest = mix(digest, static_cast<uint8_t>(byte));
  }
  for (const Endpoint& server : policy.secondaries) {
    for (const char byte : server.to_text()) digest = mix(digest, static_cast<uint8_t>(byte));
  }
  for (const config::SignerSetting& signer : policy.signers) {
    for (const char byte : signer.to_text()) digest = mix(digest, static_cast<uint8_t>(byte));
  }
  // A key file that is written, replaced or removed changes its folder.
  const auto zone = wire::Name::from_text(source.name);
  if (!zone) return digest;
  const std::string folder = dnssec::key_folder(state_directory_, *zone);
  struct stat status{};
  if (::stat(folder.c_str(), &status) != 0) {
    // What keeps a key from being made is told when the zone is signed.
    if (!make_keys(*zone, policy, folder) || ::stat(folder.c_str(), &status) != 0) return digest;
  }
  digest = mix(digest, static_cast<uint64_t>(status.st_mtim.tv_sec));
  return mix(digest, static_cast<uint64_t>(status.st_mtim.tv_nsec));
}

Result<dnssec::SignedZone> ZoneSigning::sign(const std::string& zone,
                                             const config::PolicySetting& policy,
                                             const zone::Contents& records,
                                             const zone::Contents* before) {
  const wire::Name apex = TRY(wire::Name::from_text(zone));
  const uint64_t now_s = clock_.wall_s();
  const SigningState state = TRY(roll_state(zone, apex, policy, before));
  const std::vector<ZoneKey>& keys = state.keys;
  if (state.is_unsigned_at(policy, now_s)) {
    notices_.forget(zone);
    return leave_unsigned(records, before);
  }
  dnssec::ApexAdditions additions = TRY(additions_of(state, policy, now_s));
  warn_of_end(zone, policy, state, now_s);
  warn_of_expire(zone, policy, records);
  const bool is_large = records.record_count() > own_thread_records_max;
  dnssec::SigningTask task{.records = &records,
                           .before = before,
                           .keys = keys,
                           .policy = signing_policy(policy),
                           .additions = &additions,
                           .now_s = now_s,
                           .jitter_key = jitter_key_,
                           .threads = is_large ? usable_cores() : 1};
  const auto serial = serial_of(records);
  const auto serial_before = before == nullptr ? std::nullopt : serial_of(*before);
  const bool rises = !serial_before || !serial || dnssec::is_before(*serial_before, *serial);
  if (!rises) task.serial = serial_before;
  if (policy.csync) {
    additions.csync =
        csync_for(records, before, additions, rises ? serial.value_or(0) : *serial_before + 1);
  }
  dnssec::SignedZone made = TRY(dnssec::sign_zone(task));
  if (!rises && made.has_changed) {
    // RFC 1982 §3.1. Only the SOA, and what depends on it, is signed once more.
    task.serial = *serial_before + 1;
    const zone::Contents first = std::move(made.contents);
    task.before = &first;
    dnssec::SignedZone again = TRY(dnssec::sign_zone(task));
    again.signatures_made += made.signatures_made;
    made = std::move(again);
  }
  TRY(judge(made, now_s, task.threads));
  made.refresh_at_s = std::min(made.refresh_at_s, next_key_time(keys, now_s));
  // What is overdue and was not done now waits for something else than time.
  const uint64_t next_roll_s =
      std::min(KeyRolls::next_time(policy, keys), state.next_time(policy, now_s));
  notices_.note(zone, policy, state.folder, wishes_of(made.contents), now_s);
  if (next_roll_s > now_s) made.refresh_at_s = std::min(made.refresh_at_s, next_roll_s);
  return made;
}

Result<std::optional<dnssec::SignedDelta>> ZoneSigning::sign_change(
    const std::string& zone, const config::PolicySetting& policy, zone::Draft& draft) const {
  const wire::Name apex = TRY(wire::Name::from_text(zone));
  const std::vector<ZoneKey> keys = TRY(held_keys_of(apex, policy));
  const SigningState state = TRY(read_signing_state(dnssec::key_folder(state_directory_, apex),
                                                    apex, policy, clock_.wall_s()));
  if (state.is_unsigned_at(policy, clock_.wall_s())) return std::nullopt;
  dnssec::ApexAdditions additions = TRY(additions_of(state, policy, clock_.wall_s()));
  if (policy.csync) additions.csync = csync_of(draft.before());
  if (policy.csync && !additions.csync) return std::nullopt;
  auto made = TRY(dnssec::sign_delta({.draft = draft,
                                      .keys = keys,
                                      .policy = signing_policy(policy),
                                      .additions = &additions,
                                      .now_s = clock_.wall_s(),
                                      .jitter_key = jitter_key_}));
  // Keys are rolled when the whole zone is looked at.
  if (made) made->refresh_at_s = std::min(made->refresh_at_s, KeyRolls::next_time(policy, keys));
  return made;
}

Result<SigningState> ZoneSigning::roll_state(const std::string& zone, const wire::Name& apex,
                                             const config::PolicySetting& policy,
                                             const zone::Contents* before) {
  const uint64_t now_s = clock_.wall_s();
  std::vector<ZoneKey> keys = TRY(keys_of(apex, policy));
  SigningState state =
      TRY(read_signing_state(dnssec::key_folder(state_directory_, apex), apex, policy, now_s));
  if (!policy.offline_ksk) {
    TRY(KeyRolls::hold(policy, state.folder, version_keys(before), now_s, keys));
  }
  const dnssec::ServedKeys kept = TRY(served_keys_of(state.folder, policy));
  const bool begins =
      !policy.secondaries.empty() && !policy.unsign && !is_signed_with(keys, before);
  dnssec::ServedKeys served = kept;
  if (begins) {
    served = dnssec::begin_signed(kept, keys);
  } else if (!policy.secondaries.empty()) {
    served = dnssec::with_told(kept, keys, apex_rdata(before, wire::type_cdnskey), now_s);
  }
  if (policy.unsign) {
    if (!state.parting.ds_gone_s) rolls_.note_parting(zone, policy);
    keys = TRY(held_keys_of(apex, policy));  // what had begun to roll is seen to its end
  } else if (!policy.offline_ksk) {
    TRY(rolls_.roll(zone, policy, state.folder, now_s, keys, state.signers, served));
  }
  if (!policy.secondaries.empty()) served = dnssec::followed(served, keys, now_s);
  const bool is_over = state.is_unsigned_at(policy, now_s);
  if (is_over || !dnssec::waits_for_secondaries(keys, served, now_s, first_cds_of(policy))) {
    served.waits_for.clear();
  }
  if (served != kept) TRY(dnssec::save_served_keys(served, state.folder));
  secondaries_.note(zone, policy, keys, served, now_s);
  if (is_over) secondaries_.forget(zone);
  signers_.note(zone, policy, state.signers, now_s);
  state.keys = std::move(keys);
  return state;
}

Result<dnssec::SignedZone> ZoneSigning::leave_unsigned(const zone::Contents& records,
                                                       const zone::Contents* before) {
  const auto serial = serial_of(records);
  const auto serial_before = before == nullptr ? std::nullopt : serial_of(*before);
  const bool rises = !serial_before || !serial || dnssec::is_before(*serial_before, *serial);
  dnssec::SignedZone made{.contents = TRY(without_signing(
                              records, rises ? std::nullopt : std::optional(*serial_before)))};
  if (before != nullptr && has_same_records(made.contents, *before)) return made;
  made.has_changed = true;
  if (!rises) made.contents = TRY(without_signing(records, *serial_before + 1));
  return made;
}

Result<bool> ZoneSigning::on_ds_gone(const std::string& zone) {
  const wire::Name apex = TRY(wire::Name::from_text(zone));
  const std::string folder = dnssec::key_folder(state_directory_, apex);
  dnssec::Parting parting = TRY(dnssec::load_parting(folder));
  rolls_.forget(zone);
  if (!dnssec::is_parting(folder) || parting.ds_gone_s) return false;
  parting.ds_gone_s = clock_.wall_s();
  TRY(dnssec::save_parting(parting, folder));
  log::info(log::Category::zones, "ds-gone",
            "the parent has no DS of zone " + zone +
                " any more: it is unsigned once that has left all caches");
  return true;
}

Result<bool> ZoneSigning::on_group(const GroupAnswers& answers, const PolicySetting& policy) {
  const wire::Name apex = TRY(wire::Name::from_text(answers.zone));
  const std::vector<ZoneKey> keys = TRY(keys_of(apex, policy));
  return signers_.on_answers(answers, policy, dnssec::key_folder(state_directory_, apex), keys,
                             clock_.wall_s());
}

Result<void> ZoneSigning::on_secondaries(const GroupAnswers& answers, const PolicySetting& policy) {
  const wire::Name apex = TRY(wire::Name::from_text(answers.zone));
  const std::string folder = dnssec::key_folder(state_directory_, apex);
  const uint64_t now_s = clock_.wall_s();
  const std::vector<ZoneKey> keys = TRY(held_keys_of(apex, policy));
  const SigningState state{.folder = folder, .parting = TRY(dnssec::load_parting(folder))};
  if (state.is_unsigned_at(policy, now_s)) return {};
  const dnssec::ServedKeys before = TRY(dnssec::load_served_keys(folder));
  const dnssec::ServedKeys served =
      dnssec::note_served(before, keys, answers.secondaries, now_s, first_cds_of(policy));
  if (served != before) TRY(dnssec::save_served_keys(served, folder));
  const bool is_news = served.waits_for != before.waits_for && !served.waits_for.empty();
  if (is_news) log_wait(answers.zone, served.waits_for);
  secondaries_.note(answers.zone, policy, keys, served, now_s);
  return {};
}

Result<dnssec::ServedKeys> ZoneSigning::served_keys_of(const std::string& folder,
                                                       const PolicySetting& policy) {
  if (!policy.secondaries.empty()) return dnssec::load_served_keys(folder);
  TRY(dnssec::remove_served_keys(folder));
  return dnssec::ServedKeys{};
}

Result<std::vector<ZoneKey>> ZoneSigning::held_keys_of(wire::NameView zone,
                                                       const PolicySetting& policy) const {
  std::vector<ZoneKey> keys = TRY(keys_of(zone, policy));
  const auto served = TRY(served_keys_of(dnssec::key_folder(state_directory_, zone), policy));
  if (policy.secondaries.empty()) return keys;
  for (const ZoneKey& key :
       dnssec::hold_for_secondaries(keys, served, clock_.wall_s(), rollover_times(policy))) {
    dnssec::put_key(keys, key);
  }
  return keys;
}

Result<std::vector<ZoneKey>> ZoneSigning::keys_of(wire::NameView zone,
                                                  const config::PolicySetting& policy) const {
  const std::string folder = dnssec::key_folder(state_directory_, zone);
  std::vector<ZoneKey> keys = TRY(dnssec::load_keys(folder, zone));
  if (!keys.empty()) return keys;
  TRY(make_keys(zone, policy, folder));
  return dnssec::load_keys(folder, zone);
}

Result<void> ZoneSigning::make_keys(wire::NameView zone, const config::PolicySetting& policy,
                                    const std::string& folder) const {
  TRY(make_directories(folder, key_folder_mode));
  const uint8_t number = algorithm_number(policy.algorithm);
  std::vector<uint16_t> wanted{dnssec::flags_ksk};
  if (policy.offline_ksk) wanted = {dnssec::flags_zsk};
  if (policy.keys == config::SigningKeys::ksk_and_zsk && !policy.offline_ksk) {
    // The ZSK first: with a KSK alone, which signs all, a crash here would leave a CSK.
    wanted.insert(wanted.begin(), dnssec::flags_zsk);
  }
  dnssec::TakenTags taken = TRY(dnssec::tags_of_others(folder, zone));
  for (const uint16_t flags : wanted) {
    unsigned made = 0;
    const auto make = [&] {
      ++made;
      return generate_(zone.to_text(), policy, number);
    };
    ZoneKey key = TRY(dnssec::make_new_key(zone, flags, taken, make));
    taken.add(key.dnskey_rdata());
    log_tries(zone.to_text(), made);
    key.times.created = clock_.wall_s();
    key.times.publish = key.times.created;
    key.times.activate = key.times.created;
    if (key.is_entry_point()) key.times.sync_publish = key.times.created;
    TRY(dnssec::save_key(key, folder));
    log::info(log::Category::zones, "key-made", "a key was made",
              {{"zone", zone.to_text()},
               {"algorithm", std::string(key.algorithm().mnemonic)},
               {"tag", std::to_string(key.tag())},
               {"flags", std::to_string(flags)}});
  }
  return {};
}

uint64_t ZoneSigning::refresh_time_of(const config::PolicySetting& policy,
                                      const zone::ZoneView& served) {
  const uint64_t now_s = clock_.wall_s();
  uint64_t first_s = UINT64_MAX;
  bool any = false;
  served.for_each_node([&](const zone::NodeView& node) {
    for (size_t i = 0; i < node.rrset_count(); ++i) {
      ByteReader reader(node.rrset_at(i).signatures);
      while (reader.remaining() > 0) {
        reader.skip(10);  // owner, type, class, TTL (zone/view.h)
        const Bytes rdata = reader.read_bytes(reader.read_u16());
        if (reader.failed() || rdata.size() < dnssec::rrsig_head_bytes) break;
        const uint32_t left = load_be32(rdata.data() + 8) - static_cast<uint32_t>(now_s);
        first_s = std::min(first_s, left < 0x80000000U ? now_s + left : now_s);
        any = true;
      }
    }
  });
  const uint64_t refresh_s = policy.signature_refresh_s;
  uint64_t due_s = first_s > now_s + refresh_s ? first_s - refresh_s : now_s;
  const std::string folder = dnssec::key_folder(state_directory_, served.apex());
  const auto keys = dnssec::load_keys(folder, served.apex());
  const auto state = read_signing_state(folder, served.apex(), policy, now_s);
  if (!any && state && state->is_unsigned_at(policy, now_s)) return UINT64_MAX;
  if (!any || !keys || !state) return now_s;
  wire::Name folded(served.apex());
  folded.fold_case();
  const std::string zone = folded.view().to_text();
  if (!policy.unsign && !policy.offline_ksk) {
    rolls_.note(zone, policy, now_s, *keys, state->signers);
    const auto known = served_keys_of(folder, policy);
    if (known) secondaries_.note(zone, policy, *keys, *known, now_s);
  } else if (policy.unsign && !state->parting.ds_gone_s) {
    rolls_.note_parting(zone, policy);
  }
  signers_.note(zone, policy, state->signers, now_s);
  notices_.note(zone, policy, folder, wishes_of(served), now_s);
  // What was kept in the folder may not have come into the zone before the process ended.
  const bool has_more = !state->signers.empty() || policy.unsign || policy.offline_ksk;
  if (has_more || !has_keys(served, *keys, now_s)) return now_s;
  return std::min({due_s, next_key_time(*keys, now_s), KeyRolls::next_time(policy, *keys),
                   state->next_time(policy, now_s)});
}

}  // namespace holdfast::control
