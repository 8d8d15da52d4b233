#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "harness/model/tensor.hpp"

namespace touchstone {

/// Bit of a token's mark: the token is the terminator behind the answer, not its own text.
inline constexpr std::uint8_t end_mark = 0x80;

/// What a token objective sees: trained positions only, already shifted. logits[m] predicts labels[m]. The trainer may
/// pass any subset of a step's positions, so a loss must be a sum over positions; the trainer divides once, by the
/// count of the whole step.
struct TokenBatch {
  Tensor logits;                ///< [M, V] float32, carries gradient
  Tensor labels;                ///< [M] int64 in [0, V)
  Tensor weights;               ///< [M] float32: token weights; undefined: all one
  Tensor ref_logits;            ///< [M, V] float32, no gradient; undefined when the recipe has no reference model
  Tensor marks{};               ///< [M] uint8: bit i is set where the data has objective.roles[i]; else end_mark or 0
  Tensor keys{};                ///< [M] int64: identify the positions in any batch; for random draws
  std::uint64_t draw_seed = 0;  ///< differs in each optimizer step; a draw is a function of it and the key only
};

/// What an objective over whole answers sees: all answers of some records, each record's together. A loss must be a sum
/// over records, however they are batched.
struct AnswerBatch {
  Tensor logp;        ///< [M] float32: log-probability of each trained token, carries gradient
  Tensor ref_logp{};  ///< [M] float32: the same, computed by the stage `reference`; undefined: not computed
  Tensor weights{};   ///< [M] float32: token weights; undefined: all one
  Tensor marks{};     ///< [M] uint8, as in TokenBatch
  Tensor answer_of;   ///< [M] int64, rising: the token's answer, of the A answers
  std::vector<std::int64_t> starts;     ///< R + 1: record r has the answers [starts[r], starts[r + 1]), best first
  std::vector<std::int64_t> numbers{};  ///< R: the records' numbers in the data set, for state that is kept by record
  std::vector<double> rewards{};        ///< A: the judged reward of each answer; empty: none
  Tensor values{};  ///< [M] float32: a critic's value before each token, carries gradient; undefined: no critic
  std::map<std::string, Tensor> notes{};  ///< [M] float32 each: the results of TokenObjective::credit
};

/// A loss before normalisation. The trainer divides sum by count once an optimizer step.
struct LossSum {
  Tensor sum;          ///< scalar float32, carries gradient
  double count = 0.0;  ///< positions (records) that count; fewer than M when the objective leaves some out
  /// Unweighted sums over positions (records), divided by their number for the log: "nll", "kl".
  std::map<std::string, double> logged;
};

/// A loss over tokens or over whole answers: exactly one of the two functions is set.
struct TokenObjective {
  std::function<LossSum(const TokenBatch&)> loss{};
  std::function<LossSum(const AnswerBatch&)> answer_loss{};
  bool needs_reference = false;
  std::string reference{};            ///< the frozen model's name in the session
  bool needs_ref_logp = false;        ///< the stage `reference` must have run over the data
  std::vector<std::string> roles{};   ///< of the spans that become marks: seven at most
  std::int64_t answers = 0;           ///< 0: only a record's first is read; more: all are, and there must be this many
  bool first_learns = false;          ///< gradient flows only through a record's first answer; the others run without
  std::int64_t others_per_epoch = 0;  ///< of the answers after the first: this many, different ones each epoch; 0: all
  /// Called before the first step with the reference log-probabilities of all trained tokens. Empty: not needed.
  std::function<void(const std::vector<float>&)> prepare{};
  /// Set for a loss over answers that the model itself has just written and a reward has judged (stage `reinforce`).
  /// It gives the credit of each token as notes for the loss, "old_logp" among them. It sees logp and values as they
  /// were when the answers were written, without gradient. Empty: the loss is for given answers.
  std::function<std::map<std::string, Tensor>(const AnswerBatch&)> credit{};
  bool needs_values = false;  ///< of a critic; with `credit`
  /// The loss's memory between steps, by name; saved and restored with training. Null: none.
  std::shared_ptr<std::map<std::string, Tensor>> state{};
};

}  // namespace touchstone
