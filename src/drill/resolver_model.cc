// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/resolver_model.h"

#include <algorithm>

#include "drill/counter_layout.h"

namespace holdfast::drill {
namespace {

constexpr double ns_per_ms = 1e6;
constexpr double ns_per_s = 1e9;

}  // namespace

ResolverModel::ResolverModel(const Population& population, std::vector<uint32_t> question_draws,
                             double rate_per_s, uint64_t start_ns, uint64_t seed)
    : population_(population),
      own_draws_(std::move(question_draws)),
      gap_ns_(ns_per_s / rate_per_s),
      next_question_ns_(start_ns),
      random_(seed),
      times_(histogram_buckets) {}

void ResolverModel::set_demand(const ModelDemand& demand) {
  gap_ns_ = ns_per_s / demand.rate_per_s;
  question_draws_ = demand.questions;
  resolver_draws_ = demand.resolvers;
  in_turn_ = demand.in_turn;
  const bool has_turns = in_turn_ != nullptr && !in_turn_->empty() && demand.in_turn_per_s > 0;
  if (has_turns) turn_gap_ns_ = static_cast<uint64_t>(ns_per_s / demand.in_turn_per_s) + 1;
  next_turn_ns_ = has_turns ? next_question_ns_ : UINT64_MAX;
}

uint64_t ResolverModel::next_due_ns() const {
  const uint64_t wait_ns = waits_.empty() ? UINT64_MAX : waits_.top().until_ns;
  return std::min({next_question_ns_, next_turn_ns_, wait_ns});
}

void ResolverModel::take_due(uint64_t now_ns, std::vector<ModelSend>& sends) {
  while (!waits_.empty() && waits_.top().until_ns <= now_ns) {
    const Wait wait = waits_.top();
    waits_.pop();
    const Question& question = slots_[wait.slot];
    if (question.under_way && question.wait_number == wait.number) {
      repeat(wait.slot, now_ns, sends);
    }
  }
  std::exponential_distribution<double> gap(1 / gap_ns_);
  while (next_question_ns_ <= now_ns) {
    ask(draw_resolver(), next_question_ns_, now_ns, sends);
    next_question_ns_ += std::max<uint64_t>(1, static_cast<uint64_t>(gap(random_)));
  }
  for (; next_turn_ns_ <= now_ns; next_turn_ns_ += turn_gap_ns_) {
    ask((*in_turn_)[turn_++ % in_turn_->size()], next_turn_ns_, now_ns, sends);
  }
}

// One as often as its size has it.
uint32_t ResolverModel::draw_resolver() {
  const std::vector<uint32_t>& resolvers = resolver_draws_ ? *resolver_draws_ : population_.draws;
  return resolvers[random_() % resolvers.size()];
}

// A new question, for a name as often as it is popular.
void ResolverModel::ask(uint32_t resolver, uint64_t due_ns, uint64_t now_ns,
                        std::vector<ModelSend>& sends) {
  if (free_slots_.empty() && slots_.size() == model_slots_max) {
    ++counts_.not_asked;
    return;
  }
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  Question question;
  const std::vector<uint32_t>& questions = question_draws_ ? *question_draws_ : own_draws_;
  question.number = questions[random_() % questions.size()];
  question.resolver = resolver;
  question.first_sent_ns = due_ns;
  question.left_ns = now_ns;
  question.timeout_ns = population_.resolvers[question.resolver].timeout_ms * ns_per_ms;
  question.under_way = true;
  slots_[slot] = question;
  ++counts_.asked;
  if (observer_) observer_->on_asked(question.resolver, question.number, due_ns, now_ns);
  begin_try(slot, now_ns, sends);
}

void ResolverModel::repeat(uint32_t slot, uint64_t now_ns, std::vector<ModelSend>& sends) {
  Question& question = slots_[slot];
  const Resolver& resolver = population_.resolvers[question.resolver];
  if (question.tries >= resolver.tries) {
    ++counts_.given_up;
    finish(slot, ModelOutcome::End::given_up, now_ns);
    return;
  }
  question.timeout_ns *= resolver.back_off;
  begin_try(slot, now_ns, sends);
}

void ResolverModel::begin_try(uint32_t slot, uint64_t now_ns, std::vector<ModelSend>& sends) {
  Question& question = slots_[slot];
  ++question.tries;
  send(slot, population_.resolvers[question.resolver].asks_over_tcp, now_ns, sends);
}

void ResolverModel::send(uint32_t slot, bool over_tcp, uint64_t now_ns,
                         std::vector<ModelSend>& sends) {
  Question& question = slots_[slot];
  ++(over_tcp ? counts_.sent_tcp : counts_.sent_udp);
  question.wait_number = ++waits_made_;
  waits_.push({now_ns + static_cast<uint64_t>(question.timeout_ns), waits_made_, slot});
  sends.push_back({slot, question.resolver, question.number, over_tcp});
}

void ResolverModel::take_answer(uint32_t slot, ModelAnswer answer, uint64_t now_ns,
                                std::vector<ModelSend>& sends) {
  if (slot >= slots_.size() || !slots_[slot].under_way) return;
  Question& question = slots_[slot];
  switch (answer) {
    case ModelAnswer::answered: {
      const bool at_once = question.tries == 1;
      ++(at_once ? counts_.answered_at_once : counts_.answered_by_repeat);
      const uint64_t time_ns = now_ns > question.left_ns ? now_ns - question.left_ns : 0;
      ++times_[histogram_bucket(time_ns)];
      finish(slot,
             at_once ? ModelOutcome::End::answered_at_once : ModelOutcome::End::answered_by_repeat,
             now_ns);
      break;
    }
    case ModelAnswer::truncated:
      ++counts_.truncated;
      if (!population_.resolvers[question.resolver].can_use_tcp) break;
      // Over TCP it is still the same try: nothing was waited for in vain.
      if (!question.was_truncated) send(slot, true, now_ns, sends);
      question.was_truncated = true;
      break;
    case ModelAnswer::bad_cookie:
      ++counts_.bad_cookie;
      // Once a question: RFC 7873 §5.3 wants an end to it.
      if (question.was_bad_cookie) break;
      question.was_bad_cookie = true;
      send(slot, false, now_ns, sends);
      break;
    case ModelAnswer::refused:
      ++counts_.refused;
      break;
    case ModelAnswer::wrong:
      ++counts_.wrong;
      break;
  }
}

void ResolverModel::finish(uint32_t slot, ModelOutcome::End end, uint64_t now_ns) {
  Question& question = slots_[slot];
  question.under_way = false;
  if (observer_) {
    const uint64_t time_ns = now_ns > question.left_ns ? now_ns - question.left_ns : 0;
    observer_->on_ended({end, question.resolver, question.number, question.first_sent_ns, time_ns});
  }
  free_slots_.push_back(slot);
}

}  // namespace holdfast::drill
