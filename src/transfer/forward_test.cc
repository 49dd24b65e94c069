// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/forward.h"

#include <gtest/gtest.h>

#include <array>
#include <list>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

namespace holdfast::transfer {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Octets = std::vector<uint8_t>;

const Octets request{0x12, 0x34, 0x28, 0, 0, 0, 0, 0, 0, 0, 0, 0};
const Octets response{0x12, 0x34, 0xa8, 5, 0, 0, 0, 0, 0, 0, 0, 0};

// A primary on the same io_context. With an answer, it gives that to each request; without one it
// holds its connections, and says nothing.
class SomePrimary {
 public:
  SomePrimary(asio::io_context& context, Octets answer)
      : context_(context),
        acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        answer_(std::move(answer)) {
    answer_.insert(answer_.begin(), {0, static_cast<uint8_t>(answer_.size())});
    accept();
  }
  [[nodiscard]] config::Remote remote() const {
    const std::string port = std::to_string(acceptor_.local_endpoint().port());
    return config::parse_remote("127.0.0.1@" + port).value();
  }
  [[nodiscard]] size_t connections() const { return sockets_.size(); }

 private:
  void accept() {
    tcp::socket& socket = sockets_.emplace_back(context_);
    acceptor_.async_accept(socket, [this, &socket](error_code error) {
      if (error) return;
      if (answer_.size() > 2) {
        asio::async_write(socket, asio::buffer(answer_), [](error_code, size_t) {});
      }
      accept();
    });
  }

  asio::io_context& context_;
  tcp::acceptor acceptor_;
  Octets answer_;
  std::list<tcp::socket> sockets_;  // the last one waits
};

class ForwardTest : public testing::Test {
 protected:
  // What comes back, in order of coming.
  void forward(const std::vector<config::Remote>& to) {
    forwarder_.forward(request, to, nullptr,
                       [this](Octets answer) { answers_.push_back(std::move(answer)); });
  }
  void run_until(size_t answers) {
    while (answers_.size() < answers && context_.run_one() > 0) continue;
  }

  asio::io_context context_;
  Forwarder forwarder_{context_};
  std::vector<Octets> answers_;
};

TEST_F(ForwardTest, TheFirstThatAnswersToTheRequestCounts) {
  Octets other = response;
  other[1] ^= 1;
  const SomePrimary wrong(context_, other);
  const SomePrimary right(context_, response);
  forward({wrong.remote(), right.remote()});
  run_until(1);
  EXPECT_EQ(answers_, std::vector<Octets>{response});
}

TEST_F(ForwardTest, WhoMustBeAskedWithinTlsIsAskedSoOrNotAtAll) {
  const SomePrimary within_tls(context_, response);
  config::Remote remote = within_tls.remote();
  remote.tls.required = true;
  forward({remote});
  run_until(1);
  EXPECT_EQ(answers_, std::vector<Octets>{Octets()});
}

TEST_F(ForwardTest, ThereAreSoManyAtATime) {
  const SomePrimary silent(context_, {});
  for (size_t i = 0; i < Forwarder::forwards_max; ++i) forward({silent.remote()});
  while (silent.connections() <= Forwarder::forwards_max) ASSERT_GT(context_.run_one(), 0U);
  EXPECT_TRUE(answers_.empty());
  const SomePrimary right(context_, response);
  forward({right.remote()});
  run_until(1);
  EXPECT_EQ(answers_, std::vector<Octets>{Octets()});
}

}  // namespace
}  // namespace holdfast::transfer
