// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/tcp_report.h"

#include "log/log.h"
#include "shield/tcp_counters.h"

namespace holdfast::control {

void warn_of_syncookies() {
  if (shield::read_syncookies().value_or(1) != 0) return;
  log::warning(log::Category::control, "syn-cookies-off",
               "net.ipv4.tcp_syncookies is 0: under a flood of SYNs nobody can connect over TCP; "
               "set it to 1");
}

boost::json::object tcp_object() {
  boost::json::object counters;
  if (const auto read = shield::TcpCounterReader().read()) {
    for (size_t i = 0; i < shield::TcpCounters::count; ++i) {
      counters[shield::TcpCounters::names[i]] = read->values[i];
    }
  }
  const auto setting = shield::read_syncookies();
  const char* const word = !setting ? "unknown" : *setting == 0 ? "off" : "on";
  return {{"syncookies", setting.value_or(0) > 1 ? "always" : word},
          {"counters", std::move(counters)}};
}

void add_tcp_metrics(MetricsText& text) {
  text.begin_family("holdfast_kernel_tcp_total", MetricsText::Type::counter,
                    "What the kernel counts of beginnings of TCP connections, of all programs.");
  const auto read = shield::TcpCounterReader().read();
  if (!read) return;
  for (size_t i = 0; i < shield::TcpCounters::count; ++i) {
    text.add_sample(MetricsText::label("counter", shield::TcpCounters::names[i]), read->values[i]);
  }
}

}  // namespace holdfast::control
