// SPDX-License-Identifier: GPL-3.0-or-later
// What honest resolvers ask for: the names of the zones, some far more often than others, and a few
// that do not exist.
#pragma once

#include "drill/honest_ledger.h"
#include "drill/question_list.h"
#include "drill/scenario.h"
#include "drill/zone_set.h"

namespace holdfast::drill {

struct HonestQuestions {
  QuestionList list;
  std::vector<QuestionFact> facts;       // by question
  std::vector<uint32_t> usual_draws;     // as ModelDemand::questions
  std::vector<uint32_t> one_zone_draws;  // only the attacked zone's
};

[[nodiscard]] Result<HonestQuestions> make_honest_questions(const ZoneSet& zones,
                                                            const HonestShape& shape);

}  // namespace holdfast::drill
