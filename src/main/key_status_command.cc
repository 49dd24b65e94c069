// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/key_status_command.h"

#include <fmt/format.h>

#include <algorithm>

#include <boost/json.hpp>

#include "base/clock.h"
#include "dnssec/key_file.h"
#include "dnssec/key_time.h"
#include "dnssec/other_signer.h"
#include "dnssec/parting.h"
#include "dnssec/served_keys.h"
#include "dnssec/signed_keys.h"
#include "main/key_place.h"
#include "main/table.h"

namespace holdfast {

namespace {

namespace json = boost::json;
using dnssec::OtherSigner;
using dnssec::ZoneKey;

// What happens to a key next, by its times.
struct NextStep {
  std::string_view what = "";
  uint64_t at_s = UINT64_MAX;
};

NextStep next_step_of(const ZoneKey& key, uint64_t now_s) {
  NextStep next;
  const auto take = [&](std::string_view what, const std::optional<uint64_t>& time_s) {
    if (time_s && *time_s > now_s && *time_s < next.at_s) next = {what, *time_s};
  };
  take("is published", key.times.publish);
  take("signs", key.times.activate);
  take("signs no more", key.times.inactive);
  take("is removed", key.times.remove);
  take("gets a CDS", key.times.sync_publish);
  take("loses its CDS", key.times.sync_remove);
  return next;
}

std::string state_of(const ZoneKey& key, uint64_t now_s) {
  if (key.is_active_at(now_s)) return "signs";
  if (key.is_published_at(now_s)) return "published";
  return key.times.remove && *key.times.remove <= now_s ? "removed" : "waiting";
}

std::string tags_of(const OtherSigner& signer) {
  std::string text;
  for (const dnssec::ForeignKey& key : signer.keys) {
    text += (text.empty() ? "" : " ") + std::to_string(dnssec::key_tag(key.dnskey));
  }
  return text;
}

json::object signer_json(const OtherSigner& signer) {
  json::array keys;
  for (const dnssec::ForeignKey& key : signer.keys) {
    keys.push_back({{"tag", dnssec::key_tag(key.dnskey)},
                    {"announced", key.is_announced},
                    {"served_here", signer.has_keys_here()}});
  }
  json::array known;
  for (const dnssec::KnownKey& key : signer.known) {
    known.push_back({{"tag", key.tag}, {"since", dnssec::key_time_text(key.since_s)}});
  }
  return {{"name", signer.name},
          {"phase", dnssec::phase_text(signer.phase)},
          {"since", dnssec::key_time_text(signer.since_s)},
          {"waits_for", signer.waits_for},
          {"keys", std::move(keys)},
          {"has_our_keys", std::move(known)}};
}

struct KeyStatus {
  KeyPlace place;
  std::vector<ZoneKey> keys = {};
  std::vector<OtherSigner> signers = {};
  dnssec::ServedKeys served = {};
  dnssec::Parting parting = {};
  uint64_t signed_until_s = 0;  // 0: no KSK is offline
  uint64_t now_s = 0;
};

void print_json(const KeyStatus& of) {
  json::array of_keys;
  for (const ZoneKey& key : of.keys) {
    const NextStep next = next_step_of(key, of.now_s);
    json::object object{{"tag", key.tag()},
                        {"entry_point", key.is_entry_point()},
                        {"algorithm", key.algorithm().mnemonic},
                        {"state", state_of(key, of.now_s)},
                        {"announced", key.is_sync_published_at(of.now_s)}};
    if (!next.what.empty()) {
      object["next"] = next.what;
      object["at"] = dnssec::key_time_text(next.at_s);
    }
    of_keys.push_back(std::move(object));
  }
  json::array of_signers;
  for (const OtherSigner& signer : of.signers) of_signers.push_back(signer_json(signer));
  json::object status{{"zone", of.place.zone.view().to_text()},
                      {"keys", std::move(of_keys)},
                      {"signers", std::move(of_signers)},
                      {"waits_for", of.served.waits_for},
                      {"unsigning", dnssec::is_parting(of.place.folder)}};
  if (of.signed_until_s != 0) status["signed_until"] = dnssec::key_time_text(of.signed_until_s);
  if (of.parting.ds_gone_s) status["ds_gone"] = dnssec::key_time_text(*of.parting.ds_gone_s);
  fmt::print("{}\n", json::serialize(status));
}

void print_text(const KeyStatus& of) {
  Table table({"KEY", "ALGORITHM", "STATE", "NEXT"});
  for (const ZoneKey& key : of.keys) {
    const NextStep next = next_step_of(key, of.now_s);
    table.add(
        {std::to_string(key.tag()), std::string(key.algorithm().mnemonic), state_of(key, of.now_s),
         next.what.empty() ? "-"
                           : fmt::format("{} at {}", next.what, dnssec::key_time_text(next.at_s))});
  }
  table.flush();
  if (!of.served.waits_for.empty()) {
    fmt::print("secondaries: waits for {}\n", of.served.waits_for);
  }
  if (!of.signers.empty()) {
    Table others({"SIGNER", "PHASE", "SINCE", "KEYS", "WAITS FOR"});
    for (const OtherSigner& signer : of.signers) {
      others.add({signer.name, std::string(dnssec::phase_text(signer.phase)),
                  dnssec::key_time_text(signer.since_s), tags_of(signer),
                  signer.waits_for.empty() ? "-" : signer.waits_for});
    }
    others.flush();
  }
  if (of.signed_until_s != 0) {
    fmt::print("signed by an offline KSK until {}\n", dnssec::key_time_text(of.signed_until_s));
  }
  if (!dnssec::is_parting(of.place.folder)) return;
  fmt::print("goes unsigned: {}\n",
             of.parting.ds_gone_s
                 ? "the parent has no DS since " + dnssec::key_time_text(*of.parting.ds_gone_s)
                 : "the parent is asked to remove its DS");
}

Result<void> status(const Invocation& invocation) {
  KeyStatus of{.place = TRY(key_place_of(invocation))};
  const std::string& folder = of.place.folder;
  of.keys = TRY(dnssec::load_keys(folder, of.place.zone));
  of.signers = TRY(dnssec::load_signers(folder));
  of.served = TRY(dnssec::load_served_keys(folder));
  of.parting = TRY(dnssec::load_parting(folder));
  of.now_s = SystemClock().wall_s();
  const auto periods = TRY(dnssec::load_signed_keys(folder, of.place.zone));
  if (!periods.empty()) of.signed_until_s = periods.back().expires_at_s(of.now_s);
  if (invocation.format == OutputFormat::json) {
    print_json(of);
  } else {
    print_text(of);
  }
  return {};
}

Result<void> forget(const Invocation& invocation) {
  const KeyPlace place = TRY(key_place_of(invocation));
  const std::string& name = invocation.signing.signer;
  const std::vector<OtherSigner> signers = TRY(dnssec::load_signers(place.folder));
  const auto signer = std::ranges::find(signers, name, &OtherSigner::name);
  if (signer == signers.end()) return fail("no signer \"" + name + "\" is known of this zone");
  if (signer->phase != dnssec::SignerPhase::left) {
    return fail("signer \"" + name + "\" is in phase " +
                std::string(dnssec::phase_text(signer->phase)) +
                "; expected one that has left: take it out of policy.signers first");
  }
  return dnssec::remove_signer(name, place.folder);
}

}  // namespace

ExitCode show_key_status(const Invocation& invocation) { return end_of(status(invocation)); }
ExitCode forget_signer(const Invocation& invocation) { return end_of(forget(invocation)); }

}  // namespace holdfast
