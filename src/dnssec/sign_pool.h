// SPDX-License-Identifier: GPL-3.0-or-later
// Signs batches on several threads and gives them back in the order in which they came.
//
// With one thread everything happens in `put`, on the caller's. Bound: batches_waiting_max. The
// first failure ends all; `finish` tells it. Owner: one thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "dnssec/sign_batch.h"

namespace holdfast::dnssec {

class SignPool {
 public:
  static constexpr size_t batches_waiting_max = 32;

  using Take = std::function<void(const SignBatch&)>;
  // `take` is called on the caller's thread. `roles` outlive this.
  SignPool(const KeyRoles& roles, unsigned threads, Take take);
  ~SignPool();

  void put(std::unique_ptr<SignBatch> batch);
  // Waits for all that was put.
  [[nodiscard]] Result<void> finish();

 private:
  struct Slot {
    std::unique_ptr<SignBatch> batch;
    bool is_signed = false;
  };
  void run();
  void take_until(size_t waiting_max);
  void fail_with(const Error& error);

  const KeyRoles& roles_;
  const Take take_;
  std::optional<BatchSigner> own_;  // without threads
  std::optional<Error> error_;

  std::mutex mutex_;
  std::condition_variable filled_;
  std::condition_variable signed_;
  std::deque<std::shared_ptr<Slot>> order_;  // the owner's alone
  std::deque<std::shared_ptr<Slot>> to_sign_;
  bool closed_ = false;
  std::vector<std::jthread> threads_;  // last: they end first
};

}  // namespace holdfast::dnssec
