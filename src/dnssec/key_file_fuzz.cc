// SPDX-License-Identifier: GPL-3.0-or-later
// Whatever lies in a zone's key folder is read or refused, and what was read is written so that it
// reads the same. The input is a .key file and, behind a zero byte, its .private file; each is
// taken for all other files of the folder, too.
#include "dnssec/key_file.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/check.h"
#include "base/file.h"
#include "dnssec/other_signer.h"
#include "dnssec/parting.h"
#include "dnssec/served_keys.h"

using namespace holdfast;
using namespace holdfast::dnssec;

static const std::string& scratch_folder() {
  static const std::string folder = [] {
    std::string pattern = std::string(::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp") +
                          "/holdfast-key-fuzz-XXXXXX";
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    static std::string made;
    made = pattern;
    std::atexit([] { std::filesystem::remove_all(made); });
    return pattern;
  }();
  return folder;
}

static void put(const std::string& name, std::string_view text) {
  const Bytes bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  CHECK(replace_file(scratch_folder() + "/" + name, bytes, 0600).has_value());
}

static void read_pair(std::string_view public_text, std::string_view private_text) {
  // A key that is in a token names a library, which would be loaded.
  if (private_text.find("Label") != std::string_view::npos) return;
  put("Kfuzz.key", public_text);
  put("Kfuzz.private", private_text);
  (void)load_public_key(scratch_folder() + "/Kfuzz.key");
  const auto key = load_key(scratch_folder() + "/Kfuzz.private");
  if (!key) {
    CHECK(!key.error().message.empty());
    return;
  }
  put("Kagain.key", public_key_text(*key));
  const auto text = private_key_text(*key);
  CHECK(text.has_value());
  put("Kagain.private", *text);
  const auto again = load_key(scratch_folder() + "/Kagain.key");
  CHECK(again.has_value());
  CHECK(again->dnskey_rdata() == key->dnskey_rdata() && again->times == key->times);
  CHECK(private_key_text(*again).value() == *text);
}

static void read_state(std::string_view text) {
  const std::string& folder = scratch_folder();
  put("signer-other", text);
  if (const auto signers = load_signers(folder)) {
    CHECK(signers->size() == 1 && save_signer(signers->front(), folder).has_value());
    const auto again = load_signers(folder);
    CHECK(again && again->front().phase == signers->front().phase);
    CHECK(again->front().keys.size() == signers->front().keys.size());
  }
  put("secondaries", text);
  if (const auto served = load_served_keys(folder)) {
    CHECK(save_served_keys(*served, folder).has_value());
    CHECK(load_served_keys(folder).value() == *served);
  }
  put("unsigning", text);
  if (const auto parting = load_parting(folder)) {
    CHECK(save_parting(*parting, folder).has_value());
    CHECK(load_parting(folder)->ds_gone_s == parting->ds_gone_s);
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(text.find('\0'), text.size());
  const std::string_view public_text = text.substr(0, end);
  const std::string_view private_text = text.substr(std::min(end + 1, text.size()));
  read_pair(public_text, private_text);
  read_state(public_text);
  return 0;
}
