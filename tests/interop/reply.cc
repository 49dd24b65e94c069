// SPDX-License-Identifier: GPL-3.0-or-later
#include "reply.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <map>

namespace holdfast::interop {
namespace {

// How RDATA with names is laid out: numbers are bytes to copy, 'n' a name that may be compressed,
// 's' a character string, '*' the rest. RFC 1035, 1183, 2163, 2230, 2782, 3403, 4034, 6742, 9460,
// 9859.
const std::map<uint16_t, std::string>& rdata_shapes() {
  static const std::map<uint16_t, std::string> shapes = {
      {2, "n"},     {3, "n"},    {4, "n"},   {5, "n"},    {6, "nn*"},    {7, "n"},   {8, "n"},
      {9, "n"},     {12, "n"},   {14, "nn"}, {15, "2n"},  {17, "nn"},    {18, "2n"}, {21, "2n"},
      {24, "99n*"}, {26, "2nn"}, {30, "n*"}, {33, "6n"},  {35, "4sssn"}, {36, "2n"}, {39, "n"},
      {46, "99n*"}, {47, "n*"},  {58, "nn"}, {64, "2n*"}, {65, "2n*"},   {66, "5n"}, {107, "2n"},
  };
  return shapes;
}

const std::map<uint16_t, std::string>& type_names() {
  static const std::map<uint16_t, std::string> names = {
      {1, "A"},           {2, "NS"},     {5, "CNAME"},  {6, "SOA"},     {12, "PTR"},
      {15, "MX"},         {16, "TXT"},   {28, "AAAA"},  {33, "SRV"},    {39, "DNAME"},
      {43, "DS"},         {46, "RRSIG"}, {47, "NSEC"},  {48, "DNSKEY"}, {50, "NSEC3"},
      {51, "NSEC3PARAM"}, {64, "SVCB"},  {65, "HTTPS"}, {13, "HINFO"},
  };
  return names;
}

std::string type_text(uint16_t type) {
  const auto found = type_names().find(type);
  return found != type_names().end() ? found->second : "TYPE" + std::to_string(type);
}

std::string hex(Bytes bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

void append_label(Bytes label, std::string& text) {
  for (const uint8_t byte : label) {
    const int lower = std::tolower(byte);
    if (byte <= 0x20 || byte >= 0x7f || byte == '.' || byte == '\\' || byte == '"') {
      std::array<char, 8> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\%03u", unsigned{byte});
      text += escaped.data();
    } else {
      text += static_cast<char>(lower);
    }
  }
  text += '.';
}

// Reads a name at `position`; false if it is broken.
bool read_name(Bytes message, size_t& position, std::string& text) {
  text.clear();
  size_t at = position;
  size_t bound = position;
  bool jumped = false;
  while (at < message.size()) {
    const uint8_t length = message[at];
    if (length == 0) {
      if (!jumped) position = at + 1;
      if (text.empty()) text = ".";
      return text.size() <= 1024;
    }
    if (length >= 0xc0) {
      if (at + 1 >= message.size()) return false;
      const size_t target = static_cast<size_t>((length & 0x3f) << 8) | message[at + 1];
      if (target >= bound) return false;
      if (!jumped) position = at + 2;
      jumped = true;
      bound = target;
      at = target;
      continue;
    }
    if (length > 63 || at + 1 + length > message.size()) return false;
    append_label(message.subspan(at + 1, length), text);
    at += 1U + length;
  }
  return false;
}

// RDATA with its names decompressed, as text; false if it does not fit its type.
bool read_rdata(Bytes message, size_t position, size_t size, uint16_t type, std::string& text) {
  const Bytes whole = message.first(position + size);
  const auto shape = rdata_shapes().find(type);
  text.clear();
  if (shape == rdata_shapes().end()) {
    text = hex(whole.subspan(position));
    return true;
  }
  for (const char step : shape->second) {
    if (!text.empty()) text += '/';
    size_t length = 0;
    if (step == 'n') {
      std::string name;
      if (!read_name(whole, position, name)) return false;
      text += name;
      continue;
    }
    if (step == '*') length = whole.size() - position;
    if (step == 's' && position < whole.size()) length = 1U + whole[position];
    if (step >= '0' && step <= '9') length = static_cast<size_t>(step - '0');
    if (position + length > whole.size()) return false;
    text += hex(whole.subspan(position, length));
    position += length;
  }
  return position == whole.size();
}

std::string flags_text(uint16_t bits) {
  static constexpr std::array<std::pair<uint16_t, const char*>, 8> names = {{{0x8000, "qr"},
                                                                             {0x0400, "aa"},
                                                                             {0x0200, "tc"},
                                                                             {0x0100, "rd"},
                                                                             {0x0080, "ra"},
                                                                             {0x0040, "z"},
                                                                             {0x0020, "ad"},
                                                                             {0x0010, "cd"}}};
  std::string text;
  for (const auto& [bit, name] : names) {
    if ((bits & bit) == 0) continue;
    if (!text.empty()) text += ' ';
    text += name;
  }
  return text;
}

bool read_record(Bytes message, size_t& position, Reply& reply, std::vector<std::string>& section) {
  std::string owner;
  if (!read_name(message, position, owner) || position + 10 > message.size()) return false;
  const uint16_t type = load_be16(message.data() + position);
  const uint16_t klass = load_be16(message.data() + position + 2);
  const uint32_t ttl = load_be32(message.data() + position + 4);
  const size_t size = load_be16(message.data() + position + 8);
  position += 10;
  if (position + size > message.size()) return false;
  std::string rdata;
  if (type == 41) {
    reply.rcode |= (ttl >> 24) << 4;
    reply.edns = std::to_string((ttl >> 16) & 0xff) + " " + std::to_string(ttl & 0xffff) + " " +
                 std::to_string(klass);
  } else {
    if (!read_rdata(message, position, size, type, rdata)) return false;
    std::string shown = type_text(type);
    if (type == 46) shown += "(" + type_text(load_be16(message.data() + position)) + ")";
    if (klass != 1) shown += "@" + std::to_string(klass);
    section.push_back(owner + " " + std::to_string(ttl) + " " + shown + " " + rdata);
  }
  position += size;
  return true;
}

}  // namespace

Reply read_reply(Bytes message) {
  Reply reply;
  reply.size = message.size();
  if (message.size() < 12) {
    reply.problem = "malformed: no header";
    return reply;
  }
  const uint16_t bits = load_be16(message.data() + 2);
  reply.rcode = bits & 0x0fU;
  reply.flags = flags_text(bits);
  size_t position = 12;
  if (load_be16(message.data() + 4) == 1) {
    std::string name;
    if (!read_name(message, position, name) || position + 4 > message.size()) {
      reply.problem = "malformed: question";
      return reply;
    }
    reply.question = name + " " + type_text(load_be16(message.data() + position));
    position += 4;
  }
  const std::array sections = {&reply.answer, &reply.authority, &reply.additional};
  for (size_t index = 0; index < sections.size(); ++index) {
    const unsigned count = load_be16(message.data() + 6 + 2 * index);
    for (unsigned record = 0; record < count; ++record) {
      if (!read_record(message, position, reply, *sections[index])) {
        reply.problem = "malformed: section " + std::to_string(index + 1);
        return reply;
      }
    }
    std::ranges::sort(*sections[index]);
  }
  if (position != message.size()) reply.problem = "malformed: bytes after the last record";
  return reply;
}

bool Reply::same_as(const Reply& other) const {
  return problem == other.problem && rcode == other.rcode && flags == other.flags &&
         question == other.question && edns == other.edns && answer == other.answer &&
         authority == other.authority && additional == other.additional;
}

std::string json_string(const std::string& text) {
  std::string quoted = "\"";
  for (const char byte : text) {
    if (byte == '"' || byte == '\\') quoted += '\\';
    quoted += byte;
  }
  return quoted + "\"";
}

std::string Reply::to_json() const {
  std::string text = "{\"problem\":" + json_string(problem) +
                     ",\"rcode\":" + std::to_string(rcode) + ",\"flags\":" + json_string(flags) +
                     ",\"question\":" + json_string(question) + ",\"edns\":" + json_string(edns) +
                     ",\"size\":" + std::to_string(size);
  const std::array<std::pair<const char*, const std::vector<std::string>*>, 3> sections = {
      {{"answer", &answer}, {"authority", &authority}, {"additional", &additional}}};
  for (const auto& [name, records] : sections) {
    text += std::string(",\"") + name + "\":[";
    for (size_t index = 0; index < records->size(); ++index) {
      if (index > 0) text += ',';
      text += json_string((*records)[index]);
    }
    text += ']';
  }
  return text + "}";
}

std::vector<uint8_t> name_from_text(const std::string& text) {
  std::vector<uint8_t> wire;
  std::vector<uint8_t> label;
  const std::string absolute = text == "." ? "" : text;
  for (size_t index = 0; index < absolute.size(); ++index) {
    if (absolute[index] == '.') {
      if (label.empty() || label.size() > 63) return {};
      wire.push_back(static_cast<uint8_t>(label.size()));
      wire.insert(wire.end(), label.begin(), label.end());
      label.clear();
    } else if (absolute[index] != '\\') {
      label.push_back(static_cast<uint8_t>(absolute[index]));
    } else if (index + 3 < absolute.size() && std::isdigit(absolute[index + 1]) != 0) {
      label.push_back(static_cast<uint8_t>(std::stoi(absolute.substr(index + 1, 3))));
      index += 3;
    } else if (++index < absolute.size()) {
      label.push_back(static_cast<uint8_t>(absolute[index]));
    }
  }
  if (!label.empty() || wire.size() > 254) return {};  // not absolute, or too long
  wire.push_back(0);
  return wire;
}

}  // namespace holdfast::interop
