// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/policy.h"

#include "transfer/settings.h"

namespace holdfast::control {

namespace {

template <size_t bytes_max>
Result<void> assign(exchange::BoundedText<bytes_max>& to, const std::string& text,
                    const char* key) {
  if (to.assign(text)) return {};
  return fail(std::string(key) + ": " + std::to_string(text.size()) + " bytes, more than the " +
              std::to_string(bytes_max) + " that fit");
}

}  // namespace

Result<exchange::AnswerPolicy> make_policy(const config::Config& config,
                                           const exchange::CookieSecret& kept_secret) {
  exchange::AnswerPolicy policy;
  TRY(assign(policy.version_bind, config::version_text(config.server), "server.version"));
  TRY(assign(policy.hostname_bind, config::hostname_text(config.server), "server.hostname"));
  TRY(assign(policy.nsid, config::nsid_bytes(config.server), "server.nsid"));
  policy.passes_on = transfer::has_transfers(config);
  policy.udp_payload_bytes_max = static_cast<uint16_t>(config.answers.udp_payload_bytes_max);

  policy.cookies_enabled = config.cookies.enabled;
  policy.cookie_active = config.cookies.active.value_or(kept_secret);
  policy.cookie_staged_present = config.cookies.staged.has_value();
  policy.cookie_staged = config.cookies.staged.value_or(exchange::CookieSecret{});

  policy.tcp_connections_max = config.tcp.connections_max;
  policy.tcp_connections_per_address_max = config.tcp.connections_per_address_max;
  policy.tcp_idle_ms = config.tcp.idle_ms;
  policy.tcp_read_ms = config.tcp.read_ms;
  policy.tcp_write_ms = config.tcp.write_ms;

  const bool dnstap =
      !config.dnstap.socket.empty() || config.dnstap.address || !config.dnstap.file.empty();
  policy.dnstap_sample_every = dnstap ? config.dnstap.sample_every : 0;
  return policy;
}

}  // namespace holdfast::control
