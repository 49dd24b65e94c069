// SPDX-License-Identifier: GPL-3.0-or-later
// Writes the signed zone of each step of each rollover, with the DS that its parent has then, as
// files for those who judge: `rollover_steps FOLDER`.
//
// The clock is the program's own: hours that ended a moment ago pass at once, and signatures hold
// for weeks, so that whoever looks now finds all of them valid. A parent follows CDS; another
// signer, where there is one, does what is to be done at its side.
#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <utility>

#include "base/check.h"
#include "dnssec/key_schedule.h"
#include "dnssec/new_key.h"
#include "dnssec/signed_keys.h"
#include "dnssec/signer_group.h"
#include "dnssec/zone_signer.h"
#include "wire/rdata_text.h"
#include "wire/types.h"
#include "zone/loader.h"

namespace {

using namespace holdfast;
using namespace holdfast::dnssec;

constexpr RolloverTimes times{
    .dnskey_ttl_s = 60, .ttl_max_s = 120, .ds_ttl_s = 90, .propagation_s = 30};
constexpr uint64_t step_s = 30;
constexpr uint64_t life_s = 900;
constexpr std::string_view zone_text =
    "$TTL 120\n@ SOA ns admin 1 7200 3600 1209600 60\n@ NS ns\n@ NS ns2\nns A 127.0.0.1\nns2 A "
    "127.0.0.1\n"
    "www A 192.0.2.1\n*.wild TXT x\nsub NS ns.sub\nns.sub A 192.0.2.2\ndeep.empty A 192.0.2.3\n";

Result<PrivateKey> make_key(uint8_t algorithm) {
  return PrivateKey::generate(*find_algorithm(algorithm));
}

// Whoever signs the zone: keys, and what joins them.
struct SigningServer {
  std::vector<ZoneKey> keys;
  ApexAdditions additions = {};
  SigningPolicy policy = {};
  std::optional<SignedZone> served = {};

  void take(const std::vector<ZoneKey>& changed) {
    for (const ZoneKey& key : changed) {
      const auto found = std::ranges::find_if(
          keys, [&](const ZoneKey& of) { return of.dnskey_rdata() == key.dnskey_rdata(); });
      if (found == keys.end()) {
        keys.push_back(key);
      } else {
        *found = key;
      }
    }
  }
  [[nodiscard]] std::vector<std::vector<uint8_t>> records(uint16_t type) const {
    zone::Contents::Cursor cursor(served->contents);
    for (const zone::StagedRrset& rrset : cursor.next()->rrsets) {
      if (rrset.type != type) continue;
      std::vector<std::vector<uint8_t>> copies;
      for (const Bytes rdata : rrset.rdata) copies.emplace_back(rdata.begin(), rdata.end());
      return copies;
    }
    return {};
  }
};

class Story {
 public:
  Story(std::string folder, std::string name)
      : folder_(std::move(folder)),
        name_(std::move(name)),
        zone_(wire::Name::from_text(name_ + ".test").value()),
        records_(zone::load_zone_text(zone_text, "zone", zone_, {}).contents.value()),
        now_s_(static_cast<uint64_t>(std::time(nullptr)) - 2 * 3600) {}

  // No two keys of a zone's servers have one tag.
  [[nodiscard]] SigningServer make_server(const std::vector<uint16_t>& flags,
                                          uint8_t algorithm = ed25519) {
    SigningServer signer;
    for (const uint16_t of : flags) {
      ZoneKey key = make_new_key(zone_, of, taken_, [&] { return make_key(algorithm); }).value();
      taken_.add(key.dnskey_rdata());
      key.times.created = key.times.publish = key.times.activate = now_s_ - life_s;
      if (key.is_entry_point()) key.times.sync_publish = key.times.created;
      signer.keys.push_back(std::move(key));
    }
    signer.policy.dnskey_ttl = times.dnskey_ttl_s;
    return signer;
  }

  void sign(SigningServer& signer) {
    auto made = sign_zone({.records = &records_,
                           .before = signer.served ? &signer.served->contents : nullptr,
                           .keys = signer.keys,
                           .policy = signer.policy,
                           .additions = &signer.additions,
                           .now_s = now_s_});
    if (!made) std::cerr << made.error().message << '\n';
    CHECK(made.has_value());
    signer.served = *std::move(made);
  }

