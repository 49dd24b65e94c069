// SPDX-License-Identifier: GPL-3.0-or-later
#include "supervise/notify.h"

#include <systemd/sd-daemon.h>

#include <ctime>

namespace holdfast::supervise {

namespace {

// A status is one line; anything else would be read as further assignments.
std::string status_line(std::string_view status) {
  std::string line = "STATUS=";
  for (const char byte : status) line += byte == '\n' ? ' ' : byte;
  return line;
}

}  // namespace

ServiceManager::ServiceManager() {
  uint64_t period_us = 0;
  if (sd_watchdog_enabled(0, &period_us) > 0) watchdog_interval_ns_ = period_us * 1000 / 2;
}

void ServiceManager::ready(std::string_view status) {
  last_status_ = status;
  sd_notify(0, ("READY=1\n" + status_line(status)).c_str());
}

void ServiceManager::status(std::string_view status) {
  if (status == last_status_) return;
  last_status_ = status;
  sd_notify(0, status_line(status).c_str());
}

void ServiceManager::reloading() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const auto microseconds = now.tv_sec * 1'000'000 + now.tv_nsec / 1000;
  sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds)).c_str());
}

void ServiceManager::stopping() { sd_notify(0, "STOPPING=1"); }

void ServiceManager::alive(uint64_t now_ns) {
  if (watchdog_interval_ns_ == 0 || now_ns - last_alive_ns_ < watchdog_interval_ns_) return;
  last_alive_ns_ = now_ns;
  sd_notify(0, "WATCHDOG=1");
}

}  // namespace holdfast::supervise
