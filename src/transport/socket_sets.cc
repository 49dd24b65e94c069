// SPDX-License-Identifier: GPL-3.0-or-later
#include "transport/socket_sets.h"

#include <algorithm>

#include "base/processors.h"
#include "transport/socket.h"

namespace holdfast::transport {

namespace {

Result<std::shared_ptr<const ListenSockets>> open_sockets(const Endpoint& endpoint, size_t worker) {
  auto sockets = std::make_shared<ListenSockets>();
  sockets->endpoint = endpoint;
  sockets->udp = TRY(open_socket(endpoint, SocketType::udp));
  sockets->tcp = TRY(open_socket(endpoint, SocketType::tcp));
  if (worker == 0) sockets->sink = TRY(open_sink(endpoint));
  return std::shared_ptr<const ListenSockets>(std::move(sockets));
}

}  // namespace

Result<void> SocketSets::prepare(std::span<const Endpoint> listen, size_t workers) {
  abort();
  for (const Endpoint& endpoint : listen) TRY(check_free(endpoint));
  // What begins to listen here is to come before them.
  if (!current_.empty()) {
    for (const auto& sockets : current_.front()) rest_sink(sockets->sink.get());
  }
  std::vector<WorkerSockets> sets(workers);
  for (size_t worker = 0; worker < workers; ++worker) {
    for (const Endpoint& endpoint : listen) {
      std::shared_ptr<const ListenSockets> found;
      if (worker < current_.size()) {
        const auto same = std::ranges::find(current_[worker], endpoint,
                                            [](const auto& sockets) { return sockets->endpoint; });
        if (same != current_[worker].end()) found = *same;
      }
      if (found == nullptr) found = TRY(open_sockets(endpoint, worker));
      sets[worker].push_back(std::move(found));
    }
  }
  prepared_ = std::move(sets);
  prepared_valid_ = true;
  return {};
}

void SocketSets::commit() {
  if (!prepared_valid_) return;
  current_ = std::move(prepared_);
  abort();
  const std::vector<uint32_t> cpus = steering_cpus();
  choice_ =
      cpus.empty() ? choose_by_lot(static_cast<uint32_t>(current_.size())) : choose_by_cpu(cpus);
  if (!cpus.empty()) steer(cpus);
}

// With as many workers as processors, worker i has the i-th of them.
void SocketSets::steer(std::span<const uint32_t> cpus) const {
  for (const auto& sockets : current_.front()) {
    for (const UniqueFd* socket : {&sockets->udp, &sockets->tcp}) {
      (void)steer_by_cpu(socket->get(), cpus);
    }
  }
}

std::vector<uint32_t> SocketSets::steering_cpus() const {
  if (steering_ == Steering::by_hash) return {};
  std::vector<uint32_t> cpus = allowed_cpus();
  if (cpus.size() != current_.size()) cpus.clear();
  return cpus;
}

void SocketSets::abort() {
  prepared_.clear();
  prepared_valid_ = false;
}

// Where our own sockets have the port already, only the sharing itself can tell.
Result<void> SocketSets::check_free(const Endpoint& endpoint) const {
  const bool ours =
      !current_.empty() && std::ranges::any_of(current_.front(), [&](const auto& sockets) {
        return sockets->endpoint.port == endpoint.port &&
               sockets->endpoint.is_ipv6() == endpoint.is_ipv6();
      });
  if (ours) return {};
  TRY(check_address_free(endpoint, SocketType::udp));
  return check_address_free(endpoint, SocketType::tcp);
}

}  // namespace holdfast::transport
