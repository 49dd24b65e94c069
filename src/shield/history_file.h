// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps the history of sources over a restart: `shield.history` in the state directory.
//
// Holds the key of the hashes, the lines as they are, and when that was. No address can be read out
// of it without asking for every address there is; it is readable by its owner alone. A file that
// is damaged is left unread; where slots have another length since, ages stay as many slots. Some
// 4 MiB. Written by control, read by the supervisor at the start.
#pragma once

#include <string>

#include "base/error.h"
#include "shield/shield_memory.h"

namespace holdfast::shield {

[[nodiscard]] std::string history_path(const std::string& state_directory);

// The number of the slot of a moment; `wall_s` since 1970.
[[nodiscard]] uint32_t slot_at(uint64_t wall_s, uint32_t slot_s);

[[nodiscard]] Result<void> write_history(const std::string& path, const ShieldMemory& memory,
                                         uint64_t wall_s, uint32_t slot_s);

// Fills `memory`, which nobody uses yet, with key and lines; what has not been seen for too long is
// left out. An error leaves it as it was.
[[nodiscard]] Result<void> read_history(const std::string& path, ShieldMemory& memory,
                                        uint64_t wall_s, uint32_t slot_s);

}  // namespace holdfast::shield
