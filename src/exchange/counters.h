// SPDX-License-Identifier: GPL-3.0-or-later
// What an answer process counts, and under which names and labels the metrics show it.
//
// A block of plain 64-bit counters in shared memory, one block a worker. Only the worker writes
// its block (a relaxed load and store each, no locked instruction); control reads and adds up all
// blocks. A block outlives its worker, so that counters never go back at a restart.
// Each metric is a run of counters in the block; `metrics()` describes all, so that whoever prints
// them needs to know none.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "exchange/client.h"

namespace holdfast::exchange {

constexpr size_t protocol_count = 2;
constexpr size_t family_count = 2;
constexpr size_t kind_count = 8;         // answer::Kind, in its order
constexpr size_t rcode_slot_count = 14;  // 0 to 10, BADVERS, BADCOOKIE, other
constexpr size_t qtype_slot_count = 24;  // the last is "other"

// Upper bounds of the size histogram; one bucket more for larger responses. 512 and 1232 are the
// limits of UDP without and with EDNS.
constexpr std::array<uint32_t, 12> size_bounds = {64,   128,  256,  512,  768,   1024,
                                                  1232, 1452, 2048, 4096, 16384, 65535};
constexpr size_t size_bucket_count = size_bounds.size() + 1;

// What a query's EDNS said; several may hold.
enum class EdnsFact : uint8_t {
  present,
  dnssec_ok,
  cookie_client_only,
  cookie_valid,
  cookie_invalid,
};
constexpr size_t edns_fact_count = 5;

// Why a question got no answer. Each such question increments exactly one of these.
enum class Drop : uint8_t {
  too_short,          // no whole header
  is_response,        // QR was set
  source_port_zero,   // nowhere to send an answer to
  query_of_death,     // refused: its like has killed workers
  send_buffer_full,   // the kernel took no more datagrams
  send_failed,        // the kernel refused the datagram (no route, firewall)
  connection_closed,  // the client had gone or was too slow to take the answer
  crash,              // the worker died with it in hand; counted by the supervisor
  shed,               // by the shield, under overload; see ShieldFate
  filtered,           // by the shield's filter, before the socket's queue; see Filtered
};
constexpr size_t drop_count = 10;

// What the shield did with a question under overload, by class. Quiet times are not counted.
enum class ShieldFate : uint8_t {
  admitted,
  truncated,   // TC: come by TCP
  bad_cookie,  // BADCOOKIE: come with the cookie
  dropped,     // Drop::shed
  dry_run,     // admitted, where it would not have been
};
constexpr size_t shield_fate_count = 5;
constexpr size_t shield_class_count = 6;  // ShieldClass of shield/source_layout.h, in its order

// What the shield's filter on a socket kept from its queue (shield/socket_filter.h). A dry run
// counts what it would have kept away.
enum class Filtered : uint8_t { datagrams, datagrams_dry, beginnings, beginnings_dry };
constexpr size_t filtered_count = 4;
// Filters that the kernel did not take.
enum class FilterRefused : uint8_t { datagrams, beginnings };
constexpr size_t filter_refused_count = 2;

enum class TcpRefused : uint8_t { table_full, address_full, descriptors };
constexpr size_t tcp_refused_count = 3;

enum class TcpClosed : uint8_t {
  by_client,
  idle,           // nothing asked for idle_ms
  read_timeout,   // a message that was begun did not end within read_ms
  write_timeout,  // a response was not taken within write_ms
  evicted,        // the longest idle one, for a new one
  buffers,        // no large buffer left for its message or response
  bad_framing,    // a message shorter than a header, or one that is never answered
  error,          // reset, unreachable
  drained,        // this process ends
  given_away,     // control goes on with it
};
constexpr size_t tcp_closed_count = 10;

// Where each metric's run begins in the block.
struct CounterLayout {
  static constexpr size_t queries = 0;  // [protocol][family]
  static constexpr size_t opcodes = queries + protocol_count * family_count;
  static constexpr size_t qtypes = opcodes + 16;
  static constexpr size_t responses = qtypes + qtype_slot_count;  // [protocol][rcode slot]
  static constexpr size_t kinds = responses + protocol_count * rcode_slot_count;
  static constexpr size_t edns = kinds + kind_count;
  static constexpr size_t truncated = edns + edns_fact_count;  // [protocol]
  static constexpr size_t drops = truncated + protocol_count;
  static constexpr size_t bytes_received = drops + drop_count;           // [protocol]
  static constexpr size_t bytes_sent = bytes_received + protocol_count;  // [protocol]
  static constexpr size_t sizes = bytes_sent + protocol_count;           // [protocol][bucket]
  static constexpr size_t tcp_accepted = sizes + protocol_count * size_bucket_count;
  static constexpr size_t tcp_open = tcp_accepted + 1;
  static constexpr size_t tcp_refused = tcp_open + 1;
  static constexpr size_t tcp_closed = tcp_refused + tcp_refused_count;
  static constexpr size_t kernel_drops = tcp_closed + tcp_closed_count;
  static constexpr size_t samples_written = kernel_drops + 1;
  static constexpr size_t samples_lost = samples_written + 1;
  static constexpr size_t batches = samples_lost + 1;
  static constexpr size_t passed_on = batches + 1;  // [protocol]
  static constexpr size_t not_passed_on = passed_on + protocol_count;
  static constexpr size_t shield = not_passed_on + 1;  // [class][fate]
  static constexpr size_t shield_level = shield + shield_class_count * shield_fate_count;
  static constexpr size_t shield_overloads = shield_level + 1;
  static constexpr size_t shield_streams = shield_overloads + 1;
  static constexpr size_t shield_accounts = shield_streams + 1;
  static constexpr size_t filtered = shield_accounts + 1;
  static constexpr size_t filters_refused = filtered + filtered_count;
  static constexpr size_t count = filters_refused + filter_refused_count;
};

[[nodiscard]] size_t rcode_slot(uint16_t rcode);
[[nodiscard]] size_t qtype_slot(uint16_t qtype);
[[nodiscard]] size_t size_bucket(size_t bytes);

class Counters {
 public:
  void add(size_t at, uint64_t amount = 1) {
    std::atomic<uint64_t>& value = values_[at];
    value.store(value.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void set(size_t at, uint64_t value) { values_[at].store(value, std::memory_order_relaxed); }
  [[nodiscard]] uint64_t get(size_t at) const {
    return values_[at].load(std::memory_order_relaxed);
  }

  void count_query(Protocol protocol, Family family, size_t bytes) {
    add(CounterLayout::queries + index(protocol) * family_count + index(family));
    add(CounterLayout::bytes_received + index(protocol), bytes);
  }
  void count_opcode(uint8_t opcode) { add(CounterLayout::opcodes + (opcode & 15)); }
  void count_qtype(uint16_t qtype) { add(CounterLayout::qtypes + qtype_slot(qtype)); }
  void count_response(Protocol protocol, uint16_t rcode, size_t bytes) {
    add(CounterLayout::responses + index(protocol) * rcode_slot_count + rcode_slot(rcode));
    add(CounterLayout::bytes_sent + index(protocol), bytes);
    add(CounterLayout::sizes + index(protocol) * size_bucket_count + size_bucket(bytes));
  }
  void count_kind(size_t kind) { add(CounterLayout::kinds + kind); }
  void count_edns(EdnsFact fact) { add(CounterLayout::edns + index(fact)); }
  void count_truncated(Protocol protocol) { add(CounterLayout::truncated + index(protocol)); }
  void count_drop(Drop reason, uint64_t amount = 1) {
    add(CounterLayout::drops + index(reason), amount);
  }
  void count_shield(size_t shield_class, ShieldFate fate) {
    add(CounterLayout::shield + shield_class * shield_fate_count + index(fate));
  }
  void count_filtered(Filtered what, uint64_t amount) {
    add(CounterLayout::filtered + index(what), amount);
  }
  void count_filter_refused(FilterRefused what) {
    add(CounterLayout::filters_refused + index(what));
  }
  void count_passed_on(Protocol protocol) { add(CounterLayout::passed_on + index(protocol)); }
  void count_tcp_refused(TcpRefused reason) { add(CounterLayout::tcp_refused + index(reason)); }
  void count_tcp_closed(TcpClosed reason) { add(CounterLayout::tcp_closed + index(reason)); }

  // All responses, for `holdfast status`.
  [[nodiscard]] uint64_t responses_total() const;

 private:
  template <typename Enum>
  static constexpr size_t index(Enum value) {
    return static_cast<size_t>(value);
  }
  std::array<std::atomic<uint64_t>, CounterLayout::count> values_{};
};

enum class MetricKind : uint8_t {
  counter,
  gauge,
  // `count` buckets, each counted on its own (not cumulated), with label "le"; the last is +Inf.
  // `sum_at` is the counter that holds the sum.
  histogram,
};

struct Metric {
  std::string_view name;  // counters without their "_total"
  std::string_view help;
  MetricKind kind = MetricKind::counter;
  size_t first = 0;  // in the block
  size_t count = 1;
  size_t sum_at = 0;                               // histogram only
  std::string_view fixed_labels;                   // `protocol="udp"` for a histogram of one
  std::string (*labels)(size_t offset) = nullptr;  // `reason="idle"` of first + offset; may be null
};

[[nodiscard]] std::span<const Metric> metrics();
// `protocol="udp"`; what the labels call each value.
[[nodiscard]] std::string_view drop_name(Drop reason);
[[nodiscard]] std::string_view shield_class_name(size_t shield_class);
[[nodiscard]] std::string_view shield_fate_name(ShieldFate fate);

}  // namespace holdfast::exchange
