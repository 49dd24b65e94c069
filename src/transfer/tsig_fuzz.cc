// SPDX-License-Identifier: GPL-3.0-or-later
// Whatever comes as a signed request, or as the answer to one of ours, is verified or refused; and
// what is answered can be read.
#include "transfer/tsig.h"

#include "base/check.h"

using namespace holdfast;
using namespace holdfast::transfer;

constexpr uint64_t now_s = 1'700'000'000;

static const TsigKeys& keys() {
  static const TsigKeys known = [] {
    TsigKeys of;
    for (const auto& [name, algorithm] : {std::pair{"key.example.", TsigAlgorithm::hmac_sha256},
                                          std::pair{"k.", TsigAlgorithm::hmac_sha384}}) {
      const std::string_view secret = "0123456789abcdef";
      of.add({.name = *wire::Name::from_text(name),
              .algorithm = algorithm,
              .secret = {secret.begin(), secret.end()}});
    }
    return of;
  }();
  return known;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<uint8_t> input(data, data + size);
  (void)find_opt(input);
  if (const auto start = find_tsig(input)) {
    CHECK(*start < input.size());
    std::vector<uint8_t> request = input;
    TsigChain chain;
    const auto verdict = chain.verify_request(keys(), request, *start, now_s);
    if (verdict == TsigChain::Request::accepted) {
      CHECK(chain.is_signed() && request.size() == *start);
    }
    if (verdict != TsigChain::Request::malformed) {
      std::vector<uint8_t> response(12, 0);
      const size_t bytes = chain.response_bytes();
      chain.sign_response(response, now_s);
      CHECK(response.size() <= 12 + bytes);
      CHECK(find_tsig(response) == size_t{12});
    }
  }
  TsigChain asked;
  std::vector<uint8_t> question(12, 0);
  asked.sign_request(keys().find(*wire::Name::from_text("key.example.")), question, now_s);
  for (int turn = 0; turn < 2; ++turn) {
    std::vector<uint8_t> answer = input;
    if (!asked.verify_response(answer, now_s)) break;
    CHECK(answer.size() <= input.size());
  }
  return 0;
}