  // What all servers ask the parent for comes to be.
  void let_parent_follow(const std::vector<const SigningServer*>& signers) {
    const auto wanted = signers.front()->records(wire::type_cds);
    for (const SigningServer* signer : signers) {
      if (signer->records(wire::type_cds) != wanted) return;
    }
    if (wanted.empty()) return;
    ds_ = wanted.front()[2] == 0 ? std::vector<std::vector<uint8_t>>() : wanted;
  }

  // Other files if anything has changed since those before: what it serves, the DS, and the names
  // of what all servers that are asked serve.
  void tell(const SigningServer& signer, const std::string& of = "") {
    std::string text;
    zone::Contents::Cursor cursor(signer.served->contents);
    while (const zone::StagedNode* node = cursor.next()) {
      for (const zone::StagedRrset& rrset : node->rrsets) {
        for (const Bytes rdata : rrset.rdata) {
          text += wire::record_to_text(node->owner, rrset.type, rrset.ttl, rdata) + "\n";
        }
        for (const Bytes rdata : rrset.signatures) {
          text += wire::record_to_text(node->owner, wire::type_rrsig, rrset.ttl, rdata) + "\n";
        }
      }
    }
    std::string ds_text;
    for (const auto& ds : ds_) {
      ds_text += wire::record_to_text(zone_, wire::type_ds, times.ds_ttl_s, ds) + "\n";
    }
    std::string& before = told_[of];
    if (before == text + ds_text) return;
    before = text + ds_text;
    std::array<char, 8> number{};
    std::snprintf(number.data(), number.size(), "%03u", ++count_);
    const std::string file = name_ + "." + number.data() + of;
    const std::string path = folder_ + "/" + file;
    std::ofstream(path + ".zone") << text;
    std::ofstream(path + ".ds") << ds_text;
    served_[of] = file;
    std::ofstream servers(path + ".servers");
    servers << file << '\n';
    for (const auto& [server, last] : served_) {
      if (server != of) servers << last << '\n';
    }
  }
  // Nobody asks it any more.
  void part_from(const std::string& of) { served_.erase(of); }

  void pass() { now_s_ += step_s; }
  [[nodiscard]] uint64_t now_s() const { return now_s_; }
  [[nodiscard]] const wire::Name& zone() const { return zone_; }
  std::vector<std::vector<uint8_t>> ds_;

