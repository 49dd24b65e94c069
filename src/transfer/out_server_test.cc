// SPDX-License-Identifier: GPL-3.0-or-later
// Clients within TLS and the server in one thread, by a clock that stands still until it is moved.
#include "transfer/out_server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "answer/test_server.h"
#include "base/check.h"
#include "base/shared_memory.h"

namespace holdfast::transfer {
namespace {

using Octets = std::vector<uint8_t>;
using Limit = TlsBudget::Limit;

constexpr uint64_t ns_per_ms = 1'000'000;

template <typename Write>
void write_file(const std::string& path, const Write& write) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  CHECK(file != nullptr && write(file) == 1 && std::fclose(file) == 0);
}

config::TlsSettings make_certificate(const std::string& folder) {
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(
      EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), EVP_PKEY_free);
  const std::unique_ptr<X509, void (*)(X509*)> made(X509_new(), X509_free);
  CHECK(key != nullptr && made != nullptr);
  CHECK(X509_gmtime_adj(X509_getm_notBefore(made.get()), 0) != nullptr);
  CHECK(X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600) != nullptr);
  CHECK(X509_set_pubkey(made.get(), key.get()) == 1);
  CHECK(X509_sign(made.get(), key.get(), nullptr) > 0);
  config::TlsSettings files{.certificate = folder + "/own.pem", .key = folder + "/own.key"};
  write_file(files.certificate, [&](std::FILE* file) { return PEM_write_X509(file, made.get()); });
  write_file(files.key, [&](std::FILE* file) {
    return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  return files;
}

sockaddr_in loopback(uint8_t host, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(0x7f000000U | host);
  return address;
}

// From 127.0.0.`host`. Never waits.
class Client {
 public:
  Client(uint8_t host, uint16_t port)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free),
        session_(SSL_new(context_.get()), SSL_free) {
    const sockaddr_in own = loopback(host, 0);
    const sockaddr_in server = loopback(1, port);
    CHECK(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) == 0);
    CHECK(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&server), sizeof server) == 0);
    CHECK(::fcntl(socket_.get(), F_SETFL, O_NONBLOCK) == 0);
    CHECK(SSL_set_fd(session_.get(), socket_.get()) == 1);
  }

  // A step of it; true once it is done.
  [[nodiscard]] bool shake_hands() { return SSL_connect(session_.get()) == 1; }
  // In a record of its own.
  void send(const Octets& bytes) {
    const int size = static_cast<int>(bytes.size());
    CHECK(SSL_write(session_.get(), bytes.data(), size) == size);
  }
  [[nodiscard]] bool is_closed() const {
    uint8_t byte = 0;
    const ssize_t got = ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN);
  }

 private:
  UniqueFd socket_;
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
  std::unique_ptr<SSL, void (*)(SSL*)> session_;
};

class OutServerTest : public testing::Test {
 protected:
  OutServerTest() {
    std::signal(SIGPIPE, SIG_IGN);
    config_.tls = make_certificate(folder_);
    apply();
    sockaddr_in own = loopback(1, 0);
    socklen_t size = sizeof own;
    auto* address = reinterpret_cast<sockaddr*>(&own);
    CHECK(::bind(listener_.get(), address, size) == 0 && ::listen(listener_.get(), 256) == 0);
    CHECK(::getsockname(listener_.get(), address, &size) == 0);
    port_ = ntohs(own.sin_port);
    clock_.advance_ms(1'000'900);  // so that who waits for the next second is soon heard of again
    server_.emplace(OutServer::Parts{.context = context_,
                                     .tls_listeners = {listener_.get()},
                                     .settings = settings_,
                                     .answerer = answerer_,
                                     .counters = counters_,
                                     .clock = clock_,
                                     .processor_ns = [this] { return processor_ns_ += step_ns_; }});
  }
  ~OutServerTest() override { std::filesystem::remove_all(folder_); }
  void apply() {
    settings_.publish(std::make_shared<const Settings>(config_, config::list_zones(config_).zones,
                                                       *TlsCredentials::load(config_)));
  }

  // Turns of the server until `is_done`, each a millisecond at most.
  template <typename IsDone>
  bool run_until(const IsDone& is_done) {
    constexpr int turns_max = 60'000;
    for (int i = 0; i < turns_max; ++i) {
      if (is_done()) return true;
      context_.run_one_for(std::chrono::milliseconds(1));
    }
    return is_done();
  }
  void run_for(unsigned ms) { context_.run_for(std::chrono::milliseconds(ms)); }
  // Both sides have finished the handshake.
  std::unique_ptr<Client> connect(uint8_t host) {
    auto client = std::make_unique<Client>(host, port_);
    const uint64_t begun = counters_.tls_begun;
    EXPECT_TRUE(run_until([&] { return client->shake_hands() && counters_.tls_begun > begun; }));
    return client;
  }
  [[nodiscard]] uint64_t limited(Limit limit, TlsLimitFate fate) const {
    return counters_.tls_limited[static_cast<size_t>(limit) - 1][static_cast<size_t>(fate)];
  }

