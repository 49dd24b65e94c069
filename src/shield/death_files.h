// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps the packets that killed workers as files, with what is known about each.
//
// Under `directory` (state/deaths): <UTC time>-<pid>.packet holds the bytes, the .txt of the same
// name tells signal, worker, protocol, client, likeness and a hex dump. Bound: evidence_max
// pairs; the oldest goes. The folder is made when it is needed. Writes files; the supervisor only.
#pragma once

#include <string>

#include "base/address.h"
#include "base/error.h"
#include "shield/death_recorder.h"

namespace holdfast::shield {

struct DeathEvidence {
  uint64_t unix_s = 0;
  int pid = 0;  // of the worker that died
  unsigned worker = 0;
  int signal = 0;
  bool tcp = false;
  Endpoint client = {};
  Bytes packet = {};
  Likeness likeness = {};
  std::optional<Refusal> refusal = {};  // what followed
  uint64_t refused_for_s = 0;           // if there is one
};

class DeathFiles {
 public:
  static constexpr size_t evidence_max = 64;  // of at most 64 KiB and its dump: some 20 MiB in all

  explicit DeathFiles(std::string directory) : directory_(std::move(directory)) {}

  // Returns the path of the .packet file.
  [[nodiscard]] Result<std::string> write(const DeathEvidence& evidence) const;

 private:
  [[nodiscard]] Result<void> remove_oldest() const;

  std::string directory_;
};

// The .txt's content.
[[nodiscard]] std::string evidence_to_text(const DeathEvidence& evidence);

}  // namespace holdfast::shield
