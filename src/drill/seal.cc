// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/seal.h"

#include "drill/laboratory.h"

namespace holdfast::drill {
namespace {

Result<void> check_ranges(Netlink& netlink, const std::string& side) {
  for (const Prefix& address : TRY(netlink.addresses())) {
    if (is_laboratory_range(address) || is_confined_range(address)) continue;
    return fail(side + " has the address " + address.to_text() + ": not one of a laboratory");
  }
  for (const Route& route : TRY(netlink.routes())) {
    if (is_laboratory_range(route.to) || is_confined_range(route.to)) continue;
    return fail(side + " has a route to " + route.to.to_text() + ": a way out");
  }
  return {};
}

// The one veth of a namespace, with everything else checked that can be seen from there.
Result<Link> check_side(const NetworkNamespace& there, const NetworkNamespace& other,
                        const std::string& side) {
  const auto visit = TRY(NamespaceVisit::to(there));
  Netlink netlink = TRY(Netlink::open());
  Link found;
  for (const Link& link : TRY(netlink.links())) {
    if (link.is_loopback) continue;
    if (link.kind != "veth") return fail(side + ": " + link.name + " is not a veth");
    if (found.index != 0) return fail(side + " has a second interface, " + link.name);
    found = link;
  }
  if (found.index == 0) return fail(side + " has no veth");
  if (found.alias != laboratory_alias) {
    return fail(side + ": " + found.name + " was not made by a laboratory");
  }
  if (found.peer_namespace < 0) return fail(side + ": both ends of " + found.name + " are in it");
  if (found.peer_namespace != TRY(netlink.namespace_id(other.fd()))) {
    return fail(side + ": the other end of " + found.name + " is not in the other namespace");
  }
  TRY(check_ranges(netlink, side));
  return found;
}

}  // namespace

Result<SealedLinks> check_sealed(const NetworkNamespace& load, const NetworkNamespace& server) {
  if (load.number() == server.number()) {
    return fail("load and server are in the same network namespace");
  }
  // In a container process 1 may be out of sight; what follows holds without it.
  const auto first = NetworkNamespace::of_process(1);
  if (first && (load.number() == first->number() || server.number() == first->number())) {
    return fail("this is the network namespace of the machine itself, not of a laboratory");
  }
  SealedLinks links{TRY(check_side(load, server, "the load's namespace")),
                    TRY(check_side(server, load, "the server's namespace"))};
  if (links.load.peer_index != links.server.index || links.server.peer_index != links.load.index) {
    return fail("the two namespaces are not joined with each other");
  }
  return links;
}

}  // namespace holdfast::drill