 private:
  const std::string folder_;
  const std::string name_;
  const wire::Name zone_;
  const zone::Contents records_;
  uint64_t now_s_;
  TakenTags taken_;
  std::map<std::string, std::string> told_;
  std::map<std::string, std::string> served_;  // files, by server
  unsigned count_ = 0;
};

// The one that waits for the parent, if the parent has its DS and no other of ours.
uint16_t ds_seen(const Story& story, const SigningServer& signer,
                 std::span<const OtherSigner> others) {
  const ZoneKey* key = waits_for_parent(signer.keys, story.now_s());
  if (key == nullptr || !is_known_to_all(*key, signer.keys, others, story.now_s(), times)) {
    return 0;
  }
  const auto fits = [&](const std::vector<uint8_t>& ds, Bytes dnskey) {
    return ds_matches(Ds::parse(ds).value(), story.zone(), dnskey);
  };
  const auto is_of_others = [&](const std::vector<uint8_t>& ds) {
    return std::ranges::any_of(others, [&](const OtherSigner& other) {
      return std::ranges::any_of(other.keys,
                                 [&](const ForeignKey& of) { return fits(ds, of.dnskey); });
    });
  };
  bool has_it = false;
  for (const auto& ds : story.ds_) {
    const bool is_it = fits(ds, key->dnskey_rdata());
    has_it |= is_it;
    if (!is_it && !is_of_others(ds)) return 0;
  }
  return has_it ? key->tag() : 0;
}

void roll(const Story& story, SigningServer& signer, KeySchedule schedule,
          std::span<const OtherSigner> others = {}) {
  for (const OtherSigner& other : others) {
    for (const ForeignKey& key : other.keys) schedule.others.add(key.dnskey);
  }
  while (true) {
    const auto step =
        next_step(signer.keys, story.now_s(), schedule, ds_seen(story, signer, others), make_key);
    CHECK(step.has_value());
    if (step->changed.empty()) break;
    signer.take(step->changed);
  }
  signer.take(hold_for_signers(signer.keys, others, story.now_s(), times));
}

void run_rolls(
    const std::string& folder, const std::string& name, const std::vector<uint16_t>& flags,
    const KeySchedule& schedule, uint8_t algorithm = ed25519,
    const std::function<void(SigningServer&)>& adjust = [](SigningServer&) {}) {
  Story story(folder, name);
  SigningServer signer = story.make_server(flags, algorithm);
  adjust(signer);
  story.sign(signer);
  story.let_parent_follow({&signer});
  for (uint64_t passed_s = 0; passed_s < 2 * life_s; passed_s += step_s) {
    roll(story, signer, schedule);
    story.sign(signer);
    story.tell(signer);
    story.let_parent_follow({&signer});
    story.tell(signer);
    story.pass();
  }
}

// From one proof of denial to each other, and back.
void run_denial(const std::string& folder) {
  Story story(folder, "denial");
  SigningServer signer = story.make_server({flags_ksk});
  story.sign(signer);
  story.let_parent_follow({&signer});
  constexpr std::array<std::pair<DenialMethod, OptOut>, 7> ways{{{DenialMethod::nsec, OptOut::no},
                                                                 {DenialMethod::nsec3, OptOut::no},
                                                                 {DenialMethod::nsec, OptOut::no},
                                                                 {DenialMethod::nsec3, OptOut::yes},
                                                                 {DenialMethod::nsec3, OptOut::no},
                                                                 {DenialMethod::nsec3, OptOut::yes},
                                                                 {DenialMethod::nsec, OptOut::no}}};
  for (const auto& [denial, opt_out] : ways) {
    signer.policy.denial = denial;
    signer.policy.opt_out = opt_out;
    story.sign(signer);
    story.tell(signer);
    story.pass();
  }
}

void run_unsigning(const std::string& folder) {
  Story story(folder, "unsigning");
  SigningServer signer = story.make_server({flags_ksk});
  story.sign(signer);
  story.let_parent_follow({&signer});
  story.tell(signer);
  signer.additions.asks_for_removal = true;
  story.sign(signer);
  story.tell(signer);
  story.let_parent_follow({&signer});
  story.tell(signer);  // signed still, though the parent has no DS
}

void run_offline(const std::string& folder) {
  Story story(folder, "offline");
  SigningServer signer = story.make_server({flags_zsk});
  const SigningServer keeper = story.make_server({flags_ksk});
  signer.take(
      roll_zsk(signer.keys, story.now_s() + 300, times, [] { return make_key(ed25519); }).value());
  const auto asked =
      make_key_request(signer.keys, story.now_s(), story.now_s() + 1500, 300, times.dnskey_ttl_s)
          .value();
  const auto periods = sign_key_request(asked, keeper.keys, 300, 30 * 86400).value();
  for (uint64_t passed_s = 0; passed_s < 1500; passed_s += step_s) {
    signer.additions.given = period_at(periods, story.now_s())->rrsets;
    story.sign(signer);
    story.let_parent_follow({&signer});
    story.tell(signer);
    story.pass();
  }
}

SeenServer see(const SigningServer& signer, const std::vector<std::vector<uint8_t>>& ds = {}) {
  SeenServer seen{.server = "it"};
  zone::Contents::Cursor cursor(signer.served->contents);
  for (const zone::StagedRrset& rrset : cursor.next()->rrsets) {
    SeenRrset copy{.ttl = rrset.ttl};
    for (const Bytes rdata : rrset.rdata) copy.rdata.emplace_back(rdata.begin(), rdata.end());
    for (const Bytes rdata : rrset.signatures) {
      copy.signatures.emplace_back(rdata.begin(), rdata.end());
    }
    if (rrset.type == wire::type_dnskey) seen.dnskeys = copy;
    if (rrset.type == wire::type_cds) seen.cds = copy;
    if (rrset.type == wire::type_ns) seen.name_servers = copy;
  }
  seen.ds.rdata = ds;
  return seen;
}

// One of two that sign the zone: what it knows of the other.
struct Member {
  SigningServer signer;
  std::vector<OtherSigner> others;