  std::string folder_ = make_folder();
  answer::TestServer zones_;
  SharedObject<exchange::Panel> panel_ = *SharedObject<exchange::Panel>::create("a test");
  config::Config config_ = config::default_config();
  SettingsBoard settings_;
  ManualClock clock_;
  OutCounters counters_;
  UpdateCounters update_counters_;
  History history_{folder_};
  Answerer answerer_{
      {.panel = *panel_,
       .zones = zones_.zones(),
       .settings = settings_,
       .state_directory = folder_,
       .clock = clock_,
       .counters = counters_,
       .history = history_,
       .on_notify = [](wire::NameView, const Endpoint&, const wire::Name*) { return false; },
       .update_counters = update_counters_,
       .on_update = [](const Update&, const std::function<void(uint16_t)>&) {},
       .on_forward = [](const Octets&, const std::vector<config::Remote>&,
                        const std::function<void(Octets)>&) {}}};
  uint64_t processor_ns_ = 0;
  uint64_t step_ns_ = 1;  // what goes by from one reading of the processor's time to the next
  uint16_t port_ = 0;
  UniqueFd listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  boost::asio::io_context context_;
  std::optional<OutServer> server_;

 private:
  static std::string make_folder() {
    std::string pattern = testing::TempDir() + "out-serverXXXXXX";
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    return pattern;
  }
};

// As it comes, not once it is whole, or never.
TEST_F(OutServerTest, AMessageInPiecesIsChargedAndNoMoreOfItReadUntilThereIsTime) {
  const auto client = connect(2);
  step_ns_ = ns_per_ms;
  client->send({0xff, 0xff});
  ASSERT_TRUE(run_until([&] {
    client->send({0});
    return limited(Limit::client_time, TlsLimitFate::waited) > 0;
  }));
  uint64_t spent_ns = counters_.tls_spent_ns;
  EXPECT_GE(spent_ns, TlsBudget::client_ns_a_second_max);
  ASSERT_TRUE(run_until([&] { return counters_.tls_spent_ns > spent_ns; })) << "the read's end";
  spent_ns = counters_.tls_spent_ns;
  client->send({0});
  run_for(300);
  EXPECT_EQ(counters_.tls_spent_ns, spent_ns) << "nothing was read";
  EXPECT_EQ(limited(Limit::client_time, TlsLimitFate::waited), 1U) << "once a request";
  clock_.advance_ms(1'000);
  EXPECT_TRUE(run_until([&] { return counters_.tls_spent_ns > spent_ns; }));
}

TEST_F(OutServerTest, ARequestHasABoundInTimeHoweverItComes) {
  const auto client = connect(2);
  const auto send_one = [&](const Octets& bytes) {
    const uint64_t before_ns = counters_.tls_spent_ns;
    client->send(bytes);
    return run_until([&] { return counters_.tls_spent_ns > before_ns; });
  };
  clock_.advance_ms(3'600'000);
  ASSERT_TRUE(send_one({0, 200})) << "before a request there is none";
  for (unsigned ms = 0; ms < OutServer::request_ms; ms += 1'000) {
    ASSERT_TRUE(send_one({0})) << ms;
    ASSERT_EQ(counters_.slow, 0U) << ms;
    clock_.advance_ms(1'000);
  }
  ASSERT_TRUE(send_one({0}));
  EXPECT_TRUE(run_until([&] { return client->is_closed(); }));
  EXPECT_EQ(counters_.slow, 1U);
}

class HandshakesTest : public OutServerTest {
 protected:
  // As many as strangers may have under way, of which nothing comes.
  void begin_handshakes() {
    for (uint32_t i = 0; i < TlsBudget::strangers_handshakes_max; ++i) {
      silent_.push_back(std::make_unique<Client>(static_cast<uint8_t>(2 + i % 4), port_));
    }
    run_for(100);
    ASSERT_EQ(limited(Limit::handshakes, TlsLimitFate::waited), 0U);
  }

  std::vector<std::unique_ptr<Client>> silent_;
};

// Secondaries that are told of a change come at once. They wait for each other and are served.
TEST_F(HandshakesTest, WhoFindsNoRoomForAHandshakeIsHeldUntilThereIs) {
  begin_handshakes();
  Client held(9, port_);
  ASSERT_TRUE(run_until([&] {
    EXPECT_FALSE(held.shake_hands());
    return limited(Limit::handshakes, TlsLimitFate::waited) == 1;
  }));
  run_for(100);
  EXPECT_FALSE(held.shake_hands());
  EXPECT_FALSE(held.is_closed());
  silent_.pop_back();
  EXPECT_TRUE(run_until([&] { return held.shake_hands(); }));
  EXPECT_EQ(limited(Limit::handshakes, TlsLimitFate::waited), 1U) << "once";
  EXPECT_EQ(limited(Limit::handshakes, TlsLimitFate::refused), 0U);
}

TEST_F(HandshakesTest, WhoIsHeldForTooLongIsClosed) {
  begin_handshakes();
  const Client held(9, port_);
  ASSERT_TRUE(run_until([&] { return limited(Limit::handshakes, TlsLimitFate::waited) == 1; }));
  clock_.advance_ms(OutServer::handshake_ms);
  EXPECT_TRUE(run_until([&] { return held.is_closed(); }));
  EXPECT_EQ(limited(Limit::handshakes, TlsLimitFate::refused), 1U);
}

TEST_F(HandshakesTest, WhomARuleNamesDoesNotWaitForStrangers) {
  config::ZoneSetting zone;
  zone.name = "example.test";
  zone.transfer.transfer_to.push_back(*config::parse_access_rule("127.0.0.9 tls"));
  config_.zones.push_back(zone);
  apply();
  begin_handshakes();
  Client stranger(8, port_);
  Client named(9, port_);
  EXPECT_TRUE(run_until([&] {
    EXPECT_FALSE(stranger.shake_hands());
    return named.shake_hands();
  }));
}

}  // namespace
}  // namespace holdfast::transfer
