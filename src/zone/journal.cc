// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/journal.h"

#include <unistd.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "zone/journal_index.h"
#include "zone/journal_log.h"
#include "zone/journal_nodes.h"

namespace holdfast::zone {

namespace {

constexpr size_t write_block_bytes = size_t{64} << 10;

// Why a zone cannot be read from the journal: its bytes, or what lies between them and us.
struct Trouble {
  explicit(false) Trouble(Error error) : message(std::move(error.message)) {}
  [[nodiscard]] static std::unexpected<Trouble> damage(std::string message) {
    Trouble trouble(Error{std::move(message)});
    trouble.is_damage = true;
    return std::unexpected(std::move(trouble));
  }

  std::string message;
  bool is_damage = false;
};

template <typename T>
using Reading = std::expected<T, Trouble>;

std::string name_zone(wire::NameView apex) { return "zone " + apex.to_text(); }

Result<JournalLog::EntryFacts> write_whole(JournalLog& log, const Contents& contents,
                                           Journal::State state) {
  std::vector<uint8_t> bytes;
  append_head({contents.apex(), state}, bytes);
  log.begin(EntryKind::whole, 0);
  Contents::Cursor cursor(contents);
  while (const StagedNode* node = cursor.next()) {
    if (node->rrsets.empty()) continue;
    append_node(*node, contents.apex(), bytes);
    if (bytes.size() < write_block_bytes) continue;
    log.append(bytes);
    bytes.clear();
  }
  log.append(bytes);
  return log.end();
}

}  // namespace

struct Journal::Impl {
  Impl(JournalOptions of, JournalLog with) : options(std::move(of)), log(std::move(with)) {}

  JournalOptions options;
  JournalLog log;
  JournalIndex index;
  uint64_t whole_bytes = 0;  // of the last whole entries of all zones
  std::vector<std::string> warnings;
  bool sync_failed = false;  // the file may lack what the kernel has forgotten: write it anew

  void warn(std::string sentence) {
    if (warnings.size() < warnings_max) warnings.push_back(std::move(sentence));
  }
  void set_whole_bytes(JournalChain& chain, uint64_t bytes) {
    whole_bytes = whole_bytes - chain.whole_bytes + bytes;
    chain.whole_bytes = bytes;
  }
  void note_whole(wire::NameView apex, uint64_t state, const JournalLog::EntryFacts& entry) {
    JournalChain& chain = index.at(apex);
    chain.last = entry.offset;
    chain.state = state;
    set_whole_bytes(chain, entry.bytes);
  }
  void note_removed(wire::NameView apex) {
    JournalChain& chain = index.at(apex);
    chain.last = 0;
    set_whole_bytes(chain, 0);
  }

