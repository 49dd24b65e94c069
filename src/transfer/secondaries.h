// SPDX-License-Identifier: GPL-3.0-or-later
// The zones that come from other servers: when to ask whom, what to make of the answer, and when a
// zone has gone too long without one (RFC 1034 §4.3.5, RFC 1995, RFC 5936).
//
// A zone's primaries are asked one after another, the one that answered last first, until one
// answers well. What they send is judged as a zone file would be and handed to the managing thread
// whole, or not at all; the error says why, and the old version stays. Bounds: fetches_max at a
// time are asked for or wait to be published, the others for their turn; some 200 bytes a zone.
// Thread: the io_context's, except `status`.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "exchange/panel.h"
#include "transfer/primary_serials.h"
#include "transfer/record_list.h"
#include "transfer/settings.h"
#include "zone/view.h"

namespace boost::asio {
class io_context;
}

namespace holdfast::transfer {

constexpr size_t fetches_max = 128;
// Of more records, the whole zone is asked for: that takes less than what changes name by name.
constexpr size_t difference_records_max = 200'000;

struct SecondaryStatus {
  std::vector<std::string> primaries;
  std::string last_primary;                // that answered well
  std::optional<uint32_t> primary_serial;  // of what is served; another than ours if we sign it
  uint64_t refreshed_unix_s = 0;
  uint64_t next_refresh_unix_s = 0;
  uint64_t expires_unix_s = 0;  // 0: there is nothing that could expire
  bool is_expired = false;
  bool is_asking = false;
  uint64_t transfers = 0;
  std::string last_error;  // of the last round; empty if that went well
};

enum class Refresh : uint8_t {
  look,   // ask for what is newer
  whole,  // transfer the whole zone, whatever its serial
};

// What the managing thread does for us. Each `done` is called on the io_context's thread.
class ZonePublisher {
 public:
  virtual ~ZonePublisher() = default;
  using Done = std::function<void(Result<void>)>;
  // `contents` are finished and judged; `source` says where they come from.
  virtual void publish(zone::Contents contents, std::string source, Done done) = 0;
  // `differences` lead from the primary's version of what is served; they are judged there.
  virtual void amend(const wire::Name& apex, std::vector<Difference> differences,
                     std::string source, Done done) = 0;
  // The zone has expired: SERVFAIL from now on.
  virtual void withdraw(const wire::Name& apex, Done done) = 0;
};

class Secondaries {
 public:
  struct Parts {
    boost::asio::io_context& context;
    exchange::Panel& panel;
    zone::MemoryReader zones;
    const SettingsBoard& settings;
    std::string state_directory;
    const Clock& clock;
    ZonePublisher& publisher;
    const PrimarySerials& primary_serials;
  };
  explicit Secondaries(Parts parts);
  ~Secondaries();
  Secondaries(const Secondaries&) = delete;
  Secondaries& operator=(const Secondaries&) = delete;

  // Takes up what the settings say of secondary zones.
  void apply();
  // A NOTIFY of `from`. False if the zone does not come from there.
  bool on_notify(wire::NameView apex, const Endpoint& from, const wire::Name* key);
  // Seconds until the zone expires; none if it is no secondary.
  [[nodiscard]] std::optional<uint32_t> left_s(wire::NameView apex) const;
  // False if the zone is no secondary.
  bool refresh(wire::NameView apex, Refresh how);
  // What is due. About once a second.
  void tick();

  [[nodiscard]] std::optional<SecondaryStatus> status(const std::string& name) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::transfer
