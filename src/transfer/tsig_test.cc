// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/tsig.h"

#include <gtest/gtest.h>

#include "wire/query.h"

namespace holdfast::transfer {
namespace {

using Octets = std::vector<uint8_t>;
constexpr uint64_t signed_at_s = 1'700'000'000;

Octets from_hex(std::string_view hex) {
  Octets bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// An AXFR of example.test with ID 0x1234, and what dnspython 2.3.0 makes of it at `signed_at_s`
// with the key "key.example." and the secret "0123456789abcdef".
const std::string question =
    "00010000000000"
    "01076578616d706c6504746573740000fc0001";
const std::string key_name = "036b6579076578616d706c6500";
const std::string unsigned_request =
    "1234000000010000000000"
    "00076578616d706c6504746573740000fc0001";
std::string signed_message(const std::string& flags, const std::string& rdata_bytes,
                           const std::string& algorithm, const std::string& mac_bytes,
                           const std::string& mac) {
  return "1234" + flags + question + key_name + "00fa00ff00000000" + rdata_bytes + algorithm +
         "00006553f100012c" + mac_bytes + mac + "123400000000";
}
const std::string sha256_name = "0b686d61632d73686132353600";
const std::string request_256 =
    signed_message("0000", "003d", sha256_name, "0020",
                   "1f27ef1aa696d62cc19b43ce4737bf3f28c3b807a2f3774cd6b4a558ab20c76e");
const std::string request_384 =
    signed_message("0000", "004d", "0b686d61632d73686133383400", "0030",
                   "365ba1df42f1565911c34943b3b650fc7079746b56fd204f4a33ebe18a5f7b63"
                   "3436eec999599e32a3bd74c921bf000d");
const std::string request_512 =
    signed_message("0000", "005d", "0b686d61632d73686135313200", "0040",
                   "6dd7525d4694ee647e094f9cbf3b8513830517f0db8f8333e324bbc77bffd1ee"
                   "1f12fa2fde6185dbfb28b3ad852fc725c8f5a368c401d4ffd0f8f9195874704b");
const std::string response_1 =
    signed_message("8000", "003d", sha256_name, "0020",
                   "6f847d698858c31b11ca7bce99210c342acbed4ff9cfea9388629eab86eae88e");
const std::string response_2 =
    signed_message("8000", "003d", sha256_name, "0020",
                   "e2a9c0a2abd1ecd32e9b92529307f34cffd40559dbfcd403f6a7de8106231216");

TsigKey make_key(TsigAlgorithm algorithm = TsigAlgorithm::hmac_sha256,
                 std::string_view secret = "0123456789abcdef") {
  return {.name = *wire::Name::from_text("Key.Example."),
          .algorithm = algorithm,
          .secret = Octets(secret.begin(), secret.end())};
}
std::shared_ptr<const TsigKey> shared_key(TsigAlgorithm algorithm = TsigAlgorithm::hmac_sha256) {
  TsigKeys keys;
  keys.add(make_key(algorithm));
  return keys.find(*wire::Name::from_text("key.example."));
}
TsigKeys one_key(TsigAlgorithm algorithm = TsigAlgorithm::hmac_sha256) {
  TsigKeys keys;
  keys.add(make_key(algorithm));
  return keys;
}

TEST(Tsig, SignsRequestsAsOthersDo) {
  const std::array cases{std::pair{TsigAlgorithm::hmac_sha256, request_256},
                         std::pair{TsigAlgorithm::hmac_sha384, request_384},
                         std::pair{TsigAlgorithm::hmac_sha512, request_512}};
  for (const auto& [algorithm, expected] : cases) {
    Octets message = from_hex(unsigned_request);
    TsigChain().sign_request(shared_key(algorithm), message, signed_at_s);
    EXPECT_EQ(message, from_hex(expected));
  }
}

TEST(Tsig, VerifiesRequestsAndSignsAStream) {
  Octets request = from_hex(request_256);
  TsigChain chain;
  const auto start = find_tsig(request);
  ASSERT_TRUE(start.has_value());
  EXPECT_EQ(chain.verify_request(one_key(), request, *start, signed_at_s + 300),
            TsigChain::Request::accepted);
  EXPECT_EQ(request, from_hex(unsigned_request));
  EXPECT_EQ(chain.key_name().to_text(), "key.example.");
  for (const std::string& expected : {response_1, response_2}) {
    Octets response = from_hex(unsigned_request);
    response[2] = 0x80;
    chain.sign_response(response, signed_at_s);
    EXPECT_EQ(response, from_hex(expected));
  }
}

class Client : public testing::Test {
 protected:
  Client() {
    Octets message = from_hex(unsigned_request);
    chain_.sign_request(shared_key(), message, signed_at_s);
  }
  std::string verify(Octets message, uint64_t now_s = signed_at_s) {
    const auto result = chain_.verify_response(message, now_s);
    return result ? "good" : result.error().message;
  }
  TsigChain chain_;
};

TEST_F(Client, VerifiesAStream) {
  EXPECT_EQ(verify(from_hex(response_1)), "good");
  EXPECT_EQ(verify(from_hex(response_2)), "good");
  EXPECT_TRUE(chain_.ends_signed());
}

TEST_F(Client, RefusesWhatWasChangedOrReordered) {
  Octets changed = from_hex(response_1);
  changed[3] = 1;
  EXPECT_EQ(verify(changed), "the signature of the answer is wrong");
  EXPECT_EQ(verify(from_hex(response_2)), "the signature of the answer is wrong");
  EXPECT_EQ(verify(from_hex(response_1)), "good");
  EXPECT_EQ(verify(from_hex(response_1)), "the signature of the answer is wrong");
}

TEST_F(Client, RefusesAnswersOfAnotherTime) {
  EXPECT_EQ(verify(from_hex(response_1), signed_at_s + 301),
            "the answer was signed at another time than now: compare the clocks");
}

// RFC 8945 §5.3.1: the first and the last are signed, and at least each hundredth.
TEST_F(Client, BoundsUnsignedMessages) {
  const Octets bare = from_hex(unsigned_request);
  EXPECT_EQ(verify(bare), "the answer is not signed");
  EXPECT_EQ(verify(from_hex(response_1)), "good");
  for (size_t i = 0; i < tsig_unsigned_in_a_row_max; ++i) EXPECT_EQ(verify(bare), "good") << i;
  EXPECT_FALSE(chain_.ends_signed());
  EXPECT_EQ(verify(bare), "100 messages in a row are not signed");
}

TEST(Tsig, VerifiesWhatItSignsWithUnsignedMessagesBetween) {
  Octets request = from_hex(unsigned_request);
  TsigChain client;
  client.sign_request(shared_key(TsigAlgorithm::hmac_sha512), request, signed_at_s);
  TsigChain server;
  ASSERT_EQ(server.verify_request(one_key(TsigAlgorithm::hmac_sha512), request, *find_tsig(request),
                                  signed_at_s),
            TsigChain::Request::accepted);
  for (int i = 0; i < 3; ++i) {
    Octets response = from_hex(unsigned_request);
    response[2] = 0x84;
    server.sign_response(response, signed_at_s);
    EXPECT_TRUE(client.verify_response(response, signed_at_s).has_value());
    EXPECT_EQ(response.size(), from_hex(unsigned_request).size());
  }
}

// What a server answers to a request with this change: the error, and whether that is signed.
struct Rejection {
  TsigChain::Request verdict;
  TsigError error;
  bool is_signed;
};
Rejection reject(Octets request, const TsigKeys& keys, uint64_t now_s = signed_at_s) {
  TsigChain chain;
  const auto verdict = chain.verify_request(keys, request, *find_tsig(request), now_s);
  return {verdict, chain.error(), chain.is_signed()};
}

TEST(Tsig, RejectsAsTheRfcSays) {  // RFC 8945 §5.2
  const Rejection unknown = reject(from_hex(request_256), TsigKeys());
  EXPECT_EQ(unknown.error, TsigError::bad_key);
  EXPECT_FALSE(unknown.is_signed);
  EXPECT_EQ(reject(from_hex(request_256), one_key(TsigAlgorithm::hmac_sha512)).error,
            TsigError::bad_key);

  Octets changed = from_hex(request_256);
  changed[2] ^= 1;
  const Rejection forged = reject(changed, one_key());
  EXPECT_EQ(forged.error, TsigError::bad_sig);
  EXPECT_FALSE(forged.is_signed);

  const Rejection late = reject(from_hex(request_256), one_key(), signed_at_s + 301);
  EXPECT_EQ(late.error, TsigError::bad_time);
  EXPECT_TRUE(late.is_signed);
  EXPECT_EQ(reject(from_hex(request_256), one_key(), signed_at_s - 301).error, TsigError::bad_time);
}

Octets with_mac_of(size_t bytes) {
  const std::string mac = "1f27ef1aa696d62cc19b43ce4737bf3f28c3b807a2f3774cd6b4a558ab20c76e0000";
  const auto hex = [](size_t value) {
    return std::string("00") + "0123456789abcdef"[value / 16] + "0123456789abcdef"[value % 16];
  };
  return from_hex(
      signed_message("0000", hex(0x1d + bytes), sha256_name, hex(bytes), mac.substr(0, 2 * bytes)));
}

TEST(Tsig, TruncatedMacsAreTooShort) {  // RFC 8945 §5.2.2.1
  EXPECT_EQ(reject(with_mac_of(32), one_key()).verdict, TsigChain::Request::accepted);
  EXPECT_EQ(reject(with_mac_of(31), one_key()).error, TsigError::bad_trunc);
  EXPECT_TRUE(reject(with_mac_of(16), one_key()).is_signed);
  EXPECT_EQ(reject(with_mac_of(16), one_key()).error, TsigError::bad_trunc);
  EXPECT_EQ(reject(with_mac_of(15), one_key()).verdict, TsigChain::Request::malformed);
  EXPECT_EQ(reject(with_mac_of(33), one_key()).verdict, TsigChain::Request::malformed);
  EXPECT_EQ(reject(with_mac_of(0), one_key()).verdict, TsigChain::Request::malformed);
}

TEST(Tsig, TellsItsTimeToWhoIsWrong) {  // RFC 8945 §5.2.3
  Octets request = from_hex(request_256);
  TsigChain server;
  ASSERT_EQ(server.verify_request(one_key(), request, *find_tsig(request), signed_at_s + 1000),
            TsigChain::Request::rejected);
  Octets response = from_hex(unsigned_request);
  response[2] = 0x80;
  server.sign_response(response, signed_at_s + 1000);
  EXPECT_EQ(Octets(response.end() - 10, response.end()), from_hex("001200060000"
                                                                  "6553f4e8"));
  Octets asked = from_hex(unsigned_request);
  TsigChain client;
  client.sign_request(shared_key(), asked, signed_at_s);
  EXPECT_EQ(client.verify_response(response, signed_at_s).error().message,
            "the server refuses the request: BADTIME");
}

TEST(Tsig, NoBytesMakeItReadTooFar) {
  const Octets whole = from_hex(request_256);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(find_tsig(Bytes(whole).first(size)).has_value()) << size;
  }
  for (size_t at = wire::header_bytes; at < whole.size(); ++at) {
    for (const uint8_t bits : {uint8_t{0x01}, uint8_t{0x80}, uint8_t{0xff}}) {
      Octets damaged = whole;
      damaged[at] ^= bits;
      if (const auto start = find_tsig(damaged)) {
        const Rejection rejection = reject(damaged, one_key());
        EXPECT_NE(rejection.verdict, TsigChain::Request::accepted) << at;
      }
    }
  }
}

TEST(TsigAlgorithm, RefusesWhatIsWeakByName) {
  EXPECT_EQ(*tsig_algorithm_from_text("hmac-sha384"), TsigAlgorithm::hmac_sha384);
  EXPECT_EQ(tsig_algorithm_from_text("hmac-md5").error().message,
            "algorithm hmac-md5 is too weak to be offered; expected hmac-sha256, hmac-sha384 or "
            "hmac-sha512");
  EXPECT_FALSE(tsig_algorithm_from_text("HMAC").has_value());
}

}  // namespace
}  // namespace holdfast::transfer
