// SPDX-License-Identifier: GPL-3.0-or-later
// The program at the network cards and AF_XDP, for the service: opens them where they work, keeps
// them in step with the listen addresses and the workers, watches them, and reports.
//
// Joins shield/ (the program) and transport/ (sockets and rings). `open` needs the rights of start;
// afterwards everything is memory and descriptors. Whatever does not work is a sentence, and the
// kernel's sockets answer. Questions come by AF_XDP only after `start`, when the sockets are open,
// and only while a worker takes them. A card without AF_XDP sockets has the program all the same,
// if that works: it sheds what the shield orders. Owner: the supervisor, one thread.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "config/config.h"
#include "exchange/panel.h"
#include "server/xdp_receiver.h"
#include "shield/gate_reading.h"
#include "shield/name_filter_layout.h"
#include "shield/source_block.h"
#include "shield/xdp_gate.h"
#include "transport/network_interface.h"
#include "transport/xdp_socket.h"
#include "transport/xdp_watch.h"

namespace holdfast {

// What programs share with workers and control, made for them by whoever owns it. Still untouched
// when `open` is called, outlives this.
struct ShieldParts {
  ShieldSources& sources;
  NameFilter& names;
};

class XdpPath {
 public:
  // An error only if the setting is `on`; else what did not work is logged, once for each
  // interface.
  // `panel` outlives this.
  [[nodiscard]] static Result<XdpPath> open(const config::Config& config, exchange::Panel& panel,
                                            const ShieldParts& shield);

  // The sockets for `listen` are open: questions to these addresses are taken from now on.
  void start(std::span<const Endpoint> listen);
  // At a reload.
  void set_listen(std::span<const Endpoint> listen);

  // What a worker, of so many, answers: queue i is worker i % workers'.
  [[nodiscard]] std::vector<server::XdpPort> ports(size_t worker, size_t workers) const;
  // Where its orders are carried out: at these queues, and at all that have no rings.
  [[nodiscard]] std::vector<shield::GateReading> gates(size_t worker, size_t workers) const;
  void set_workers(size_t workers);
  [[nodiscard]] size_t queue_count() const { return queues_.size(); }
  void on_worker_end(pid_t pid);
  void on_tick(uint64_t now_ns);

 private:
  struct Card {
    transport::NetworkInterface interface;
    shield::XdpGate gate;
    bool gone = false;
  };
  struct Rings {
    transport::XdpSockets sockets;
    transport::XdpRingMapping mapping;

    [[nodiscard]] std::array<int, transport::xdp_lanes> descriptors() const {
      return {sockets.lanes[0].get(), sockets.lanes[1].get()};
    }
  };
  enum class Carrier : uint8_t { af_xdp, sockets };
  struct Queue {
    size_t card = 0;
    uint32_t number = 0;
    std::optional<Rings> rings;  // none: the kernel's sockets take all
    transport::XdpWatch watch;
    exchange::XdpQueueSlot* slot = nullptr;
  };

  XdpPath(exchange::Panel& panel, const ShieldParts& shield)
      : panel_(&panel), sources_(&shield.sources) {}
  Result<void> share(const ShieldParts& shield);
  Result<void> open_card(const std::string& name, const config::XdpSettings& settings,
                         Carrier carrier);
  Result<void> open_queue(size_t card, uint32_t number, const config::XdpSettings& settings);
  void follow_orders(size_t index);
  void note(const std::string& text);
  void watch(Queue& queue, uint64_t now_ns);
  void count(Queue& queue);
  void refresh();
  void set_destinations();

  exchange::Panel* panel_;
  const ShieldSources* sources_;
  UniqueFd sources_map_;
  UniqueFd names_map_;
  std::deque<Card> cards_;
  std::deque<Queue> queues_;
  std::vector<Endpoint> listen_;
  std::vector<Endpoint> destinations_;  // what the programs have
  uint64_t count_due_ns_ = 0;
  uint64_t refresh_due_ns_ = 0;
  size_t workers_ = 1;
  bool busy_poll_ = false;
  bool started_ = false;
};

}  // namespace holdfast
