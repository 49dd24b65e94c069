// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/other_signer.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>

#include "base/file.h"
#include "dnssec/key_file.h"
#include "dnssec/key_time.h"
#include "wire/text_encoding.h"

namespace holdfast::dnssec {

namespace {

constexpr size_t file_bytes_max = 65536;
constexpr unsigned file_mode = 0644;
constexpr std::string_view file_prefix = "signer-";
constexpr size_t name_bytes_max = 32;
constexpr std::string_view announced_word = "announced";
constexpr uint16_t dns_port = 53;

constexpr std::array<std::string_view, 7> phases{
    "keys", "ds", "name-servers", "joined", "leaving-name-servers", "leaving-ds", "left"};

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

std::string_view take_word(std::string_view& text) {
  const size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

template <typename T>
bool read_number(std::string_view text, T& number) {
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && at == text.data() + text.size();
}

bool read_key(std::string_view text, OtherSigner& signer) {
  ForeignKey key;
  auto rdata = wire::read_base64(take_word(text));
  if (!rdata || !Dnskey::parse(*rdata)) return false;
  key.dnskey = *std::move(rdata);
  key.is_announced = text == announced_word;
  signer.keys.push_back(std::move(key));
  return signer.keys.size() <= foreign_keys_max;
}

bool read_time(std::string_view text, uint64_t& time_s) {
  const auto time = parse_key_time(text);
  if (time) time_s = *time;
  return time.has_value();
}

bool read_line(std::string_view line, OtherSigner& signer) {
  if (line.empty() || line.front() == ';') return true;
  const std::string_view field = take_word(line);
  if (field == "phase") {
    const auto found = std::ranges::find(phases, line);
    if (found == phases.end()) return false;
    signer.phase = static_cast<SignerPhase>(found - phases.begin());
    return true;
  }
  if (field == "since") return read_time(line, signer.since_s);
  if (field == "met") return read_time(line, signer.met_s);
  if (field == "dnskey-ttl") return read_number(line, signer.dnskey_ttl_s);
  if (field == "key") return read_key(line, signer);
  if (field == "waits-for") {
    signer.waits_for = line;
    return true;
  }
  if (field == "server") {
    const auto server = parse_endpoint(line, dns_port);
    if (server) signer.servers.push_back(*server);
    return server.has_value();
  }
  if (field == "name-server") {
    const auto name = wire::Name::from_text(line);
    if (name) signer.name_servers.push_back(*name);
    return name.has_value();
  }
  if (field == "known") {
    KnownKey known;
    const bool is_number = read_number(take_word(line), known.tag);
    signer.known.push_back(known);
    return is_number && read_time(line, signer.known.back().since_s);
  }
  return false;
}

Result<OtherSigner> load_signer(const std::string& folder, std::string_view file) {
  const std::string path = folder + "/" + std::string(file);
  const std::string text = TRY(read_file(path, file_bytes_max));
  OtherSigner signer{.name = std::string(file.substr(file_prefix.size()))};
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    if (!read_line(line, signer)) {
      return fail(path + ": the line \"" + std::string(line) + "\" cannot be read");
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return signer;
}

std::string text_of(const OtherSigner& signer) {
  std::string text = "; Another signer of this zone. Written by holdfast.\n";
  const auto put = [&](std::string_view field, const std::string& value) {
    text += std::string(field) + " " + value + "\n";
  };
  put("phase", std::string(phase_text(signer.phase)));
  put("since", key_time_text(signer.since_s));
  if (signer.met_s != 0) put("met", key_time_text(signer.met_s));
  put("dnskey-ttl", std::to_string(signer.dnskey_ttl_s));
  for (const Endpoint& server : signer.servers) put("server", server.to_text());
  for (const wire::Name& name : signer.name_servers) put("name-server", name.view().to_text());
  for (const ForeignKey& key : signer.keys) {
    std::string value;
    wire::append_base64(value, key.dnskey);
    put("key", key.is_announced ? value + " " + std::string(announced_word) : value);
  }
  for (const KnownKey& known : signer.known) {
    put("known", std::to_string(known.tag) + " " + key_time_text(known.since_s));
  }
  if (!signer.waits_for.empty()) put("waits-for", signer.waits_for);
  return text;
}

}  // namespace

std::string_view phase_text(SignerPhase phase) { return phases[static_cast<size_t>(phase)]; }

bool OtherSigner::signs_zone(const ForeignKey& key) const {
  const auto is_entry = [](const ForeignKey& of) {
    return (load_be16(of.dnskey.data()) & flag_secure_entry_point) != 0;
  };
  return !is_entry(key) || std::ranges::none_of(keys, [&](const ForeignKey& other) {
    return !is_entry(other) && other.dnskey[3] == key.dnskey[3];
  });
}

bool is_signer_name(std::string_view text) {
  return !text.empty() && text.size() <= name_bytes_max && std::ranges::all_of(text, [](char byte) {
    const char lower = static_cast<char>(byte | 0x20);
    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
           byte == '_';
  });
}

Result<void> save_signer(const OtherSigner& signer, const std::string& folder) {
  const std::string path = folder + "/" + std::string(file_prefix) + signer.name;
  const std::string text = text_of(signer);
  TRY(replace_file(path, {reinterpret_cast<const uint8_t*>(text.data()), text.size()}, file_mode));
  return sync_directory_of(path);
}

Result<std::vector<OtherSigner>> load_signers(const std::string& folder) {
  std::vector<OtherSigner> signers;
  const std::unique_ptr<DIR, CloseDirectory> entries(opendir(folder.c_str()));
  if (!entries) {
    if (errno == ENOENT) return signers;
    return fail_system(folder, errno);
  }
  std::vector<std::string> files;
  while (const dirent* entry = readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name.starts_with(file_prefix) && is_signer_name(name.substr(file_prefix.size()))) {
      files.emplace_back(name);
    }
  }
  if (files.size() > signers_max) {
    return fail(folder + ": " + std::to_string(files.size()) + " other signers; at most " +
                std::to_string(signers_max) + " are allowed");
  }
  std::ranges::sort(files);
  for (const std::string& file : files) signers.push_back(TRY(load_signer(folder, file)));
  return signers;
}

Result<void> remove_signer(const std::string& name, const std::string& folder) {
  const std::string path = folder + "/" + std::string(file_prefix) + name;
  if (::unlink(path.c_str()) != 0) return fail_system(path, errno);
  return sync_directory_of(path);
}

void add_signers(std::span<const OtherSigner> signers, ApexAdditions& additions) {
  for (const OtherSigner& signer : signers) {
    for (const ForeignKey& key : signer.keys) {
      if (signer.has_keys_here()) additions.dnskeys.push_back(key.dnskey);
      if (signer.is_announced() && key.is_announced) additions.announced.push_back(key.dnskey);
    }
    auto& names = signer.is_in_name_servers() ? additions.name_servers : additions.name_servers_out;
    names.insert(names.end(), signer.name_servers.begin(), signer.name_servers.end());
  }
}

Result<ForeignKey> read_foreign_key(const std::string& path, wire::NameView zone,
                                    std::span<const ZoneKey> own) {
  const PublicKeyFile file = TRY(load_public_key(path));
  if (!(file.zone.view() == zone)) {
    return fail(path + ": is a key of " + file.zone.view().to_text() + ", not of " +
                zone.to_text());
  }
  const uint8_t algorithm = file.rdata[3];
  const bool is_ours = std::ranges::any_of(
      own, [&](const ZoneKey& key) { return key.algorithm().number == algorithm; });
  if (!own.empty() && !is_ours) {
    return fail(path + ": has algorithm " + std::to_string(algorithm) +
                ", which none of our keys has; all signers of a zone need the same (RFC 8901)");
  }
  return ForeignKey{.dnskey = file.rdata,
                    .is_announced = (load_be16(file.rdata.data()) & flag_secure_entry_point) != 0};
}

}  // namespace holdfast::dnssec
