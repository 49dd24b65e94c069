// SPDX-License-Identifier: GPL-3.0-or-later
// Decides what control answers to the requests that answer processes pass on: transfers, and
// whatever is signed.
//
// Reads zone memory in an epoch of its own for the moment of deciding and spooling, never while
// something is sent. Denied is what nothing allows. Thread: one.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <list>

#include "base/address.h"
#include "base/clock.h"
#include "exchange/panel.h"
#include "transfer/history.h"
#include "transfer/reply.h"
#include "transfer/settings.h"
#include "transfer/spool.h"
#include "transfer/tls_budget.h"
#include "transfer/update.h"

namespace holdfast::transfer {

struct Request {
  std::vector<uint8_t> message;
  exchange::Protocol protocol = exchange::Protocol::tcp;
  Endpoint client;
  ssl_st* tls = nullptr;  // the finished handshake that it came after; null: it came in the clear
};

// What became of what was limited: a connection was closed, a request waited, a dry run let it be.
enum class TlsLimitFate : uint8_t { refused, waited, dry_run };
constexpr size_t tls_limit_fates = 3;

// What the metrics show; written by one thread.
struct OutCounters {
  std::atomic<uint64_t> begun{0};
  std::atomic<uint64_t> completed{0};
  std::atomic<uint64_t> failed{0};
  std::atomic<uint64_t> refused{0};
  std::atomic<uint64_t> bytes{0};
  std::atomic<uint64_t> idle{0};  // connections closed because nothing was asked on them
  std::atomic<uint64_t> slow{0};  // because what was sent was not taken, or a request did not come
  std::atomic<uint64_t> tls_begun{0};
  std::atomic<uint64_t> tls_failed{0};  // handshakes
  // What was limited of clients within TLS, by TlsBudget::Limit less one.
  std::array<std::array<std::atomic<uint64_t>, tls_limit_fates>, TlsBudget::limit_count>
      tls_limited{};
  std::atomic<uint64_t> tls_spent_ns{0};  // processor time of all within TLS
  std::atomic<uint64_t> tls_proved{0};    // clients that have shown that they may, and not long ago
};

// Dynamic updates, by what became of them; written by one thread.
struct UpdateCounters {
  std::atomic<uint64_t> done{0};       // NOERROR
  std::atomic<uint64_t> declined{0};   // a prerequisite did not hold
  std::atomic<uint64_t> refused{0};    // malformed, unsigned, or not permitted
  std::atomic<uint64_t> failed{0};     // SERVFAIL
  std::atomic<uint64_t> forwarded{0};  // to the primaries of a secondary zone
};

class Answerer {
 public:
  // Spools kept at a time; the least used goes.
  static constexpr size_t spools_max = 16;

  // Gives the answer to a request that had to wait for others.
  using Later = std::function<void(Reply)>;
  struct Parts {
    exchange::Panel& panel;
    zone::MemoryReader zones;
    const SettingsBoard& settings;
    std::string state_directory;  // for spools
    const Clock& clock;
    OutCounters& counters;
    const History& history;
    // A NOTIFY has come. False if the zone does not come from there.
    std::function<bool(wire::NameView apex, const Endpoint& from, const wire::Name* key)> on_notify;
    UpdateCounters& update_counters;
    // An update that may be made. Calls `done` with its RCODE once it is kept, on this thread.
    std::function<void(Update update, std::function<void(uint16_t rcode)> done)> on_update;
    // Passes an update on to one of the servers and calls `done` with what that answers, or with
    // nothing, on this thread.
    std::function<void(std::vector<uint8_t> message, const std::vector<config::Remote>& to,
                       std::function<void(std::vector<uint8_t> response)> done)>
        on_forward;
    // Seconds that are left to a zone that comes from others; none: it is ours.
    std::function<std::optional<uint32_t>(wire::NameView apex)> left_s = [](wire::NameView) {
      return std::nullopt;
    };
  };
  explicit Answerer(Parts parts) : parts_(std::move(parts)) {}

  struct Answer {
    std::optional<Reply> reply;
    bool comes_later = false;  // by `later`; with neither, it must not be answered at all
  };
  [[nodiscard]] Answer answer(Request request, Later later);
  // Lets go of spools that nobody takes any more. About once a second.
  void tidy();

 private:
  struct Shelved {
    wire::Name apex;
    std::shared_ptr<const Spool> spool;
    uint64_t used_s = 0;
  };

  // An update that waits for its answer, with what the answer is made of.
  struct Waiting;

  [[nodiscard]] Answer begin_update(const std::shared_ptr<Waiting>& waiting);
  [[nodiscard]] Answer forward(const std::shared_ptr<Waiting>& waiting,
                               const config::TransferSetting& setting);
  [[nodiscard]] Reply refuse_update(Waiting& waiting, uint16_t rcode, const std::string& reason);
  void count_update(uint16_t rcode);
  [[nodiscard]] Reply answer_verified(const Request& request, const wire::Query& query,
                                      TsigChain tsig);
  [[nodiscard]] Reply answer_kind(const Request& request, const wire::Query& query, TsigChain tsig);
  [[nodiscard]] Reply answer_notify(const Request& request, const wire::Query& query,
                                    TsigChain tsig);
  [[nodiscard]] Reply answer_transfer(const Request& request, const wire::Query& query,
                                      TsigChain tsig);
  [[nodiscard]] Reply answer_ordinary(const Request& request, const wire::Query& query,
                                      TsigChain tsig);
  [[nodiscard]] Reply refuse_transfer(const Request& request, const wire::Query& query,
                                      TsigChain tsig);
  [[nodiscard]] std::shared_ptr<const MessageSource> differences_from(const zone::ZoneView& zone,
                                                                      uint32_t serial) const;
  [[nodiscard]] Result<std::shared_ptr<const Spool>> spool_of(const zone::ZoneView& zone);

  Parts parts_;
  std::list<Shelved> shelf_;
};

}  // namespace holdfast::transfer
