// SPDX-License-Identifier: GPL-3.0-or-later
// Tells the service manager how the service is (sd_notify(3)); silent where there is none.
//
// Owner: the supervisor; one thread. Remembers what was said: a status is sent once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::supervise {

class ServiceManager {
 public:
  ServiceManager();

  void ready(std::string_view status);
  void status(std::string_view status);
  void reloading();  // with the time, as Type=notify-reload wants; ended by ready
  void stopping();
  // To call often: speaks to the watchdog when half of its time has passed.
  void alive(uint64_t now_ns);

 private:
  std::string last_status_;
  uint64_t watchdog_interval_ns_ = 0;  // 0: no watchdog
  uint64_t last_alive_ns_ = 0;
};

}  // namespace holdfast::supervise
