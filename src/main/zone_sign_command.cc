// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/zone_sign_command.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <random>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "dnssec/key_file.h"
#include "dnssec/zone_signer.h"
#include "wire/rdata_text.h"
#include "wire/types.h"
#include "zone/loader.h"

namespace holdfast {

namespace {

constexpr size_t findings_shown_max = 1000;

// A file that takes its place when it is whole.
class OutputFile {
 public:
  explicit OutputFile(std::string path) : path_(std::move(path)) {
    file_ = path_.empty() ? stdout : std::fopen((path_ + ".new").c_str(), "w");
  }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile() {
    if (path_.empty() || file_ == nullptr) return;
    std::fclose(file_);
    std::remove((path_ + ".new").c_str());
  }

  void write(const std::string& text) {
    if (file_ != nullptr && std::fwrite(text.data(), 1, text.size(), file_) != text.size()) {
      error_ = errno;
    }
  }
  Result<void> finish() {
    if (file_ == nullptr) return fail_system(path_ + ".new", errno);
    if (std::fflush(file_) != 0 && error_ == 0) error_ = errno;
    if (error_ != 0) return fail_system(path_.empty() ? "standard output" : path_, error_);
    if (path_.empty()) return {};
    std::fclose(std::exchange(file_, nullptr));
    if (std::rename((path_ + ".new").c_str(), path_.c_str()) != 0) return fail_system(path_, errno);
    return {};
  }

 private:
  std::string path_;
  std::FILE* file_;
  int error_ = 0;
};

Result<zone::Contents> load(const std::string& path, wire::NameView apex) {
  zone::LoadOptions options;
  options.findings_max = findings_shown_max;
  zone::LoadOutcome outcome = zone::load_zone_file(path, apex, options);
  for (const zone::Finding& finding : outcome.report.findings) {
    const bool is_warning = finding.severity == zone::Severity::warning;
    fmt::print(stderr, "{}{}\n", is_warning ? "warning: " : "", finding.to_text());
  }
  if (!outcome.contents) return fail(path + ": cannot be signed");
  return *std::move(outcome.contents);
}

// A day or less to spare is kept in proportion, so that short validities work.
dnssec::SigningPolicy policy_of(const SigningOptions& options) {
  dnssec::SigningPolicy policy;
  policy.validity_s = options.validity_days * dnssec::seconds_a_day;
  policy.refresh_s = policy.validity_s / 2;
  policy.jitter_s = policy.validity_s / 10;
  policy.denial =
      options.denial == "nsec3" ? dnssec::DenialMethod::nsec3 : dnssec::DenialMethod::nsec;
  policy.opt_out = options.opt_out ? dnssec::OptOut::yes : dnssec::OptOut::no;
  policy.zonemd = options.zonemd ? dnssec::Zonemd::sha384 : dnssec::Zonemd::no;
  return policy;
}

void write_rrset(const zone::StagedNode& node, const zone::StagedRrset& rrset, OutputFile& output,
                 std::string& text) {
  const auto write = [&](uint16_t type, uint32_t ttl, Bytes rdata) {
    text = wire::record_to_text(node.owner, type, ttl, rdata);
    text += '\n';
    output.write(text);
  };
  for (const Bytes rdata : rrset.rdata) write(rrset.type, rrset.ttl, rdata);
  for (const Bytes rdata : rrset.signatures) write(wire::type_rrsig, rrset.signature_ttl, rdata);
}

// The SOA first, where readers of zone files expect it.
Result<void> write_zone(const zone::Contents& contents, const std::string& path) {
  OutputFile output(path);
  std::string text;
  zone::Contents::Cursor cursor(contents);
  while (const zone::StagedNode* node = cursor.next()) {
    const bool is_apex = (node->flags & zone::node_apex) != 0;
    for (const zone::StagedRrset& rrset : node->rrsets) {
      if (is_apex && rrset.type == wire::type_soa) write_rrset(*node, rrset, output, text);
    }
    for (const zone::StagedRrset& rrset : node->rrsets) {
      if (!is_apex || rrset.type != wire::type_soa) write_rrset(*node, rrset, output, text);
    }
  }
  return output.finish();
}

Result<void> sign(const Invocation& invocation) {
  const SigningOptions& options = invocation.signing;
  const wire::Name apex = TRY(wire::Name::from_text(invocation.zone_name));
  const std::vector<dnssec::ZoneKey> keys = TRY(dnssec::load_keys(options.keys, apex));
  if (keys.empty()) return fail(options.keys + ": no key of " + apex.view().to_text());
  const zone::Contents records = TRY(load(invocation.zone_file, apex));
  std::optional<zone::Contents> previous;
  if (!options.previous.empty()) previous = TRY(load(options.previous, apex));
  std::random_device random;
  const unsigned cores = std::max(std::thread::hardware_concurrency(), 1U);
  const dnssec::SigningTask task{.records = &records,
                                 .before = previous ? &*previous : nullptr,
                                 .keys = keys,
                                 .policy = policy_of(options),
                                 .now_s = SystemClock().wall_s(),
                                 .jitter_key = {random(), random()},
                                 .threads = options.threads == 0 ? cores : options.threads};
  const dnssec::SignedZone made = TRY(dnssec::sign_zone(task));
  TRY(write_zone(made.contents, options.output));
  fmt::print(stderr, "{}: {} signatures made, {} kept; {} records\n", apex.view().to_text(),
             made.signatures_made, made.signatures_kept, made.contents.record_count());
  return {};
}

}  // namespace

ExitCode sign_zone_file(const Invocation& invocation) {
  const Result<void> done = sign(invocation);
  if (done) return ExitCode::good;
  fmt::print(stderr, "holdfast: {}\n", done.error().message);
  return ExitCode::failed;
}

}  // namespace holdfast
