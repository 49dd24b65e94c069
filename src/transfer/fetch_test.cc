// SPDX-License-Identifier: GPL-3.0-or-later
// Primaries that are slow, or never come to an end. What they say is judged in broken_test.py.
#include "transfer/fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "wire/types.h"

namespace holdfast::transfer {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using testing::HasSubstr;

constexpr unsigned never_ms = 60'000;
constexpr unsigned soon_ms = 40;

void put_u16(std::vector<uint8_t>& to, unsigned value) {
  to.push_back(static_cast<uint8_t>(value >> 8));
  to.push_back(static_cast<uint8_t>(value));
}

// A primary on the same io_context. It reads one request and sends what `step` gives for each turn:
// so many bytes, then a pause; none: nothing more, and the connection stays open.
class SlowPrimary {
 public:
  using Step = std::function<std::vector<uint8_t>(size_t turn, uint16_t id)>;
  SlowPrimary(asio::io_context& context, Step step)
      : acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        socket_(context),
        timer_(context),
        step_(std::move(step)) {
    acceptor_.async_accept(socket_, [this](error_code error) {
      if (!error) read();
    });
  }
  [[nodiscard]] Endpoint endpoint() const {
    return parse_endpoint("127.0.0.1@" + std::to_string(acceptor_.local_endpoint().port()), 53)
        .value();
  }

 private:
  void read() {
    socket_.async_read_some(asio::buffer(request_), [this](error_code error, size_t bytes) {
      if (error || bytes < 4) return;
      id_ = load_be16(request_.data() + 2);
      turn();
    });
  }
  void turn() {
    sent_ = step_(turns_++, id_);
    if (sent_.empty()) return;
    asio::async_write(socket_, asio::buffer(sent_), [this](error_code error, size_t) {
      if (error) return;
      timer_.expires_after(std::chrono::milliseconds(1));
      timer_.async_wait([this](error_code stopped) {
        if (!stopped) turn();
      });
    });
  }

  tcp::acceptor acceptor_;
  tcp::socket socket_;
  asio::steady_timer timer_;
  Step step_;
  std::array<uint8_t, 512> request_{};
  std::vector<uint8_t> sent_;
  uint16_t id_ = 0;
  size_t turns_ = 0;
};

// A message of an AXFR with one record, and its length before it.
std::vector<uint8_t> message(uint16_t id, uint16_t type, std::vector<uint8_t> rdata) {
  std::vector<uint8_t> bytes;
  put_u16(bytes, id);
  put_u16(bytes, wire::flag_qr | wire::flag_aa);
  for (const unsigned count : {0U, 1U, 0U, 0U}) put_u16(bytes, count);
  const wire::Name owner = wire::Name::from_text("in.test").value();
  bytes.insert(bytes.end(), owner.view().bytes().begin(), owner.view().bytes().end());
  put_u16(bytes, type);
  put_u16(bytes, wire::class_in);
  put_u16(bytes, 0);
  put_u16(bytes, 300);
  put_u16(bytes, static_cast<unsigned>(rdata.size()));
  bytes.insert(bytes.end(), rdata.begin(), rdata.end());
  std::vector<uint8_t> framed;
  put_u16(framed, static_cast<unsigned>(bytes.size()));
  framed.insert(framed.end(), bytes.begin(), bytes.end());
  return framed;
}
std::vector<uint8_t> soa_message(uint16_t id) {
  std::vector<uint8_t> rdata{0, 0};  // two names, both the root
  for (int i = 0; i < 5; ++i) rdata.insert(rdata.end(), {0, 0, 0, 1});
  return message(id, wire::type_soa, std::move(rdata));
}

std::string error_of(SlowPrimary::Step step, const FetchLimits& limits) {
  asio::io_context context;
  const SlowPrimary primary(context, std::move(step));
  const SystemClock clock;
  FetchRequest request;
  request.from.endpoint = primary.endpoint();
  request.apex = wire::Name::from_text("in.test").value();
  request.bytes_max = uint64_t{1} << 20;
  request.limits = limits;
  std::string error = "it was never told";
  fetch(context, clock, std::move(request), [&](const FetchResult& result) {
    error = result.answer ? "" : result.answer.error().message;
    context.stop();
  });
  context.run();
  return error;
}

// Of a primary that sends one message and no whole second one: with ever longer limits, until the
// first is here in time on a machine that stands still now and then.
std::string error_behind_the_first(const SlowPrimary::Step& step) {
  std::string error;
  for (unsigned ms = soon_ms; ms <= 1'000 * soon_ms; ms *= 10) {
    error = error_of(step, {.message_ms = ms, .total_ms = 10 * never_ms});
    if (error.find("no answer within") == std::string::npos) break;
  }
  return error;
}

TEST(Fetch, SilenceEndsIt) {
  EXPECT_THAT(error_of([](size_t, uint16_t) { return std::vector<uint8_t>(); },
                       {.message_ms = soon_ms, .total_ms = never_ms}),
              HasSubstr("no answer within"));
}

TEST(Fetch, SilenceBetweenMessagesEndsIt) {
  EXPECT_THAT(error_behind_the_first([](size_t turn, uint16_t id) {
                return turn == 0 ? soa_message(id) : std::vector<uint8_t>();
              }),
              HasSubstr("no further message within"));
}

// The deadline of a message is not put off by a byte of it.
TEST(Fetch, AMessageThatComesByteByByteEndsIt) {
  EXPECT_THAT(error_behind_the_first([](size_t turn, uint16_t id) {
                if (turn == 0) return soa_message(id);
                return turn == 1 ? std::vector<uint8_t>{0x40, 0} : std::vector<uint8_t>{0};
              }),
              HasSubstr("no further message within"));
}

// Each message comes in time, and none is the last.
TEST(Fetch, ATransferWithoutEndEndsAtLast) {
  const auto endless = [](size_t turn, uint16_t id) {
    return turn == 0 ? soa_message(id) : message(id, wire::type_txt, {1, 'x'});
  };
  EXPECT_THAT(error_of(endless, {.message_ms = never_ms, .total_ms = soon_ms}),
              HasSubstr("the end of the transfer does not come within"));
}

}  // namespace
}  // namespace holdfast::transfer
