// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/peer_addresses.h"

#include <gtest/gtest.h>

namespace holdfast::transfer {
namespace {

bool has(const PeerAddresses& peers, const std::string& address) {
  return peers.has(parse_endpoint(address, 53)->address_bytes());
}

TEST(PeerAddressesTest, WhomRulesAndServersNameAndNobodyElse) {
  config::TransferSetting one;
  for (const char* rule : {"192.0.2.1 key.test tls=friend", "198.51.100.0/25", "2001:db8:1::/47"}) {
    one.transfer_to.push_back(*config::parse_access_rule(rule));
  }
  config::TransferSetting other;
  other.notify.push_back(*config::parse_remote("203.0.113.1@5300"));
  other.primaries.push_back(*config::parse_remote("2001:db8:5::5 key.test tls"));
  PeerAddresses peers;
  peers.add(one);
  peers.add(other);
  for (const char* named : {"192.0.2.1", "198.51.100.127", "2001:db8:0:ffff::1", "2001:db8:1::1",
                            "203.0.113.1", "2001:db8:5::5"}) {
    EXPECT_TRUE(has(peers, named)) << named;
  }
  for (const char* unnamed : {"192.0.2.2", "198.51.100.128", "2001:db8:2::1", "203.0.113.2",
                              "32.1.13.184", "2001:db8:5::6"}) {
    EXPECT_FALSE(has(peers, unnamed)) << unnamed;
  }
}

TEST(PeerAddressesTest, RulesForAnybodyNameNobody) {
  config::TransferSetting setting;
  for (const char* rule : {"any", "any tls=friend", "0.0.0.0/0", "::/0 key.test"}) {
    setting.transfer_to.push_back(*config::parse_access_rule(rule));
  }
  PeerAddresses peers;
  peers.add(setting);
  EXPECT_FALSE(has(peers, "192.0.2.1"));
  EXPECT_FALSE(has(peers, "2001:db8::1"));
}

}  // namespace
}  // namespace holdfast::transfer
