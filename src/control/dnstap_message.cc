// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/dnstap_message.h"

namespace holdfast::control {

namespace {

constexpr uint64_t ns_per_s = 1'000'000'000;

// dnstap.proto, message Dnstap.
constexpr uint32_t field_identity = 1;
constexpr uint32_t field_version = 2;
constexpr uint32_t field_message = 14;
constexpr uint32_t field_type = 15;
constexpr uint64_t type_message = 1;
// dnstap.proto, message Message.
constexpr uint32_t field_kind = 1;
constexpr uint32_t field_socket_family = 2;
constexpr uint32_t field_socket_protocol = 3;
constexpr uint32_t field_query_address = 4;
constexpr uint32_t field_response_address = 5;
constexpr uint32_t field_query_port = 6;
constexpr uint32_t field_response_port = 7;
constexpr uint32_t field_query_time_s = 8;
constexpr uint32_t field_query_time_ns = 9;
constexpr uint32_t field_query_message = 10;
constexpr uint32_t field_response_time_s = 12;
constexpr uint32_t field_response_time_ns = 13;
constexpr uint32_t field_response_message = 14;

// The wire types of protobuf that are used here.
constexpr uint32_t wire_varint = 0;
constexpr uint32_t wire_bytes = 2;
constexpr uint32_t wire_fixed32 = 5;

class ProtobufWriter {
 public:
  void write_number(uint32_t field, uint64_t value) {
    write_varint(field << 3 | wire_varint);
    write_varint(value);
  }
  void write_fixed32(uint32_t field, uint32_t value) {
    write_varint(field << 3 | wire_fixed32);
    for (int shift = 0; shift < 32; shift += 8) {
      bytes_.push_back(static_cast<uint8_t>(value >> shift));
    }
  }
  void write_bytes(uint32_t field, Bytes value) {
    write_varint(field << 3 | wire_bytes);
    write_varint(value.size());
    bytes_.insert(bytes_.end(), value.begin(), value.end());
  }
  void write_text(uint32_t field, std::string_view value) {
    write_bytes(field, {reinterpret_cast<const uint8_t*>(value.data()), value.size()});
  }
  [[nodiscard]] std::vector<uint8_t> take() { return std::move(bytes_); }

 private:
  void write_varint(uint64_t value) {
    while (value >= 0x80) {
      bytes_.push_back(static_cast<uint8_t>(value | 0x80));
      value >>= 7;
    }
    bytes_.push_back(static_cast<uint8_t>(value));
  }

  std::vector<uint8_t> bytes_;
};

std::vector<uint8_t> encode_message(const DnstapMessage& message) {
  ProtobufWriter writer;
  writer.write_number(field_kind, static_cast<uint64_t>(message.kind));
  writer.write_number(field_socket_family, static_cast<uint64_t>(message.family));
  writer.write_number(field_socket_protocol, static_cast<uint64_t>(message.protocol));
  writer.write_bytes(field_query_address, message.client_address);
  if (!message.server_address.empty()) {
    writer.write_bytes(field_response_address, message.server_address);
  }
  writer.write_number(field_query_port, message.client_port);
  if (message.server_port != 0) writer.write_number(field_response_port, message.server_port);
  writer.write_number(field_query_time_s, message.query_unix_ns / ns_per_s);
  writer.write_fixed32(field_query_time_ns,
                       static_cast<uint32_t>(message.query_unix_ns % ns_per_s));
  if (message.kind == DnstapKind::auth_query) {
    writer.write_bytes(field_query_message, message.message);
  } else {
    writer.write_number(field_response_time_s, message.response_unix_ns / ns_per_s);
    writer.write_fixed32(field_response_time_ns,
                         static_cast<uint32_t>(message.response_unix_ns % ns_per_s));
    writer.write_bytes(field_response_message, message.message);
  }
  return writer.take();
}

}  // namespace

std::vector<uint8_t> encode_dnstap(const DnstapMessage& message, const DnstapIdentity& identity) {
  ProtobufWriter writer;
  if (!identity.identity.empty()) writer.write_text(field_identity, identity.identity);
  if (!identity.version.empty()) writer.write_text(field_version, identity.version);
  writer.write_bytes(field_message, encode_message(message));
  writer.write_number(field_type, type_message);
  return writer.take();
}

}  // namespace holdfast::control
