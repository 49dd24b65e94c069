// SPDX-License-Identifier: GPL-3.0-or-later
#include "exchange/counters.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <vector>

#include "exchange/panel.h"

namespace holdfast::exchange {
namespace {

TEST(Counters, EveryCounterBelongsToOneMetric) {
  std::vector<int> owners(CounterLayout::count, 0);
  for (const Metric& metric : metrics()) {
    for (size_t i = 0; i < metric.count; ++i) ++owners[metric.first + i];
  }
  for (size_t i = 0; i < owners.size(); ++i) EXPECT_EQ(owners[i], 1) << "counter " << i;
}

TEST(Counters, NoTwoShareNameAndLabels) {
  std::set<std::string> seen;
  for (const Metric& metric : metrics()) {
    for (size_t i = 0; i < metric.count; ++i) {
      std::string key(metric.name);
      key += metric.fixed_labels;
      if (metric.labels != nullptr) key += metric.labels(i);
      EXPECT_TRUE(seen.insert(key).second) << key;
    }
  }
}

std::string label_of(std::string_view name, size_t at) {
  for (const Metric& metric : metrics()) {
    if (metric.name == name) return metric.labels(at);
  }
  return "";
}

TEST(Counters, SlotsAndLabelsAgree) {
  EXPECT_EQ(label_of("holdfast_queries_by_type", qtype_slot(28)), "qtype=\"AAAA\"");
  EXPECT_EQ(label_of("holdfast_queries_by_type", qtype_slot(257)), "qtype=\"CAA\"");
  EXPECT_EQ(label_of("holdfast_queries_by_type", qtype_slot(65280)), "qtype=\"other\"");
  EXPECT_EQ(label_of("holdfast_responses", rcode_slot_count + rcode_slot(5)),
            "protocol=\"tcp\",rcode=\"REFUSED\"");
  EXPECT_EQ(label_of("holdfast_responses", rcode_slot(16)), "protocol=\"udp\",rcode=\"BADVERS\"");
  EXPECT_EQ(label_of("holdfast_responses", rcode_slot(4000)), "protocol=\"udp\",rcode=\"other\"");
  EXPECT_EQ(label_of("holdfast_response_size_bytes", size_bucket(512)), "le=\"512\"");
  EXPECT_EQ(label_of("holdfast_response_size_bytes", size_bucket(513)), "le=\"768\"");
  EXPECT_EQ(label_of("holdfast_response_size_bytes", size_bucket(70'000)), "le=\"+Inf\"");
  EXPECT_EQ(label_of("holdfast_dropped", static_cast<size_t>(Drop::crash)), "reason=\"crash\"");
}

TEST(Counters, CountWhereTheyBelong) {
  const auto counters = std::make_unique<Counters>();
  counters->count_query(Protocol::tcp, Family::ipv6, 40);
  counters->count_response(Protocol::tcp, 3, 100);
  EXPECT_EQ(counters->get(CounterLayout::queries + 3), 1u);
  EXPECT_EQ(counters->get(CounterLayout::bytes_received + 1), 40u);
  EXPECT_EQ(counters->get(CounterLayout::bytes_sent + 1), 100u);
  EXPECT_EQ(counters->responses_total(), 1u);
}

TEST(InFlight, ComesBackAsItWas) {
  const InFlight in_flight{.protocol = Protocol::tcp, .index = 63, .batch = 64, .bytes = 65535};
  const uint64_t word = in_flight.encode();
  EXPECT_NE(word, InFlight::none);
  EXPECT_EQ(InFlight::decode(word).protocol, Protocol::tcp);
  EXPECT_EQ(InFlight::decode(word).index, 63);
  EXPECT_EQ(InFlight::decode(word).batch, 64);
  EXPECT_EQ(InFlight::decode(word).bytes, 65535u);
}

}  // namespace
}  // namespace holdfast::exchange
