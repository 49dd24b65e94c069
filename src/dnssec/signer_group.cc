// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/signer_group.h"

#include <algorithm>

namespace holdfast::dnssec {

namespace {

std::string key_name(Bytes dnskey) { return "key " + std::to_string(key_tag(dnskey)); }

// That sign the zone, or will.
std::vector<const ZoneKey*> zone_keys(std::span<const ZoneKey> own, uint64_t now_s) {
  std::vector<const ZoneKey*> found;
  for (const ZoneKey& key : own) {
    if (!key.is_published_at(now_s)) continue;
    const bool is_csk =
        key.is_entry_point() && std::ranges::none_of(own, [&](const ZoneKey& other) {
          return !other.is_entry_point() && other.is_published_at(now_s) &&
                 other.algorithm().number == key.algorithm().number;
        });
    if (!key.is_entry_point() || is_csk) found.push_back(&key);
  }
  return found;
}

// One signer on its way, with all that it is judged by.
class Step {
 public:
  Step(OtherSigner& signer, std::span<const OtherSigner> all, const Group& group,
       const GroupSighting& seen)
      : signer_(signer), all_(all), group_(group), seen_(seen) {
    const auto found = seen.signers.find(signer.name);
    sighting_ = found == seen.signers.end() ? nullptr : &found->second;
  }

  void learn() {
    if (sighting_ == nullptr || !sighting_->fault.empty()) return;
    signer_.dnskey_ttl_s = sighting_->dnskey_ttl_s;
    note_known_keys();
    forget_keys_that_went();
    for (const auto& dnskey : sighting_->dnskeys.in_any) {
      if (!is_new_key_of_its(dnskey)) continue;
      signer_.keys.push_back({.dnskey = dnskey, .is_announced = false});
      say("has a new " + key_name(dnskey));
    }
    note_announced_keys();
  }

  // What the phase waits for, as a sentence; empty: all is there.
  [[nodiscard]] std::string missing() const {
    switch (signer_.phase) {
      case SignerPhase::keys:
        return first_of({&Step::missing_sighting, &Step::missing_keys});
      case SignerPhase::ds:
        return first_of({&Step::missing_sighting, &Step::missing_keys, &Step::missing_ds});
      case SignerPhase::name_servers:
        return first_of({&Step::missing_sighting, &Step::missing_name_servers});
      case SignerPhase::joined:
        return first_of({&Step::missing_sighting, &Step::missing_keys, &Step::missing_cds});
      case SignerPhase::leaving_name_servers:
        return left_name_servers();
      case SignerPhase::leaving_ds:
        return left_ds();
      case SignerPhase::left:
        return {};
    }
    return {};
  }

  void go_on() {
    turn_if_asked_to();
    signer_.waits_for = missing();
    if (!signer_.waits_for.empty()) {
      signer_.met_s = 0;
      return;
    }
    if (signer_.phase == SignerPhase::joined || signer_.phase == SignerPhase::left) return;
    if (signer_.met_s == 0) signer_.met_s = seen_.now_s;
    if (seen_.now_s < signer_.met_s + wait_s()) {
      signer_.waits_for = "what was there before to leave all caches";
      return;
    }
    enter(static_cast<SignerPhase>(static_cast<int>(signer_.phase) + 1));
  }

  std::vector<std::string> sentences;

 private:
  using Part = std::string (Step::*)() const;
  [[nodiscard]] std::string first_of(std::initializer_list<Part> parts) const {
    for (const Part part : parts) {
      if (std::string sentence = (this->*part)(); !sentence.empty()) return sentence;
    }
    return {};
  }

  void say(const std::string& what) {
    sentences.push_back("signer \"" + signer_.name + "\" " + what);
  }

  void enter(SignerPhase phase) {
    signer_.phase = phase;
    signer_.since_s = seen_.now_s;
    signer_.met_s = 0;
    signer_.waits_for.clear();
    say("is in phase " + std::string(phase_text(phase)));
  }

  // The way back from each phase, and the way in again.
  void turn_if_asked_to() {
    const bool is_wanted = std::ranges::find(group_.wanted, signer_.name) != group_.wanted.end();
    switch (signer_.phase) {
      case SignerPhase::keys:
        return is_wanted ? void() : enter(SignerPhase::left);
      case SignerPhase::ds:
        return is_wanted ? void() : enter(SignerPhase::leaving_ds);
      case SignerPhase::name_servers:
      case SignerPhase::joined:
        return is_wanted ? void() : enter(SignerPhase::leaving_name_servers);
      case SignerPhase::leaving_name_servers:
        return is_wanted ? enter(SignerPhase::name_servers) : void();
      case SignerPhase::leaving_ds:
        return is_wanted ? enter(SignerPhase::ds) : void();
      case SignerPhase::left:
        return is_wanted ? enter(SignerPhase::keys) : void();
    }
  }

