// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/key_file.h"

#include <dirent.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>

#include "base/file.h"
#include "dnssec/key_time.h"
#include "wire/text_encoding.h"

namespace holdfast::dnssec {

namespace {

constexpr size_t file_bytes_max = 65536;  // an RSA key of 4096 bits takes 4 kB
constexpr size_t dnskey_head_bytes = 4;   // flags, protocol, algorithm
constexpr unsigned public_mode = 0644;
constexpr unsigned private_mode = 0600;
constexpr std::string_view public_ending = ".key";
constexpr std::string_view private_ending = ".private";

struct TimeField {
  std::string_view name;
  std::optional<uint64_t> KeyTimes::* member;
};
constexpr std::array time_fields{
    TimeField{"Created", &KeyTimes::created},
    TimeField{"Publish", &KeyTimes::publish},
    TimeField{"Activate", &KeyTimes::activate},
    TimeField{"Inactive", &KeyTimes::inactive},
    TimeField{"Delete", &KeyTimes::remove},
    TimeField{"SyncPublish", &KeyTimes::sync_publish},
    TimeField{"SyncDelete", &KeyTimes::sync_remove},
};

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// A text that held a secret.
class WipedText {
 public:
  explicit WipedText(std::string text) : text_(std::move(text)) {}
  WipedText(const WipedText&) = delete;
  WipedText& operator=(const WipedText&) = delete;
  ~WipedText() { OPENSSL_cleanse(text_.data(), text_.size()); }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void wipe(KeyFields& fields) {
  for (auto& [name, bytes] : fields) OPENSSL_cleanse(bytes.data(), bytes.size());
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  constexpr std::string_view spaces = " \t\r()";
  while (true) {
    const size_t begin = text.find_first_not_of(spaces);
    if (begin == std::string_view::npos) return words;
    const size_t end = std::min(text.find_first_of(spaces, begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    text.remove_prefix(end);
  }
}

std::string_view next_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

template <typename T>
bool read_number(std::string_view text, T& number) {
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && at == end;
}

// One DNSKEY record: "owner [TTL] [IN] DNSKEY flags 3 algorithm base64…".
Result<PublicKeyFile> read_public(std::string_view text, const std::string& path) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    for (const std::string_view word : words_of(line.substr(0, line.find(';')))) {
      words.push_back(word);
    }
  }
  const auto type = std::ranges::find(words, "DNSKEY");
  if (words.empty() || words.end() - type < 5) {
    return fail(path + ": holds no DNSKEY record; expected one");
  }
  PublicKeyFile file;
  auto name = wire::Name::from_text(words.front());
  if (!name) return fail(path + ": " + name.error().message);
  file.zone = *name;
  uint16_t flags = 0;
  uint8_t protocol = 0;
  uint8_t algorithm = 0;
  std::string base64;
  for (auto word = type + 4; word != words.end(); ++word) base64 += *word;
  const auto key = wire::read_base64(base64);
  if (!read_number(type[1], flags) || !read_number(type[2], protocol) ||
      !read_number(type[3], algorithm) || protocol != dnskey_protocol || !key || key->empty()) {
    return fail(path + ": its DNSKEY record cannot be read");
  }
  file.rdata = make_dnskey_rdata(flags, algorithm, *key);
  return file;
}

Result<void> read_private_field(std::string_view name, std::string_view value, KeyFields& fields,
                                KeyTimes& times) {
  for (const TimeField& field : time_fields) {
    if (field.name != name) continue;
    times.*field.member = parse_key_time(value);
    if (times.*field.member) return {};
    return fail(std::string(name) + " is \"" + std::string(value) +
                "\"; expected a time as YYYYMMDDHHMMSS");
  }
  if (auto bytes = wire::read_base64(value)) {
    fields.emplace_back(std::string(name), *std::move(bytes));
  }
  return {};  // a field of another tool
}

// BIND's tools write the same for keys of its engine: where the key is, and no numbers.
Result<PrivateKey> make_key(const AlgorithmInfo& algorithm, const KeyFields& fields,
                            Bytes public_key) {
  const auto label = std::ranges::find(fields, "Label", &KeyFields::value_type::first);
  if (label == fields.end()) return PrivateKey::from_fields(algorithm, fields);
  std::string text(label->second.begin(), label->second.end());
  if (!text.empty() && text.back() == '\0') text.pop_back();
  return PrivateKey::in_token(algorithm, TRY(TokenUri::from_text(text)), public_key);
}

Result<ZoneKey> read_pair(const PublicKeyFile& file, const std::string& path) {
  const WipedText text(TRY(read_file(path, file_bytes_max)));
  const AlgorithmInfo* algorithm = find_algorithm(file.rdata[3]);
  if (algorithm == nullptr) {
    return fail(path + ": algorithm " + std::to_string(file.rdata[3]) + " is not supported");
  }
  KeyFields fields;
  KeyTimes times;
  std::string_view rest = text.text();
  while (!rest.empty()) {
    const std::string_view line = next_line(rest);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view value = line.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    value = value.substr(0, value.find_last_not_of(" \t\r") + 1);
    const std::string_view name = line.substr(0, colon);
    if (name == "Private-key-format" && !value.starts_with("v1.")) {
      return fail(path + ": format " + std::string(value) + "; expected v1.3");
    }
    if (name == "Algorithm" &&
        value.substr(0, value.find(' ')) != std::to_string(algorithm->number)) {
      return fail(path + ": algorithm " + std::string(value) + ", but its .key file says " +
                  std::string(algorithm->mnemonic));
    }
    if (auto read = read_private_field(name, value, fields, times); !read) {
      return fail(path + ": " + read.error().message);
    }
  }
  auto key = make_key(*algorithm, fields, Bytes(file.rdata).subspan(dnskey_head_bytes));
  wipe(fields);
  if (!key) return fail(path + ": " + key.error().message);
  ZoneKey zone_key(file.zone, load_be16(file.rdata.data()), *std::move(key));
  if (zone_key.dnskey_rdata() != file.rdata) {
    return fail(path + ": is not the private key of what its .key file holds");
  }
  zone_key.times = times;
  return zone_key;
}

bool is_plain(uint8_t byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

}  // namespace

std::string zone_in_file_name(wire::NameView zone) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  if (zone.is_root()) return ".";
  std::string text;
  for (; !zone.is_root(); zone = zone.parent()) {
    for (const uint8_t byte : zone.first_label()) {
      const uint8_t lower = wire::to_lower(byte);
      if (is_plain(lower)) {
        text += static_cast<char>(lower);
      } else {
        text += {'%', digits[lower >> 4], digits[lower & 15]};
      }
    }
    text += '.';
  }
  return text;
}

std::string key_file_stem(const ZoneKey& key) {
  const auto padded = [](unsigned number, size_t width) {
    const std::string digits = std::to_string(number);
    return std::string(width - std::min(width, digits.size()), '0') + digits;
  };
  return "K" + zone_in_file_name(key.zone()) + "+" + padded(key.algorithm().number, 3) + "+" +
         padded(key.tag(), 5);
}

std::string public_key_text(const ZoneKey& key) {
  std::string text = "; This is a ";
  text += key.is_entry_point() ? "key" : "zone";
  text +=
      "-signing key, keyid " + std::to_string(key.tag()) + ", for " + key.zone().to_text() + "\n";
  for (const TimeField& field : time_fields) {
    const auto& time = key.times.*field.member;
    if (time) text += "; " + std::string(field.name) + ": " + key_time_text(*time) + "\n";
  }
  text += key.zone().to_text() + " IN DNSKEY " + std::to_string(key.flags()) + " 3 " +
          std::to_string(key.algorithm().number) + " ";
  wire::append_base64(text, key.key().public_key());
  return text + "\n";
}

Result<std::string> private_key_text(const ZoneKey& key) {
  KeyFields fields = TRY(key.key().fields());
  std::string text =
      "Private-key-format: v1.3\nAlgorithm: " + std::to_string(key.algorithm().number) + " (" +
      std::string(key.algorithm().mnemonic) + ")\n";
  text.reserve(file_bytes_max);  // so that no copy of it stays behind
  for (const auto& [name, bytes] : fields) {
    text += name + ": ";
    wire::append_base64(text, bytes);
    text += '\n';
  }
  wipe(fields);
  for (const TimeField& field : time_fields) {
    const auto& time = key.times.*field.member;
    if (time) text += std::string(field.name) + ": " + key_time_text(*time) + "\n";
  }
  return text;
}

Result<void> save_key(const ZoneKey& key, const std::string& directory) {
  const std::string stem = directory + "/" + key_file_stem(key);
  const auto there = load_public_key(stem + std::string(public_ending));
  if (there && there->rdata != key.dnskey_rdata()) {
    return fail(stem + std::string(public_ending) +
                ": is of another key with the same algorithm and tag, which stays; files and "
                "signatures of the two cannot be told apart");
  }
  const WipedText secret(TRY(private_key_text(key)));
  TRY(replace_file(stem + std::string(private_ending), bytes_of(secret.text()), private_mode));
  const std::string text = public_key_text(key);
  TRY(replace_file(stem + std::string(public_ending), bytes_of(text), public_mode));
  return sync_directory_of(stem);
}

Result<ZoneKey> load_key(const std::string& path) {
  std::string stem = path;
  for (const std::string_view ending : {public_ending, private_ending}) {
    if (stem.ends_with(ending)) stem.resize(stem.size() - ending.size());
  }
  const std::string public_path = stem + std::string(public_ending);
  const std::string text = TRY(read_file(public_path, file_bytes_max));
  const PublicKeyFile file = TRY(read_public(text, public_path));
  return read_pair(file, stem + std::string(private_ending));
}

Result<PublicKeyFile> load_public_key(const std::string& path) {
  return read_public(TRY(read_file(path, file_bytes_max)), path);
}

Result<std::vector<ZoneKey>> load_keys(const std::string& directory, wire::NameView zone) {
  std::vector<ZoneKey> keys;
  const std::unique_ptr<DIR, CloseDirectory> entries(opendir(directory.c_str()));
  if (!entries) {
    if (errno == ENOENT) return keys;
    return fail_system(directory, errno);
  }
  const std::string prefix = "K" + zone_in_file_name(zone) + "+";
  std::vector<std::string> names;
  while (const dirent* entry = readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name.starts_with(prefix) && name.ends_with(public_ending)) names.emplace_back(name);
  }
  if (names.size() > keys_per_zone_max) {
    return fail(directory + ": " + std::to_string(names.size()) + " keys of " + zone.to_text() +
                "; at most " + std::to_string(keys_per_zone_max) + " are allowed");
  }
  std::ranges::sort(names);
  for (const std::string& name : names) {
    ZoneKey key = TRY(load_key(directory + "/" + name));
    if (!(key.zone() == zone)) return fail(directory + "/" + name + ": is of another zone");
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace holdfast::dnssec
