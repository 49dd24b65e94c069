// SPDX-License-Identifier: GPL-3.0-or-later
// The answers that most questions get, written in one go from what the look-ahead has found.
//
// Plain is a question of class IN, without a cookie or any other option, for a name with records of
// the type that hold no name to compress; or for one that is not there, or not with that type,
// where no proof of it is wanted. The answer has the same bytes as that of the long way
// (resolve.h), which all other questions take; answer/plain_test.cc holds the two against each
// other. Never allocates. Thread: the owner's, within its epoch.
#pragma once

#include "answer/kept_soa.h"
#include "answer/outcome.h"
#include "wire/query.h"
#include "zone/name_search.h"

namespace holdfast::answer {

class PlainWriter;

class PlainAnswers {
 public:
  // What is asked, read without a fault, and the finished search for its name in `zones`.
  struct Question {
    Bytes packet;
    const wire::Query& query;
    const zone::NameSearch& search;
    const zone::MemoryReader& zones;
  };
  // False, and what is in `out` and `outcome` then means nothing, if the question is not plain or
  // its answer needs more than `out`. `payload_bytes` is what our OPT offers. The outcome is
  // written where it is wanted: to copy what was just written in parts waits until all of the
  // answer before it has been.
  [[nodiscard]] bool write(const Question& question, uint16_t payload_bytes, MutableBytes out,
                           Outcome& outcome);

 private:
  [[nodiscard]] bool deny(Kind kind, const Question& question, PlainWriter& writer,
                          Outcome& outcome);

  KeptSoas soas_;
};

}  // namespace holdfast::answer
