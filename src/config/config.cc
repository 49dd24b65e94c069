// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/config.h"

#include <unistd.h>

#include <array>

#include "base/version.h"

namespace holdfast::config {

namespace {

constexpr std::string_view automatic = "auto";

std::string host_name() {
  std::array<char, 256> name{};  // HOST_NAME_MAX is 64; DNS allows 255
  if (gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

uint8_t digit_value(char digit) {
  if (digit <= '9') return static_cast<uint8_t>(digit - '0');
  return static_cast<uint8_t>((digit | 0x20) - 'a' + 10);
}

}  // namespace

Config default_config() {
  Config config;
  config.server.listen = {*parse_endpoint("0.0.0.0@53", 53), *parse_endpoint("::@53", 53)};
  config.metrics.listen = *parse_url_endpoint("127.0.0.1:9153");
  return config;
}

std::string version_text(const ServerSettings& server) {
  if (server.version != automatic) return server.version;
  return "holdfast " + std::string(program_version());
}

std::string hostname_text(const ServerSettings& server) {
  return server.hostname == automatic ? host_name() : server.hostname;
}

std::string nsid_bytes(const ServerSettings& server) {
  const std::string& text = server.nsid;
  if (text == automatic) return host_name().substr(0, nsid_bytes_max);
  if (!text.starts_with("0x")) return text;
  std::string bytes;
  for (size_t at = 2; at + 1 < text.size(); at += 2) {
    bytes += static_cast<char>(digit_value(text[at]) << 4 | digit_value(text[at + 1]));
  }
  return bytes;
}

}  // namespace holdfast::config
