#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "harness/model/model.hpp"

namespace touchstone {

/// Bit of a token's mark: the token is the terminator behind the answer, not its own text.
inline constexpr std::uint8_t end_mark = 0x80;

/// What a loss over tokens sees: trained positions only, already shifted. logits[m] predicts labels[m]. The trainer may
/// hand over any subset of the positions of a step, so a loss must be a sum over positions; it divides once, by the
/// whole step's count.
struct TokenBatch {
  Tensor logits;                ///< [M, V] float32, carries gradient
  Tensor labels;                ///< [M] int64 in [0, V)
  Tensor weights;               ///< [M] float32: token weights; undefined: all one
  Tensor ref_logits;            ///< [M, V] float32, no gradient; undefined without TokenLoss::frozen
  Tensor marks{};               ///< [M] uint8: bit i is set where the data has roles[i]; else end_mark or 0
  Tensor keys{};                ///< [M] int64: name the positions, whatever batch they come in; for random draws
  std::uint64_t draw_seed = 0;  ///< another one in each optimizer step; a draw is a function of it and the key alone
};

/// What a loss over whole answers sees: all answers of some records, each record's together. A loss must be a sum
/// over records, in whatever batches they come.
struct AnswerBatch {
  Tensor logp;        ///< [M] float32: log-probability of each trained token, carries gradient
  Tensor ref_logp{};  ///< [M] float32: the same, computed by the stage `reference`; undefined: not computed
  Tensor weights{};   ///< [M] float32: token weights; undefined: all one
  Tensor marks{};     ///< [M] uint8, as in TokenBatch
  Tensor answer_of;   ///< [M] int64, rising: the token's answer, of the A answers
  std::vector<std::int64_t> starts;     ///< R + 1: record r has the answers [starts[r], starts[r + 1]), best first
  std::vector<std::int64_t> numbers{};  ///< R: the records' numbers in the data set, for state that is kept by record
  std::vector<double> rewards{};        ///< A: what a judge gave each answer; empty: nothing
  Tensor values{};  ///< [M] float32: what a critic expects before each token, carries gradient; undefined: no critic
  std::map<std::string, Tensor> notes{};  ///< [M] float32 each: what RolloutLoss::credit said of the tokens
};

/// Layers of a model, by what is wanted of each. A number below zero counts from the end: -1 is the last.
struct Layers {
  std::vector<int> hidden{};     ///< the state after so many layers; 0: what enters the first
  std::vector<int> exits{};      ///< the labels' log-probabilities, had the model ended after so many layers
  std::vector<int> attention{};  ///< the attention probabilities of the layer, the first is 0
  std::vector<int> qkv{};        ///< queries, keys and values of the layer as the rope finds them
};

/// What was asked for by `Layers`, in its order.
struct InnerStates {
  std::vector<Tensor> hidden{};                  ///< [N, D] float32 each, before any norm
  std::vector<Tensor> exit_logp{};               ///< [M] float32 each
  std::vector<std::vector<Tensor>> attention{};  ///< of each layer one [H, T, T] float32 a document
  std::vector<QueryKeyValue> qkv{};              ///< [N, heads, d] each
};

/// What an objective over a model's internals sees of some rows. A loss must be a sum over trained tokens, or over
/// rows, in whatever batches they come.
struct ModelBatch {
  Tensor tokens;                     ///< [N] int64, rows laid end to end
  std::vector<std::int64_t> starts;  ///< row d is tokens [starts[d], starts[d + 1])
  Tensor at;                         ///< [M] int64: indices into tokens of those that predict a trained token
  Tensor labels;                     ///< [M] int64: the trained tokens
  Tensor weights{};                  ///< [M] float32: token weights; undefined: all one
  Tensor marks{};                    ///< [M] uint8, as in TokenBatch
  InnerStates model;                 ///< carries gradient
  InnerStates frozen{};              ///< of the frozen model, no gradient; empty when none is needed
};

/// A loss before normalisation. The trainer divides sum by count once an optimizer step.
struct LossSum {
  Tensor sum;          ///< scalar float32, carries gradient
  double count = 0.0;  ///< positions (records) that count; fewer than M when the objective leaves some out
  /// Unweighted sums over positions (records), divided by their number for the log: "nll", "kl".
  std::map<std::string, double> logged;
};

/// A loss over trained tokens, each by itself.
struct TokenLoss {
  std::function<LossSum(const TokenBatch&)> loss{};
  std::string frozen{};              ///< name of the frozen model whose logits it sees; empty: none
  std::vector<std::string> roles{};  ///< of spans, that marks tell of: seven at most
  /// Hears, before the first step, the log-probabilities that stage `reference` found of all tokens that will be
  /// trained. Empty: that stage need not have run.
  std::function<void(const std::vector<float>&)> prepare{};
};

/// Which of a record's answers a loss reads.
struct AnswersRead {
  bool all = false;        ///< otherwise its first alone
  std::int64_t least = 1;  ///< of all: so many there must be
};

/// A loss over given answers, each as a whole, those of a record together.
struct AnswerLoss {
  std::function<LossSum(const AnswerBatch&)> loss{};
  bool ref_logp = false;  ///< the stage `reference` must have run over the data
  AnswersRead answers{};
  bool first_learns = false;          ///< gradient flows through a record's first answer alone: the others run without
  std::int64_t others_per_epoch = 0;  ///< of the answers after the first: so many, others each epoch; 0: all
  std::vector<std::string> roles{};   ///< as in TokenLoss
  /// What the loss remembers between steps, by name; saved and restored with training. Null: nothing.
  std::shared_ptr<std::map<std::string, Tensor>> state{};
};

/// A loss over answers that the model itself has just written and a reward has judged (stage `reinforce`).
struct RolloutLoss {
  /// What each token earned, as notes for the loss, "old_logp" among them. It sees logp and values as they were when
  /// the answers were written, without gradient.
  std::function<std::map<std::string, Tensor>(const AnswerBatch&)> credit{};
  std::function<LossSum(const AnswerBatch&)> loss{};
  bool ref_logp = false;         ///< of the model as the stage begins, or of a frozen one
  bool values = false;           ///< of a critic
  std::int64_t least_group = 1;  ///< answers to one prompt: so many there must be
};

/// A loss over what goes on inside the model, with gradient into the layers that it names and those below.
struct ModelLoss {
  std::function<LossSum(const ModelBatch&)> loss{};
  Layers layers{};
  std::string frozen{};              ///< name of the frozen model whose inside it sees, too; empty: none
  std::vector<std::string> roles{};  ///< as in TokenLoss
};

/// What is trained on, by what it looks at.
using Objective = std::variant<TokenLoss, AnswerLoss, RolloutLoss, ModelLoss>;

/// What an objective needs beside the rows, whatever its kind.
struct Needs {
  std::vector<std::string> frozen{};  ///< models of the session, by name
  bool ref_logp = false;              ///< the stage `reference` must have run over the data
  bool values = false;                ///< of a critic
  Layers layers{};                    ///< of the model, with gradient
  AnswersRead answers{};
  std::vector<std::string> roles{};
};
Needs needs_of(const Objective& objective);

/// What the objective remembers between steps; null: nothing.
std::map<std::string, Tensor>* memory_of(const Objective& objective);

/// A visitor of several functions.
template <class... Functions>
struct Cases : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Cases(Functions...) -> Cases<Functions...>;

}  // namespace touchstone