  // How long what was there before may live in caches.
  [[nodiscard]] uint64_t wait_s() const {
    const RolloverTimes& times = group_.times;
    switch (signer_.phase) {
      case SignerPhase::keys:
        return std::max(times.dnskey_ttl_s, signer_.dnskey_ttl_s) + uint64_t{times.propagation_s};
      case SignerPhase::ds:
      case SignerPhase::leaving_ds:
        return uint64_t{times.ds_ttl_s} + times.propagation_s;
      case SignerPhase::leaving_name_servers:
        return uint64_t{times.ttl_max_s} + times.propagation_s;
      case SignerPhase::name_servers:
      case SignerPhase::joined:
      case SignerPhase::left:
        return 0;
    }
    return 0;
  }

  void note_known_keys() {
    std::vector<KnownKey> known;
    for (const ZoneKey* key : zone_keys(group_.own, seen_.now_s)) {
      if (!holds_record(sighting_->dnskeys.in_all, key->dnskey_rdata())) continue;
      const auto before = std::ranges::find(signer_.known, key->tag(), &KnownKey::tag);
      known.push_back({key->tag(), before == signer_.known.end() ? seen_.now_s : before->since_s});
    }
    signer_.known = std::move(known);
  }

  // Its own servers have them no more, so nothing is signed with them.
  void forget_keys_that_went() {
    std::erase_if(signer_.keys, [&](const ForeignKey& key) {
      if (holds_record(sighting_->dnskeys.in_any, key.dnskey)) return false;
      say("has " + key_name(key.dnskey) + " no more");
      return true;
    });
  }

  [[nodiscard]] bool is_new_key_of_its(const std::vector<uint8_t>& dnskey) const {
    if (signer_.keys.size() >= foreign_keys_max) return false;
    const auto has = [&](const OtherSigner& of) {
      return std::ranges::any_of(of.keys,
                                 [&](const ForeignKey& key) { return key.dnskey == dnskey; });
    };
    const bool is_ours = std::ranges::any_of(
        group_.own, [&](const ZoneKey& key) { return key.dnskey_rdata() == dnskey; });
    const auto parsed = Dnskey::parse(dnskey);
    return !is_ours && std::ranges::none_of(all_, has) && parsed && parsed->is_zone_key() &&
           has_algorithm(dnskey);
  }
  // RFC 8901 §4: of other algorithms all of the zone would have to be signed with.
  [[nodiscard]] bool has_algorithm(const std::vector<uint8_t>& dnskey) const {
    return std::ranges::any_of(
        group_.own, [&](const ZoneKey& key) { return key.algorithm().number == dnskey[3]; });
  }

  void note_announced_keys() {
    const bool has_any = std::ranges::any_of(signer_.keys, [&](const ForeignKey& key) {
      return holds_ds_of(sighting_->cds.in_any, group_.zone, key.dnskey);
    });
    if (!has_any) return;  // it does not say
    for (ForeignKey& key : signer_.keys) {
      const bool is_announced = holds_ds_of(sighting_->cds.in_any, group_.zone, key.dnskey);
      if (is_announced != key.is_announced) {
        say((is_announced ? "announces " : "no longer announces ") + key_name(key.dnskey));
      }
      key.is_announced = is_announced;
    }
  }

  [[nodiscard]] std::string missing_sighting() const {
    if (sighting_ == nullptr) return "it to be asked";
    if (!sighting_->fault.empty()) return sighting_->fault;
    return signer_.keys.empty() ? "a key of its (holdfast key import --foreign)" : std::string();
  }

  [[nodiscard]] std::string missing_keys() const {
    for (const ZoneKey* key : zone_keys(group_.own, seen_.now_s)) {
      if (!holds_record(sighting_->dnskeys.in_all, key->dnskey_rdata())) {
        return "it to serve our " + key_name(key->dnskey_rdata());
      }
    }
    for (const OtherSigner& other : all_) {
      if (other.name == signer_.name || !other.is_announced()) continue;
      if (auto lack = missing_between(*sighting_, other); !lack.empty()) return "it " + lack;
      const auto theirs = seen_.signers.find(other.name);
      if (theirs == seen_.signers.end() || !theirs->second.fault.empty()) continue;
      if (auto lack = missing_between(theirs->second, signer_); !lack.empty()) {
        return "signer \"" + other.name + "\" " + lack;
      }
    }
    return {};
  }
  [[nodiscard]] static std::string missing_between(const SignerSighting& server,
                                                   const OtherSigner& owner) {
    for (const ForeignKey& key : owner.keys) {
      if (!owner.signs_zone(key) || holds_record(server.dnskeys.in_all, key.dnskey)) continue;
      return "to serve " + key_name(key.dnskey) + " of signer \"" + owner.name + "\"";
    }
    return {};
  }

