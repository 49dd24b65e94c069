// SPDX-License-Identifier: GPL-3.0-or-later
// Requests to reload, on their way to the thread that manages zones.
//
// Requests that come while a reload runs wait and are answered together by the next one. Bound: one
// request a client of the control socket. Thread: `push` any, `take` the manager's.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "control/reload.h"

namespace holdfast::control {

struct ReloadRequest {
  std::optional<std::string> zone;  // none: everything
  AfterReload after = AfterReload::nothing;
  std::function<void(const ReloadReply&)> done;
};

class ReloadQueue {
 public:
  ReloadQueue();
  // Readable when something waits.
  [[nodiscard]] int fd() const { return event_.get(); }
  void push(ReloadRequest request);
  [[nodiscard]] std::vector<ReloadRequest> take();

 private:
  std::mutex mutex_;
  std::vector<ReloadRequest> waiting_;
  UniqueFd event_;
};

}  // namespace holdfast::control
