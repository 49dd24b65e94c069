// SPDX-License-Identifier: GPL-3.0-or-later
// A network namespace held open, and the calling thread's stay in it.
#pragma once

#include <sys/types.h>

#include "base/file.h"

namespace holdfast::drill {

class NetworkNamespace {
 public:
  // The one that process `pid` is in; 0 is the calling thread.
  [[nodiscard]] static Result<NetworkNamespace> of_process(pid_t pid);

  // For good, or until another is entered.
  [[nodiscard]] Result<void> enter() const;
  // Two namespaces are the same if their numbers are.
  [[nodiscard]] uint64_t number() const { return number_; }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  NetworkNamespace(UniqueFd fd, uint64_t number) : fd_(std::move(fd)), number_(number) {}

  UniqueFd fd_;
  uint64_t number_ = 0;
};

// While it lives, the calling thread is in `there`; then it is back where it was.
class NamespaceVisit {
 public:
  [[nodiscard]] static Result<NamespaceVisit> to(const NetworkNamespace& there);
  NamespaceVisit(NamespaceVisit&& other) noexcept = default;
  NamespaceVisit& operator=(NamespaceVisit&&) = delete;
  NamespaceVisit(const NamespaceVisit&) = delete;
  NamespaceVisit& operator=(const NamespaceVisit&) = delete;
  // A thread that cannot come back would act in the wrong place, so then the process ends.
  ~NamespaceVisit();

 private:
  explicit NamespaceVisit(NetworkNamespace home) : home_(std::move(home)) {}

  NetworkNamespace home_;
};

}  // namespace holdfast::drill
