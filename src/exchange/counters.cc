// SPDX-License-Identifier: GPL-3.0-or-later
#include "exchange/counters.h"

#include <algorithm>

namespace holdfast::exchange {

namespace {

using Layout = CounterLayout;

constexpr std::array<std::string_view, protocol_count> protocol_names = {"udp", "tcp"};
constexpr std::array<std::string_view, family_count> family_names = {"ipv4", "ipv6"};
constexpr std::array<std::string_view, kind_count> kind_names = {
    "positive", "no_data", "name_error", "referral", "alias", "refused", "error", "chaos"};
constexpr std::array<std::string_view, edns_fact_count> edns_names = {
    "present", "dnssec_ok", "cookie_client_only", "cookie_valid", "cookie_invalid"};
constexpr std::array<std::string_view, drop_count> drop_names = {"too_short",
                                                                 "is_response",
                                                                 "source_port_zero",
                                                                 "query_of_death",
                                                                 "send_buffer_full",
                                                                 "send_failed",
                                                                 "connection_closed",
                                                                 "crash",
                                                                 "shed",
                                                                 "filtered"};
constexpr std::array<std::string_view, shield_fate_count> fate_names = {
    "admitted", "truncated", "bad_cookie", "dropped", "dry_run"};
constexpr std::array<std::string_view, shield_class_count> class_names = {
    "proved", "known", "known_odd", "unknown_slow", "absent_name", "unknown_fast"};
constexpr std::array<std::string_view, filtered_count / 2> filtered_names = {"datagram", "syn"};
constexpr std::array<std::string_view, tcp_refused_count> refused_names = {
    "table_full", "address_full", "descriptors"};
constexpr std::array<std::string_view, tcp_closed_count> closed_names = {
    "by_client", "idle",        "read_timeout", "write_timeout", "evicted",
    "buffers",   "bad_framing", "error",        "drained",       "given_away"};

struct NamedType {
  uint16_t type;
  std::string_view name;
};
// The types that resolvers and scanners ask for; the rest is "other".
constexpr std::array<NamedType, qtype_slot_count - 1> counted_types = {{
    {1, "A"},      {2, "NS"},     {5, "CNAME"},   {6, "SOA"},         {12, "PTR"},   {15, "MX"},
    {16, "TXT"},   {28, "AAAA"},  {33, "SRV"},    {35, "NAPTR"},      {39, "DNAME"}, {43, "DS"},
    {46, "RRSIG"}, {47, "NSEC"},  {48, "DNSKEY"}, {51, "NSEC3PARAM"}, {52, "TLSA"},  {64, "SVCB"},
    {65, "HTTPS"}, {251, "IXFR"}, {252, "AXFR"},  {255, "ANY"},       {257, "CAA"},
}};
// Type to slot, for one load a query.
constexpr auto type_slots = [] {
  std::array<uint8_t, 258> slots{};
  slots.fill(qtype_slot_count - 1);
  for (size_t i = 0; i < counted_types.size(); ++i) {
    slots[counted_types[i].type] = static_cast<uint8_t>(i);
  }
  return slots;
}();

constexpr std::array<std::string_view, rcode_slot_count> rcode_names = {
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",  "REFUSED",   "YXDOMAIN",
    "YXRRSET", "NXRRSET", "NOTAUTH",  "NOTZONE",  "BADVERS", "BADCOOKIE", "other"};
constexpr std::array<std::string_view, 16> opcode_names = {
    "QUERY", "IQUERY", "STATUS", "3",  "NOTIFY", "UPDATE", "DSO", "7",
    "8",     "9",      "10",     "11", "12",     "13",     "14",  "15"};

std::string label(std::string_view key, std::string_view value) {
  return std::string(key) + "=\"" + std::string(value) + "\"";
}
std::string query_labels(size_t at) {
  return label("protocol", protocol_names[at / family_count]) + "," +
         label("family", family_names[at % family_count]);
}
std::string opcode_labels(size_t at) { return label("opcode", opcode_names[at]); }
std::string qtype_labels(size_t at) {
  return label("qtype", at < counted_types.size() ? counted_types[at].name : "other");
}
std::string response_labels(size_t at) {
  return label("protocol", protocol_names[at / rcode_slot_count]) + "," +
         label("rcode", rcode_names[at % rcode_slot_count]);
}
std::string kind_labels(size_t at) { return label("kind", kind_names[at]); }
std::string edns_labels(size_t at) { return label("fact", edns_names[at]); }
std::string protocol_labels(size_t at) { return label("protocol", protocol_names[at]); }
std::string drop_labels(size_t at) { return label("reason", drop_names[at]); }
std::string refused_labels(size_t at) { return label("reason", refused_names[at]); }
std::string closed_labels(size_t at) { return label("reason", closed_names[at]); }
std::string shield_labels(size_t at) {
  return label("class", class_names[at / shield_fate_count]) + "," +
         label("fate", fate_names[at % shield_fate_count]);
}
std::string filtered_labels(size_t at) {
  return label("kind", filtered_names[at / 2]) + "," +
         label("fate", at % 2 == 0 ? "dropped" : "dry_run");
}
std::string filter_refused_labels(size_t at) { return label("kind", filtered_names[at]); }
std::string size_labels(size_t at) {
  return label("le", at < size_bounds.size() ? std::to_string(size_bounds[at]) : "+Inf");
}

Metric gauge(std::string_view name, std::string_view help, size_t at) {
  return {.name = name,
          .help = help,
          .kind = MetricKind::gauge,
          .first = at,
          .count = 1,
          .sum_at = 0,
          .fixed_labels = {},
          .labels = nullptr};
}

Metric counter(std::string_view name, std::string_view help, size_t first, size_t count,
               std::string (*labels)(size_t)) {
  return {.name = name,
          .help = help,
          .kind = MetricKind::counter,
          .first = first,
          .count = count,
          .sum_at = 0,
          .fixed_labels = {},
          .labels = labels};
}

Metric size_histogram(size_t protocol, std::string_view fixed_labels) {
  return {.name = "holdfast_response_size_bytes",
          .help = "Size of responses.",
          .kind = MetricKind::histogram,
          .first = Layout::sizes + protocol * size_bucket_count,
          .count = size_bucket_count,
          .sum_at = Layout::bytes_sent + protocol,
          .fixed_labels = fixed_labels,
          .labels = size_labels};
}

}  // namespace

size_t rcode_slot(uint16_t rcode) {
  if (rcode <= 10) return rcode;
  if (rcode == 16) return 11;
  if (rcode == 23) return 12;
  return rcode_slot_count - 1;
}

size_t qtype_slot(uint16_t qtype) {
  return qtype < type_slots.size() ? type_slots[qtype] : qtype_slot_count - 1;
}

size_t size_bucket(size_t bytes) {
  size_t bucket = 0;
  while (bucket < size_bounds.size() && bytes > size_bounds[bucket]) ++bucket;
  return bucket;
}

uint64_t Counters::responses_total() const {
  uint64_t total = 0;
  for (size_t i = 0; i < protocol_count * rcode_slot_count; ++i)
    total += get(Layout::responses + i);
  return total;
}

std::span<const Metric> metrics() {
  static const std::array table = {
      counter("holdfast_queries", "Messages received.", Layout::queries,
              protocol_count * family_count, query_labels),
      counter("holdfast_queries_by_opcode", "Requests by opcode.", Layout::opcodes, 16,
              opcode_labels),
      counter("holdfast_queries_by_type", "Questions by type.", Layout::qtypes, qtype_slot_count,
              qtype_labels),
      counter("holdfast_responses", "Responses by response code.", Layout::responses,
              protocol_count * rcode_slot_count, response_labels),
      counter("holdfast_responses_by_kind", "Responses by what they say.", Layout::kinds,
              kind_count, kind_labels),
      counter("holdfast_queries_edns", "Queries whose EDNS had this.", Layout::edns,
              edns_fact_count, edns_labels),
      counter("holdfast_responses_truncated", "Responses with TC set.", Layout::truncated,
              protocol_count, protocol_labels),
      counter("holdfast_dropped", "Messages without a response, each under one reason.",
              Layout::drops, drop_count, drop_labels),
      counter("holdfast_received_bytes", "Bytes of messages received.", Layout::bytes_received,
              protocol_count, protocol_labels),
      counter("holdfast_sent_bytes", "Bytes of responses.", Layout::bytes_sent, protocol_count,
              protocol_labels),
      size_histogram(0, "protocol=\"udp\""),
      size_histogram(1, "protocol=\"tcp\""),
      counter("holdfast_tcp_accepted", "TCP connections accepted.", Layout::tcp_accepted, 1,
              nullptr),
      gauge("holdfast_tcp_open", "TCP connections open now.", Layout::tcp_open),
      counter("holdfast_tcp_refused", "TCP connections closed at once.", Layout::tcp_refused,
              tcp_refused_count, refused_labels),
      counter("holdfast_tcp_closed", "TCP connections closed.", Layout::tcp_closed,
              tcp_closed_count, closed_labels),
      counter("holdfast_kernel_dropped", "Datagrams that found the socket's queue full.",
              Layout::kernel_drops, 1, nullptr),
      counter("holdfast_samples", "Messages handed to dnstap.", Layout::samples_written, 1,
              nullptr),
      counter("holdfast_samples_lost", "Messages that dnstap was too slow for.",
              Layout::samples_lost, 1, nullptr),
      counter("holdfast_passed_on", "Requests handed to control: transfers, NOTIFY, signed ones.",
              Layout::passed_on, protocol_count, protocol_labels),
      counter("holdfast_not_passed_on", "Requests for control that it could not take: SERVFAIL.",
              Layout::not_passed_on, 1, nullptr),
      counter("holdfast_shield", "Questions under overload, by class and by what became of them.",
              Layout::shield, shield_class_count * shield_fate_count, shield_labels),
      gauge("holdfast_shield_level",
            "Levels of overload of all answer processes, added up; 0: none is overloaded.",
            Layout::shield_level),
      counter("holdfast_shield_overloads", "Times that an answer process became overloaded.",
              Layout::shield_overloads, 1, nullptr),
      counter("holdfast_shield_streams_limited",
              "Messages over TCP not answered: their client had used up its processor time.",
              Layout::shield_streams, 1, nullptr),
      counter("holdfast_shield_accounts_limited",
              "Questions of strangers that waited because their zone's account had its share.",
              Layout::shield_accounts, 1, nullptr),
      counter("holdfast_shield_filtered",
              "Packets of strangers that the shield's filter kept from the sockets' queues.",
              Layout::filtered, filtered_count, filtered_labels),
      counter("holdfast_shield_filters_refused",
              "Times that the kernel did not take a filter of the shield before sockets.",
              Layout::filters_refused, filter_refused_count, filter_refused_labels),
      counter("holdfast_batches", "Batches of datagrams received.", Layout::batches, 1, nullptr),
  };
  return table;
}

std::string_view shield_class_name(size_t shield_class) { return class_names[shield_class]; }
std::string_view shield_fate_name(ShieldFate fate) { return fate_names[static_cast<size_t>(fate)]; }

std::string_view drop_name(Drop reason) { return drop_names[static_cast<size_t>(reason)]; }

}  // namespace holdfast::exchange
