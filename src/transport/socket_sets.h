// SPDX-License-Identifier: GPL-3.0-or-later
// The sockets of all workers: opened together, kept while workers come and go, changed in two
// steps.
//
// One set of a UDP and a TCP socket for each address and worker, and one sink for each address.
// `prepare` opens what a new choice of addresses and workers needs beside what is open; `commit`
// makes it current and closes what is not needed any more; sockets that stay, stay with their
// queues. Owner: the supervisor.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/address.h"
#include "base/error.h"
#include "base/file.h"
#include "transport/syn_sink.h"

namespace holdfast::transport {

struct ListenSockets {
  Endpoint endpoint;
  UniqueFd udp;
  UniqueFd tcp;
  UniqueFd sink;  // of the address; the first worker's alone
};
using WorkerSockets = std::vector<std::shared_ptr<const ListenSockets>>;

class SocketSets {
 public:
  explicit SocketSets(Steering steering = Steering::by_hash) : steering_(steering) {}

  // On an error nothing has changed and nothing is prepared, but that sinks listen no more.
  [[nodiscard]] Result<void> prepare(std::span<const Endpoint> listen, size_t workers);
  [[nodiscard]] bool is_prepared() const { return prepared_valid_; }
  // Where packets were to be steered by processor and cannot be, they go on being spread.
  void commit();
  void abort();

  // What is current: one set a worker.
  [[nodiscard]] const std::vector<WorkerSockets>& workers() const { return current_; }
  // How the kernel chooses among the current listening sockets of an address. As of `commit`: a
  // worker that keeps to its processor may no longer know the others.
  [[nodiscard]] const ListenerChoice& choice() const { return choice_; }
  // Descriptors that `workers` workers with `addresses` addresses need here.
  [[nodiscard]] static uint64_t descriptors(size_t addresses, size_t workers) {
    return uint64_t{2} * addresses * workers + addresses;
  }

 private:
  [[nodiscard]] Result<void> check_free(const Endpoint& endpoint) const;
  void steer(std::span<const uint32_t> cpus) const;
  [[nodiscard]] std::vector<uint32_t> steering_cpus() const;

  Steering steering_;
  std::vector<WorkerSockets> current_;
  ListenerChoice choice_ = choose_by_lot(1);
  std::vector<WorkerSockets> prepared_;
  bool prepared_valid_ = false;
};

}  // namespace holdfast::transport