  void take_up(const JournalLog::EntryFacts& entry);
  // The entries of a chain, the last first, down to the whole one.
  Reading<std::vector<uint64_t>> entries_of(const JournalChain& chain);
  Reading<Contents> load(const JournalChain& chain);
  // Fails if `into` cannot be written; a zone that cannot be read is left out with a warning.
  Result<void> copy_chain(const JournalChain& chain, Impl& into);
  std::vector<JournalChain> chains_in_file_order() const;
  [[nodiscard]] std::unexpected<Trouble> damage_at(uint64_t offset) const {
    return Trouble::damage(options.path + ": the entry at " + std::to_string(offset) +
                           " is damaged");
  }
};

// An entry that was found when the file was opened.
void Journal::Impl::take_up(const JournalLog::EntryFacts& entry) {
  const auto head = read_head(entry.head);
  if (!head) {
    return warn(options.path + ": the entry at " + std::to_string(entry.offset) +
                " names no zone; skipped");
  }
  switch (entry.kind) {
    case EntryKind::whole:
      return note_whole(head->apex, head->state, entry);
    case EntryKind::removed:
      return note_removed(head->apex);
    case EntryKind::difference: {
      JournalChain& chain = index.at(head->apex);
      if (chain.last == 0 || chain.last != entry.previous) {
        return warn(options.path + ": " + name_zone(head->apex) + ": the difference at " +
                    std::to_string(entry.offset) +
                    " lacks what came before it; an older state is kept");
      }
      chain.last = entry.offset;
      chain.state = head->state;
    }
  }
}

Reading<std::vector<uint64_t>> Journal::Impl::entries_of(const JournalChain& chain) {
  std::vector<uint64_t> entries;
  for (uint64_t offset = chain.last;;) {
    entries.push_back(offset);
    const auto entry = TRY(log.read(offset, [](Bytes) { return false; }));
    if (!entry || entry->previous >= offset) return damage_at(offset);
    if (entry->kind == EntryKind::whole) return entries;
    offset = entry->previous;
  }
}

Reading<Contents> Journal::Impl::load(const JournalChain& chain) {
  const std::vector<uint64_t> entries = TRY(entries_of(chain));
  std::optional<Contents> contents;
  bool well_formed = true;
  struct Changed {
    std::vector<uint8_t> key;
    std::vector<uint8_t> rrsets;
  };
  // The nodes of the differences, the newest of each; keys fold case.
  std::unordered_map<std::string, Changed> changed;
  const auto fold = [](Bytes key) {
    std::string folded;
    for (const uint8_t byte : key) folded += static_cast<char>(wire::to_lower(byte));
    return folded;
  };
  for (const uint64_t offset : entries) {
    const bool is_whole = offset == entries.back();
    JournalNodeReader reader([&](const JournalNode& node) {
      if (!is_whole) {
        changed.try_emplace(fold(node.key), Changed{{node.key.begin(), node.key.end()},
                                                    {node.rrsets.begin(), node.rrsets.end()}});
      } else if (changed.empty() || !changed.contains(fold(node.key))) {
        well_formed = add_records(node, *contents) && well_formed;
      }
    });
    const auto entry = TRY(log.read(offset, [&](Bytes piece) {
      if (!contents) {
        const auto head = read_head(piece);
        if (head) contents.emplace(head->apex);
        well_formed = head.has_value();
      }
      well_formed = well_formed && reader.add(piece);
      return well_formed;
    }));
    if (!entry || !well_formed || !reader.finish()) return damage_at(offset);
  }
  for (const auto& [key, node] : changed) {
    if (!add_records({node.key, node.rrsets}, *contents)) return damage_at(chain.last);
  }
  if (const auto finished = contents->finish(); !finished) {
    return Trouble::damage(options.path + ": " + finished.error().message);
  }
  return std::move(*contents);
}

Result<void> Journal::Impl::copy_chain(const JournalChain& chain, Impl& into) {
  // A whole entry goes over as it is; differences become one with theirs.
  std::optional<wire::Name> apex;
  into.log.begin(EntryKind::whole, 0);
  const auto copied = log.read(chain.last, [&](Bytes piece) {
    if (!apex) {
      const auto head = read_head(piece);
      if (!head) return false;
      apex.emplace(head->apex);
    }
    into.log.append(piece);
    return true;
  });
  if (copied && *copied && (*copied)->kind == EntryKind::whole && apex) {
    into.note_whole(*apex, chain.state, TRY(into.log.end()));
    return {};
  }
  into.log.abandon();
  auto contents = load(chain);
  if (!contents && !contents.error().is_damage) return fail(contents.error().message);
  if (!contents) {
    into.warn(contents.error().message + "; its zone is lost");
    return {};
  }
  const auto written = TRY(write_whole(into.log, *contents, chain.state));
  into.note_whole(contents->apex(), chain.state, written);
  return {};
}

std::vector<JournalChain> Journal::Impl::chains_in_file_order() const {
  std::vector<JournalChain> chains = index.chains();
  std::ranges::sort(chains, {}, &JournalChain::last);
  return chains;
}

Journal::Journal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Journal::Journal(Journal&&) noexcept = default;
Journal& Journal::operator=(Journal&&) noexcept = default;
Journal::~Journal() = default;

Result<Journal> Journal::open(const JournalOptions& options) {
  ::unlink((options.path + ".new").c_str());  // of a compaction that was not finished
  std::vector<std::string> warnings;
  const auto early = [&](std::string warning) { warnings.push_back(std::move(warning)); };
  auto impl = std::make_unique<Impl>(options, TRY(JournalLog::open(options.path, early)));
  impl->warnings = std::move(warnings);
  TRY(impl->log.scan([&](const JournalLog::EntryFacts& entry) { impl->take_up(entry); },
                     [&](std::string warning) { impl->warn(std::move(warning)); }));
  return Journal(std::move(impl));
}

const std::vector<std::string>& Journal::warnings() const { return impl_->warnings; }
uint64_t Journal::size_bytes() const { return impl_->log.size(); }

bool Journal::holds(wire::NameView apex, State state) const {
  const JournalChain* chain = impl_->index.find(apex);
  return chain != nullptr && chain->state == state;
}

Result<void> Journal::append_whole(const Contents& contents, State state) {
  const auto entry = TRY(write_whole(impl_->log, contents, state));
  impl_->note_whole(contents.apex(), state, entry);
  return {};
}

Result<void> Journal::append_removed(wire::NameView apex) {
  if (impl_->index.find(apex) == nullptr) return {};
  std::vector<uint8_t> bytes;
  append_head({apex, 0}, bytes);
  impl_->log.begin(EntryKind::removed, 0);
  impl_->log.append(bytes);
  TRY(impl_->log.end());
  impl_->note_removed(apex);
  return {};
}

Result<void> Journal::sync() {
  auto synced = impl_->log.sync();
  if (!synced) impl_->sync_failed = true;
  return synced;
}

Journal::Difference Journal::begin_difference(wire::NameView apex, State before, State after) {
  CHECK(holds(apex, before));
  return {*this, apex, before, after};
}

Journal::Difference::Difference(Journal& journal, wire::NameView apex, State before, State after)
    : journal_(journal.impl_.get()), apex_(apex), before_(before), after_(after) {
  append_head({apex, after}, bytes_);
}

void Journal::Difference::add(const StagedNode& node) {
  if (is_too_large_) return;
  append_node(node, apex_, bytes_);
  if (bytes_.size() <= bytes_max) return;
  is_too_large_ = true;
  std::vector<uint8_t>().swap(bytes_);
}

Result<void> Journal::Difference::commit() {
  const JournalChain* chain = journal_->index.find(apex_);
  if (is_too_large_ || chain == nullptr || chain->state != before_) {
    return fail("zone " + apex_.view().to_text() + ": the journal cannot take this difference");
  }
  journal_->log.begin(EntryKind::difference, chain->last);
  journal_->log.append(bytes_);
  const auto entry = TRY(journal_->log.end());
  JournalChain& changed = journal_->index.at(apex_);
  changed.last = entry.offset;
  changed.state = after_;
  return {};
}

Result<std::optional<Contents>> Journal::load(wire::NameView apex) {
  const JournalChain* chain = impl_->index.find(apex);
  if (chain == nullptr) return std::nullopt;
  TRY(impl_->log.flush());
  auto contents = impl_->load(*chain);
  if (!contents) return fail(contents.error().message);
  return std::move(*contents);
}

void Journal::replay(const ZoneVisitor& visit, const Complaint& complain) {
  if (const auto flushed = impl_->log.flush(); !flushed) return complain(flushed.error().message);
  for (const JournalChain& chain : impl_->chains_in_file_order()) {
    auto contents = impl_->load(chain);
    if (contents) {
      visit(std::move(*contents));
    } else {
      complain(contents.error().message);
    }
  }
}

bool Journal::compaction_due() const {
  const uint64_t bound = 2 * impl_->whole_bytes + impl_->options.slack_bytes;
  return impl_->sync_failed || size_bytes() > bound;
}

Result<void> Journal::compact() {
  TRY(impl_->log.flush());
  const std::string path = impl_->options.path + ".new";
  auto into = std::make_unique<Impl>(impl_->options, TRY(JournalLog::create(path)));
  into->warnings = impl_->warnings;
  const auto write = [&]() -> Result<void> {
    for (const JournalChain& chain : impl_->chains_in_file_order()) {
      TRY(impl_->copy_chain(chain, *into));
    }
    return into->log.replace(impl_->options.path);
  };
  auto written = write();
  if (written) {
    impl_ = std::move(into);
  } else {
    ::unlink(path.c_str());
  }
  return written;
}

}  // namespace holdfast::zone
