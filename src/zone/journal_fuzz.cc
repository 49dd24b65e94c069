// SPDX-License-Identifier: GPL-3.0-or-later
// Any file must open as a journal or be kept aside, and what it yields must be zones. Checksums
// would hide what lies behind them, so the input is also taken as the payload of a good entry.
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/check.h"
#include "base/file.h"
#include "zone/journal.h"
#include "zone/journal_log.h"

using namespace holdfast;

static void replay(const std::string& path) {
  auto journal = zone::Journal::open({.path = path});
  CHECK(journal.has_value());
  size_t nodes = 0;
  journal->replay(
      [&](zone::Contents&& contents) {
        zone::Contents::Cursor cursor(contents);
        while (cursor.next() != nullptr) ++nodes;
        CHECK(nodes > 0);
      },
      [](const std::string& complaint) { CHECK(!complaint.empty()); });
  CHECK(journal->compact().has_value());
}

static const std::string& scratch_path() {
  static const std::string path = [] {
    // In memory if there is such a place: the journal syncs its file several times an input.
    std::string pattern = std::string(::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp") +
                          "/holdfast-journal-fuzz-XXXXXX";
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    static std::string folder;
    folder = pattern;
    std::atexit([] {
      for (const char* name : {"/j", "/j.bad", "/j.new"}) ::unlink((folder + name).c_str());
      ::rmdir(folder.c_str());
    });
    return pattern + "/j";
  }();
  return path;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Bytes input(data, size);
  const std::string& path = scratch_path();
  CHECK(replace_file(path, input, 0600).has_value());
  replay(path);

  auto log = zone::JournalLog::create(path);
  CHECK(log.has_value());
  const size_t middle = size / 2;
  log->begin(zone::EntryKind::whole, 0);
  log->append(input);
  CHECK(log->end().has_value());
  log->begin(zone::EntryKind::whole, 0);
  log->append(input.first(middle));
  const auto whole = log->end();
  CHECK(whole.has_value());
  log->begin(zone::EntryKind::difference, whole->offset);
  log->append(input.subspan(middle));
  CHECK(log->end().has_value());
  CHECK(log->sync().has_value());
  replay(path);
  return 0;
}
