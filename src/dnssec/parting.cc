// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/parting.h"

#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "dnssec/key_time.h"

namespace holdfast::dnssec {

namespace {

constexpr size_t file_bytes_max = 200;
constexpr unsigned file_mode = 0644;
constexpr std::string_view asked_line = "ds-asked-away\n";
constexpr std::string_view gone_word = "ds-gone ";

std::string path_of(const std::string& folder) { return folder + "/unsigning"; }

}  // namespace

Result<Parting> load_parting(const std::string& folder) {
  Parting parting;
  if (!is_parting(folder)) return parting;
  const std::string path = path_of(folder);
  const std::string text = TRY(read_file(path, file_bytes_max));
  if (text == asked_line) return parting;
  std::string_view time = text;
  if (time.starts_with(gone_word) && time.ends_with('\n')) {
    time.remove_prefix(gone_word.size());
    time.remove_suffix(1);
    parting.ds_gone_s = parse_key_time(time);
  }
  if (!parting.ds_gone_s) return fail(path + ": cannot be read; expected \"ds-gone\" and a time");
  return parting;
}

Result<void> save_parting(const Parting& parting, const std::string& folder) {
  const std::string text = parting.ds_gone_s
                               ? std::string(gone_word) + key_time_text(*parting.ds_gone_s) + "\n"
                               : std::string(asked_line);
  TRY(replace_file(path_of(folder), {reinterpret_cast<const uint8_t*>(text.data()), text.size()},
                   file_mode));
  return sync_directory_of(path_of(folder));
}

bool is_parting(const std::string& folder) { return ::access(path_of(folder).c_str(), F_OK) == 0; }

Result<void> end_parting(const std::string& folder) {
  const std::string path = path_of(folder);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_system(path, errno);
  return {};
}

}  // namespace holdfast::dnssec
