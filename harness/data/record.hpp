#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "harness/data/example.hpp"

namespace touchstone {

/// Bytes [first, last) of an answer count `weight` times in the loss; bytes in no span count once.
struct Span {
  int first = 0;
  int last = 0;
  double weight = 1.0;
  std::string role;  ///< the method's name for these bytes ("critical", "reasoning"); empty: only the weight matters
};

struct Answer {
  std::string text;
  /// Token ids of prompt and answer together, when the data are tokens already; `text` is empty then. The
  /// first `prompt_tokens` of them carry no loss.
  std::vector<std::int64_t> tokens;
  std::int64_t prompt_tokens = 0;
  /// The token ids a model drew after the record's prompt: without those of a stop text, and with the end token
  /// if one ended the answer. Training and scoring use them unchanged; empty: `text` is tokenised.
  std::vector<std::int64_t> drawn{};
  bool ended = false;    ///< the last of `drawn` is an end token
  bool finished = true;  ///< false: the limit of new tokens cut it, so training adds no end token either
  /// JSON object: members of the assistant's turn beside its text ("tool_calls"), for a chat template; empty: none.
  std::string members{};
  double logp_nats = 0.0;   ///< under the model that wrote it
  double reward = 0.0;      ///< given by a judge or a reward function
  bool judged = false;      ///< a judge gave it, be it 0
  std::vector<Span> spans;  ///< token weights as byte ranges, located by token pieces, never by re-tokenising
  /// Log-probability of each trained token, terminator included, under a frozen model (stage `reference`); empty: not
  /// known.
  std::vector<float> ref_logp_nats;
  int made_by = -1;  ///< number of the stage that wrote it; -1: it is the data's own
  /// JSON object of notes on it by that stage or a later one, for readers of the records; empty: none.
  std::string note;
};

/// Whether any of the answers was given a reward.
inline bool any_judged(const std::vector<Answer>& answers) {
  return std::any_of(answers.begin(), answers.end(),
                     [](const Answer& answer) { return answer.judged || answer.reward != 0.0; });
}

/// One row of training data. One answer is supervision, two (better, worse) are a preference, more are a group for RL.
struct Record {
  std::string id;       ///< the example's id, kept through mixing and filtering
  std::string task;     ///< the task it came from
  Dialog prompt;        ///< the part that the loss does not count; without chat template its text is turns + delimiters
  std::string tools{};  ///< JSON list: the tools that a chat template announces to the model; empty: none
  std::vector<Answer> answers;
  /// The task's item that it was made of, for judging, without its media, which the prompt has; null: none.
  std::shared_ptr<const Example> example{};
  std::string item{};  ///< records of one item (when not empty) train in one batch, as one row
};

}  // namespace touchstone
