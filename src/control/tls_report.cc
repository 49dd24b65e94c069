// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/tls_report.h"

#include <array>
#include <string_view>

namespace holdfast::control {

namespace {

// By transfer::TlsBudget::Limit, without `none`, and by transfer::TlsLimitFate.
constexpr std::array<std::string_view, transfer::TlsBudget::limit_count> limit_names{
    "client_time", "strangers_time", "handshakes", "connections"};
constexpr std::array<std::string_view, transfer::tls_limit_fates> fate_names{"refused", "waited",
                                                                             "dry_run"};
static_assert(static_cast<size_t>(transfer::TlsBudget::Limit::connections) == limit_names.size());
static_assert(static_cast<size_t>(transfer::TlsLimitFate::dry_run) + 1 == fate_names.size());

constexpr double ns_per_s = 1e9;
constexpr uint64_t ns_per_ms = 1'000'000;

}  // namespace

boost::json::object tls_object(const TransferFacts& facts) {
  boost::json::object limited;
  for (size_t limit = 0; limit < limit_names.size(); ++limit) {
    boost::json::object fates;
    for (size_t fate = 0; fate < fate_names.size(); ++fate) {
      fates[fate_names[fate]] = facts.tls_limited[limit][fate];
    }
    limited[limit_names[limit]] = std::move(fates);
  }
  return {{"limited", std::move(limited)},
          {"processor_ms", facts.tls_spent_ns / ns_per_ms},
          {"proved", facts.tls_proved}};
}

void add_tls_metrics(MetricsText& text, const TransferFacts& facts) {
  text.begin_family("holdfast_transfer_tls_limited_total", MetricsText::Type::counter,
                    "Connections and requests of clients within TLS beyond a bound.");
  for (size_t limit = 0; limit < limit_names.size(); ++limit) {
    for (size_t fate = 0; fate < fate_names.size(); ++fate) {
      text.add_sample(MetricsText::label("limit", limit_names[limit]) + "," +
                          MetricsText::label("fate", fate_names[fate]),
                      facts.tls_limited[limit][fate]);
    }
  }
  text.begin_family("holdfast_transfer_tls_processor_seconds_total", MetricsText::Type::counter,
                    "Processor time spent on clients within TLS, their transfers included.");
  text.add_sample("", static_cast<double>(facts.tls_spent_ns) / ns_per_s);
}

}  // namespace holdfast::control
