// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/types.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace holdfast::wire {

namespace {

using Mnemonic = std::pair<uint16_t, std::string_view>;

// The IANA registry of RR types, ascending.
constexpr auto mnemonics = std::to_array<Mnemonic>({
    {1, "A"},           {2, "NS"},        {3, "MD"},        {4, "MF"},       {5, "CNAME"},
    {6, "SOA"},         {7, "MB"},        {8, "MG"},        {9, "MR"},       {10, "NULL"},
    {11, "WKS"},        {12, "PTR"},      {13, "HINFO"},    {14, "MINFO"},   {15, "MX"},
    {16, "TXT"},        {17, "RP"},       {18, "AFSDB"},    {19, "X25"},     {20, "ISDN"},
    {21, "RT"},         {22, "NSAP"},     {23, "NSAP-PTR"}, {24, "SIG"},     {25, "KEY"},
    {26, "PX"},         {27, "GPOS"},     {28, "AAAA"},     {29, "LOC"},     {30, "NXT"},
    {31, "EID"},        {32, "NIMLOC"},   {33, "SRV"},      {34, "ATMA"},    {35, "NAPTR"},
    {36, "KX"},         {37, "CERT"},     {38, "A6"},       {39, "DNAME"},   {40, "SINK"},
    {41, "OPT"},        {42, "APL"},      {43, "DS"},       {44, "SSHFP"},   {45, "IPSECKEY"},
    {46, "RRSIG"},      {47, "NSEC"},     {48, "DNSKEY"},   {49, "DHCID"},   {50, "NSEC3"},
    {51, "NSEC3PARAM"}, {52, "TLSA"},     {53, "SMIMEA"},   {55, "HIP"},     {56, "NINFO"},
    {57, "RKEY"},       {58, "TALINK"},   {59, "CDS"},      {60, "CDNSKEY"}, {61, "OPENPGPKEY"},
    {62, "CSYNC"},      {63, "ZONEMD"},   {64, "SVCB"},     {65, "HTTPS"},   {66, "DSYNC"},
    {67, "HHIT"},       {68, "BRID"},     {99, "SPF"},      {100, "UINFO"},  {101, "UID"},
    {102, "GID"},       {103, "UNSPEC"},  {104, "NID"},     {105, "L32"},    {106, "L64"},
    {107, "LP"},        {108, "EUI48"},   {109, "EUI64"},   {128, "NXNAME"}, {249, "TKEY"},
    {250, "TSIG"},      {251, "IXFR"},    {252, "AXFR"},    {253, "MAILB"},  {254, "MAILA"},
    {255, "ANY"},       {256, "URI"},     {257, "CAA"},     {258, "AVC"},    {259, "DOA"},
    {260, "AMTRELAY"},  {261, "RESINFO"}, {262, "WALLET"},  {263, "CLA"},    {264, "IPN"},
    {32768, "TA"},      {32769, "DLV"},
});

constexpr auto rcodes = std::to_array<Mnemonic>({
    {0, "NOERROR"},
    {1, "FORMERR"},
    {2, "SERVFAIL"},
    {3, "NXDOMAIN"},
    {4, "NOTIMP"},
    {5, "REFUSED"},
    {6, "YXDOMAIN"},
    {9, "NOTAUTH"},
    {16, "BADVERS"},
    {23, "BADCOOKIE"},
});

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; };
    return upper(x) == upper(y);
  });
}

}  // namespace

std::string type_to_text(uint16_t type) {
  const auto found = std::ranges::lower_bound(mnemonics, type, {}, &Mnemonic::first);
  if (found != mnemonics.end() && found->first == type) return std::string(found->second);
  return "TYPE" + std::to_string(type);
}

std::optional<uint16_t> type_from_text(std::string_view text) {
  for (const auto& [type, mnemonic] : mnemonics) {
    if (equal_ignoring_case(text, mnemonic)) return type;
  }
  if (text.size() <= 4 || !equal_ignoring_case(text.substr(0, 4), "TYPE")) return std::nullopt;
  uint16_t type = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data() + 4, end, type);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return type;
}

bool is_meta_type(uint16_t type) { return type == type_opt || (type >= 128 && type <= 255); }

std::string rcode_to_text(uint16_t rcode) {
  for (const auto& [number, mnemonic] : rcodes) {
    if (number == rcode) return std::string(mnemonic);
  }
  return "RCODE" + std::to_string(rcode);
}

}  // namespace holdfast::wire
