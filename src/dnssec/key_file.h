// SPDX-License-Identifier: GPL-3.0-or-later
// Keys in files, in the form of BIND's tools: K<zone>+<algorithm>+<tag>.key and .private.
//
// The .private file is written first and the .key file last, each whole or not at all, so that a
// crash leaves no key that is half there: one without its .key file is passed over. Private files
// have mode 0600. Errors name the path. Management only; one thread a directory.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "dnssec/zone_key.h"

namespace holdfast::dnssec {

// Of a zone's keys that one directory holds; more is a mistake.
constexpr size_t keys_per_zone_max = 64;

// "Kexample.com.+013+12345". Bytes that no file name should have are written as %XX.
[[nodiscard]] std::string key_file_stem(const ZoneKey& key);
// The zone's name as it stands in such a file name, "example.com."; "." for the root.
[[nodiscard]] std::string zone_in_file_name(wire::NameView zone);

// Writes both files; replaces what is there of the same key. An error if that is another key, which
// has the same algorithm and tag: it would be lost.
[[nodiscard]] Result<void> save_key(const ZoneKey& key, const std::string& directory);
// `path` is that of the .key or the .private file, or of both without their endings.
[[nodiscard]] Result<ZoneKey> load_key(const std::string& path);
// The public half alone, of a key whose other half is elsewhere. RDATA of a DNSKEY.
struct PublicKeyFile {
  wire::Name zone;
  std::vector<uint8_t> rdata;
};
[[nodiscard]] Result<PublicKeyFile> load_public_key(const std::string& path);
// The zone's keys in `directory`, by algorithm and tag. None if there is no such directory.
[[nodiscard]] Result<std::vector<ZoneKey>> load_keys(const std::string& directory,
                                                     wire::NameView zone);

// The texts of both files, for who keeps them elsewhere.
[[nodiscard]] std::string public_key_text(const ZoneKey& key);
[[nodiscard]] Result<std::string> private_key_text(const ZoneKey& key);

}  // namespace holdfast::dnssec
