// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer/plain.h"

#include "wire/rdata.h"

namespace holdfast::answer {

namespace {

constexpr size_t opt_bytes = 11;
constexpr uint32_t edns_flag_do = 0x8000;  // of the TTL (RFC 6891 §6.1.3)

// Types whose answers are no matter of one node, or that only questions carry.
bool has_plain_type(const wire::Query& query) {
  return query.qtype != wire::type_ds && query.qtype != wire::type_rrsig &&
         !wire::is_meta_type(query.qtype);
}

bool asks_for_options(const wire::Edns& edns) {
  return edns.cookie_present || edns.nsid || edns.expire || edns.zoneversion || edns.keepalive ||
         edns.padding;
}

bool is_plain(const wire::Query& query) {
  return query.opcode == wire::opcode_query && query.has_question &&
         query.qclass == wire::class_in && !query.has_tsig && query.edns.version == 0 &&
         !asks_for_options(query.edns) && has_plain_type(query);
}

// As they stand in zone memory, an answer's owner being the question's name.
bool is_copyable(uint16_t type) {
  return type != wire::type_dname && wire::compressible_names(type).count == 0;
}

}  // namespace

// One response, from the question on; the header comes last.
class PlainWriter {
 public:
  PlainWriter(const PlainAnswers::Question& question, uint16_t payload_bytes, MutableBytes out)
      : question_(question), query_(question.query), out_(out), payload_bytes_(payload_bytes) {}

  // False if there is no room for so much beside header, question and OPT.
  [[nodiscard]] bool has_room_for(size_t bytes) const {
    const size_t others = query_.question_end + (query_.edns.present ? opt_bytes : 0);
    return others + bytes <= out_.size();
  }
  void write_question() {
    constexpr size_t at = wire::header_bytes;
    std::memcpy(out_.data() + at, question_.packet.data() + at, query_.question_end - at);
    size_ = query_.question_end;
  }
  void write(Bytes records) {
    std::memcpy(out_.data() + size_, records.data(), records.size());
    size_ += records.size();
  }
  void write(const KeptSoa& soa, size_t longer) {
    soa.write(out_.data() + size_, longer);
    size_ += soa.size();
  }
  void finish(Kind kind, size_t answers, Outcome& outcome) {
    outcome.silence = Silence::none;
    outcome.rcode = kind == Kind::name_error ? wire::rcode_nxdomain : wire::rcode_noerror;
    outcome.kind = kind;
    outcome.cookie = CookieStatus::absent;
    outcome.truncated = false;
    if (query_.edns.present) write_opt();
    uint8_t* out = out_.data();
    const unsigned copied = query_.flags & (wire::flag_rd | wire::flag_cd);
    store_be16(out, query_.id);
    store_be16(out + 2,
               static_cast<uint16_t>(wire::flag_qr | wire::flag_aa | copied | outcome.rcode));
    store_be16(out + 4, 1);
    store_be16(out + 6, static_cast<uint16_t>(answers));
    store_be16(out + 8, kind == Kind::positive ? 0 : 1);
    store_be16(out + 10, query_.edns.present ? 1 : 0);
    outcome.bytes = size_;
  }

 private:
  // RFC 6891 §6.1.2: root, type, payload, RCODE and version 0, DO, no options. Where it is to
  // stand: to copy it would wait until its parts have been stored.
  void write_opt() {
    uint8_t* const opt = out_.data() + size_;
    opt[0] = 0;
    store_be16(opt + 1, wire::type_opt);
    store_be16(opt + 3, payload_bytes_);
    store_be32(opt + 5, query_.edns.dnssec_ok ? edns_flag_do : 0);
    store_be16(opt + 9, 0);
    size_ += opt_bytes;
  }

  const PlainAnswers::Question& question_;  // not copied, for the same reason
  const wire::Query& query_;
  MutableBytes out_;
  uint16_t payload_bytes_;
  size_t size_ = 0;
};

bool PlainAnswers::write(const Question& question, uint16_t payload_bytes, MutableBytes out,
                         Outcome& outcome) {
  const wire::Query& query = question.query;
  if (!is_plain(query) || !question.search.encloser()) return false;
  const auto& [node, labels] = *question.search.encloser();
  if (node.has(zone::node_cut) || node.has(zone::node_dname) || node.has(zone::node_occluded)) {
    return false;
  }
  PlainWriter writer(question, payload_bytes, out);
  if (labels != question.search.hashes().label_count()) {
    if (node.has(zone::node_has_wildcard)) return false;
    return deny(Kind::name_error, question, writer, outcome);
  }
  const auto rrset = node.find(query.qtype);
  if (!rrset) {
    if (node.find(wire::type_cname)) return false;
    return deny(Kind::no_data, question, writer, outcome);
  }
  const bool is_signed = query.edns.dnssec_ok && rrset->signature_count > 0;
  const size_t signature_bytes = is_signed ? rrset->signatures.size() : 0;
  if (!is_copyable(query.qtype) || !writer.has_room_for(rrset->records.size() + signature_bytes)) {
    return false;
  }
  writer.write_question();
  writer.write(rrset->records);
  if (is_signed) writer.write(rrset->signatures);
  const size_t answers = rrset->count + (is_signed ? size_t{rrset->signature_count} : 0);
  writer.finish(Kind::positive, answers, outcome);
  return true;
}

// RFC 2308 §2.1, §2.2.
bool PlainAnswers::deny(Kind kind, const Question& question, PlainWriter& writer,
                        Outcome& outcome) {
  if (question.query.edns.dnssec_ok) return false;  // the SOA's signatures, and proofs
  const zone::ZoneView& zone = *question.search.zone();
  const wire::SuffixHashes& hashes = question.search.hashes();
  const size_t apex_labels = zone.apex_label_count();
  const KeptSoa* soa = soas_.of(zone, hashes.of_last(apex_labels), question.zones.hash_key());
  if (soa == nullptr || !writer.has_room_for(soa->size())) return false;
  if (hashes.label_count() > apex_labels && soa->mentions(hashes.of_last(apex_labels + 1))) {
    return false;
  }
  writer.write_question();
  writer.write(*soa, question.query.qname.size() - zone.apex().size());
  writer.finish(kind, 0, outcome);
  return true;
}

}  // namespace holdfast::answer
