// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/zonemd.h"

#include <algorithm>

#include "base/check.h"
#include "dnssec/old_version.h"
#include "dnssec/openssl_handles.h"
#include "dnssec/signature_plan.h"
#include "wire/rdata.h"
#include "wire/types.h"

namespace holdfast::dnssec {

namespace {

using zone::StagedNode;
using zone::StagedRrset;

constexpr uint8_t scheme_simple = 1;
constexpr size_t head_bytes = 6;
enum DigestNumber : uint8_t { digest_sha384 = 1, digest_sha512 = 2 };

// All nodes in canonical order, the owners of NSEC3 records among the others.
class CanonicalWalk {
 public:
  explicit CanonicalWalk(const zone::Contents& contents) : ordinary_(contents), nsec3_(contents) {
    next_ordinary();
    do next_nsec3_ = nsec3_.next();
    while (next_nsec3_ != nullptr && (next_nsec3_->flags & zone::node_nsec3) == 0);
  }

  // Null at the end. Valid until the next call.
  const StagedNode* next() {
    if (taken_ == &ordinary_) next_ordinary();
    if (taken_ == &nsec3_) next_nsec3_ = nsec3_.next();
    taken_ = &ordinary_;
    if (next_nsec3_ == nullptr) return next_ordinary_;
    if (next_ordinary_ != nullptr &&
        wire::compare_canonical(next_ordinary_->owner, next_nsec3_->owner) <= 0) {
      return next_ordinary_;
    }
    taken_ = &nsec3_;
    return next_nsec3_;
  }

 private:
  void next_ordinary() {
    next_ordinary_ = ordinary_.next();
    const bool is_end =
        next_ordinary_ != nullptr && (next_ordinary_->flags & zone::node_nsec3) != 0;
    if (is_end) next_ordinary_ = nullptr;
  }

  zone::Contents::Cursor ordinary_;
  zone::Contents::Cursor nsec3_;
  const StagedNode* next_ordinary_ = nullptr;
  const StagedNode* next_nsec3_ = nullptr;
  const zone::Contents::Cursor* taken_ = nullptr;
};

class Digester {
 public:
  explicit Digester(Zonemd method) : context_(EVP_MD_CTX_new()) {
    CHECK(context_ != nullptr);
    const EVP_MD* digest = method == Zonemd::sha384 ? EVP_sha384() : EVP_sha512();
    CHECK(EVP_DigestInit_ex(context_.get(), digest, nullptr) == 1);
  }

  void add(const StagedNode& node) {
    const bool is_apex = (node.flags & zone::node_apex) != 0;
    wire::Name owner(node.owner);
    owner.fold_case();
    collect_signatures(node, is_apex);
    bool signatures_done = signatures_.empty();
    for (const StagedRrset& rrset : node.rrsets) {
      if (is_apex && rrset.type == wire::type_zonemd) continue;
      if (rrset.type >= wire::type_rrsig && !signatures_done) {
        add_signatures(owner);
        signatures_done = true;
      }
      if (rrset.type == wire::type_rrsig) continue;  // among the collected
      for (const Bytes rdata : rrset.rdata) add_record(owner, rrset.type, rrset.ttl, rdata);
    }
    if (!signatures_done) add_signatures(owner);
  }

  std::vector<uint8_t> finish() {
    std::vector<uint8_t> digest(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1);
    digest.resize(size);
    return digest;
  }

 private:
  struct Signature {
    Bytes rdata;
    uint32_t ttl;
  };

  // RFC 8976 §3.3.1.3: without those that cover the ZONEMD at the apex.
  void collect_signatures(const StagedNode& node, bool is_apex) {
    signatures_.clear();
    for (const StagedRrset& rrset : node.rrsets) {
      const bool is_own = rrset.type == wire::type_rrsig;
      const auto& records = is_own ? rrset.rdata : rrset.signatures;
      for (const Bytes rdata : records) {
        if (is_apex && rdata.size() >= 2 && load_be16(rdata.data()) == wire::type_zonemd) continue;
        signatures_.push_back({rdata, is_own ? rrset.ttl : rrset.signature_ttl});
      }
    }
    std::ranges::sort(signatures_, [](const Signature& a, const Signature& b) {
      return std::ranges::lexicographical_compare(a.rdata, b.rdata);
    });
  }

  void add_signatures(wire::NameView owner) {
    for (const Signature& signature : signatures_) {
      add_record(owner, wire::type_rrsig, signature.ttl, signature.rdata);
    }
  }

