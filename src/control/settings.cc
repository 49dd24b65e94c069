// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/settings.h"

#include "base/version.h"
#include "control/cookie_secret.h"
#include "control/policy.h"
#include "log/log.h"

namespace holdfast::control {

namespace {

log::Settings log_settings(const config::LogSettings& settings) {
  static constexpr log::Level levels[] = {log::Level::debug, log::Level::info, log::Level::warning,
                                          log::Level::error};
  return {
      .level = levels[static_cast<size_t>(settings.level)],
      .format = settings.format == config::LogFormat::json ? log::Format::json : log::Format::text};
}

}  // namespace

Result<exchange::AnswerPolicy> Settings::policy_of(const config::Config& config) {
  exchange::AnswerPolicy policy = TRY(make_policy(config, kept_secret(config)));
  policy.zones_complete = zones_complete();
  return policy;
}

void Settings::apply(const config::Config& config, const exchange::AnswerPolicy& policy) {
  log::configure(log_settings(config.log));
  const std::string key = config.dnstap.socket + '\n' +
                          (config.dnstap.address ? config.dnstap.address->to_text() : "") + '\n' +
                          config.dnstap.file + '\n' + config::hostname_text(config.server);
  if (key != dnstap_key_) {
    dnstap_key_ = key;
    dnstap_.configure(config.dnstap, {config::hostname_text(config.server),
                                      "holdfast " + std::string(program_version())});
  }
  panel_.policy.publish(policy);
}

void Settings::set_zones_complete() {
  exchange::AnswerPolicy policy;
  panel_.policy.read(policy);
  if (policy.zones_complete) return;
  policy.zones_complete = true;
  panel_.policy.publish(policy);
}

bool Settings::zones_complete() const {
  exchange::AnswerPolicy policy;
  panel_.policy.read(policy);
  return policy.zones_complete;
}

exchange::CookieSecret Settings::kept_secret(const config::Config& config) {
  if (!config.cookies.enabled || config.cookies.active) return {};
  auto kept = keep_cookie_secret(config.server.state);
  if (kept) return *kept;
  exchange::AnswerPolicy running;
  const bool is_running =
      panel_.policy.read(running) != 0 && running.cookie_active != exchange::CookieSecret{};
  log::error(log::Category::control, "cookie-secret",
             std::string(is_running ? "the cookie secret in use goes on"
                                    : "a cookie secret for this run only was made") +
                 ": " + kept.error().message);
  return is_running ? running.cookie_active : make_cookie_secret();
}

zone::LoadOptions load_options(const config::Config& config) {
  zone::LoadOptions options;
  options.strict = config.load.strict;
  options.default_ttl = config.load.default_ttl_s;
  return options;
}

}  // namespace holdfast::control
