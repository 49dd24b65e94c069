// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/dnstap.h"

#include <chrono>

#include "base/clock.h"
#include "exchange/sample.h"
#include "log/log.h"

namespace holdfast::control {

namespace {

constexpr uint64_t reopen_interval_ns = 1'000'000'000;
// A ring holds some 10 ms of a busy worker; an idle one costs a look now and then.
constexpr auto pause_when_idle = std::chrono::milliseconds(5);
constexpr auto pause_when_off = std::chrono::milliseconds(100);
// Samples taken from one worker before the next one's turn.
constexpr size_t samples_per_turn = 256;

}  // namespace

Dnstap::Dnstap(exchange::Panel& panel)
    : panel_(panel), record_(exchange::SampleRing::record_bytes_max), thread_([this] { run(); }) {}

Dnstap::~Dnstap() {
  stop_ = true;
  thread_.join();
}

void Dnstap::configure(const config::DnstapSettings& settings, DnstapIdentity identity) {
  std::shared_ptr<FrameStream> stream;
  const auto send_to = [&](FrameStream::Target target) {
    stream = std::make_shared<FrameStream>(std::move(target), std::string(dnstap_content_type));
  };
  if (!settings.socket.empty()) send_to(FrameStream::UnixSocket{settings.socket});
  if (settings.address) send_to(*settings.address);
  if (!settings.file.empty()) send_to(FrameStream::File{settings.file});
  const std::lock_guard lock(mutex_);
  next_stream_ = std::move(stream);
  next_identity_ = std::move(identity);
  has_next_ = true;
}

void Dnstap::run() {
  while (!stop_) {
    take_settings();
    if (stream_) open_when_due();
    if (drain()) continue;
    std::this_thread::sleep_for(stream_ ? pause_when_idle : pause_when_off);
  }
  drain();
}

void Dnstap::take_settings() {
  const std::lock_guard lock(mutex_);
  if (!has_next_) return;
  has_next_ = false;
  stream_ = std::move(next_stream_);
  identity_ = std::move(next_identity_);
  connected_ = false;
  open_next_ns_ = 0;
}

void Dnstap::open_when_due() {
  const uint64_t now_ns = SystemClock().monotonic_ns();
  if (stream_->is_open() || now_ns < open_next_ns_) return;
  const auto opened = stream_->open();
  connected_ = opened.has_value();
  open_next_ns_ = SystemClock().monotonic_ns() + reopen_interval_ns;
  if (opened) {
    log::info(log::Category::dnstap, "dnstap-open", "dnstap is being sent");
  } else {
    log::warning(log::Category::dnstap, "dnstap-closed",
                 "dnstap cannot be sent and is dropped: " + opened.error().message);
  }
}

bool Dnstap::drain() {
  bool any = false;
  const uint32_t workers = panel_.worker_count.load(std::memory_order_relaxed);
  for (uint32_t worker = 0; worker < std::min<size_t>(workers, exchange::workers_max); ++worker) {
    for (size_t taken = 0; taken < samples_per_turn; ++taken) {
      const Bytes record = panel_.workers[worker].samples.pop(record_);
      if (record.empty()) break;
      any = true;
      if (stream_) add_sample(record);
    }
  }
  send();
  return any;
}

void Dnstap::add_sample(Bytes record) {
  const auto sample = exchange::read_sample(record);
  if (!sample) return;
  const exchange::SampleHeader& header = sample->header;
  const bool is_ipv6 = header.family == exchange::Family::ipv6;
  const size_t address_bytes = is_ipv6 ? 16 : 4;
  DnstapMessage message{
      .kind = DnstapKind::auth_query,
      .family = is_ipv6 ? DnstapFamily::ipv6 : DnstapFamily::ipv4,
      .protocol =
          header.protocol == exchange::Protocol::tcp ? DnstapProtocol::tcp : DnstapProtocol::udp,
      .client_address = Bytes(header.client_address).first(address_bytes),
      .server_address = Bytes(header.server_address).first(address_bytes),
      .client_port = header.client_port,
      .server_port = header.server_port,
      .query_unix_ns = header.query_time_ns,
      .response_unix_ns = header.response_time_ns,
      .message = sample->query,
  };
  frames_.push_back(encode_dnstap(message, identity_));
  if (header.response_time_ns != 0) {
    message.kind = DnstapKind::auth_response;
    message.message = sample->response;
    frames_.push_back(encode_dnstap(message, identity_));
  }
  if (frames_.size() + 2 > FrameStream::frames_per_write_max) send();
}

void Dnstap::send() {
  if (frames_.empty()) return;
  if (!stream_ || !stream_->is_open()) {
    dropped_ += frames_.size();
  } else if (const auto written = stream_->write(frames_); written) {
    written_ += frames_.size();
  } else {
    dropped_ += frames_.size();
    connected_ = false;
    log::warning(log::Category::dnstap, "dnstap-closed",
                 "dnstap cannot be sent and is dropped: " + written.error().message);
  }
  frames_.clear();
}

}  // namespace holdfast::control
