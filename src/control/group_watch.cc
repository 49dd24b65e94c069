// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/group_watch.h"

#include <memory>

#include "transfer/ask_records.h"
#include "wire/types.h"

namespace holdfast::control {

namespace {

using dnssec::SeenRrset;
using dnssec::SeenServer;

struct Asking {
  wire::Name apex;
  GroupAnswers answers;
  std::function<void(GroupAnswers)> done;
  size_t waiting = 1;  // that of who starts them all

  void end_one() {
    if (--waiting == 0) done(std::move(answers));
  }
};

void ask(boost::asio::io_context& context, const std::shared_ptr<Asking>& asking,
         const Endpoint& server, uint16_t type, SeenServer& into, SeenRrset SeenServer::* member) {
  ++asking->waiting;
  transfer::ask_rrset(context, server, asking->apex, type,
                      [asking, &into, member](Result<transfer::Answered> answered) {
                        if (answered) {
                          into.*member = {.rdata = std::move(answered->records),
                                          .signatures = std::move(answered->signatures),
                                          .ttl = answered->ttl};
                        } else {
                          into.error = answered.error().message;
                        }
                        asking->end_one();
                      });
}

}  // namespace

void ask_group(boost::asio::io_context& context, const GroupQuestion& question,
               std::function<void(GroupAnswers)> done) {
  const auto asking = std::make_shared<Asking>();
  asking->apex = wire::Name::from_text(question.zone).value();
  asking->done = std::move(done);
  GroupAnswers& answers = asking->answers;
  answers.zone = question.zone;
  const auto list = [](const std::vector<Endpoint>& servers) {
    std::vector<SeenServer> seen;  // not to be moved once they are asked
    seen.reserve(servers.size());
    for (const Endpoint& server : servers) seen.push_back({.server = server.to_text()});
    return seen;
  };
  answers.parents = list(question.parents);
  for (const auto& [name, servers] : question.signers) answers.signers[name] = list(servers);
  answers.secondaries = list(question.secondaries);
  for (size_t i = 0; i < question.secondaries.size(); ++i) {
    SeenServer& into = answers.secondaries[i];
    ask(context, asking, question.secondaries[i], wire::type_dnskey, into, &SeenServer::dnskeys);
    ask(context, asking, question.secondaries[i], wire::type_soa, into, &SeenServer::soa);
  }
  for (size_t i = 0; i < question.parents.size(); ++i) {
    SeenServer& into = answers.parents[i];
    ask(context, asking, question.parents[i], wire::type_ds, into, &SeenServer::ds);
    ask(context, asking, question.parents[i], wire::type_ns, into, &SeenServer::name_servers);
  }
  for (const auto& [name, servers] : question.signers) {
    for (size_t i = 0; i < servers.size(); ++i) {
      SeenServer& into = answers.signers[name][i];
      ask(context, asking, servers[i], wire::type_dnskey, into, &SeenServer::dnskeys);
      ask(context, asking, servers[i], wire::type_cds, into, &SeenServer::cds);
      ask(context, asking, servers[i], wire::type_ns, into, &SeenServer::name_servers);
    }
  }
  asking->end_one();
}

}  // namespace holdfast::control
