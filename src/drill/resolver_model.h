// SPDX-License-Identifier: GPL-3.0-or-later
// What honest resolvers send and when: their clients' questions, repeated with growing waits until
// they are answered or given up, over TCP where the answer says so.
//
// It knows neither sockets nor a clock: its owner asks what is due, sends it, and tells what came
// back. Questions come by the clock, whatever becomes of them (an open loop). Bound:
// model_slots_max questions under way; what comes beyond is counted as not asked. One thread.
#pragma once

#include <cstdint>
#include <queue>
#include <random>
#include <span>
#include <vector>

#include "drill/resolver_population.h"

namespace holdfast::drill {

constexpr uint32_t model_slots_max = 1U << 18;

struct ModelSend {
  uint32_t slot = 0;  // by which an answer is told to belong to it
  uint32_t resolver = 0;
  uint32_t question = 0;
  bool over_tcp = false;
};

enum class ModelAnswer : uint8_t {
  wrong,       // denies a name that exists: as good as none, and counted
  answered,    // NOERROR or NXDOMAIN
  truncated,   // to be asked again over TCP
  bad_cookie,  // to be asked again with the cookie that came along
  refused      // any other response code: as good as none
};

struct ModelCounts {
  uint64_t asked = 0;
  uint64_t answered_at_once = 0;  // without waiting in vain; over TCP after a truncated answer too
  uint64_t answered_by_repeat = 0;
  uint64_t given_up = 0;
  uint64_t sent_udp = 0;
  uint64_t sent_tcp = 0;
  uint64_t truncated = 0;
  uint64_t bad_cookie = 0;
  uint64_t refused = 0;
  uint64_t not_asked = 0;
  uint64_t wrong = 0;
};

// What became of one question of a client.
struct ModelOutcome {
  enum class End : uint8_t { answered_at_once, answered_by_repeat, given_up };
  End end = End::given_up;
  uint32_t resolver = 0;
  uint32_t question = 0;
  uint64_t first_sent_ns = 0;  // as it was due
  uint64_t time_ns = 0;        // from when it really was sent until it was answered
};

// Is told of every question when it is first asked and when it ends; those under way at the end of
// all do not end.
class ModelObserver {
 public:
  virtual ~ModelObserver() = default;
  // Asked at `now_ns`, having been due at `due_ns`.
  virtual void on_asked(uint32_t resolver, uint32_t question, uint64_t due_ns, uint64_t now_ns) = 0;
  virtual void on_ended(const ModelOutcome& outcome) = 0;
};

// How much is asked, and by whom; the draws as Population::draws, and they outlive their use.
struct ModelDemand {
  double rate_per_s = 1000;  // above 0, of all resolvers together
  const std::vector<uint32_t>* questions = nullptr;
  const std::vector<uint32_t>* resolvers = nullptr;
  // Beyond that these, each once, ask in turn.
  const std::vector<uint32_t>* in_turn = nullptr;
  double in_turn_per_s = 0;  // of all together; 0: none
};

class ResolverModel {
 public:
  // `question_draws` as Population::draws; `rate_per_s` above 0, of all resolvers together.
  ResolverModel(const Population& population, std::vector<uint32_t> question_draws,
                double rate_per_s, uint64_t start_ns, uint64_t seed);

  // From the next question on.
  void set_demand(const ModelDemand& demand);
  // It outlives the model.
  void set_observer(ModelObserver* observer) { observer_ = observer; }
  // No new questions from now on; those under way go on.
  void end_questions() {
    next_question_ns_ = UINT64_MAX;
    next_turn_ns_ = UINT64_MAX;
  }
  // What is to be sent by `now_ns`, appended; it is taken to be sent at that moment.
  void take_due(uint64_t now_ns, std::vector<ModelSend>& sends);
  // A slot that is not under way is passed over: the answer came late or twice. What is to be sent
  // at once because of the answer is appended.
  void take_answer(uint32_t slot, ModelAnswer answer, uint64_t now_ns,
                   std::vector<ModelSend>& sends);

  [[nodiscard]] bool is_idle() const {
    return next_question_ns_ == UINT64_MAX && next_turn_ns_ == UINT64_MAX && waits_.empty();
  }
  // When something is due next; UINT64_MAX if nothing will be.
  [[nodiscard]] uint64_t next_due_ns() const;
  [[nodiscard]] const ModelCounts& counts() const { return counts_; }
  // Of answered questions, from the first sending to the answer; in buckets as counter_layout.h
  // has.
  [[nodiscard]] std::span<const uint64_t> times() const { return times_; }

 private:
  struct Question {
    uint32_t number = 0;
    uint32_t resolver = 0;
    uint64_t first_sent_ns = 0;  // as it was due
    uint64_t left_ns = 0;        // and as it was
    uint64_t wait_number = 0;    // of the wait that counts; an older one is passed over
    double timeout_ns = 0;
    unsigned tries = 0;
    bool under_way = false;
    bool was_truncated = false;   // and so asked over TCP
    bool was_bad_cookie = false;  // and so asked again
  };
  struct Wait {
    uint64_t until_ns = 0;
    uint64_t number = 0;
    uint32_t slot = 0;
    friend bool operator>(const Wait& a, const Wait& b) { return a.until_ns > b.until_ns; }
  };

  uint32_t draw_resolver();
  void ask(uint32_t resolver, uint64_t due_ns, uint64_t now_ns, std::vector<ModelSend>& sends);
  void repeat(uint32_t slot, uint64_t now_ns, std::vector<ModelSend>& sends);
  void begin_try(uint32_t slot, uint64_t now_ns, std::vector<ModelSend>& sends);
  void send(uint32_t slot, bool over_tcp, uint64_t now_ns, std::vector<ModelSend>& sends);
  void finish(uint32_t slot, ModelOutcome::End end, uint64_t now_ns);

  const Population& population_;
  std::vector<uint32_t> own_draws_;
  const std::vector<uint32_t>* question_draws_ = nullptr;  // null: own_draws_
  const std::vector<uint32_t>* resolver_draws_ = nullptr;  // null: the population's
  ModelObserver* observer_ = nullptr;
  double gap_ns_;
  uint64_t next_question_ns_;
  const std::vector<uint32_t>* in_turn_ = nullptr;
  uint64_t turn_gap_ns_ = 0;
  uint64_t next_turn_ns_ = UINT64_MAX;
  size_t turn_ = 0;
  std::mt19937_64 random_;
  std::vector<Question> slots_;
  std::vector<uint32_t> free_slots_;
  std::priority_queue<Wait, std::vector<Wait>, std::greater<>> waits_;
  uint64_t waits_made_ = 0;
  ModelCounts counts_;
  std::vector<uint64_t> times_;
};

}  // namespace holdfast::drill
