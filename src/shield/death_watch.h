// SPDX-License-Identifier: GPL-3.0-or-later
// What the supervisor does about a worker that died with a message in hand: keeps the message,
// judges it, refuses its like.
//
// `on_death` is quick, as a successor waits to be started: it copies the message out of shared
// memory and enters the refusal. `write_evidence` then writes the files. Bound:
// evidence_waiting_max deaths between two writes; further ones are judged, but leave no file.
// Owner: the supervisor.
#pragma once

#include <string>
#include <vector>

#include "exchange/panel.h"
#include "shield/death_files.h"
#include "shield/death_recorder.h"
#include "shield/refusal_table.h"

namespace holdfast::shield {

struct WorkerDeath {
  size_t worker = 0;
  int pid = 0;
  int signal = 0;
  bool hung = false;  // ended by the supervisor for it
};

class DeathWatch {
 public:
  static constexpr size_t evidence_waiting_max = 32;

  DeathWatch(RefusalTable& refusals, std::string evidence_directory)
      : refusals_(refusals), files_(std::move(evidence_directory)) {}

  // What the worker's slot held when it died. Counts what was lost with it.
  void on_death(const WorkerDeath& death, exchange::WorkerSlot& slot, uint64_t now_ns,
                uint64_t unix_s);

  // Writes what waits, and gives a sentence for the log for each.
  [[nodiscard]] std::vector<std::string> write_evidence();

  // Call each second.
  void expire(uint64_t now_ns) { refusals_.expire(now_ns); }
  [[nodiscard]] uint64_t deaths() const { return recorder_.deaths(); }

 private:
  struct Kept {
    DeathEvidence evidence;
    std::vector<uint8_t> packet;
  };

  RefusalTable& refusals_;
  DeathRecorder recorder_;
  DeathFiles files_;
  std::vector<Kept> waiting_;
};

}  // namespace holdfast::shield