  void add_record(wire::NameView owner, uint16_t type, uint32_t ttl, Bytes rdata) {
    record_.assign(owner.bytes().begin(), owner.bytes().end());
    const size_t head = record_.size();
    record_.resize(head + 10);
    store_be16(record_.data() + head, type);
    store_be16(record_.data() + head + 2, wire::class_in);
    store_be32(record_.data() + head + 4, ttl);
    store_be16(record_.data() + head + 8, static_cast<uint16_t>(rdata.size()));
    record_.insert(record_.end(), rdata.begin(), rdata.end());
    wire::fold_rdata_names(type, MutableBytes(record_).subspan(head + 10));
    CHECK(EVP_DigestUpdate(context_.get(), record_.data(), record_.size()) == 1);
  }

  DigestContextHandle context_;
  std::vector<Signature> signatures_;
  std::vector<uint8_t> record_;
};

std::vector<uint8_t> digest_of(const zone::Contents& contents, Zonemd method) {
  Digester digester(method);
  CanonicalWalk walk(contents);
  while (const StagedNode* node = walk.next()) digester.add(*node);
  return digester.finish();
}

const StagedRrset* find(const StagedNode& node, uint16_t type) {
  const auto found = std::ranges::find(node.rrsets, type, &StagedRrset::type);
  return found == node.rrsets.end() ? nullptr : &*found;
}

uint32_t serial_of(const StagedNode& apex) {
  const StagedRrset* soa = find(apex, wire::type_soa);
  if (soa == nullptr || soa->rdata.front().size() < 20) return 0;
  return load_be32(soa->rdata.front().last(20).data());
}

}  // namespace

std::vector<uint8_t> make_zonemd_rdata(const zone::Contents& contents, Zonemd method) {
  zone::Contents::Cursor cursor(contents);
  std::vector<uint8_t> rdata(head_bytes);
  store_be32(rdata.data(), serial_of(*cursor.next()));
  rdata[4] = scheme_simple;
  rdata[5] = method == Zonemd::sha384 ? digest_sha384 : digest_sha512;
  const std::vector<uint8_t> digest = digest_of(contents, method);
  rdata.insert(rdata.end(), digest.begin(), digest.end());
  return rdata;
}

std::optional<std::string> check_zonemd(const zone::Contents& contents) {
  zone::Contents::Cursor cursor(contents);
  const StagedNode& apex = *cursor.next();
  const StagedRrset* zonemd = find(apex, wire::type_zonemd);
  if (zonemd == nullptr) return std::nullopt;
  std::optional<std::string> fault;
  for (const Bytes rdata : zonemd->rdata) {
    if (rdata.size() <= head_bytes || rdata[4] != scheme_simple) continue;
    if (rdata[5] != digest_sha384 && rdata[5] != digest_sha512) continue;
    if (load_be32(rdata.data()) != serial_of(apex)) {
      fault = "ZONEMD is for serial " + std::to_string(load_be32(rdata.data())) + ", the SOA has " +
              std::to_string(serial_of(apex));
      continue;
    }
    const Zonemd method = rdata[5] == digest_sha384 ? Zonemd::sha384 : Zonemd::sha512;
    if (std::ranges::equal(digest_of(contents, method), rdata.subspan(head_bytes))) {
      return std::nullopt;
    }
    fault = "ZONEMD does not fit the records";
  }
  return fault;
}

Result<SignedZone> add_zonemd(const SigningTask& task, const KeyRoles& roles, SignedZone made) {
  const wire::NameView apex = made.contents.apex();
  const std::vector<uint8_t> rdata = make_zonemd_rdata(made.contents, task.policy.zonemd);
  OldVersion old(task.before, task.policy, task.now_s);
  old.seek(apex, false);
  SignaturePlan plan(task, roles, old);
  zone::Contents::Cursor cursor(made.contents);
  const StagedNode* node = cursor.next();
  const StagedRrset* soa = find(*node, wire::type_soa);
  const Bytes record = rdata;
  SignBatch batch;
  batch.rrsets.push_back(plan.lay_out(batch, apex.bytes(), wire::type_zonemd,
                                      soa == nullptr ? 0 : soa->ttl, {&record, 1},
                                      SignedBy::zone_keys, old.find(wire::type_zonemd)));
  BatchSigner signer = TRY(BatchSigner::make(roles));
  TRY(signer.sign(batch));
  zone::Contents contents(apex);
  for (; node != nullptr; node = cursor.next()) {
    for (const StagedRrset& rrset : node->rrsets) {
      for (const Bytes of : rrset.rdata) contents.add(node->owner, rrset.type, rrset.ttl, of);
      for (const Bytes of : rrset.signatures) {
        contents.add(node->owner, wire::type_rrsig, rrset.signature_ttl, of);
      }
    }
    if ((node->flags & zone::node_apex) != 0) batch.add_to(contents);
  }
  TRY(contents.finish());
  made.contents = std::move(contents);
  plan.add_to(made);
  return made;
}

}  // namespace holdfast::dnssec
