// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/signed_keys.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/file.h"
#include "dnssec/key_roles.h"
#include "dnssec/key_time.h"
#include "dnssec/rrset_signer.h"
#include "dnssec/signature_check.h"
#include "wire/rdata_text.h"
#include "wire/types.h"
#include "zone/record_scanner.h"

namespace holdfast::dnssec {

namespace {

constexpr std::string_view request_head = ";; KeySigningRequest ";
constexpr std::string_view response_head = ";; SignedKeyResponse ";
constexpr std::string_view form_version = "1.0";
constexpr size_t time_digits = 14;                // YYYYMMDDHHMMSS; others are seconds
constexpr uint64_t time_s_max = 253'402'300'799;  // the end of 9999; less than that many digits
constexpr uint32_t inception_offset_s = 3600;
constexpr unsigned file_mode = 0644;

std::string path_of(const std::string& folder) { return folder + "/signed-keys"; }

std::string_view head_of(KeyText kind) {
  return kind == KeyText::request ? request_head : response_head;
}

std::string_view take_word(std::string_view& text) {
  const size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

std::optional<uint64_t> read_time(std::string_view word) {
  if (word.size() == time_digits) return parse_key_time(word);
  uint64_t seconds = 0;
  const auto [at, error] = std::from_chars(word.data(), word.data() + word.size(), seconds);
  if (word.empty() || error != std::errc() || at != word.data() + word.size()) return std::nullopt;
  return seconds <= time_s_max ? std::optional(seconds) : std::nullopt;
}

bool belongs_here(uint16_t type) {
  return type == wire::type_dnskey || type == wire::type_cds || type == wire::type_cdnskey;
}

GivenRrset& rrset_of(KeyPeriod& period, uint16_t type) {
  const auto found = std::ranges::find(period.rrsets, type, &GivenRrset::type);
  if (found != period.rrsets.end()) return *found;
  return period.rrsets.emplace_back(GivenRrset{.type = type});
}

void sort(std::vector<std::vector<uint8_t>>& records) {
  std::ranges::sort(records);
  const auto copies = std::ranges::unique(records);
  records.erase(copies.begin(), copies.end());
}

// Reads period by period; one for each text.
class Reader {
 public:
  Reader(const std::string& source, wire::NameView zone, KeyText kind)
      : source_(source), zone_(zone), kind_(kind) {}

  Result<std::vector<KeyPeriod>> read(std::string_view text) {
    size_t records_begin = 0;  // of the period that is open
    uint64_t line_number = 0;
    uint64_t records_line = 0;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      const std::string_view line = text.substr(at, end - at);
      ++line_number;
      if (line.starts_with(head_of(kind_))) {
        TRY(take_records(text.substr(records_begin, at - records_begin), records_line));
        TRY(take_head(line.substr(head_of(kind_).size()), line_number));
        records_begin = std::min(end + 1, text.size());
        records_line = line_number;
      }
      at = end + 1;
    }
    TRY(take_records(text.substr(std::min(records_begin, text.size())), records_line));
    if (periods_.empty()) {
      return fail(source_ + ": holds no period; expected lines \"" + std::string(head_of(kind_)) +
                  "1.0 TIME\"");
    }
    for (KeyPeriod& period : periods_) TRY(finish(period));
    std::ranges::sort(periods_, {}, &KeyPeriod::begin_s);
    const auto twice = std::ranges::adjacent_find(periods_, {}, &KeyPeriod::begin_s);
    if (twice != periods_.end()) {
      return fail(source_ + ": two periods begin at " + key_time_text(twice->begin_s));
    }
    return std::move(periods_);
  }

 private:
  Result<void> take_head(std::string_view rest, uint64_t line) {
    take_word(rest);  // of the form
    const std::string_view word = take_word(rest);
    is_open_ = word != "generated";  // the last line
    if (!is_open_) return {};
    const auto time = read_time(word);
    if (!time || periods_.size() == key_periods_max) {
      return fail(source_ + ":" + std::to_string(line) + ": \"" + std::string(word) +
                  (time ? "\" is the beginning of one period too many" : "\" is no time"));
    }
    periods_.push_back({.begin_s = *time, .rrsets = {}});
    return {};
  }

  Result<void> take_records(std::string_view text, uint64_t line) {
    if (!is_open_) return {};
    scanner_.reset(zone_);
    scanner_.set_default_ttl(3600);
    scanner_.resume(text, line + 1);
    while (true) {
      const auto found = scanner_.next();
      if (found == zone::RecordScanner::Found::end) return {};
      if (found == zone::RecordScanner::Found::interruption) return complain(scanner_.fault());
      if (!(scanner_.owner() == zone_)) return complain("a record of another name");
      KeyPeriod& period = periods_.back();
      const Bytes rdata = scanner_.rdata();
      if (scanner_.type() == wire::type_dnskey && !Dnskey::parse(rdata)) {
        return complain("a DNSKEY that is too short to be one");
      }
      if (scanner_.type() == wire::type_rrsig && rdata.size() > rrsig_head_bytes &&
          belongs_here(load_be16(rdata.data()))) {
        rrset_of(period, load_be16(rdata.data()))
            .signatures.emplace_back(rdata.begin(), rdata.end());
      } else if (belongs_here(scanner_.type())) {
        GivenRrset& rrset = rrset_of(period, scanner_.type());
        rrset.ttl = scanner_.ttl();
        rrset.rdata.emplace_back(rdata.begin(), rdata.end());
      } else {
        return complain("a record that is none of DNSKEY, CDS, CDNSKEY and their RRSIG");
      }
    }
  }
  [[nodiscard]] Result<void> complain(const std::string& what) const {
    return fail(source_ + ":" + std::to_string(scanner_.line()) + ": " + what);
  }

  Result<void> finish(KeyPeriod& period) const {
    const std::string name = source_ + ": the period from " + key_time_text(period.begin_s);
    if (period.find(wire::type_dnskey) == nullptr) return fail(name + " has no DNSKEY");
    for (GivenRrset& rrset : period.rrsets) {
      if (rrset.rdata.empty() || (kind_ == KeyText::response && rrset.signatures.empty())) {
        return fail(name + ": " + wire::type_to_text(rrset.type) +
                    (rrset.rdata.empty() ? " has signatures, but no record" : " is not signed"));
      }
      sort(rrset.rdata);
      sort(rrset.signatures);
    }
    return {};
  }

  const std::string& source_;
  wire::NameView zone_;
  KeyText kind_;
  zone::RecordScanner scanner_;
  bool is_open_ = false;
  std::vector<KeyPeriod> periods_;
};

std::vector<std::vector<uint8_t>> dnskeys_at(std::span<const ZoneKey> keys, uint64_t time_s) {
  std::vector<std::vector<uint8_t>> records;
  for (const ZoneKey& key : keys) {
    if (key.is_published_at(time_s)) records.push_back(key.dnskey_rdata());
  }
  return records;
}

Result<void> sign(GivenRrset& rrset, wire::NameView zone, std::span<const ZoneKey* const> keys,
                  Validity validity) {
  sort(rrset.rdata);
  const std::vector<Bytes> rdata(rrset.rdata.begin(), rrset.rdata.end());
  for (const ZoneKey* key : keys) {
    RrsetSigner signer = TRY(RrsetSigner::make(*key));
    std::vector<uint8_t> rrsig;
    TRY(signer.sign(zone, rrset.type, rrset.ttl, rdata, validity, rrsig));
    rrset.signatures.push_back(std::move(rrsig));
  }
  sort(rrset.signatures);
  return {};
}

Result<void> check_signatures(const GivenRrset& rrset, const GivenRrset& dnskeys,
                              wire::NameView zone, uint64_t time_s, const std::string& name) {
  const std::vector<Bytes> keys(dnskeys.rdata.begin(), dnskeys.rdata.end());
  const std::vector<Bytes> rdata(rrset.rdata.begin(), rrset.rdata.end());
  SignatureCheck check(zone, keys);
  for (const auto& rrsig : rrset.signatures) {
    size_t used = 0;
    const SignatureFault fault =
        check.check({zone, rrset.type, rrset.ttl, rdata}, rrsig, time_s, Depth::signatures, used);
    if (fault == SignatureFault::none) continue;
    return fail(name + ": a signature of " + wire::type_to_text(rrset.type) + " " +
                std::string(fault_text(fault)) + " at " + key_time_text(time_s));
  }
  return {};
}

bool is_entry_point(const std::vector<uint8_t>& dnskey) {
  return (load_be16(dnskey.data()) & flag_secure_entry_point) != 0;
}

// That ZSKs which are published in the period are in it, and no other.
Result<void> check_zsks(const KeyPeriod& period, std::span<const ZoneKey> zsks, uint64_t time_s,
                        const std::string& name) {
  const auto& dnskeys = period.find(wire::type_dnskey)->rdata;
  for (const ZoneKey& key : zsks) {
    if (!key.is_published_at(time_s)) continue;
    if (std::ranges::find(dnskeys, key.dnskey_rdata()) != dnskeys.end()) continue;
    return fail(name + ": ZSK " + std::to_string(key.tag()) + ", which is published at " +
                key_time_text(time_s) + ", is not in it");
  }
  if (std::ranges::none_of(dnskeys, is_entry_point)) return fail(name + ": holds no KSK");
  return {};
}

}  // namespace

const GivenRrset* KeyPeriod::find(uint16_t type) const {
  const auto found = std::ranges::find(rrsets, type, &GivenRrset::type);
  return found == rrsets.end() ? nullptr : &*found;
}

uint64_t KeyPeriod::expires_at_s(uint64_t now_s) const {
  uint64_t first_s = UINT64_MAX;
  for (const GivenRrset& rrset : rrsets) {
    for (const auto& rrsig : rrset.signatures) {
      const uint32_t left = load_be32(rrsig.data() + 8) - static_cast<uint32_t>(now_s);
      first_s = std::min(first_s, left < 0x80000000U ? now_s + left : 0);
    }
  }
  return first_s == UINT64_MAX ? 0 : first_s;
}

Result<std::vector<KeyPeriod>> read_key_periods(std::string_view text, const std::string& source,
                                                wire::NameView zone, KeyText kind) {
  return Reader(source, zone, kind).read(text);
}

std::string write_key_periods(std::span<const KeyPeriod> periods, wire::NameView zone, KeyText kind,
                              uint64_t now_s) {
  std::string text;
  const std::string head = std::string(head_of(kind)) + std::string(form_version) + " ";
  for (const KeyPeriod& period : periods) {
    text += head + std::to_string(period.begin_s) + " (" + key_time_text(period.begin_s) +
            ") =========\n";
    for (const GivenRrset& rrset : period.rrsets) {
      for (const auto& rdata : rrset.rdata) {
        text += wire::record_to_text(zone, rrset.type, rrset.ttl, rdata) + "\n";
      }
      for (const auto& rrsig : rrset.signatures) {
        text += wire::record_to_text(zone, wire::type_rrsig, rrset.ttl, rrsig) + "\n";
      }
    }
  }
  return text + head + "generated at " + key_time_text(now_s) + " by Holdfast\n";
}

Result<std::vector<KeyPeriod>> make_key_request(std::span<const ZoneKey> zsks, uint64_t from_s,
                                                uint64_t until_s, uint64_t length_s_max,
                                                uint32_t dnskey_ttl) {
  std::set<uint64_t> begins{from_s};
  for (const ZoneKey& key : zsks) {
    for (const auto& time_s : {key.times.publish, key.times.remove}) {
      if (time_s && *time_s > from_s && *time_s < until_s) begins.insert(*time_s);
    }
  }
  std::vector<KeyPeriod> request;
  for (auto begin = begins.begin(); begin != begins.end(); ++begin) {
    const auto next = std::next(begin);
    const uint64_t end_s = next == begins.end() ? until_s : *next;
    for (uint64_t at_s = *begin; at_s < end_s; at_s += length_s_max) {
      GivenRrset dnskeys{
          .type = wire::type_dnskey, .ttl = dnskey_ttl, .rdata = dnskeys_at(zsks, at_s)};
      if (dnskeys.rdata.empty()) {
        return fail("no ZSK is published at " + key_time_text(at_s));
      }
      if (request.size() == key_periods_max) {
        return fail("more than " + std::to_string(key_periods_max) + " periods");
      }
      request.push_back({.begin_s = at_s, .rrsets = {std::move(dnskeys)}});
    }
  }
  return request;
}

Result<std::vector<KeyPeriod>> sign_key_request(std::span<const KeyPeriod> request,
                                                std::span<const ZoneKey> ksks,
                                                uint64_t length_s_max, uint32_t overlap_s) {
  std::vector<KeyPeriod> response;
  for (size_t i = 0; i < request.size(); ++i) {
    const uint64_t begin_s = request[i].begin_s;
    const uint64_t end_s = i + 1 < request.size() ? request[i + 1].begin_s : begin_s + length_s_max;
    auto roles_then = KeyRoles::at(ksks, begin_s);
    if (!roles_then) {
      return fail("period from " + key_time_text(begin_s) + ": " + roles_then.error().message);
    }
    KeyRoles& roles = *roles_then;
    std::erase_if(roles.for_keys, [](const ZoneKey* key) { return !key->is_entry_point(); });
    if (roles.for_keys.empty()) return fail("no KSK signs at " + key_time_text(begin_s));
    const wire::NameView zone = roles.for_keys.front()->zone();
    KeyPeriod period{.begin_s = begin_s, .rrsets = {}};
    GivenRrset dnskeys = *request[i].find(wire::type_dnskey);
    GivenRrset cds{.type = wire::type_cds, .ttl = dnskeys.ttl};
    GivenRrset cdnskeys{.type = wire::type_cdnskey, .ttl = dnskeys.ttl};
    for (const ZoneKey* key : roles.published) {
      if (key->is_entry_point()) dnskeys.rdata.push_back(key->dnskey_rdata());
    }
    for (const ZoneKey* key : roles.announced) {
      cds.rdata.push_back(make_ds_rdata(zone, key->dnskey_rdata(), DsDigest::sha256));
      cdnskeys.rdata.push_back(key->dnskey_rdata());
    }
    for (GivenRrset* rrset : {&dnskeys, &cds, &cdnskeys}) {
      if (rrset->rdata.empty()) continue;
      TRY(sign(*rrset, zone, roles.for_keys,
               {.inception = static_cast<uint32_t>(begin_s) - inception_offset_s,
                .expiration = static_cast<uint32_t>(end_s) + overlap_s}));
      period.rrsets.push_back(std::move(*rrset));
    }
    response.push_back(std::move(period));
  }
  return response;
}

Result<std::vector<KeyPeriod>> load_signed_keys(const std::string& folder, wire::NameView zone) {
  const std::string path = path_of(folder);
  if (::access(path.c_str(), F_OK) != 0) return std::vector<KeyPeriod>();
  const std::string text = TRY(read_file(path, key_text_bytes_max));
  return read_key_periods(text, path, zone, KeyText::response);
}

Result<void> save_signed_keys(std::span<const KeyPeriod> periods, const std::string& folder,
                              wire::NameView zone, uint64_t now_s) {
  const std::string text = write_key_periods(periods, zone, KeyText::response, now_s);
  TRY(replace_file(path_of(folder), {reinterpret_cast<const uint8_t*>(text.data()), text.size()},
                   file_mode));
  return sync_directory_of(path_of(folder));
}

Result<std::vector<KeyPeriod>> join_key_periods(std::vector<KeyPeriod> taken,
                                                std::vector<KeyPeriod> fresh) {
  const uint64_t begin_s = fresh.front().begin_s;
  const KeyPeriod* before = period_at(taken, begin_s);
  if (before != nullptr) {
    const auto& had = before->find(wire::type_dnskey)->rdata;
    const auto& has = fresh.front().find(wire::type_dnskey)->rdata;
    const bool is_led_to = std::ranges::any_of(has, [&](const std::vector<uint8_t>& dnskey) {
      return is_entry_point(dnskey) && std::ranges::find(had, dnskey) != had.end();
    });
    if (!is_led_to) {
      return fail("the period from " + key_time_text(begin_s) +
                  " has no KSK of the one before it, so the parent's DS would lead nowhere");
    }
  }
  std::erase_if(taken, [&](const KeyPeriod& period) { return period.begin_s >= begin_s; });
  std::ranges::move(fresh, std::back_inserter(taken));
  return taken;
}

const KeyPeriod* period_at(std::span<const KeyPeriod> periods, uint64_t now_s) {
  const KeyPeriod* found = nullptr;
  for (const KeyPeriod& period : periods) {
    if (period.begin_s <= now_s) found = &period;
  }
  return found;
}

Result<void> check_key_response(std::span<const KeyPeriod> periods, std::span<const ZoneKey> zsks,
                                wire::NameView zone, uint64_t now_s) {
  for (size_t i = 0; i < periods.size(); ++i) {
    const KeyPeriod& period = periods[i];
    const bool is_last = i + 1 == periods.size();
    if (!is_last && periods[i + 1].begin_s <= now_s) continue;  // over
    const std::string name = "the period from " + key_time_text(period.begin_s);
    const uint64_t begin_s = std::max(period.begin_s, now_s);
    // Until the next begins, and secondaries have it.
    const uint64_t end_s = is_last ? begin_s : periods[i + 1].begin_s;
    TRY(check_zsks(period, zsks, begin_s, name));
    if (!is_last) TRY(check_zsks(period, zsks, end_s - 1, name));
    for (const GivenRrset& rrset : period.rrsets) {
      for (const uint64_t time_s : {begin_s, end_s}) {
        TRY(check_signatures(rrset, *period.find(wire::type_dnskey), zone, time_s, name));
      }
    }
  }
  return {};
}

}  // namespace holdfast::dnssec