  [[nodiscard]] std::string missing_ds() const {
    if (!seen_.parent.fault.empty()) return "the parent: " + seen_.parent.fault;
    bool any = false;
    for (const ForeignKey& key : signer_.keys) {
      if (!key.is_announced) continue;
      any = true;
      if (holds_ds_of(seen_.parent.ds.in_all, group_.zone, key.dnskey)) continue;
      const std::string of_cds = missing_cds();
      return "the parent to have a DS of its " + key_name(key.dnskey) +
             (of_cds.empty() ? of_cds : ", and " + of_cds);
    }
    return any ? std::string() : "it to say by CDS which key it wants a DS for";
  }

  // The parent looks at all servers, and wants them to agree.
  [[nodiscard]] std::string missing_cds() const {
    const bool has_any = !sighting_->cds.in_any.empty();
    for (const ZoneKey& key : group_.own) {
      if (!has_any || !key.is_sync_published_at(seen_.now_s)) continue;
      if (holds_ds_of(sighting_->cds.in_all, group_.zone, key.dnskey_rdata())) continue;
      return "it to serve the CDS of our " + key_name(key.dnskey_rdata());
    }
    return {};
  }

  [[nodiscard]] std::string missing_name_servers() const {
    if (signer_.name_servers.empty()) return {};  // they are the operator's business
    if (!seen_.parent.fault.empty()) return "the parent: " + seen_.parent.fault;
    for (const wire::Name& name : signer_.name_servers) {
      if (!holds_name_server(seen_.parent.name_servers.in_all, name)) {
        return "the parent to have NS " + name.view().to_text();
      }
      if (!holds_name_server(sighting_->name_servers.in_all, name)) {
        return "it to have NS " + name.view().to_text();
      }
    }
    return {};
  }

  [[nodiscard]] std::string left_name_servers() const {
    if (!seen_.parent.fault.empty()) return "the parent: " + seen_.parent.fault;
    for (const wire::Name& name : signer_.name_servers) {
      if (holds_name_server(seen_.parent.name_servers.in_any, name)) {
        return "the parent to drop NS " + name.view().to_text();
      }
      for (const auto& [of, sighting] : seen_.signers) {
        if (of == signer_.name || !holds_name_server(sighting.name_servers.in_any, name)) continue;
        return "signer \"" + of + "\" to drop NS " + name.view().to_text();
      }
    }
    return {};
  }

  [[nodiscard]] std::string left_ds() const {
    if (!seen_.parent.fault.empty()) return "the parent: " + seen_.parent.fault;
    for (const ForeignKey& key : signer_.keys) {
      if (!holds_ds_of(seen_.parent.ds.in_any, group_.zone, key.dnskey)) continue;
      return "the parent to drop the DS of its " + key_name(key.dnskey);
    }
    return {};
  }

  OtherSigner& signer_;
  std::span<const OtherSigner> all_;
  const Group& group_;
  const GroupSighting& seen_;
  const SignerSighting* sighting_ = nullptr;
};

// When nobody's DNSKEY is without it; if a signer does not have it yet, as if it had it from now
// on.
uint64_t known_to_all_s(const ZoneKey& key, std::span<const OtherSigner> signers, uint64_t now_s,
                        const RolloverTimes& times) {
  uint64_t known_s = 0;
  for (const OtherSigner& signer : signers) {
    if (!signer.is_asked()) continue;
    const auto known = std::ranges::find(signer.known, key.tag(), &KnownKey::tag);
    const uint64_t since_s = known == signer.known.end() ? now_s : known->since_s;
    known_s = std::max(
        known_s, since_s + std::max(times.dnskey_ttl_s, signer.dnskey_ttl_s) + times.propagation_s);
  }
  return known_s;
}

}  // namespace

std::vector<std::string> advance(std::vector<OtherSigner>& signers, const Group& group,
                                 const GroupSighting& seen) {
  std::vector<std::string> sentences;
  for (OtherSigner& signer : signers) {
    Step step(signer, signers, group, seen);
    step.learn();
    step.go_on();
    sentences.insert(sentences.end(), step.sentences.begin(), step.sentences.end());
  }
  return sentences;
}

std::vector<ZoneKey> hold_for_signers(std::span<const ZoneKey> own,
                                      std::span<const OtherSigner> signers, uint64_t now_s,
                                      const RolloverTimes& times) {
  return hold_zsks(own, now_s, [&](const ZoneKey& successor) {
    return known_to_all_s(successor, signers, now_s, times);
  });
}

bool is_known_to_all(const ZoneKey& key, std::span<const ZoneKey> own,
                     std::span<const OtherSigner> signers, uint64_t now_s,
                     const RolloverTimes& times) {
  const auto signing = zone_keys(own, now_s);
  if (std::ranges::none_of(signing, [&](const ZoneKey* of) { return of->tag() == key.tag(); })) {
    return true;
  }
  return known_to_all_s(key, signers, now_s, times) <= now_s;
}

}  // namespace holdfast::dnssec
