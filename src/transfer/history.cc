// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/history.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "zone/crc32c.h"

namespace holdfast::transfer {

namespace {

// magic | CRC of the rest | bytes of the rest | from | to | time | removed bytes | source bytes |
// source | removed | added
constexpr uint32_t magic = 0x48465631;  // "HFV1"
constexpr size_t head_bytes = 12;
constexpr size_t fixed_bytes = 21;

void put_u32(std::vector<uint8_t>& to, uint64_t value) {
  for (const int shift : {24, 16, 8, 0}) to.push_back(static_cast<uint8_t>(value >> shift));
}
void put_bytes(std::vector<uint8_t>& to, Bytes bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

std::vector<uint8_t> encode(const Difference& difference, const std::string& source,
                            uint64_t unix_s) {
  std::vector<uint8_t> body;
  put_u32(body, difference.from);
  put_u32(body, difference.to);
  put_u32(body, unix_s >> 32);
  put_u32(body, unix_s & 0xffffffff);
  put_u32(body, difference.removed.bytes().size());
  body.push_back(static_cast<uint8_t>(source.size()));
  body.insert(body.end(), source.begin(), source.end());
  put_bytes(body, difference.removed.bytes());
  put_bytes(body, difference.added.bytes());
  std::vector<uint8_t> entry;
  put_u32(entry, magic);
  put_u32(entry, zone::crc32c(body));
  put_u32(entry, body.size());
  put_bytes(entry, body);
  return entry;
}

struct Decoded {
  Difference difference;
  std::string source;
  uint64_t unix_s = 0;
};

// The entry at the start of `bytes`; none if it is torn or damaged.
std::optional<Decoded> decode(Bytes bytes, size_t& size) {
  ByteReader head(bytes);
  if (head.read_u32() != magic) return std::nullopt;
  const uint32_t crc = head.read_u32();
  const size_t body_bytes = head.read_u32();
  const Bytes body = head.read_bytes(body_bytes);
  if (head.failed() || body.size() < fixed_bytes || zone::crc32c(body) != crc) return std::nullopt;
  ByteReader reader(body);
  Decoded decoded;
  decoded.difference.from = reader.read_u32();
  decoded.difference.to = reader.read_u32();
  const uint64_t high = reader.read_u32();
  decoded.unix_s = high << 32 | reader.read_u32();
  const size_t removed_bytes = reader.read_u32();
  const Bytes source = reader.read_bytes(reader.read_u8());
  const Bytes removed = reader.read_bytes(removed_bytes);
  auto removed_list = RecordList::from_bytes(removed);
  auto added_list = RecordList::from_bytes(reader.read_bytes(reader.remaining()));
  if (reader.failed() || !removed_list || !added_list) return std::nullopt;
  decoded.source.assign(source.begin(), source.end());
  decoded.difference.removed = *std::move(removed_list);
  decoded.difference.added = *std::move(added_list);
  size = head_bytes + body_bytes;
  return decoded;
}

std::string text_of(wire::NameView apex) {
  wire::Name folded(apex);
  folded.fold_case();
  return folded.view().to_text();
}

Bytes to_bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

History::History(const std::string& state_directory)
    : directory_(state_directory + "/versions"),
      has_files_(::access(directory_.c_str(), F_OK) == 0) {}

// The zone's name with what a file name cannot hold as %XX; cut, with a hash, if it is too long.
std::string History::path_of(wire::NameView apex) const {
  constexpr std::string_view digits = "0123456789abcdef";
  constexpr size_t name_bytes_max = 200;
  std::string name;
  const std::string text = text_of(apex);
  for (const char byte : text) {
    const bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
                          byte == '-' || byte == '_' || (byte == '.' && !name.empty());
    if (is_plain) {
      name += byte;
    } else {
      const auto value = static_cast<uint8_t>(byte);
      name += '%';
      name += digits[value >> 4];
      name += digits[value & 15];
    }
  }
  if (name.size() > name_bytes_max) {
    const std::string hash = std::to_string(zone::crc32c(to_bytes(text)));
    name = name.substr(0, name_bytes_max) + "%%" + hash;
  }
  return directory_ + "/" + name;
}

// With the lock held. Cuts off what is torn or damaged.
History::Versions& History::read(wire::NameView apex) const {
  const auto [found, is_new] = zones_.try_emplace(text_of(apex));
  Versions& versions = found->second;
  if (!is_new) return versions;
  const std::string path = path_of(apex);
  const auto content = read_file(path, 2 * file_bytes_max);
  if (!content) return versions;
  const Bytes bytes = to_bytes(*content);
  uint64_t offset = 0;
  size_t size = 0;
  while (offset < bytes.size()) {
    const auto decoded = decode(bytes.subspan(offset), size);
    if (!decoded) break;
    versions.push_back({.facts = {.from = decoded->difference.from,
                                  .to = decoded->difference.to,
                                  .unix_s = decoded->unix_s,
                                  .removed = decoded->difference.removed.count(),
                                  .added = decoded->difference.added.count(),
                                  .source = decoded->source},
                        .offset = offset,
                        .bytes = size});
    offset += size;
  }
  // A cut that fails is made up for by the next rewriting.
  if (offset < bytes.size())
    static_cast<void>(::truncate(path.c_str(), static_cast<off_t>(offset)) == 0);
  return versions;
}

Result<void> History::add(wire::NameView apex, const Difference* difference,
                          const std::string& source, uint64_t unix_s) {
  const std::scoped_lock lock(mutex_);
  if (difference == nullptr) {
    // Of most zones there is nothing, and there may be a million.
    zones_.erase(text_of(apex));
    if (has_files_) ::unlink(path_of(apex).c_str());
    return {};
  }
  has_files_ = true;
  Versions& versions = read(apex);
  if (!versions.empty() && versions.back().facts.to != difference->from) {
    versions.clear();
    ::unlink(path_of(apex).c_str());
  }
  const std::vector<uint8_t> entry =
      encode(*difference, source.substr(0, source_bytes_max), unix_s);
  TRY(make_directories(directory_, 0750));
  const std::string path = path_of(apex);
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
  if (!file.valid()) return fail_system(path, errno);
  const uint64_t offset = versions.empty() ? 0 : versions.back().offset + versions.back().bytes;
  if (const auto written = write_all(file.get(), entry, path); !written) {
    static_cast<void>(::ftruncate(file.get(), static_cast<off_t>(offset)) == 0);
    versions.clear();
    ::unlink(path.c_str());
    return written;
  }
  versions.push_back({.facts = {.from = difference->from,
                                .to = difference->to,
                                .unix_s = unix_s,
                                .removed = difference->removed.count(),
                                .added = difference->added.count(),
                                .source = source.substr(0, source_bytes_max)},
                      .offset = offset,
                      .bytes = entry.size()});
  if (versions.size() <= versions_max && offset + entry.size() <= file_bytes_max) return {};
  return drop_older(apex, versions);
}

Result<void> History::drop_older(wire::NameView apex, Versions& versions) {
  const std::string path = path_of(apex);
  const std::string content = TRY(read_file(path, 2 * file_bytes_max));
  const size_t dropped = versions.size() < 2 ? versions.size() : versions.size() / 2;
  const uint64_t start = dropped < versions.size() ? versions[dropped].offset : content.size();
  if (start > content.size()) return fail(path + ": shorter than what was written to it");
  TRY(replace_file(path, to_bytes(content).subspan(start), 0640));
  versions.erase(versions.begin(), versions.begin() + static_cast<ptrdiff_t>(dropped));
  for (Version& version : versions) version.offset -= start;
  return {};
}

void History::forget(wire::NameView apex) {
  const std::scoped_lock lock(mutex_);
  zones_.erase(text_of(apex));
  if (has_files_) ::unlink(path_of(apex).c_str());
}

std::vector<VersionFacts> History::list(wire::NameView apex) const {
  const std::scoped_lock lock(mutex_);
  std::vector<VersionFacts> facts;
  for (const Version& version : read(apex)) facts.push_back(version.facts);
  return facts;
}

// First and one past the last; empty if none leads there.
std::pair<size_t, size_t> History::range(const Versions& versions, uint32_t from, uint32_t to) {
  size_t end = versions.size();
  while (end > 0 && versions[end - 1].facts.to != to) --end;
  for (size_t begin = end; begin > 0; --begin) {
    if (versions[begin - 1].facts.from == from) return {begin - 1, end};
  }
  return {0, 0};
}

uint64_t History::chain_bytes(wire::NameView apex, uint32_t from, uint32_t to) const {
  const std::scoped_lock lock(mutex_);
  const Versions& versions = read(apex);
  const auto [begin, end] = range(versions, from, to);
  uint64_t bytes = 0;
  for (size_t i = begin; i < end; ++i) bytes += versions[i].bytes;
  return bytes;
}

std::vector<Difference> History::chain(wire::NameView apex, uint32_t from, uint32_t to) const {
  const std::scoped_lock lock(mutex_);
  const Versions& versions = read(apex);
  const auto [begin, end] = range(versions, from, to);
  std::vector<Difference> differences;
  if (begin == end) return differences;
  const uint64_t start = versions[begin].offset;
  std::vector<uint8_t> content(versions[end - 1].offset + versions[end - 1].bytes - start);
  const UniqueFd file(::open(path_of(apex).c_str(), O_RDONLY | O_CLOEXEC));
  const ssize_t got =
      file.valid() ? ::pread(file.get(), content.data(), content.size(), static_cast<off_t>(start))
                   : -1;
  if (got != static_cast<ssize_t>(content.size())) return differences;
  for (size_t i = begin; i < end; ++i) {
    size_t size = 0;
    auto decoded = decode(Bytes(content).subspan(versions[i].offset - start), size);
    if (!decoded) return {};
    differences.push_back(std::move(decoded->difference));
  }
  return differences;
}

}  // namespace holdfast::transfer
