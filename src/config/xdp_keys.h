// SPDX-License-Identifier: GPL-3.0-or-later
// The keys of [xdp], for the table in keys.cc.
#pragma once

#include <algorithm>
#include <array>

#include "base/check.h"
#include "config/keys.h"

namespace holdfast::config {

inline constexpr std::array<std::string_view, 4> xdp_modes{"auto", "on", "off", "shield"};
inline constexpr std::array<std::string_view, 3> xdp_replies{"auto", "on", "off"};

inline constexpr std::array xdp_keys{
    Key{.table = "xdp",
        .name = "mode",
        .kind = Kind::choice,
        .choices = xdp_modes,
        .applies = Applies::on_restart,
        .meaning = "`auto`: AF_XDP where it works, the kernel's sockets elsewhere; `on`: a start "
                   "without it fails; `shield`: all by the kernel's sockets, but a program at the "
                   "card sheds what the shield orders to shed; `off`: no program.",
        .get = [](const Draft& draft) -> Value {
          return std::string(xdp_modes[static_cast<size_t>(draft.config.xdp.mode)]);
        },
        .set =
            [](Draft& draft, const Value& value) {
              const auto found = std::ranges::find(xdp_modes, std::get<std::string>(value));
              CHECK(found != xdp_modes.end());
              draft.config.xdp.mode = static_cast<XdpMode>(found - xdp_modes.begin());
            }},
    Key{.table = "xdp",
        .name = "interfaces",
        .kind = Kind::interfaces,
        .max = interfaces_max,
        .applies = Applies::on_restart,
        .meaning = "Network interfaces to use it on; none: those that have one of the addresses "
                   "in `server.listen`.",
        .get = [](const Draft& draft) -> Value { return draft.config.xdp.interfaces; },
        .set =
            [](Draft& draft, const Value& value) {
              draft.config.xdp.interfaces = std::get<std::vector<std::string>>(value);
            }},
    Key{.table = "xdp",
        .name = "zero_copy",
        .kind = Kind::boolean,
        .applies = Applies::on_restart,
        .meaning = "Whether the kernel may let the card write into the server's memory where the "
                   "driver can; `false` always copies.",
        .get = [](const Draft& draft) -> Value { return draft.config.xdp.zero_copy; },
        .set = [](Draft& draft,
                  const Value& value) { draft.config.xdp.zero_copy = std::get<bool>(value); }},
    Key{.table = "xdp",
        .name = "busy_poll",
        .kind = Kind::boolean,
        .applies = Applies::on_restart,
        .meaning = "Whether answer processes drive the card's queues themselves while they are "
                   "busy. Pays where a queue's interrupt or NAPI thread is pinned to the core of "
                   "the process that answers it, and costs where it is not.",
        .get = [](const Draft& draft) -> Value { return draft.config.xdp.busy_poll; },
        .set = [](Draft& draft,
                  const Value& value) { draft.config.xdp.busy_poll = std::get<bool>(value); }},
    Key{.table = "xdp",
        .name = "replies",
        .kind = Kind::choice,
        .choices = xdp_replies,
        .applies = Applies::on_restart,
        .meaning =
            "Whether the program may itself send a client to TCP, or to a cookie, when it "
            "cannot be answered: `auto`: not on veth, where the other end loses such packets "
            "unless it has an XDP program too.",
        .get = [](const Draft& draft) -> Value {
          return std::string(xdp_replies[static_cast<size_t>(draft.config.xdp.replies)]);
        },
        .set =
            [](Draft& draft, const Value& value) {
              const auto found = std::ranges::find(xdp_replies, std::get<std::string>(value));
              CHECK(found != xdp_replies.end());
              draft.config.xdp.replies = static_cast<XdpReplies>(found - xdp_replies.begin());
            }},
};

}  // namespace holdfast::config
