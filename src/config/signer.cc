// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/signer.h"

#include <algorithm>

#include "wire/name.h"

namespace holdfast::config {

namespace {

constexpr uint16_t dns_port = 53;

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= signer_name_bytes_max &&
         std::ranges::all_of(text, [](char byte) {
           const char lower = static_cast<char>(byte | 0x20);
           return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
                  byte == '_';
         });
}

std::string_view take_word(std::string_view& text) {
  const size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

}  // namespace

std::string SignerSetting::to_text() const {
  std::string text = name;
  for (const Endpoint& server : servers) text += " " + server.to_text();
  for (const std::string& server : name_servers) text += " " + server;
  return text;
}

Result<SignerSetting> parse_signer(std::string_view text) {
  SignerSetting signer{.name = std::string(take_word(text))};
  if (!is_name(signer.name)) return fail("\"" + signer.name + "\" is no name for a signer");
  while (!text.empty()) {
    const std::string_view word = take_word(text);
    const auto server = parse_endpoint(word, dns_port);
    if (server && signer.name_servers.empty()) {
      signer.servers.push_back(*server);
      continue;
    }
    auto name = wire::Name::from_text(word);
    if (server || !name || word.empty()) {
      return fail("\"" + std::string(word) + "\" is neither an address nor a name behind them");
    }
    name->fold_case();
    signer.name_servers.push_back(name->view().to_text());
  }
  if (signer.servers.empty()) return fail("signer \"" + signer.name + "\" has no address");
  if (signer.servers.size() > signer_servers_max || signer.name_servers.size() > signer_names_max) {
    return fail("signer \"" + signer.name + "\" has too many addresses or names");
  }
  return signer;
}

}  // namespace holdfast::config
