// SPDX-License-Identifier: GPL-3.0-or-later
// Encodes dnstap messages: the few protobuf fields that AUTH_QUERY and AUTH_RESPONSE carry.
//
// Field numbers are those of dnstap.proto (https://dnstap.info, "protobuf:dnstap.Dnstap"). Written
// by hand because the messages are flat and their size is known beforehand. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace holdfast::control {

constexpr std::string_view dnstap_content_type = "protobuf:dnstap.Dnstap";

enum class DnstapKind : uint8_t { auth_query = 1, auth_response = 2 };
enum class DnstapFamily : uint8_t { ipv4 = 1, ipv6 = 2 };
enum class DnstapProtocol : uint8_t { udp = 1, tcp = 2 };

struct DnstapMessage {
  DnstapKind kind = DnstapKind::auth_query;
  DnstapFamily family = DnstapFamily::ipv4;
  DnstapProtocol protocol = DnstapProtocol::udp;
  Bytes client_address;  // 4 or 16 bytes
  Bytes server_address;  // empty where it is not known
  uint16_t client_port = 0;
  uint16_t server_port = 0;
  uint64_t query_unix_ns = 0;
  uint64_t response_unix_ns = 0;  // auth_response only
  Bytes message;                  // the query or the response, as `kind` says
};

// Who sends them: once a frame.
struct DnstapIdentity {
  std::string identity;
  std::string version;
};

[[nodiscard]] std::vector<uint8_t> encode_dnstap(const DnstapMessage& message,
                                                 const DnstapIdentity& identity);

}  // namespace holdfast::control
