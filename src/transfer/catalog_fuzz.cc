// SPDX-License-Identifier: GPL-3.0-or-later
// Whatever zone is served as a catalog is understood as a whole, or refused with a reason.
#include "transfer/catalog.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "base/check.h"
#include "zone/loader.h"
#include "zone/memory.h"

using namespace holdfast;

// Zone memory for all inputs, each of which replaces the zone before.
static zone::Memory& memory() {
  static EpochBoard epochs;
  static zone::Memory opened = [] {
    std::string folder = std::string(::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp") +
                         "/holdfast-catalog-fuzz-XXXXXX";
    CHECK(::mkdtemp(folder.data()) != nullptr);
    auto memory = zone::Memory::open({.path = folder + "/zones.mem",
                                      .bytes_max = uint64_t{1} << 28,
                                      .hash_key = {.low = 3, .high = 5}},
                                     epochs);
    CHECK(memory.has_value());
    std::filesystem::remove_all(folder);  // it is mapped
    return *std::move(memory);
  }();
  return opened;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const wire::Name apex = *wire::Name::from_text("c.test");
  constexpr size_t members_max = 8;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (size > 20'000 || text.find("$GENERATE") != std::string_view::npos) return 0;
  zone::LoadOptions options;
  options.includes = zone::Includes::refuse;
  const zone::LoadOutcome outcome = zone::load_zone_text(text, "fuzz", apex, options);
  if (!outcome.contents) return 0;
  if (!memory().publish(*outcome.contents, [](const zone::StagedNode&) {})) return 0;
  const auto members = transfer::read_catalog(*memory().find(apex), members_max);
  memory().reclaim();
  if (!members) {
    CHECK(!members.error().message.empty());
    return 0;
  }
  CHECK(members->size() <= members_max);
  std::set<std::string> zones;
  for (const transfer::CatalogMember& member : *members) {
    CHECK(!member.unique.empty() && zones.insert(member.zone).second);
    CHECK(wire::Name::from_text(member.zone).has_value());
  }
  return 0;
}
