// SPDX-License-Identifier: GPL-3.0-or-later
// The running server asked through its control socket, and fields of its replies as text.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "control/control_client.h"
#include "main/command_line.h"

namespace holdfast {

// An exchange with the server. What goes wrong is said on standard error, as JSON on standard
// output if the invocation wants JSON.
class ServerExchange {
 public:
  // Asks {"command": command, "zone": zone, …}, members only if they are not empty. None after a
  // failure; then the exit code is `failed`.
  using Members = std::vector<std::pair<std::string_view, std::string>>;
  [[nodiscard]] static std::optional<ServerExchange> ask(const Invocation& invocation,
                                                         std::string_view command,
                                                         const std::string& zone = {},
                                                         const Members& more = {});

  [[nodiscard]] const boost::json::object& reply() const { return reply_; }
  // The lines that follow a reply with "stream". False after a failure.
  [[nodiscard]] bool read_lines(const std::function<void(std::string_view)>& visit);

 private:
  ServerExchange(control::ControlClient client, boost::json::object reply)
      : client_(std::move(client)), reply_(std::move(reply)) {}

  control::ControlClient client_;
  boost::json::object reply_;
};

// Fields as people read them. A field that is not there is empty text, 0 or an empty object.
[[nodiscard]] std::string text_field(const boost::json::object& object, std::string_view name);
[[nodiscard]] uint64_t number_field(const boost::json::object& object, std::string_view name);
[[nodiscard]] const boost::json::object& object_field(const boost::json::object& object,
                                                      std::string_view name);
// Strings of an array.
[[nodiscard]] std::vector<std::string> text_list(const boost::json::object& object,
                                                 std::string_view name);
// "2026-11-23 19:00:00 UTC", "never" for 0.
[[nodiscard]] std::string time_field(const boost::json::object& object, std::string_view name);
// "3 d 4 h" since then.
[[nodiscard]] std::string age_field(const boost::json::object& object, std::string_view name);
// "1.5 MiB"
[[nodiscard]] std::string size_field(const boost::json::object& object, std::string_view name);

}  // namespace holdfast
