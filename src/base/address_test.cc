// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/address.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(Endpoint, ReadsAndWritesBothFamilies) {
  for (const std::string text : {"192.0.2.1@53", "0.0.0.0@5300", "::1@5300", "::@65535",
                                 "2001:db8::25@1", "255.255.255.255@53"}) {
    const Result<Endpoint> endpoint = parse_endpoint(text, 53);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(endpoint->to_text(), text);
  }
  EXPECT_EQ(parse_endpoint("192.0.2.1", 53)->port, 53);
  EXPECT_TRUE(parse_endpoint("::", 53)->is_wildcard());
  EXPECT_TRUE(parse_endpoint("0.0.0.0@9", 53)->is_wildcard());
  EXPECT_FALSE(parse_endpoint("::1", 53)->is_wildcard());
}

TEST(Endpoint, RefusesWhatIsNotAnAddressWithAPort) {
  for (const char* text : {"", "@53", "localhost@53", "192.0.2.1@", "192.0.2.1@0",
                           "192.0.2.1@65536", "192.0.2.1@+53", "192.0.2.1@53 ", "192.0.2.1:53",
                           "[::1]@53", "fe80::1%lo@53", "1.2.3@53", "192.0.2.1@000053"}) {
    EXPECT_FALSE(parse_endpoint(text, 53)) << text;
  }
}

TEST(Endpoint, ReadsAndWritesTheUrlForm) {
  for (const std::string text : {"127.0.0.1:9153", "[::1]:9153", "[::]:80"}) {
    const Result<Endpoint> endpoint = parse_url_endpoint(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(endpoint->to_url_text(), text);
  }
  for (const char* text : {"", "127.0.0.1", "::1:9153", "[127.0.0.1]:9153", "[::1]",
                           "[::1]:", "localhost:9153", ":9153", "127.0.0.1:0", "[]:1"}) {
    EXPECT_FALSE(parse_url_endpoint(text)) << text;
  }
}

TEST(Endpoint, GoesThroughSockaddrUnchanged) {
  for (const char* text : {"192.0.2.1@53", "2001:db8::25@5300"}) {
    const Endpoint endpoint = *parse_endpoint(text, 53);
    sockaddr_storage storage;
    EXPECT_EQ(endpoint.to_sockaddr(storage), endpoint.is_ipv6() ? 28U : 16U);
    EXPECT_EQ(Endpoint::from_sockaddr(storage), endpoint);
  }
}

}  // namespace
}  // namespace holdfast
