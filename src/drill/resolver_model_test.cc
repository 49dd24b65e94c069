// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/resolver_model.h"

#include <gtest/gtest.h>

namespace holdfast::drill {
namespace {

constexpr uint64_t ms = 1'000'000;

// One resolver that waits 100 ms, then 200, and tries three times; one question a time.
class ResolverModelTest : public testing::Test {
 protected:
  ResolverModelTest() {
    Resolver resolver;
    resolver.timeout_ms = 100;
    resolver.back_off = 2;
    resolver.tries = 3;
    resolver.sends_cookies = true;
    population_.resolvers = {resolver};
    population_.draws = {0};
  }

  // Asks the first question, at time 0, and no other.
  ResolverModel asked_once() {
    ResolverModel model(population_, {7}, 0.001, 0, 1);
    take_due(model, 0);
    model.end_questions();
    return model;
  }
  const std::vector<ModelSend>& take_due(ResolverModel& model, uint64_t now_ns) {
    sends_.clear();
    model.take_due(now_ns, sends_);
    return sends_;
  }
  const std::vector<ModelSend>& answer(ResolverModel& model, ModelAnswer kind, uint64_t now_ns) {
    sends_.clear();
    model.take_answer(0, kind, now_ns, sends_);
    return sends_;
  }

  Population population_;
  std::vector<ModelSend> sends_;
};

TEST_F(ResolverModelTest, AnAnswerInTimeIsTheFirstTry) {
  ResolverModel model = asked_once();
  ASSERT_EQ(sends_.size(), 1U);
  EXPECT_EQ(sends_[0].question, 7U);
  EXPECT_FALSE(sends_[0].over_tcp);
  EXPECT_TRUE(answer(model, ModelAnswer::answered, 50 * ms).empty());
  EXPECT_EQ(model.counts().answered_at_once, 1U);
  EXPECT_TRUE(take_due(model, 5000 * ms).empty());
  EXPECT_TRUE(model.is_idle());
  EXPECT_EQ(model.counts().given_up, 0U);
}

TEST_F(ResolverModelTest, InTurnEachAsksAsOftenAsTheOthers) {
  population_.resolvers.resize(3, population_.resolvers[0]);
  const std::vector<uint32_t> questions{7};
  const std::vector<uint32_t> in_turn{2, 1};
  ResolverModel model(population_, {7}, 0.001, 0, 1);
  model.set_demand({0.001, &questions, nullptr, &in_turn, 10});
  std::vector<unsigned> asked(3);
  for (uint64_t at_ns = 0; at_ns < 1000 * ms; at_ns += 50 * ms) {
    for (const ModelSend& send : take_due(model, at_ns)) ++asked[send.resolver];
    for (uint32_t slot = 0; slot < 2; ++slot) {
      model.take_answer(slot, ModelAnswer::answered, at_ns, sends_);
    }
  }
  EXPECT_EQ(asked, (std::vector<unsigned>{1, 5, 5}));  // 0 by the other demand
  model.end_questions();
  EXPECT_TRUE(take_due(model, 5000 * ms).empty());
  EXPECT_TRUE(model.is_idle());
}

TEST_F(ResolverModelTest, SilenceIsAskedAgainWithGrowingWaitsThenGivenUp) {
  ResolverModel model = asked_once();
  EXPECT_TRUE(take_due(model, 99 * ms).empty());
  EXPECT_EQ(take_due(model, 100 * ms).size(), 1U);
  EXPECT_TRUE(take_due(model, 299 * ms).empty());
  EXPECT_EQ(take_due(model, 300 * ms).size(), 1U);
  EXPECT_TRUE(take_due(model, 699 * ms).empty());
  EXPECT_EQ(model.counts().given_up, 0U);
  EXPECT_TRUE(take_due(model, 700 * ms).empty());
  EXPECT_EQ(model.counts().given_up, 1U);
  EXPECT_EQ(model.counts().sent_udp, 3U);
  EXPECT_TRUE(model.is_idle());
  answer(model, ModelAnswer::answered, 800 * ms);  // too late
  EXPECT_EQ(model.counts().answered_by_repeat, 0U);
}

TEST_F(ResolverModelTest, AnAnswerAfterAWaitCountsAsARepeat) {
  ResolverModel model = asked_once();
  take_due(model, 100 * ms);
  answer(model, ModelAnswer::answered, 110 * ms);
  EXPECT_EQ(model.counts().answered_at_once, 0U);
  EXPECT_EQ(model.counts().answered_by_repeat, 1U);
}

TEST_F(ResolverModelTest, ATruncatedAnswerIsAskedOverTcpAndStillTheFirstTry) {
  ResolverModel model = asked_once();
  ASSERT_EQ(answer(model, ModelAnswer::truncated, 10 * ms).size(), 1U);
  EXPECT_TRUE(sends_[0].over_tcp);
  answer(model, ModelAnswer::answered, 20 * ms);
  EXPECT_EQ(model.counts().answered_at_once, 1U);
  EXPECT_EQ(model.counts().sent_tcp, 1U);
}

TEST_F(ResolverModelTest, WithoutTcpATruncatedAnswerHelpsNothing) {
  population_.resolvers[0].can_use_tcp = false;
  ResolverModel model = asked_once();
  EXPECT_TRUE(answer(model, ModelAnswer::truncated, 10 * ms).empty());
  EXPECT_EQ(take_due(model, 100 * ms).size(), 1U);
}

TEST_F(ResolverModelTest, ABadCookieIsAnsweredOnceWithTheRightOne) {
  ResolverModel model = asked_once();
  EXPECT_EQ(answer(model, ModelAnswer::bad_cookie, 10 * ms).size(), 1U);
  EXPECT_TRUE(answer(model, ModelAnswer::bad_cookie, 20 * ms).empty());
  answer(model, ModelAnswer::answered, 30 * ms);
  EXPECT_EQ(model.counts().answered_at_once, 1U);
}

TEST_F(ResolverModelTest, ARefusalIsNoAnswer) {
  ResolverModel model = asked_once();
  EXPECT_TRUE(answer(model, ModelAnswer::refused, 10 * ms).empty());
  EXPECT_EQ(take_due(model, 100 * ms).size(), 1U);
  EXPECT_EQ(model.counts().refused, 1U);
}

TEST_F(ResolverModelTest, QuestionsComeAtTheRateWhateverBecomesOfThem) {
  ResolverModel model(population_, {7}, 1000, 0, 1);
  take_due(model, 10'000 * ms);
  EXPECT_NEAR(static_cast<double>(model.counts().asked), 10'000, 400);
}

TEST_F(ResolverModelTest, WhoAsksOverTcpDoesSoEachTime) {
  population_.resolvers[0].asks_over_tcp = true;
  ResolverModel model = asked_once();
  ASSERT_EQ(sends_.size(), 1U);
  EXPECT_TRUE(sends_[0].over_tcp);
  ASSERT_EQ(take_due(model, 100 * ms).size(), 1U);
  EXPECT_TRUE(sends_[0].over_tcp);
  answer(model, ModelAnswer::answered, 150 * ms);
  EXPECT_EQ(model.counts().answered_by_repeat, 1U);
}

TEST_F(ResolverModelTest, ADenialOfWhatExistsIsNoAnswer) {
  ResolverModel model = asked_once();
  EXPECT_TRUE(answer(model, ModelAnswer::wrong, 10 * ms).empty());
  EXPECT_EQ(model.counts().wrong, 1U);
  EXPECT_EQ(take_due(model, 100 * ms).size(), 1U);
}

TEST_F(ResolverModelTest, DemandChangesWhoAsksAndForWhat) {
  population_.resolvers.push_back(population_.resolvers[0]);
  ResolverModel model(population_, {7}, 1000, 0, 1);
  const std::vector<uint32_t> questions{9};
  const std::vector<uint32_t> resolvers{1};
  model.set_demand({1000, &questions, &resolvers});
  for (const ModelSend& each : take_due(model, 5 * ms)) {
    EXPECT_EQ(each.question, 9U);
    EXPECT_EQ(each.resolver, 1U);
  }
  EXPECT_FALSE(sends_.empty());
}

class Endings final : public ModelObserver {
 public:
  void on_asked(uint32_t, uint32_t, uint64_t, uint64_t) override { ++asked; }
  void on_ended(const ModelOutcome& outcome) override { ends.push_back(outcome); }
  unsigned asked = 0;
  std::vector<ModelOutcome> ends;
};

TEST_F(ResolverModelTest, AnObserverIsToldHowEachQuestionEnds) {
  Endings endings;
  ResolverModel model(population_, {7}, 0.001, 0, 1);
  model.set_observer(&endings);
  take_due(model, 0);
  model.end_questions();
  answer(model, ModelAnswer::answered, 30 * ms);
  EXPECT_EQ(endings.asked, 1U);
  ASSERT_EQ(endings.ends.size(), 1U);
  EXPECT_EQ(endings.ends[0].end, ModelOutcome::End::answered_at_once);
  EXPECT_EQ(endings.ends[0].question, 7U);
  EXPECT_EQ(endings.ends[0].time_ns, 30 * ms);
}

}  // namespace
}  // namespace holdfast::drill
