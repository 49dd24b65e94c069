// SPDX-License-Identifier: GPL-3.0-or-later
// An update between its arrival and its answer: what the answer will be made of.
//
// Part of the answerer. Thread: one.
#pragma once

#include "transfer/answerer.h"

namespace holdfast::transfer {

struct Answerer::Waiting {
  Waiting(Request of, const wire::Query& parsed, Later answer)
      : request(std::move(of)), query(parsed), later(std::move(answer)) {}

  [[nodiscard]] Reply reply(uint16_t rcode) {
    return {make_response(query, rcode, std::nullopt), std::move(tsig)};
  }

  Request request;
  wire::Query query;  // refers to the request's message
  Later later;
  TsigChain tsig;
};

}  // namespace holdfast::transfer
