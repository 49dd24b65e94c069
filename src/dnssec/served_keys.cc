// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/served_keys.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include <unistd.h>

#include "base/file.h"
#include "dnssec/key_time.h"
#include "dnssec/rrsig.h"

namespace holdfast::dnssec {

namespace {

constexpr size_t file_bytes_max = 16384;  // 64 keys take 4 kB
constexpr unsigned file_mode = 0644;
constexpr uint64_t long_ago_s = 1;  // no cache holds what was there before
constexpr std::string_view first_word = "first";
constexpr std::string_view head =
    "; What all secondaries were seen to serve. Written by holdfast.\n";

std::string path_of(const std::string& folder) { return folder + "/secondaries"; }

const ServedKey* find(const ServedKeys& served, uint16_t tag) {
  const auto found = std::ranges::find(served.keys, tag, &ServedKey::tag);
  return found == served.keys.end() ? nullptr : &*found;
}
uint64_t served_s(const ServedKeys& served, uint16_t tag) {
  const ServedKey* key = find(served, tag);
  return key == nullptr ? 0 : key->served_s;
}
uint64_t unused_s(const ServedKeys& served, uint16_t tag) {
  const ServedKey* key = find(served, tag);
  return key == nullptr ? 0 : key->unused_s;
}

// A ZSK that was published ahead and takes over from another.
bool is_next_zsk(const ZoneKey& key, std::span<const ZoneKey> own, uint64_t now_s) {
  if (key.is_entry_point() || !key.is_published_at(now_s) || !key.times.activate) return false;
  return std::ranges::any_of(own, [&](const ZoneKey& other) {
    return &other != &key && !other.is_entry_point() && other.times.inactive &&
           *other.times.inactive >= *key.times.activate && other.is_published_at(now_s);
  });
}

// A ZSK that another has taken over from, and that stays for what caches hold. One that leaves at
// once with its algorithm is none.
bool is_past_zsk(const ZoneKey& key, const ServedKeys& served, uint64_t now_s) {
  if (key.is_entry_point() || !key.times.inactive || !key.times.remove) return false;
  if (*key.times.inactive > now_s || *key.times.remove <= *key.times.inactive) return false;
  return *key.times.remove > now_s || find(served, key.tag()) != nullptr;
}

// Two KSKs or CSKs that both sign: the parent is to be told of the later one once all know it.
bool is_followed_by(const ZoneKey& old, const ZoneKey& key, uint64_t now_s) {
  const auto lasts = [&](const ZoneKey& of) {
    return of.is_entry_point() && of.is_active_at(now_s) && !of.times.inactive && !of.times.remove;
  };
  return &old != &key && lasts(old) && lasts(key) && key.times.sync_publish &&
         old.times.sync_remove && *old.times.sync_remove >= *key.times.sync_publish;
}
bool is_next_entry_point(const ZoneKey& key, std::span<const ZoneKey> own, uint64_t now_s) {
  return std::ranges::any_of(own,
                             [&](const ZoneKey& old) { return is_followed_by(old, key, now_s); });
}
bool is_next(const ZoneKey& key, std::span<const ZoneKey> own, uint64_t now_s) {
  return is_next_zsk(key, own, now_s) || is_next_entry_point(key, own, now_s);
}

// The parent is to be told of it once all know it, and knows of no other yet.
bool is_first(const ZoneKey& key, std::span<const ZoneKey> own, const ServedKeys& served,
              uint64_t now_s) {
  const ServedKey* known = find(served, key.tag());
  return known != nullptr && known->is_first && key.is_entry_point() && key.times.sync_publish &&
         (!key.times.sync_remove || *key.times.sync_remove > now_s) && !key.times.inactive &&
         !key.times.remove && !is_next_entry_point(key, own, now_s);
}

bool is_signed_by(const SeenRrset& rrset, const ZoneKey& key) {
  return std::ranges::any_of(rrset.signatures, [&](const std::vector<uint8_t>& rrsig) {
    return rrsig.size() >= rrsig_head_bytes &&
           rrsig[rrsig_algorithm_at] == key.algorithm().number &&
           load_be16(rrsig.data() + rrsig_tag_at) == key.tag();
  });
}

std::string name_of(uint16_t tag) { return "key " + std::to_string(tag); }

// One of them that is not so far; empty: all are.
std::string missing(const ZoneKey& key, std::span<const SeenServer> servers) {
  for (const SeenServer& server : servers) {
    if (!server.error.empty()) return server.server + ": " + server.error;
    if (!holds_record(server.dnskeys.rdata, key.dnskey_rdata())) {
      return server.server + " to serve " + name_of(key.tag());
    }
  }
  return {};
}
std::string still_used(const ZoneKey& key, std::span<const SeenServer> servers) {
  for (const SeenServer& server : servers) {
    if (!server.error.empty()) return server.server + ": " + server.error;
    if (server.soa.signatures.empty()) return server.server + " to serve a signed SOA";
    if (is_signed_by(server.soa, key)) {
      return server.server + " to have no signatures by " + name_of(key.tag());
    }
  }
  return {};
}

template <typename T>
bool read_number(std::string_view text, T& number) {
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && at == text.data() + text.size();
}

bool read_time(std::string_view text, uint64_t& time_s) {
  if (text == "-") return true;
  const auto time = parse_key_time(text);
  if (time) time_s = *time;
  return time.has_value();
}

std::string_view take_word(std::string_view& text) {
  const size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

bool read_line(std::string_view line, ServedKeys& served) {
  if (line.empty() || line.front() == ';') return true;
  const std::string_view field = take_word(line);
  if (field == "waits-for") {
    served.waits_for = line;
    return true;
  }
  if (field != "key") return false;
  ServedKey key;
  const bool is_good = read_number(take_word(line), key.tag) &&
                       read_time(take_word(line), key.served_s) &&
                       read_time(take_word(line), key.unused_s);
  key.is_first = line == first_word;
  served.keys.push_back(key);
  return is_good && (line.empty() || key.is_first);
}

std::string time_text(uint64_t time_s) { return time_s == 0 ? "-" : key_time_text(time_s); }

}  // namespace

Result<ServedKeys> load_served_keys(const std::string& folder) {
  const std::string path = path_of(folder);
  ServedKeys served;
  if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) return served;
  const std::string text = TRY(read_file(path, file_bytes_max));
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    if (!read_line(line, served)) {
      return fail(path + ": the line \"" + std::string(line) + "\" cannot be read");
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return served;
}

Result<void> save_served_keys(const ServedKeys& served, const std::string& folder) {
  std::string text(head);
  for (const ServedKey& key : served.keys) {
    text += "key " + std::to_string(key.tag) + " " + time_text(key.served_s) + " " +
            time_text(key.unused_s) + (key.is_first ? " " + std::string(first_word) : "") + "\n";
  }
  if (!served.waits_for.empty()) text += "waits-for " + served.waits_for + "\n";
  return replace_file(path_of(folder), {reinterpret_cast<const uint8_t*>(text.data()), text.size()},
                      file_mode);
}

Result<void> remove_served_keys(const std::string& folder) {
  const std::string path = path_of(folder);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_system(path, errno);
  return {};
}

ServedKeys begin_signed(const ServedKeys& served, std::span<const ZoneKey> own) {
  ServedKeys begun = served;
  for (const ZoneKey& key : own) {
    if (!key.is_entry_point() || !key.times.sync_publish) continue;
    std::erase_if(begun.keys, [&](const ServedKey& known) { return known.tag == key.tag(); });
    begun.keys.push_back({.tag = key.tag(), .is_first = true});
  }
  return begun;
}

ServedKeys with_told(const ServedKeys& served, std::span<const ZoneKey> own,
                     std::span<const Bytes> cdnskeys, uint64_t now_s) {
  ServedKeys with = served;
  for (const ZoneKey& key : own) {
    if (!key.is_sync_published_at(now_s) || !is_next_entry_point(key, own, now_s)) continue;
    const std::vector<uint8_t>& dnskey = key.dnskey_rdata();
    const auto is_it = [&](Bytes rdata) { return std::ranges::equal(rdata, dnskey); };
    if (std::ranges::none_of(cdnskeys, is_it)) continue;
    const auto known = std::ranges::find(with.keys, key.tag(), &ServedKey::tag);
    if (known == with.keys.end()) {
      with.keys.push_back({.tag = key.tag(), .served_s = long_ago_s});
    } else {
      known->served_s = long_ago_s;
    }
  }
  return with;
}

bool waits_for_secondaries(std::span<const ZoneKey> own, const ServedKeys& served, uint64_t now_s,
                           FirstCds first) {
  return std::ranges::any_of(own, [&](const ZoneKey& key) {
    const bool is_awaited = is_next(key, own, now_s) ||
                            (first == FirstCds::awaited && is_first(key, own, served, now_s));
    return (is_awaited && served_s(served, key.tag()) == 0) ||
           (is_past_zsk(key, served, now_s) && unused_s(served, key.tag()) == 0);
  });
}

ServedKeys note_served(const ServedKeys& before, std::span<const ZoneKey> own,
                       std::span<const SeenServer> servers, uint64_t now_s, FirstCds first) {
  ServedKeys served;
  const auto say = [&](const std::string& what) {
    if (served.waits_for.empty()) served.waits_for = what;
  };
  for (const ZoneKey& key : own) {
    const ServedKey* known = find(before, key.tag());
    const bool is_past = is_past_zsk(key, before, now_s);
    if (!key.is_published_at(now_s) && !is_past) continue;
    ServedKey now = known == nullptr ? ServedKey{.tag = key.tag()} : *known;
    if (now.served_s == 0) {
      const std::string lack = missing(key, servers);
      if (lack.empty()) now.served_s = now_s;
      const bool is_awaited_first = first == FirstCds::awaited && is_first(key, own, before, now_s);
      if (is_awaited_first || is_next(key, own, now_s)) say(lack);
    }
    if (!is_past) now.unused_s = 0;
    if (is_past && now.unused_s == 0) {
      const std::string lack = still_used(key, servers);
      if (lack.empty()) now.unused_s = now_s;
      say(lack);
    }
    // Of two with one tag, what both have come to.
    const auto same = std::ranges::find(served.keys, key.tag(), &ServedKey::tag);
    if (same == served.keys.end()) {
      served.keys.push_back(now);
    } else {
      same->served_s = std::min(same->served_s, now.served_s);
      same->unused_s = std::min(same->unused_s, now.unused_s);
      same->is_first = same->is_first || now.is_first;
    }
  }
  return served;
}

ServedKeys followed(const ServedKeys& served, std::span<const ZoneKey> held, uint64_t now_s) {
  ServedKeys of = served;
  std::erase_if(of.keys, [&](const ServedKey& known) {
    const auto is_there = [&](const ZoneKey& key) {
      return key.tag() == known.tag && (!key.times.remove || *key.times.remove > now_s);
    };
    return known.unused_s != 0 && std::ranges::none_of(held, is_there);
  });
  for (const ZoneKey& key : held) {
    if (is_past_zsk(key, of, now_s) && find(of, key.tag()) == nullptr) {
      of.keys.push_back({.tag = key.tag()});
    }
    const auto known = std::ranges::find(of.keys, key.tag(), &ServedKey::tag);
    if (known == of.keys.end() || known->served_s == 0) continue;
    if (key.is_sync_published_at(now_s)) known->is_first = false;
  }
  return of;
}

std::vector<ZoneKey> hold_for_secondaries(std::span<const ZoneKey> own, const ServedKeys& served,
                                          uint64_t now_s, const RolloverTimes& times) {
  // What has not been seen yet comes now at the earliest, and what waits for it not in this second,
  // be there no TTL to wait for.
  const auto known_s = [&](uint64_t seen_s, uint32_t ttl_s) {
    return seen_s == 0 ? now_s + std::max(ttl_s, 1U) : seen_s + ttl_s;
  };
  std::vector<ZoneKey> changed = hold_zsks(own, now_s, [&](const ZoneKey& successor) {
    return known_s(served_s(served, successor.tag()), times.dnskey_ttl_s);
  });
  std::vector<ZoneKey> keys(own.begin(), own.end());
  for (const ZoneKey& key : changed) put_key(keys, key);
  for (const ZoneKey& key : keys) {
    if (!is_past_zsk(key, served, now_s)) continue;
    const uint64_t gone_s = known_s(unused_s(served, key.tag()), times.ttl_max_s);
    if (*key.times.remove >= gone_s) continue;
    changed.push_back(key);
    changed.back().times.remove = gone_s;
  }
  const auto announced_at_s = [&](const ZoneKey& key) {
    return known_s(served_s(served, key.tag()), std::max(times.dnskey_ttl_s, times.ttl_max_s));
  };
  for (ZoneKey& key : keys) {
    // Caches may hold the zone as it was before, unsigned.
    if (!is_first(key, keys, served, now_s) || *key.times.sync_publish >= announced_at_s(key)) {
      continue;
    }
    key.times.sync_publish = announced_at_s(key);
    changed.push_back(key);
  }
  for (const ZoneKey& key : keys) {
    if (!is_next_entry_point(key, keys, now_s)) continue;
    const uint64_t announced_s = announced_at_s(key);
    if (*key.times.sync_publish >= announced_s) continue;
    // The new one first: a crash between leaves no CDS for a while, which asks for nothing.
    changed.push_back(key);
    changed.back().times.sync_publish = announced_s;
    for (const ZoneKey& old : keys) {
      if (!is_followed_by(old, key, now_s)) continue;
      changed.push_back(old);
      changed.back().times.sync_remove = announced_s;
    }
  }
  return changed;
}

}  // namespace holdfast::dnssec
