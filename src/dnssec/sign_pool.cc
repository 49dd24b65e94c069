// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/sign_pool.h"

namespace holdfast::dnssec {

SignPool::SignPool(const KeyRoles& roles, unsigned threads, Take take)
    : roles_(roles), take_(std::move(take)) {
  if (threads <= 1) {
    auto made = BatchSigner::make(roles);
    if (made) {
      own_ = *std::move(made);
    } else {
      fail_with(made.error());
    }
    return;
  }
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

SignPool::~SignPool() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  to_sign_.clear();
  filled_.notify_all();
}

void SignPool::put(std::unique_ptr<SignBatch> batch) {
  if (threads_.empty()) {
    if (error_) return;
    if (auto done = own_->sign(*batch); !done) return fail_with(done.error());
    take_(*batch);
    return;
  }
  auto slot = std::make_shared<Slot>(std::move(batch));
  order_.push_back(slot);
  {
    const std::lock_guard lock(mutex_);
    to_sign_.push_back(std::move(slot));
    filled_.notify_one();
  }
  take_until(batches_waiting_max);
}

Result<void> SignPool::finish() {
  take_until(0);
  const std::lock_guard lock(mutex_);
  if (error_) return std::unexpected(*error_);
  return {};
}

void SignPool::take_until(size_t waiting_max) {
  while (order_.size() > waiting_max) {
    {
      std::unique_lock lock(mutex_);
      signed_.wait(lock, [&] { return error_ || order_.front()->is_signed; });
      if (error_) return order_.clear();
    }
    take_(*order_.front()->batch);
    order_.pop_front();
  }
}

void SignPool::run() {
  auto signer = BatchSigner::make(roles_);
  if (!signer) return fail_with(signer.error());
  while (true) {
    std::shared_ptr<Slot> slot;
    {
      std::unique_lock lock(mutex_);
      filled_.wait(lock, [&] { return closed_ || !to_sign_.empty(); });
      if (closed_) return;
      slot = std::move(to_sign_.front());
      to_sign_.pop_front();
    }
    const auto done = signer->sign(*slot->batch);
    if (!done) return fail_with(done.error());
    const std::lock_guard lock(mutex_);
    slot->is_signed = true;
    signed_.notify_one();
  }
}

void SignPool::fail_with(const Error& error) {
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = error;
  signed_.notify_one();
}

}  // namespace holdfast::dnssec