  Member(const Story& story, SigningServer with, const std::string& other,
         const std::string& server, const std::vector<ZoneKey>& of)
      : signer(std::move(with)), others{{.name = other, .since_s = story.now_s()}} {
    others[0].name_servers = {
        wire::Name::from_text(server + "." + story.zone().view().to_text()).value()};
    for (const ZoneKey& key : of) {
      if (key.is_entry_point()) {
        others[0].keys.push_back({.dnskey = key.dnskey_rdata(), .is_announced = true});
      }
    }
  }
  void look(const Story& story, const SigningServer& other, const SigningServer& asked_for_ns,
            bool is_wanted) {
    SeenServer parent = see(asked_for_ns, story.ds_);
    GroupSighting seen{.now_s = story.now_s(), .parent = see_parent({&parent, 1}), .signers = {}};
    const SeenServer server = see(other);
    seen.signers[others[0].name] =
        see_signer(others[0], story.zone(), {&server, 1}, seen.parent, story.now_s());
    const std::vector<std::string> wanted(is_wanted ? 1 : 0, others[0].name);
    advance(others, {.zone = story.zone(), .own = signer.keys, .wanted = wanted, .times = times},
            seen);
    signer.additions = {};
    add_signers(others, signer.additions);
  }
};

// Two join, each rolls all its keys, and part.
void run_signers(const std::string& folder) {
  Story story(folder, "signers");
  SigningServer first = story.make_server({flags_ksk, flags_zsk});
  SigningServer second = story.make_server({flags_ksk});
  const std::vector<ZoneKey> of_first = first.keys;
  const std::vector<ZoneKey> of_second = second.keys;
  Member a(story, std::move(first), "b", "ns2", of_second);
  Member b(story, std::move(second), "a", "ns", of_first);
  story.sign(a.signer);
  story.sign(b.signer);
  story.let_parent_follow({&a.signer});
  const KeySchedule schedule{
      .zsk_lifetime_s = 1800, .entry_point_lifetime_s = 2100, .algorithm = 0, .times = times};
  bool has_joined = false;
  for (uint64_t passed_s = 0; passed_s < 6000; passed_s += step_s) {
    const bool is_wanted = passed_s < 4000;
    a.look(story, b.signer, a.signer, is_wanted);
    b.look(story, a.signer, a.signer, true);
    const bool is_in = a.others[0].phase == SignerPhase::joined;
    has_joined |= is_in;
    // No roll is begun while one comes or goes.
    if (is_in) {
      roll(story, a.signer, schedule, a.others);
      roll(story, b.signer, schedule, b.others);
    }
    story.sign(a.signer);
    story.sign(b.signer);
    if (!a.others[0].is_asked()) story.part_from(".b");
    story.tell(a.signer, ".a");
    if (a.others[0].is_asked()) story.tell(b.signer, ".b");
    if (a.others[0].phase == SignerPhase::leaving_ds) {
      story.let_parent_follow({&a.signer});
    } else if (a.others[0].is_announced()) {
      story.let_parent_follow({&a.signer, &b.signer});
    }
    story.pass();
  }
  CHECK(has_joined && a.others[0].phase == SignerPhase::left);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  const std::string folder = arguments[1];
  const KeySchedule zsk{.zsk_lifetime_s = life_s + 60, .times = times};
  const KeySchedule entry{.entry_point_lifetime_s = life_s + 60, .times = times};
  run_rolls(folder, "zsk", {flags_ksk, flags_zsk}, zsk);
  run_rolls(folder, "ksk", {flags_ksk, flags_zsk}, entry);
  run_rolls(
      folder, "both", {flags_ksk, flags_zsk},
      {.zsk_lifetime_s = life_s + 60, .entry_point_lifetime_s = life_s + 120, .times = times});
  run_rolls(folder, "csk", {flags_ksk}, entry, ed25519,
            [](SigningServer& signer) { signer.policy.denial = DenialMethod::nsec3; });
  const KeySchedule to_ecdsa{.algorithm = ecdsa_p256_sha256, .times = times};
  run_rolls(folder, "algorithm", {flags_ksk, flags_zsk}, to_ecdsa);
  run_rolls(folder, "csk-algorithm", {flags_ksk}, to_ecdsa);
  run_rolls(folder, "rsa", {flags_ksk, flags_zsk}, to_ecdsa, rsa_sha256);
  run_denial(folder);
  run_unsigning(folder);
  run_offline(folder);
  run_signers(folder);
  return 0;
}
